/* SPDX-License-Identifier: BSD-3-Clause */
/* vfmig receive: the destination of a migration between two processes. */
#include <unistd.h>

#include "channel.h"
#include "end.h"

static const char *to, *at;

static const struct cli_option options[] = {
	{'l', "listen", CLI_TEXT, &at, "CHANNEL", "wait for the sender to connect"},
	{'c', "connect", CLI_TEXT, &to, "CHANNEL", "connect to the sender"},
	CLI_MEMORY_OPTION,
	{0},
};

static int receive(struct cli_end *end)
{
	struct vfmig_error err = {0};
	int fd, ret = cli_signals_begin(cli_end_cancel, end);

	if (!ret)
		ret = cli_channel_open(to, at, &fd);
	if (ret) {
		cli_signals_end();
		return ret;
	}
	vfmig_migration_set_events(end->migration, cli_progress_begin(end, VFMIG_ROLE_DESTINATION));
	ret = vfmig_migration_run(end->migration, fd, fd, &err);
	cli_progress_end();
	cli_signals_end();
	close(fd);
	return cli_report(end, NULL, ret, &err);
}

static int run(const struct cli_list *words)
{
	struct cli_end end;
	int ret;

	if (!to == !at)
		return cli_usage("receive needs either --listen or --connect");
	ret = cli_end_open(&end, VFMIG_ROLE_DESTINATION, words->item, words->count, &cli.filters);
	if (!ret)
		ret = receive(&end);
	cli_end_close(&end);
	return ret;
}

const struct cli_command cli_receive = {
	.name = "receive",
	.usage = "DEVICE... (--listen CHANNEL | --connect CHANNEL)",
	.summary = "Receive devices from a vfmig send in another process",
	.takes = CLI_TAKES_DEVICES | CLI_TAKES_JSON | CLI_MIGRATES,
	.words = {1, CLI_ANY},
	.text = cli_channel_help,
	.examples = "  vfmig receive model:copier --listen unix:/run/move.sock\n"
		    "  vfmig receive model:copier --memory 1G --listen tcp:127.0.0.1:7000\n"
		    "      as much memory as the sender has\n",
	.options = options,
	.run = run,
};
