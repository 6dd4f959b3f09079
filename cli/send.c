/* SPDX-License-Identifier: BSD-3-Clause */
/* vfmig send: the source of a migration between two processes. */
#include <unistd.h>

#include "channel.h"
#include "end.h"

static const char *to, *at;

static const struct cli_option options[] = {
	{'c', "connect", CLI_TEXT, &to, "CHANNEL", "connect to the receiver"},
	{'l', "listen", CLI_TEXT, &at, "CHANNEL", "wait for the receiver to connect"},
	CLI_MEMORY_OPTION,
	CLI_START_OPTION,
	{0},
};

static int send_it(struct cli_end *end)
{
	struct vfmig_error err = {0};
	int fd, ret = cli_signals_begin(cli_end_cancel, end);

	if (!ret)
		ret = cli_channel_open(to, at, &fd);
	if (ret) {
		cli_signals_end();
		return ret;
	}
	vfmig_migration_set_events(end->migration, cli_progress_begin(end, VFMIG_ROLE_SOURCE));
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
		return cli_usage("send needs either --connect or --listen");
	ret = cli_end_open(&end, VFMIG_ROLE_SOURCE, words->item, words->count, &cli.filters);
	if (!ret)
		ret = send_it(&end);
	cli_end_close(&end);
	return ret;
}

const struct cli_command cli_send = {
	.name = "send",
	.usage = "DEVICE... (--connect CHANNEL | --listen CHANNEL)",
	.summary = "Send devices to a vfmig receive in another process",
	.takes = CLI_TAKES_DEVICES | CLI_TAKES_JSON | CLI_MIGRATES,
	.words = {1, CLI_ANY},
	.text = cli_channel_help,
	.examples = "  vfmig receive vfio-user:/run/b.sock --listen unix:/run/move.sock\n"
		    "  vfmig send vfio-user:/run/a.sock --connect unix:/run/move.sock\n"
		    "      in two terminals, the receiver first\n",
	.options = options,
	.run = run,
};
