/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The hand-over: which end runs, whatever fails.
 *
 * Each end is a state machine. In a state it does one thing, the result is an event, and the table gives the next
 * state. docs/handoff.md is the same table with the reasons, and a test compares the two.
 */
#ifndef ENGINE_HANDOFF_H
#define ENGINE_HANDOFF_H

#include <vfmig/migration.h>

enum handoff {
	/* the source; it runs in MOVE, is stopped from PAUSE on, and runs again after BACK */
	HANDOFF_SRC_MOVE,    /* rounds of pre-copy */
	HANDOFF_SRC_PAUSE,   /* pause the user */
	HANDOFF_SRC_QUIESCE, /* all devices enter P2P */
	HANDOFF_SRC_STOP,    /* all devices stop */
	HANDOFF_SRC_COPY,    /* the last pages, the last data, END */
	HANDOFF_SRC_READY,   /* wait for READY */
	HANDOFF_SRC_COMMIT,  /* send COMMIT */
	HANDOFF_SRC_RUNNING, /* wait for RUNNING */
	HANDOFF_SRC_FENCE, /* if the destination's devices may have run: wait until they are reset */
	HANDOFF_SRC_BACK,  /* devices and user continue */
	HANDOFF_SRC_DONE,
	HANDOFF_SRC_FAILED,
	HANDOFF_SRC_DOUBT,

	/* the destination; nothing runs before QUIET, except devices that check by running */
	HANDOFF_DST_LOAD,   /* load until END */
	HANDOFF_DST_CHECK,  /* all devices check what they loaded: RESUMING to STOP */
	HANDOFF_DST_COMMIT, /* send READY, wait for COMMIT */
	HANDOFF_DST_QUIET,  /* all devices run without peer-to-peer */
	HANDOFF_DST_RUN,    /* all devices run */
	HANDOFF_DST_RESUME, /* resume the user, send RUNNING */
	HANDOFF_DST_RESET,  /* reset all devices, send FAILED */
	HANDOFF_DST_DONE,
	HANDOFF_DST_FAILED,

	HANDOFF_COUNT,
};

enum handoff_event {
	HANDOFF_ON_OK,	   /* the work of the state is done */
	HANDOFF_ON_FAILED, /* this end failed: a device, the user, memory */
	HANDOFF_ON_PEER,   /* the peer reported that it failed, or cancelled */
	HANDOFF_ON_LOST,   /* the channel is closed */
	HANDOFF_ON_TIME,   /* a time limit passed */
	HANDOFF_ON_BAD,	   /* the peer sent invalid data */
	HANDOFF_ON_CANCEL, /* this end was cancelled */

	HANDOFF_EVENTS,
};

enum handoff handoff_next(enum handoff state, enum handoff_event on);

/* "SRC_PAUSE" …, as in docs/handoff.md. */
const char *handoff_name(enum handoff state);
/* "ok", "failed" … */
const char *handoff_event_name(enum handoff_event on);

/* The event of a negative errno of the engine. */
enum handoff_event handoff_event_of(int code);

/*
 * A migration's hand-over.
 * @begun: the state of a device was changed: the way back must restore it
 * @paused: the user is paused
 * @pause_began, @stage_began: when the downtime and its current part began
 * @commit_begun: a part of COMMIT may be on its way
 * @checks_by_running: a device of the destination can check its state only by running
 * @peer_reset: FAILED has come, and all devices of the destination are reset
 * @fenced: the destination has been notified that the source continues
 * @why, @why_event: the failure that decided the outcome
 */
struct engine_handoff {
	enum handoff state;
	bool begun;
	bool paused;
	int64_t pause_began, stage_began;
	struct vfmig_downtime downtime;
	bool commit_begun;
	bool checks_by_running;
	bool peer_reset;
	bool fenced;
	struct vfmig_error why;
	enum handoff_event why_event;
};

/* ---- handoff_step.c ---- */

/* The state had the result @code: go to the next state. */
void handoff_step(struct vfmig_migration *m, int code, const struct vfmig_error *err);
/* The same for a failure or a cancel, which may have no sentence yet. */
void handoff_give_up(struct vfmig_migration *m, int code, const struct vfmig_error *err);
/* The time since the last part of the downtime began; the next part begins. */
uint64_t handoff_lap(struct vfmig_migration *m);

#endif
