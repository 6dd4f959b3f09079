/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A bandwidth limit: bytes are earned as time passes, and spent as they are sent.
 *
 * What is not spent is kept, up to a fiftieth of a second's worth (but at least a buffer's), so that the
 * limit holds over any longer stretch: in t seconds no more than limit * t plus that burst goes out. The time
 * is the caller's, and so the arithmetic can be tested without one.
 */
#ifndef VFMIG_ENGINE_LIMIT_H
#define VFMIG_ENGINE_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

/*
 * @rate: bytes per second; 0 is no limit
 * @earned: bytes that may go now
 * @since: up to when they were earned, ns
 * @held: since when something waits, 0 if nothing does
 * @held_ns: how long something has waited, in all
 */
struct vfmig_limit {
	uint64_t rate;
	uint64_t earned;
	int64_t since;
	int64_t held;
	uint64_t held_ns;
};

void vfmig_limit_set(struct vfmig_limit *limit, uint64_t rate, int64_t now);
/* How many of @wanted bytes may go now. 0 is "wait until vfmig_limit_when()". */
uint64_t vfmig_limit_allow(struct vfmig_limit *limit, uint64_t wanted, int64_t now);
/* They went. */
void vfmig_limit_spend(struct vfmig_limit *limit, uint64_t bytes);
/* When enough will be earned to go on; 0 if nothing is held. */
int64_t vfmig_limit_when(const struct vfmig_limit *limit);

#endif
