/* SPDX-License-Identifier: BSD-3-Clause */
/* vfmig migrate: migrate devices, with both ends in this process. */
#include "endpoint.h"

static struct cli_list to_filters;
static const char *to_protocol;

static const struct cli_option options[] = {
	CLI_MEMORY_OPTION,
	CLI_START_OPTION,
	CLI_STRICT_DOWNTIME_OPTION,
	{'F', "to-filter", CLI_LIST, &to_filters, "FILTER",
	 "add a filter to the destinations (--filter is for the sources)"},
	{0, "to-protocol", CLI_TEXT, &to_protocol, "NAME",
	 "protocol revision to use with the destinations; default: as --protocol"},
	{0},
};

static int migrate(struct cli_endpoint *from, struct cli_endpoint *to)
{
	struct vfmig_error err = {0};
	int ret = cli_signals_begin(cli_endpoint_cancel, from);

	if (ret)
		return ret;
	vfmig_migration_set_events(from->migration, cli_progress_begin(from, VFMIG_ROLE_SOURCE));
	vfmig_migration_set_events(to->migration, cli_progress_begin(to, VFMIG_ROLE_DESTINATION));
	ret = vfmig_migration_run_local(from->migration, to->migration, &err);
	cli_progress_end();
	ret = cli_endpoint_report(from, to, ret, &err);
	cli_signals_end();
	return ret;
}

static int run(const struct cli_list *words)
{
	struct cli_endpoint from, to;
	size_t half = words->count / 2;
	int ret;

	if (words->count % 2)
		return cli_usage("migrate needs as many destinations as sources, and got %zu names",
				 words->count);
	ret = cli_endpoint_open(&from, VFMIG_ROLE_SOURCE, words->item, half, &cli.filters);
	if (!ret) {
		if (to_protocol)
			cli.protocol = to_protocol;
		ret = cli_endpoint_open(&to, VFMIG_ROLE_DESTINATION, words->item + half, half,
					&to_filters);
		if (!ret)
			ret = migrate(&from, &to);
		cli_endpoint_close(&to);
	}
	cli_endpoint_close(&from);
	return ret;
}

const struct cli_command cli_migrate = {
	.name = "migrate",
	.usage = "SRC... DST...",
	.summary = "Migrate devices, with both ends in this process",
	.takes = CLI_TAKES_DEVICES | CLI_TAKES_PROTOCOL | CLI_TAKES_JSON | CLI_MIGRATES,
	.words = {2, CLI_ANY},
	.text = "Name the sources first, then as many destinations in the same order. All devices stop together\n"
		"and run again together. Until the destinations have loaded and checked everything, a failure or\n"
		"Ctrl-C leaves the sources running.\n",
	.examples =
		"  vfmig migrate model:copier model:copier --memory 256M\n"
		"      a software device with memory\n"
		"  vfmig migrate vfio-user:/run/a.sock vfio-user:/run/b.sock --downtime 100\n"
		"      from one server to another, with a downtime limit of 100 ms\n"
		"  vfmig migrate nic=vfio-user:/run/a0 disk=vfio-user:/run/a1 \\\n"
		"                nic=vfio-user:/run/b0 disk=vfio-user:/run/b1 --json\n"
		"      two devices together, with events as JSON\n"
		"  vfmig migrate model:copier model:copier --filter delay,rate=20M -v\n"
		"      a slow source\n"
		"  vfmig migrate vfio-user:/run/old.sock vfio-user:/run/new.sock --protocol pfn \\\n"
		"                --to-protocol v2\n"
		"      between two protocol revisions\n",
	.options = options,
	.run = run,
};
