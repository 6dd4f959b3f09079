/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The hand-over: which side runs, whatever fails.
 *
 * Each side is a state machine. In a state it does one thing; what comes of it is an event; the table says
 * where that leads. docs/handoff.md is the same table with the reasons, and a test compares the two.
 */
#ifndef ENGINE_HANDOFF_H
#define ENGINE_HANDOFF_H

#include <stdbool.h>

enum handoff {
	/* the source; it runs in MOVE, is stopped from PAUSE on, and again runs after BACK */
	HANDOFF_SRC_MOVE,    /* rounds of pre-copy */
	HANDOFF_SRC_PAUSE,   /* pause the user */
	HANDOFF_SRC_QUIESCE, /* no peer-to-peer any more, on any device */
	HANDOFF_SRC_STOP,    /* all devices stop */
	HANDOFF_SRC_COPY,    /* the last pages, the last data, END */
	HANDOFF_SRC_READY,   /* wait for READY */
	HANDOFF_SRC_COMMIT,  /* send COMMIT */
	HANDOFF_SRC_RUNNING, /* wait for RUNNING */
	HANDOFF_SRC_FENCE, /* if the destination's devices may have run: wait until they are reset */
	HANDOFF_SRC_BACK,  /* devices and user go on */
	HANDOFF_SRC_DONE,
	HANDOFF_SRC_FAILED,
	HANDOFF_SRC_DOUBT,

	/* the destination; nothing runs before QUIET, but for what can check in no other way */
	HANDOFF_DST_LOAD,   /* take what comes, until END */
	HANDOFF_DST_CHECK,  /* all devices accept what they were given: RESUMING to STOP */
	HANDOFF_DST_COMMIT, /* say READY, wait for COMMIT */
	HANDOFF_DST_QUIET,  /* all devices run, but for peer-to-peer */
	HANDOFF_DST_RUN,    /* all devices run */
	HANDOFF_DST_RESUME, /* the user goes on, and RUNNING is said */
	HANDOFF_DST_RESET,  /* all devices are reset, and FAILED is said */
	HANDOFF_DST_DONE,
	HANDOFF_DST_FAILED,

	HANDOFF_COUNT,
};

enum handoff_event {
	HANDOFF_ON_OK,	   /* what the state is for was done */
	HANDOFF_ON_FAILED, /* something of this side failed: a device, the user, memory */
	HANDOFF_ON_PEER,   /* the other side said that it failed, or cancelled */
	HANDOFF_ON_LOST,   /* the channel is gone */
	HANDOFF_ON_TIME,   /* a time limit passed */
	HANDOFF_ON_BAD,	   /* what came is not sound */
	HANDOFF_ON_CANCEL, /* somebody cancelled here */

	HANDOFF_EVENTS,
};

enum handoff handoff_next(enum handoff state, enum handoff_event on);

/* "SRC_PAUSE" …, as in docs/handoff.md. */
const char *handoff_name(enum handoff state);
/* "ok", "failed" … */
const char *handoff_event_name(enum handoff_event on);

/* Which event a negative errno of the engine's is. */
enum handoff_event handoff_event_of(int code);

/* Does the machine end here? */
static inline bool handoff_over(enum handoff state)
{
	return state == HANDOFF_SRC_DONE || state == HANDOFF_SRC_FAILED ||
	       state == HANDOFF_SRC_DOUBT || state == HANDOFF_DST_DONE ||
	       state == HANDOFF_DST_FAILED;
}

#endif
