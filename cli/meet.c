/* SPDX-License-Identifier: BSD-3-Clause */
/* What vfmig send and vfmig receive do alike: meet the other process, and run one end of the migration. */
#include <unistd.h>

#include "channel.h"
#include "end.h"

/* How long the other end is waited for. */
static uint64_t meeting_ms(const struct vfmig_migration_options *o)
{
	return o->total_ms && (!o->setup_ms || o->total_ms < o->setup_ms) ? o->total_ms
									  : o->setup_ms;
}

static int run_end(struct cli_end *end, const char *connect, const char *listen)
{
	struct vfmig_error err = {0};
	int fd, ret = cli_signals_begin(cli_end_cancel, end);

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
	ret = cli_report(end, NULL, ret, &err);
	cli_signals_end();
	return ret;
}

int cli_end_meet(enum vfmig_role role, const struct cli_list *devices, const char *connect,
		 const char *listen)
{
	struct cli_end end;
	int ret;

	if (!connect == !listen)
		return cli_usage("either --connect or --listen is needed");
	ret = cli_end_open(&end, role, devices->item, devices->count, &cli.filters);
	if (!ret)
		end.place = connect ? connect : listen;
	if (!ret)
		ret = run_end(&end, connect, listen);
	cli_end_close(&end);
	return ret;
}
