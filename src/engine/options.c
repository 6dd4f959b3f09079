/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The options of a migration, as a table: defaults, ranges and help in one place.
 */
#include <stddef.h>

#include <vfmig/migration.h>

#include "device/sized.h"

static const char *const unconverged[] = {"fail", "switch", NULL};

#define AT(member) .offset = offsetof(struct vfmig_migration_options, member)

static const struct vfmig_option table[] = {
	{.name = "downtime",
	 .kind = VFMIG_OPTION_MSEC,
	 AT(downtime_ms),
	 .default_text = "300ms",
	 .min = 1,
	 .max = 1ull << 40,
	 .help = "switch over when the expected downtime is at most this"},
	{.name = "enforce-downtime",
	 .kind = VFMIG_OPTION_BOOL,
	 AT(enforce_downtime),
	 .default_text = "off",
	 .help = "give up a switchover that takes longer than the downtime limit: the source resumes"},
	{.name = "bandwidth",
	 .kind = VFMIG_OPTION_SIZE,
	 AT(bandwidth),
	 .default_text = "0",
	 .help = "maximum bytes per second in pre-copy; 0 is no limit"},
	{.name = "max-rounds",
	 .kind = VFMIG_OPTION_UINT,
	 AT(max_rounds),
	 .default_text = "64",
	 .help = "maximum rounds of pre-copy"},
	{.name = "unconverged",
	 .kind = VFMIG_OPTION_CHOICE,
	 AT(unconverged),
	 .default_text = "fail",
	 .choices = unconverged,
	 .help = "after the last round: fail (the source keeps running), or switch over all the same"},
	{.name = "precopy",
	 .kind = VFMIG_OPTION_BOOL,
	 AT(precopy),
	 .default_text = "on",
	 .help = "use the pre-copy states of devices that have them"},
	{.name = "untracked",
	 .kind = VFMIG_OPTION_BOOL,
	 AT(untracked),
	 .default_text = "off",
	 .help = "send memory whose writes cannot be tracked during the downtime"},
	{.name = "run-on",
	 .kind = VFMIG_OPTION_BOOL,
	 AT(run_on),
	 .default_text = "off",
	 .help = "after saving to a file, resume the source"},
	{.name = "start-stopped",
	 .kind = VFMIG_OPTION_BOOL,
	 AT(start_stopped),
	 .default_text = "off",
	 .help = "after loading from a file, stay stopped"},
	{.name = "progress",
	 .kind = VFMIG_OPTION_SIZE,
	 AT(progress_bytes),
	 .default_text = "16M",
	 .help = "report progress after each so many bytes; 0 is never"},
	{.name = "setup-timeout",
	 .kind = VFMIG_OPTION_MSEC,
	 AT(setup_ms),
	 .default_text = "30s",
	 .max = 1ull << 40,
	 .help = "time limit of the set-up, until the destination has accepted; 0 is none, as for all time limits"},
	{.name = "request-timeout",
	 .kind = VFMIG_OPTION_MSEC,
	 AT(request_ms),
	 .default_text = "10s",
	 .max = 1ull << 40,
	 .help = "time limit of each request to a device"},
	{.name = "channel-timeout",
	 .kind = VFMIG_OPTION_MSEC,
	 AT(channel_ms),
	 .default_text = "30s",
	 .max = 1ull << 40,
	 .help = "time limit of a channel on which no data moves"},
	{.name = "switchover-timeout",
	 .kind = VFMIG_OPTION_MSEC,
	 AT(switchover_ms),
	 .default_text = "60s",
	 .max = 1ull << 40,
	 .help = "time limit from the pause until the destination is ready"},
	{.name = "total-timeout",
	 .kind = VFMIG_OPTION_MSEC,
	 AT(total_ms),
	 .default_text = "0",
	 .max = 1ull << 40,
	 .help = "time limit of the whole migration until the commit"},
	{.kind = VFMIG_OPTION_END},
};

const struct vfmig_option *vfmig_migration_option_table(void)
{
	return table;
}

void vfmig_migration_options_set_defaults(struct vfmig_migration_options *options, size_t size)
{
	struct vfmig_migration_options defaults = {0};

	vfmig_options_parse(table, NULL, &defaults, NULL);
	sized_write(options, size, &defaults, sizeof(defaults));
}
