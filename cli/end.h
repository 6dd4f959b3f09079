/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One end of a migration as the subcommands have it: devices by name, memory if asked for, and the engine's
 * handle on both.
 */
#ifndef CLI_END_H
#define CLI_END_H

#include <vfmig/migration.h>

#include "cli.h"

struct cli_end {
	enum vfmig_role role;
	struct vfmig_migration_options options;
	struct vfmig_migration *migration;
	const char *place; /* where a source goes, if that is not in this process */
	const char *name[VFMIG_MIGRATION_DEVICES_MAX]; /* as given, without the id */
	struct vfmig_device *device[VFMIG_MIGRATION_DEVICES_MAX];
	struct vfmig_session *session[VFMIG_MIGRATION_DEVICES_MAX];
	size_t devices;
	struct vfmig_space *space;
	void *memory;
	uint64_t memory_bytes;
	int memory_fd;
};

extern uint64_t cli_memory;	 /* --memory */
extern bool cli_strict_downtime; /* --strict-downtime */
extern bool cli_start;		 /* --start */
#define CLI_MEMORY_OPTION                                                                          \
	{                                                                                          \
		'm', "memory", CLI_SIZE, &cli_memory, "SIZE",                                      \
			"give the devices so much memory, from address 0, and move it with them"   \
	}

#define CLI_STRICT_DOWNTIME_OPTION                                                                 \
	{                                                                                          \
		0, "strict-downtime", CLI_FLAG, &cli_strict_downtime, NULL,                        \
			"exit with 6 if the downtime was longer than its limit"                    \
	}

#define CLI_START_OPTION                                                                           \
	{                                                                                          \
		0, "start", CLI_FLAG, &cli_start, NULL,                                            \
			"first start a device that is stopped, as one is that its client has left" \
	}

/*
 * Open the devices (ID=DEVICE, or DEVICE) with @filters around them, and make a migration with them in it. 0
 * or an exit code after a sentence. cli_end_close() it in either case.
 */
int cli_end_open(struct cli_end *end, enum vfmig_role role, const char *const *names, size_t count,
		 const struct cli_list *filters);
void cli_end_close(struct cli_end *end);

/* A cli_signals_begin() function: cancel the migration of @context, a struct cli_end. */
void cli_end_cancel(void *context);

/*
 * The whole of one end whose other end is another process, to be met by connecting or listening (channel.h; exactly
 * one of the two is given). An exit code, what became of it having been told.
 */
int cli_end_meet(enum vfmig_role role, const struct cli_list *devices, const char *connect,
		 const char *listen);

/* What became of it, told; an exit code. @other is the other end if it is in this process. */
int cli_report(struct cli_end *end, struct cli_end *other, int ret, const struct vfmig_error *err);

/* ---- progress (progress.c) ---- */

/* Events of a migration, shown as --json, --quiet and the terminal have it. */
const struct vfmig_events *cli_progress_begin(const struct cli_end *end, enum vfmig_role role);
void cli_progress_end(void);

#endif
