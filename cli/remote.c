/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Shared by vfmig send and vfmig receive: connect to the other process and run one end of the
 * migration.
 */
#include <unistd.h>

#include "channel.h"
#include "endpoint.h"

/* The time limit for the connection. */
static uint64_t meeting_ms(const struct vfmig_migration_options *o)
{
	return o->total_ms && (!o->setup_ms || o->total_ms < o->setup_ms) ? o->total_ms
									  : o->setup_ms;
}

static int run_end(struct cli_endpoint *end, const char *connect, const char *listen)
{
	struct vfmig_error err = {0};
	int fd, ret = cli_signals_begin(cli_endpoint_cancel, end);

	if (!ret)
		ret = cli_channel_open(connect, listen, meeting_ms(&end->options), &fd);
	if (ret) {
		cli_signals_end();
		return ret;
	}
	vfmig_migration_set_events(end->migration, cli_progress_begin(end, end->role));
	ret = vfmig_migration_run(end->migration, fd, fd, &err);
	cli_progress_end();
	close(fd);
	ret = cli_endpoint_report(end, NULL, ret, &err);
	cli_signals_end();
	return ret;
}

int cli_remote_run(enum vfmig_role role, const struct cli_list *devices, const char *connect,
		   const char *listen)
{
	struct cli_endpoint end;
	int ret;

	if (!connect == !listen)
		return cli_usage("use either --connect or --listen");
	ret = cli_endpoint_open(&end, role, devices->item, devices->count, &cli.filters);
	if (!ret)
		end.place = connect ? connect : listen;
	if (!ret)
		ret = run_end(&end, connect, listen);
	cli_endpoint_close(&end);
	return ret;
}
