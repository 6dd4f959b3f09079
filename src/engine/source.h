/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The source: set-up, rounds of pre-copy, and its side of the hand-over.
 */
#ifndef ENGINE_SOURCE_H
#define ENGINE_SOURCE_H

#include <vfmig/migration.h>

#include "engine/estimate.h"

/*
 * @round_open: a round has begun and is not over
 * @round_ns: how long the last round took
 * @turn: the device whose data is read next
 * @memory_sent_at: when the memory of this round was sent; 0 before
 * @loaded_sections: of those sent, as far as the destination has reported
 */
struct engine_source {
	bool round_open;
	int64_t round_began, round_ns;
	uint32_t turn;
	int64_t memory_sent_at;
	uint64_t loaded_sections;
	struct estimator estimator;
};

/* source.c: negotiate with the destination, and begin to track and to read. */
int engine_source_setup(struct vfmig_migration *m, struct vfmig_error *err);

/* ---- rounds.c ---- */

/* Send up to about @budget bytes of a round; 0 is all. Returns the bytes; 0 if the round is over and was empty. */
ssize_t engine_source_iterate(struct vfmig_migration *m, uint64_t budget, struct vfmig_error *err);
/* Rounds until the estimate fits. Returns the reason to switch over; NULL after a failure, which is in *ret. */
const char *engine_source_rounds(struct vfmig_migration *m, int *ret, struct vfmig_error *err);

/* ---- handoff_source.c ---- */

/* Switch over: @reason is for the event. */
int engine_source_complete(struct vfmig_migration *m, const char *reason, struct vfmig_error *err);
/* After a failure or a cancel before the hand-over: bring everything back. Returns @code. */
int engine_source_give_up(struct vfmig_migration *m, int code, struct vfmig_error *err);

/* ---- await_reset.c ---- */

/* Send CANCEL, so that the destination need not wait for its time limit, if it can still be sent. */
void engine_send_cancel(struct vfmig_migration *m);
/* 0: no device of the destination runs, or can come to run. */
int engine_await_reset(struct vfmig_migration *m, struct vfmig_error *err);

/* ---- pump.c ---- */

/**
 * engine_pump() - send what memory and devices have, side by side
 * @budget: return after about so many bytes; 0 is all
 *
 * Return: 0, with *@over true if nothing is left for now and everything is written.
 */
int engine_pump(struct vfmig_migration *m, uint64_t budget, bool *over, struct vfmig_error *err);

/* ---- device_reads.c ---- */

/* Queue the data that was read, in order. 1 if there was some, 0, or an error. */
int engine_reads_reap(struct vfmig_migration *m, struct vfmig_error *err);
/* Submit more reads, as buffers allow. */
void engine_reads_submit(struct vfmig_migration *m);
/* Whether every device has given all its data for now. */
bool engine_reads_over(struct vfmig_migration *m);
/* Cancel everything that devices do, reads and writes, and drop its data. */
void engine_reads_drop(struct vfmig_migration *m);

#endif
