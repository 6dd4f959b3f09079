/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Estimates: how long would everything stand still if it stopped now?
 *
 * Downtime is what is left to send over the rate at which it goes, and the time that it takes to find out
 * what is left. The rate is measured, while the bandwidth limit holds nothing back. What memory has left
 * is known exactly. What a device has left only the device can say, and what it says is held against what came
 * when it said so before: a device that has promised 1 MiB and sent 10 is believed tenfold from then on.
 *
 * Pure arithmetic: times are the caller's.
 */
#ifndef VFMIG_ENGINE_ESTIMATE_H
#define VFMIG_ENGINE_ESTIMATE_H

#include <stdbool.h>
#include <stdint.h>

/* What has gone over the channel, by kind. */
struct vfmig_counts {
	uint64_t bytes;
	uint64_t memory_bytes;
	uint64_t device_bytes;
	uint64_t zero_pages;
};

/*
 * One device.
 * @said: what it said before the round that is under way (0: nothing, or it cannot tell)
 * @initial: of that, what it wants to be sent before the switchover
 * @size: what it said that stop-copy would read
 * @known: it could tell one or the other, or was measured
 * @trust: what came for each KiB that it had promised, in KiB/1024
 * @rate: bytes per second that it had anew in the last round
 */
struct vfmig_guess {
	uint64_t said;
	uint64_t initial;
	uint64_t size;
	bool known;
	uint64_t trust;
	uint64_t rate;
};

void vfmig_guess_init(struct vfmig_guess *guess);
/* A round is over: @sent bytes of the device's came in @ns; the first round's are not new data. */
void vfmig_guess_round(struct vfmig_guess *guess, uint64_t sent, uint64_t ns, bool first);
/* How much it will have at the stop, @gap ns after it was last drained. */
uint64_t vfmig_guess_left(const struct vfmig_guess *guess, uint64_t gap);

/* The rate of the channel: bytes over time, of which the recent past counts most. */
struct vfmig_estimator {
	uint64_t rate;	     /* bytes per second; 0 until measured */
	bool sure;	     /* measured on enough bytes to tell the channel from a wakeup */
	uint64_t dirty_rate; /* pages per second */
	uint64_t collect_ns; /* how long it took to learn what is left */
};

/* So many bytes took so long, what was held back not counted. Few of them say little: at least so much. */
void vfmig_estimator_sent(struct vfmig_estimator *estimator, uint64_t bytes, uint64_t ns);
/* Expected downtime for what is left. UINT64_MAX if nothing is known of the rate. */
uint64_t vfmig_estimator_downtime(const struct vfmig_estimator *estimator, uint64_t bytes);

#endif
