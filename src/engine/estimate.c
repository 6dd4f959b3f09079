/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The arithmetic of the estimates; see estimate.h.
 */
#include "engine/estimate.h"

/* The reports of a device are scaled by a sixteenth to sixteen. */
#define TRUST_ONE 1024u
#define TRUST_MIN (TRUST_ONE / 16)
#define TRUST_MAX (TRUST_ONE * 16)

/* Fewer bytes measure a cache or a wakeup, not the channel. */
#define ENOUGH_BYTES (1u << 20)

/* A longer round does not measure the lag: it differs too much from the data that is sent at the stop. */
#define LAG_ROUND_NS 500000000

static uint64_t clamp(unsigned __int128 v, uint64_t low, uint64_t high)
{
	return v < low ? low : v > high ? high : (uint64_t)v;
}

void estimate_init(struct size_estimate *estimate)
{
	*estimate = (struct size_estimate){.trust = TRUST_ONE};
}

void estimate_round(struct size_estimate *estimate, uint64_t sent, uint64_t ns, bool first)
{
	if (estimate->reported && sent)
		estimate->trust = clamp((unsigned __int128)sent * TRUST_ONE / estimate->reported,
					TRUST_MIN, TRUST_MAX);
	if (!first && ns)
		estimate->rate = clamp((unsigned __int128)sent * 1000000000 / ns, 0, UINT64_MAX);
}

uint64_t estimate_left(const struct size_estimate *estimate, uint64_t gap)
{
	uint64_t reported = clamp(
		(unsigned __int128)estimate->reported * estimate->trust / TRUST_ONE, 0, UINT64_MAX);
	uint64_t measured =
		clamp((unsigned __int128)estimate->rate * gap / 1000000000, 0, UINT64_MAX);
	uint64_t left = reported > measured ? reported : measured;

	return left > estimate->size ? left : estimate->size;
}

/* By the time without the round trip, but at least by half of the time. */
static uint64_t rate_of(const struct estimator *estimator, uint64_t bytes, uint64_t ns)
{
	uint64_t trip = estimator->round_trip_ns;

	ns -= ns / 2 > trip ? trip : ns / 2;
	return clamp((unsigned __int128)bytes * 1000000000 / ns, 1, UINT64_MAX);
}

void estimator_round(struct estimator *estimator, uint64_t bytes, uint64_t zero, uint64_t ns)
{
	uint64_t rate;

	if (!bytes || !ns)
		return;
	rate = rate_of(estimator, bytes, ns);
	if (bytes < ENOUGH_BYTES || zero > bytes) {
		if (!estimator->sure && rate > estimator->rate)
			estimator->rate = rate;
		return;
	}
	estimator->rate = estimator->sure ? estimator->rate / 2 + rate / 2 : rate;
	estimator->sure = true;
}

void estimator_lag(struct estimator *estimator, uint64_t bytes, uint64_t zero, uint64_t ns)
{
	uint64_t carry, lag;

	if (!estimator->rate || (zero > bytes && zero > ENOUGH_BYTES))
		return;
	carry = clamp((unsigned __int128)bytes * 1000000000 / estimator->rate, 0, UINT64_MAX);
	if (carry > LAG_ROUND_NS)
		return;
	lag = ns > carry ? ns - carry : 0;
	if (lag < estimator->lag_ns)
		lag = estimator->lag_ns - (estimator->lag_ns - lag) / 8;
	estimator->lag_ns = lag;
}

void estimator_probe(struct estimator *estimator, uint64_t bytes, uint64_t ns)
{
	estimator->rate = rate_of(estimator, bytes, ns);
	estimator->sure = true;
}

void estimator_round_trip(struct estimator *estimator, uint64_t ns)
{
	if (!estimator->round_trip_ns || ns < estimator->round_trip_ns)
		estimator->round_trip_ns = ns;
}

uint64_t estimator_downtime(const struct estimator *estimator, uint64_t bytes)
{
	uint64_t fixed = estimator->merge_ns + estimator->round_trip_ns;

	/* A small round includes a round trip. */
	fixed += estimator->lag_ns > estimator->round_trip_ns ? estimator->lag_ns
							      : estimator->round_trip_ns;
	if (!bytes)
		return fixed;
	if (!estimator->rate)
		return UINT64_MAX;
	return clamp((unsigned __int128)bytes * 1000000000 / estimator->rate + fixed, 0,
		     UINT64_MAX);
}
