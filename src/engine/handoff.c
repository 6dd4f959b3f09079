/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The hand-over, as a table.
 *
 * Read it for the one rule: there is no row from SRC_RUNNING or SRC_DOUBT to SRC_BACK, no way to
 * DST_QUIET but by COMMIT, and once the destination may check, none to SRC_BACK but by SRC_FENCE.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

#include "engine/handoff.h"

/* What comes of a state: one thing if all went well, another if anything did not. */
#define ROW(state, ok, otherwise)                                                                  \
	[VFMIG_##state] = {                                                                        \
		[VFMIG_ON_OK] = VFMIG_##ok,                                                        \
		[VFMIG_ON_FAILED] = VFMIG_##otherwise,                                             \
		[VFMIG_ON_PEER] = VFMIG_##otherwise,                                               \
		[VFMIG_ON_LOST] = VFMIG_##otherwise,                                               \
		[VFMIG_ON_TIME] = VFMIG_##otherwise,                                               \
		[VFMIG_ON_BAD] = VFMIG_##otherwise,                                                \
		[VFMIG_ON_CANCEL] = VFMIG_##otherwise,                                             \
	}

static const uint8_t next[VFMIG_HANDOFF_COUNT][VFMIG_HANDOFF_EVENTS] = {
	/*  in		  ok		anything else */
	ROW(SRC_MOVE, SRC_PAUSE, SRC_BACK),
	ROW(SRC_PAUSE, SRC_QUIESCE, SRC_BACK),
	ROW(SRC_QUIESCE, SRC_STOP, SRC_BACK),
	ROW(SRC_STOP, SRC_COPY, SRC_BACK),
	ROW(SRC_COPY, SRC_READY, SRC_BACK),
	ROW(SRC_READY, SRC_COMMIT, SRC_FENCE),
	/* "Anything else" is that not all of COMMIT was given away: the destination cannot have it. */
	ROW(SRC_COMMIT, SRC_RUNNING, SRC_FENCE),
	ROW(SRC_RUNNING, SRC_DONE, SRC_DOUBT),
	ROW(SRC_FENCE, SRC_BACK, SRC_DOUBT),
	ROW(SRC_BACK, SRC_FAILED, SRC_FAILED),
	ROW(SRC_DONE, SRC_DONE, SRC_DONE),
	ROW(SRC_FAILED, SRC_FAILED, SRC_FAILED),
	ROW(SRC_DOUBT, SRC_DOUBT, SRC_DOUBT),

	ROW(DST_LOAD, DST_CHECK, DST_RESET),
	ROW(DST_CHECK, DST_COMMIT, DST_RESET),
	ROW(DST_COMMIT, DST_QUIET, DST_RESET),
	ROW(DST_QUIET, DST_RUN, DST_RESET),
	ROW(DST_RUN, DST_RESUME, DST_RESET),
	/* The devices run here and nowhere else: neither the user nor a lost channel undoes that. */
	ROW(DST_RESUME, DST_DONE, DST_DONE),
	ROW(DST_RESET, DST_FAILED, DST_FAILED),
	ROW(DST_DONE, DST_DONE, DST_DONE),
	ROW(DST_FAILED, DST_FAILED, DST_FAILED),
};

static const char *const names[VFMIG_HANDOFF_COUNT] = {
	[VFMIG_SRC_MOVE] = "SRC_MOVE",	     [VFMIG_SRC_PAUSE] = "SRC_PAUSE",
	[VFMIG_SRC_QUIESCE] = "SRC_QUIESCE", [VFMIG_SRC_STOP] = "SRC_STOP",
	[VFMIG_SRC_COPY] = "SRC_COPY",	     [VFMIG_SRC_READY] = "SRC_READY",
	[VFMIG_SRC_COMMIT] = "SRC_COMMIT",   [VFMIG_SRC_RUNNING] = "SRC_RUNNING",
	[VFMIG_SRC_FENCE] = "SRC_FENCE",     [VFMIG_SRC_BACK] = "SRC_BACK",
	[VFMIG_SRC_DONE] = "SRC_DONE",	     [VFMIG_SRC_FAILED] = "SRC_FAILED",
	[VFMIG_SRC_DOUBT] = "SRC_DOUBT",     [VFMIG_DST_LOAD] = "DST_LOAD",
	[VFMIG_DST_CHECK] = "DST_CHECK",     [VFMIG_DST_COMMIT] = "DST_COMMIT",
	[VFMIG_DST_QUIET] = "DST_QUIET",     [VFMIG_DST_RUN] = "DST_RUN",
	[VFMIG_DST_RESUME] = "DST_RESUME",   [VFMIG_DST_RESET] = "DST_RESET",
	[VFMIG_DST_DONE] = "DST_DONE",	     [VFMIG_DST_FAILED] = "DST_FAILED",
};

static const char *const events[VFMIG_HANDOFF_EVENTS] = {
	[VFMIG_ON_OK] = "ok",	      [VFMIG_ON_FAILED] = "failed", [VFMIG_ON_PEER] = "peer",
	[VFMIG_ON_LOST] = "lost",     [VFMIG_ON_TIME] = "time",	    [VFMIG_ON_BAD] = "bad",
	[VFMIG_ON_CANCEL] = "cancel",
};

enum vfmig_handoff vfmig_handoff_next(enum vfmig_handoff state, enum vfmig_handoff_event on)
{
	return (enum vfmig_handoff)next[state][on];
}

const char *vfmig_handoff_name(enum vfmig_handoff state)
{
	return (unsigned)state < VFMIG_HANDOFF_COUNT ? names[state] : "?";
}

const char *vfmig_handoff_event_name(enum vfmig_handoff_event on)
{
	return (unsigned)on < VFMIG_HANDOFF_EVENTS ? events[on] : "?";
}

enum vfmig_handoff_event vfmig_handoff_event_of(int code)
{
	switch (code) {
	case 0:
		return VFMIG_ON_OK;
	case -EREMOTEIO:
		return VFMIG_ON_PEER;
	case -EPIPE:
	case -ECONNRESET:
		return VFMIG_ON_LOST;
	case -ETIMEDOUT:
		return VFMIG_ON_TIME;
	case -EBADMSG:
		return VFMIG_ON_BAD;
	case -ECANCELED:
		return VFMIG_ON_CANCEL;
	default:
		return VFMIG_ON_FAILED;
	}
}
