/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Estimates: how long would the downtime be if the devices stopped now?
 *
 * The downtime is the data left over the rate at which the destination loads it, plus the time that
 * every round takes beyond its bytes: collecting written pages, round trips, devices that answer
 * late. The rate is measured from the first byte of a round to its LOADED (sync.c), without the
 * time in which the bandwidth limit holds data back. The engine knows the memory left exactly. For
 * the data that a device has left, it depends on the device's report, and scales that by how
 * accurate the earlier ones were: a device that reported 1 MiB and then sent 10 counts tenfold from
 * then on.
 *
 * Pure arithmetic: the caller measures times.
 */
#ifndef ENGINE_ESTIMATE_H
#define ENGINE_ESTIMATE_H

#include <stdbool.h>
#include <stdint.h>

/* What was sent, by kind. @hole_pages are those of @zero_pages that were not read (holes.c). */
struct engine_counts {
	uint64_t bytes;
	uint64_t memory_bytes;
	uint64_t device_bytes;
	uint64_t zero_pages;
	uint64_t hole_pages;
};

/*
 * One device.
 * @reported: bytes that it reported before the current round (0 if it cannot)
 * @initial: of those, the bytes that must be sent before the switchover
 * @size: bytes that it reported for stop-copy
 * @known: it reported one of them
 * @trust: bytes that it sent for each 1024 that it had reported
 * @rate: bytes per second that it produced in the last round
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
/* A round is over: the device sent @sent bytes in @ns. In the first round they are not new data. */
void estimate_round(struct size_estimate *estimate, uint64_t sent, uint64_t ns, bool first);
/* The bytes that it will have at the stop, @gap ns after everything was read. */
uint64_t estimate_left(const struct size_estimate *estimate, uint64_t gap);

/*
 * How fast the destination loads.
 * @rate: bytes per second, a moving average; 0 until measured
 * @sure: measured on enough bytes to separate the rate from the latency
 * @merge_ns: how long the last collection of written pages took
 * @round_trip_ns: the shortest empty exchange; 0 until measured
 * @lag_ns: the time of a round beyond its bytes at the rate. It rises immediately and falls slowly, because a link or a
 *	device that stalled is expected to stall again. Empty rounds count, so that it falls on an idle device
 */
struct estimator {
	uint64_t rate;
	bool sure;
	uint64_t merge_ns;
	uint64_t round_trip_ns;
	uint64_t lag_ns;
};

/*
 * A round was loaded: @bytes on the channel, in @ns. @zero bytes were read and are zero pages: a round that consists
 * mostly of those does not measure the rate.
 */
void estimator_round(struct estimator *estimator, uint64_t bytes, uint64_t zero, uint64_t ns);
/*
 * A round was loaded: if it was short, its time beyond its bytes is the lag. Uses the rate from before the round, if
 * that is known.
 */
void estimator_lag(struct estimator *estimator, uint64_t bytes, uint64_t zero, uint64_t ns);
/* The reply to a probe of @bytes came after @ns. It counts until a round is measured. */
void estimator_probe(struct estimator *estimator, uint64_t bytes, uint64_t ns);
/* An empty exchange took @ns. */
void estimator_round_trip(struct estimator *estimator, uint64_t ns);
/* The downtime for the bytes that are left. UINT64_MAX if the rate is unknown. */
uint64_t estimator_downtime(const struct estimator *estimator, uint64_t bytes);

#endif
