/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A bandwidth limit: bytes are earned as time passes, and spent as they are sent.
 *
 * What is not spent is kept, up to a fiftieth of a second's worth (but at least a buffer's), so that the
 * limit holds over any longer stretch: in t seconds no more than limit * t plus that burst goes out. The time
 * is the caller's, and so the arithmetic can be tested without one.
 */
#ifndef ENGINE_LIMIT_H
#define ENGINE_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

/*
 * @rate: bytes per second; 0 is no limit
 * @earned: bytes that may go now
 * @since: up to when they were earned, ns
 * @held: since when something waits, 0 if nothing does
 * @held_ns: how long something has waited, in all
 */
struct rate_limit {
	uint64_t rate;
	uint64_t earned;
	int64_t since;
	int64_t held;
	uint64_t held_ns;
};

void rate_limit_set(struct rate_limit *limit, uint64_t rate, int64_t now);
/* How many of @wanted bytes may go now. 0 is "wait until rate_limit_when()". */
uint64_t rate_limit_allow(struct rate_limit *limit, uint64_t wanted, int64_t now);
/* They went. */
void rate_limit_spend(struct rate_limit *limit, uint64_t bytes);
/* When enough will be earned to go on; 0 if nothing is held. */
int64_t rate_limit_when(const struct rate_limit *limit);

#endif
