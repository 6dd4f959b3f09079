/* SPDX-License-Identifier: BSD-3-Clause */
/* One end of a migration: its devices, its memory if there is any, and the engine's handle. */
#ifndef CLI_ENDPOINT_H
#define CLI_ENDPOINT_H

#include <vfmig/migration.h>

#include "cli.h"

struct cli_endpoint {
	enum vfmig_role role;
	struct vfmig_migration_options options;
	struct vfmig_migration *migration;
	const char *place; /* the name of the destination, if it is another process */
	const char *name[VFMIG_MIGRATION_DEVICES_MAX]; /* as given by the user, without the id */
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
#define CLI_MEMORY_OPTION                                                                            \
	{                                                                                            \
		'm', "memory", CLI_SIZE, &cli_memory, "SIZE",                                        \
			"attach the devices to this much memory at IOVA 0, and migrate it with them" \
	}

#define CLI_STRICT_DOWNTIME_OPTION                                                                 \
	{                                                                                          \
		0, "strict-downtime", CLI_FLAG, &cli_strict_downtime, NULL,                        \
			"exit with code 6 if the downtime exceeded its limit"                      \
	}

#define CLI_START_OPTION                                                                              \
	{                                                                                             \
		0, "start", CLI_FLAG, &cli_start, NULL,                                               \
			"first start devices that are stopped because their last client disconnected" \
	}

/*
 * Open devices (ID=DEVICE or DEVICE) with @filters and add them to a new migration. Returns 0, or
 * an exit code after printing an error. The caller must call cli_endpoint_close() in either case.
 */
int cli_endpoint_open(struct cli_endpoint *end, enum vfmig_role role, const char *const *names,
		      size_t count, const struct cli_list *filters);
void cli_endpoint_close(struct cli_endpoint *end);

/* A cli_signals_begin() function: cancel the migration of @context, a struct cli_endpoint. */
void cli_endpoint_cancel(void *context);

/*
 * Run one end of a migration whose other end is another process. Connects to @connect or listens on
 * @listen (channel.h); exactly one of the two is not NULL. Prints the result and returns an exit
 * code.
 */
int cli_remote_run(enum vfmig_role role, const struct cli_list *devices, const char *connect,
		   const char *listen);

/*
 * Print the result of a migration. @other is the other end if it is in this process, else NULL.
 * Returns an exit code.
 */
int cli_endpoint_report(struct cli_endpoint *end, struct cli_endpoint *other, int ret,
			const struct vfmig_error *err);

/* ---- progress (progress.c) ---- */

/* Print the events of a migration, as --json, --quiet and the kind of the terminal require. */
const struct vfmig_events *cli_progress_begin(const struct cli_endpoint *end, enum vfmig_role role);
void cli_progress_end(void);

#endif
