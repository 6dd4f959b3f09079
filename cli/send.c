/* SPDX-License-Identifier: BSD-3-Clause */
/* vfmig send: the source of a migration between two processes. */
#include "channel.h"
#include "endpoint.h"

static const char *to, *at;

static const struct cli_option options[] = {
	{'c', "connect", CLI_TEXT, &to, "CHANNEL", "connect to the receiver"},
	{'l', "listen", CLI_TEXT, &at, "CHANNEL", "wait for the receiver to connect"},
	CLI_MEMORY_OPTION,
	CLI_START_OPTION,
	CLI_STRICT_DOWNTIME_OPTION,
	{0},
};

static int run(const struct cli_list *words)
{
	return cli_remote_run(VFMIG_ROLE_SOURCE, words, to, at);
}

const struct cli_command cli_send = {
	.name = "send",
	.usage = "DEVICE... (--connect CHANNEL | --listen CHANNEL)",
	.summary = "Send devices to vfmig receive in another process",
	.takes = CLI_TAKES_DEVICES | CLI_TAKES_PROTOCOL | CLI_TAKES_JSON | CLI_MIGRATES,
	.words = {1, CLI_ANY},
	.text = cli_channel_help,
	.examples = "  vfmig receive vfio-user:/run/b.sock --listen unix:/run/move.sock\n"
		    "  vfmig send vfio-user:/run/a.sock --connect unix:/run/move.sock\n"
		    "      in two terminals, the receiver first\n",
	.options = options,
	.run = run,
};
