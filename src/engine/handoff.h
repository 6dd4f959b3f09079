/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The hand-over: which side runs, whatever fails.
 *
 * Each side is a state machine. In a state it does one thing; what comes of it is an event; the table says
 * where that leads. docs/handoff.md is the same table with the reasons, and a test compares the two.
 */
#ifndef VFMIG_ENGINE_HANDOFF_H
#define VFMIG_ENGINE_HANDOFF_H

#include <stdbool.h>

enum vfmig_handoff {
	/* the source; it runs in MOVE, is stopped from PAUSE on, and again runs after BACK */
	VFMIG_SRC_MOVE,	   /* rounds of pre-copy */
	VFMIG_SRC_PAUSE,   /* pause the user */
	VFMIG_SRC_QUIESCE, /* no peer-to-peer any more, on any device */
	VFMIG_SRC_STOP,	   /* all devices stop */
	VFMIG_SRC_COPY,	   /* the last pages, the last data, END */
	VFMIG_SRC_READY,   /* wait for READY */
	VFMIG_SRC_COMMIT,  /* send COMMIT */
	VFMIG_SRC_RUNNING, /* wait for RUNNING */
	VFMIG_SRC_FENCE, /* if the destination's devices may have run: wait until they are reset */
	VFMIG_SRC_BACK,	 /* devices and user go on */
	VFMIG_SRC_DONE,
	VFMIG_SRC_FAILED,
	VFMIG_SRC_DOUBT,

	/* the destination; nothing runs before QUIET, but for what can check in no other way */
	VFMIG_DST_LOAD,	  /* take what comes, until END */
	VFMIG_DST_CHECK,  /* all devices accept what they were given: RESUMING to STOP */
	VFMIG_DST_COMMIT, /* say READY, wait for COMMIT */
	VFMIG_DST_QUIET,  /* all devices run, but for peer-to-peer */
	VFMIG_DST_RUN,	  /* all devices run */
	VFMIG_DST_RESUME, /* the user goes on, and RUNNING is said */
	VFMIG_DST_RESET,  /* all devices are reset, and FAILED is said */
	VFMIG_DST_DONE,
	VFMIG_DST_FAILED,

	VFMIG_HANDOFF_COUNT,
};

enum vfmig_handoff_event {
	VFMIG_ON_OK,	 /* what the state is for was done */
	VFMIG_ON_FAILED, /* something of this side failed: a device, the user, memory */
	VFMIG_ON_PEER,	 /* the other side said that it failed, or cancelled */
	VFMIG_ON_LOST,	 /* the channel is gone */
	VFMIG_ON_TIME,	 /* a time limit passed */
	VFMIG_ON_BAD,	 /* what came is not sound */
	VFMIG_ON_CANCEL, /* somebody cancelled here */

	VFMIG_HANDOFF_EVENTS,
};

enum vfmig_handoff vfmig_handoff_next(enum vfmig_handoff state, enum vfmig_handoff_event on);

/* "SRC_PAUSE" …, as in docs/handoff.md. */
const char *vfmig_handoff_name(enum vfmig_handoff state);
/* "ok", "failed" … */
const char *vfmig_handoff_event_name(enum vfmig_handoff_event on);

/* Which event a negative errno of the engine's is. */
enum vfmig_handoff_event vfmig_handoff_event_of(int code);

/* Does the machine end here? */
static inline bool vfmig_handoff_over(enum vfmig_handoff state)
{
	return state == VFMIG_SRC_DONE || state == VFMIG_SRC_FAILED || state == VFMIG_SRC_DOUBT ||
	       state == VFMIG_DST_DONE || state == VFMIG_DST_FAILED;
}

#endif
