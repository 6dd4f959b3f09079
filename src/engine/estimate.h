/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Estimates: how long would everything stand still if it stopped now?
 *
 * Downtime is what is left to send over the rate at which the destination loads it, plus what every round
 * takes beyond its bytes: finding out what is left, round trips, devices that answer late. The rate is measured
 * from the first byte of a round to the destination's LOADED (sync.c), without the time in which the bandwidth
 * limit holds data back. What memory has left is known exactly. What a device has left only the device can say, and what it says is held against what came
 * when it said so before: a device that has promised 1 MiB and sent 10 is believed tenfold from then on.
 *
 * Pure arithmetic: times are the caller's.
 */
#ifndef ENGINE_ESTIMATE_H
#define ENGINE_ESTIMATE_H

#include <stdbool.h>
#include <stdint.h>

/* What has gone over the channel, by kind. @hole_pages are those of @zero_pages that were not read (holes.c). */
struct engine_counts {
	uint64_t bytes;
	uint64_t memory_bytes;
	uint64_t device_bytes;
	uint64_t zero_pages;
	uint64_t hole_pages;
};

/*
 * One device.
 * @reported: what it said before the round that is under way (0: nothing, or it cannot tell)
 * @initial: of that, what it wants to be sent before the switchover
 * @size: what it said that stop-copy would read
 * @known: it could tell one or the other, or was measured
 * @trust: what came for each KiB that it had promised, in KiB/1024
 * @rate: bytes per second that it had anew in the last round
 */
struct size_estimate {
	uint64_t reported;
	uint64_t initial;
	uint64_t size;
	bool known;
	uint64_t trust;
	uint64_t rate;
};

void estimate_init(struct size_estimate *estimate);
/* A round is over: @sent bytes of the device's came in @ns; the first round's are not new data. */
void estimate_round(struct size_estimate *estimate, uint64_t sent, uint64_t ns, bool first);
/* How much it will have at the stop, @gap ns after it was last drained. */
uint64_t estimate_left(const struct size_estimate *estimate, uint64_t gap);

/*
 * How fast the destination loads.
 * @rate: bytes per second, the recent past counting most; 0 until measured
 * @sure: measured on enough bytes to tell the rate from the latency
 * @collect_ns: how long it took to learn what is left
 * @round_trip_ns: the shortest time of an exchange that carries nothing; 0 until measured
 * @lag_ns: what a round takes beyond its bytes at the rate. It rises at once and falls slowly, so that a link or a
 *	device that stalls now and then is expected to do it again. An empty round counts, so that one slow round of
 *	an idle device is not held against it for ever
 */
struct estimator {
	uint64_t rate;
	bool sure;
	uint64_t collect_ns;
	uint64_t round_trip_ns;
	uint64_t lag_ns;
};

/*
 * A round was loaded: @bytes on the channel, of which most were data, in @ns. @zero bytes were read only to find that
 * they are zero: a round that spent its time on them says nothing about the rate.
 */
void estimator_round(struct estimator *estimator, uint64_t bytes, uint64_t zero, uint64_t ns);
/*
 * A round was loaded: if it was short, what it took beyond its bytes is the lag. By the rate as it was known before the
 * round, if it was.
 */
void estimator_lag(struct estimator *estimator, uint64_t bytes, uint64_t zero, uint64_t ns);
/* A probe of @bytes was answered after @ns. It counts until a round tells more. */
void estimator_probe(struct estimator *estimator, uint64_t bytes, uint64_t ns);
/* An empty exchange took @ns. */
void estimator_round_trip(struct estimator *estimator, uint64_t ns);
/* Expected downtime for what is left. UINT64_MAX if nothing is known of the rate. */
uint64_t estimator_downtime(const struct estimator *estimator, uint64_t bytes);

#endif
