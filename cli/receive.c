/* SPDX-License-Identifier: BSD-3-Clause */
/* vfmig receive: the destination of a migration between two processes. */
#include "channel.h"
#include "endpoint.h"

static const char *to, *at;

static const struct cli_option options[] = {
	{'l', "listen", CLI_TEXT, &at, "CHANNEL", "wait for the sender to connect"},
	{'c', "connect", CLI_TEXT, &to, "CHANNEL", "connect to the sender"},
	CLI_MEMORY_OPTION,
	{0},
};

static int run(const struct cli_list *words)
{
	return cli_remote_run(VFMIG_ROLE_DESTINATION, words, to, at);
}

const struct cli_command cli_receive = {
	.name = "receive",
	.usage = "DEVICE... (--listen CHANNEL | --connect CHANNEL)",
	.summary = "Receive devices from vfmig send in another process",
	.takes = CLI_TAKES_DEVICES | CLI_TAKES_PROTOCOL | CLI_TAKES_JSON | CLI_MIGRATES,
	.words = {1, CLI_ANY},
	.text = cli_channel_help,
	.examples = "  vfmig receive model:copier --listen unix:/run/move.sock\n"
		    "  vfmig receive model:copier --memory 1G --listen tcp:127.0.0.1:7000\n"
		    "      with the memory size of the sender\n",
	.options = options,
	.run = run,
};
