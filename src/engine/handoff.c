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

/* The next state: one after success, another one after anything else. */
#define ROW(state, ok, otherwise)                                                                  \
	[HANDOFF_##state] = {                                                                      \
		[HANDOFF_ON_OK] = HANDOFF_##ok,                                                    \
		[HANDOFF_ON_FAILED] = HANDOFF_##otherwise,                                         \
		[HANDOFF_ON_PEER] = HANDOFF_##otherwise,                                           \
		[HANDOFF_ON_LOST] = HANDOFF_##otherwise,                                           \
		[HANDOFF_ON_TIME] = HANDOFF_##otherwise,                                           \
		[HANDOFF_ON_BAD] = HANDOFF_##otherwise,                                            \
		[HANDOFF_ON_CANCEL] = HANDOFF_##otherwise,                                         \
	}

static const uint8_t next[HANDOFF_COUNT][HANDOFF_EVENTS] = {
	/*  in		  ok		anything else */
	ROW(SRC_MOVE, SRC_PAUSE, SRC_BACK),
	ROW(SRC_PAUSE, SRC_QUIESCE, SRC_BACK),
	ROW(SRC_QUIESCE, SRC_STOP, SRC_BACK),
	ROW(SRC_STOP, SRC_COPY, SRC_BACK),
	ROW(SRC_COPY, SRC_READY, SRC_BACK),
	ROW(SRC_READY, SRC_COMMIT, SRC_FENCE),
	/* After a failure the channel does not have all of COMMIT: the destination cannot have received it. */
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
	/* The devices run here only: a failure of the user's callback or a lost channel does not undo that. */
	ROW(DST_RESUME, DST_DONE, DST_DONE),
	ROW(DST_RESET, DST_FAILED, DST_FAILED),
	ROW(DST_DONE, DST_DONE, DST_DONE),
	ROW(DST_FAILED, DST_FAILED, DST_FAILED),
};

static const char *const names[HANDOFF_COUNT] = {
	[HANDOFF_SRC_MOVE] = "SRC_MOVE",       [HANDOFF_SRC_PAUSE] = "SRC_PAUSE",
	[HANDOFF_SRC_QUIESCE] = "SRC_QUIESCE", [HANDOFF_SRC_STOP] = "SRC_STOP",
	[HANDOFF_SRC_COPY] = "SRC_COPY",       [HANDOFF_SRC_READY] = "SRC_READY",
	[HANDOFF_SRC_COMMIT] = "SRC_COMMIT",   [HANDOFF_SRC_RUNNING] = "SRC_RUNNING",
	[HANDOFF_SRC_FENCE] = "SRC_FENCE",     [HANDOFF_SRC_BACK] = "SRC_BACK",
	[HANDOFF_SRC_DONE] = "SRC_DONE",       [HANDOFF_SRC_FAILED] = "SRC_FAILED",
	[HANDOFF_SRC_DOUBT] = "SRC_DOUBT",     [HANDOFF_DST_LOAD] = "DST_LOAD",
	[HANDOFF_DST_CHECK] = "DST_CHECK",     [HANDOFF_DST_COMMIT] = "DST_COMMIT",
	[HANDOFF_DST_QUIET] = "DST_QUIET",     [HANDOFF_DST_RUN] = "DST_RUN",
	[HANDOFF_DST_RESUME] = "DST_RESUME",   [HANDOFF_DST_RESET] = "DST_RESET",
	[HANDOFF_DST_DONE] = "DST_DONE",       [HANDOFF_DST_FAILED] = "DST_FAILED",
};

static const char *const events[HANDOFF_EVENTS] = {
	[HANDOFF_ON_OK] = "ok",		[HANDOFF_ON_FAILED] = "failed", [HANDOFF_ON_PEER] = "peer",
	[HANDOFF_ON_LOST] = "lost",	[HANDOFF_ON_TIME] = "time",	[HANDOFF_ON_BAD] = "bad",
	[HANDOFF_ON_CANCEL] = "cancel",
};

enum handoff handoff_next(enum handoff state, enum handoff_event on)
{
	return (enum handoff)next[state][on];
}

const char *handoff_name(enum handoff state)
{
	return (unsigned)state < HANDOFF_COUNT ? names[state] : "?";
}

const char *handoff_event_name(enum handoff_event on)
{
	return (unsigned)on < HANDOFF_EVENTS ? events[on] : "?";
}

enum handoff_event handoff_event_of(int code)
{
	switch (code) {
	case 0:
		return HANDOFF_ON_OK;
	case -EREMOTEIO:
		return HANDOFF_ON_PEER;
	case -EPIPE:
	case -ECONNRESET:
		return HANDOFF_ON_LOST;
	case -ETIMEDOUT:
		return HANDOFF_ON_TIME;
	case -EBADMSG:
		return HANDOFF_ON_BAD;
	case -ECANCELED:
		return HANDOFF_ON_CANCEL;
	default:
		return HANDOFF_ON_FAILED;
	}
}
