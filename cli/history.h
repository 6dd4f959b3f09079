/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a device was found in, and what its owner may do with it: shared by info, resume, reset and the commands that
 * migrate.
 */
#ifndef CLI_PAST_H
#define CLI_PAST_H

#include <vfmig/session.h>

#define CLI_SENTENCE 768

/* @history: past is UNKNOWN if nothing remembers it */
struct cli_past {
	const char *name;
	enum vfmig_state state;
	struct vfmig_feature_history history;
};

/* Look at the device @name behind @session. 0, or an exit code after a sentence. */
int cli_past_look(struct vfmig_session *session, const char *name, struct cli_past *past);

/* Whether the device runs, if perhaps without peer-to-peer. */
bool cli_past_runs(const struct cli_past *past);

/* Where its state has come from, and where it may have gone. Returns @out. */
char *cli_past_text(const struct cli_past *past, char out[CLI_SENTENCE]);

/* Why it cannot run here, whatever its owner says; NULL if it can. */
const char *cli_past_obstacle(const struct cli_past *past);

/* Whether it may be run here only if its owner knows that no copy of its state runs elsewhere. */
bool cli_past_doubt(const struct cli_past *past);

/* Whether a reset may destroy the only copy of its state. */
bool cli_past_only_copy(const struct cli_past *past);

/* The commands that lead on from here, as a sentence; "" if none is needed. Returns @out. */
char *cli_past_next(const struct cli_past *past, char out[CLI_SENTENCE]);

#endif
