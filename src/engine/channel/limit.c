/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A bandwidth limit.
 */
#include "engine/channel/limit.h"

/* Sending by the byte would cost more than it sends. */
#define LEAST (64u << 10)

static uint64_t burst(const struct rate_limit *limit)
{
	return limit->rate / 50 > LEAST ? limit->rate / 50 : LEAST;
}

void rate_limit_set(struct rate_limit *limit, uint64_t rate, int64_t now)
{
	if (limit->held)
		limit->held_ns += (uint64_t)(now - limit->held);
	limit->rate = rate;
	limit->earned = 0;
	limit->since = now;
	limit->held = 0;
}

static void earn(struct rate_limit *limit, int64_t now)
{
	unsigned __int128 more = (unsigned __int128)(now - limit->since) * limit->rate / 1000000000;

	if (more > burst(limit) - limit->earned) {
		limit->earned = burst(limit);
		limit->since = now;
		return;
	}
	/* The time that did not make a whole byte is not used up. */
	limit->earned += (uint64_t)more;
	limit->since += (int64_t)(more * 1000000000 / limit->rate);
}

uint64_t rate_limit_allow(struct rate_limit *limit, uint64_t wanted, int64_t now)
{
	uint64_t least = wanted < LEAST ? wanted : LEAST;

	if (!limit->rate)
		return wanted;
	earn(limit, now);
	if (limit->earned < least) {
		if (!limit->held)
			limit->held = now;
		return 0;
	}
	if (limit->held) {
		limit->held_ns += (uint64_t)(now - limit->held);
		limit->held = 0;
	}
	return wanted < limit->earned ? wanted : limit->earned;
}

void rate_limit_spend(struct rate_limit *limit, uint64_t bytes)
{
	if (limit->rate)
		limit->earned -= bytes < limit->earned ? bytes : limit->earned;
}

int64_t rate_limit_when(const struct rate_limit *limit)
{
	unsigned __int128 ns;

	if (!limit->held || limit->earned >= LEAST)
		return 0;
	ns = (unsigned __int128)(LEAST - limit->earned) * 1000000000 / limit->rate + 1;
	return limit->since + (int64_t)(ns < INT64_MAX / 2 ? ns : INT64_MAX / 2);
}
