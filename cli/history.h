/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The state and history of a device, and what an operator may do with it. Used by info, resume,
 * reset and the commands that migrate.
 */
#ifndef CLI_HISTORY_H
#define CLI_HISTORY_H

#include <vfmig/session.h>

#define CLI_MESSAGE 768

/* @history: past is UNKNOWN if the server keeps no history */
struct cli_history {
	const char *name;
	enum vfmig_state state;
	struct vfmig_feature_history history;
};

/*
 * Read state and history of the device @name. Returns 0, or an exit code after printing an error.
 */
int cli_history_read(struct vfmig_session *session, const char *name, struct cli_history *past);

/* Whether the device runs, with or without peer-to-peer DMA. */
bool cli_history_runs(const struct cli_history *past);

/* Describe where its state came from and where copies may be. Returns @out. */
char *cli_history_text(const struct cli_history *past, char out[CLI_MESSAGE]);

/* The reason why it cannot run even with --yes, or NULL. */
const char *cli_history_obstacle(const struct cli_history *past);

/* Whether a copy of its state may run elsewhere, so that running it needs --yes. */
bool cli_history_in_doubt(const struct cli_history *past);

/* Whether a reset may destroy the only copy of its state. */
bool cli_history_only_copy(const struct cli_history *past);

/* Name the commands for the next step; "" if none is needed. Returns @out. */
char *cli_history_next(const struct cli_history *past, char out[CLI_MESSAGE]);

#endif
