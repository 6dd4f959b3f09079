/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Estimates.
 */
#include "engine/estimate.h"

/* A device is believed from a sixteenth to sixteen times of what it says. */
#define TRUST_ONE 1024u
#define TRUST_MIN (TRUST_ONE / 16)
#define TRUST_MAX (TRUST_ONE * 16)

/* Less than this tells the rate of a cache or of a wakeup, not of the channel. */
#define ENOUGH_BYTES (1u << 20)

static uint64_t clamp(unsigned __int128 v, uint64_t low, uint64_t high)
{
	return v < low ? low : v > high ? high : (uint64_t)v;
}

void vfmig_guess_init(struct vfmig_guess *guess)
{
	*guess = (struct vfmig_guess){.trust = TRUST_ONE};
}

void vfmig_guess_round(struct vfmig_guess *guess, uint64_t sent, uint64_t ns, bool first)
{
	if (guess->said && sent)
		guess->trust = clamp((unsigned __int128)sent * TRUST_ONE / guess->said, TRUST_MIN,
				     TRUST_MAX);
	if (!first && ns)
		guess->rate = clamp((unsigned __int128)sent * 1000000000 / ns, 0, UINT64_MAX);
}

uint64_t vfmig_guess_left(const struct vfmig_guess *guess, uint64_t gap)
{
	uint64_t said =
		clamp((unsigned __int128)guess->said * guess->trust / TRUST_ONE, 0, UINT64_MAX);
	uint64_t measured = clamp((unsigned __int128)guess->rate * gap / 1000000000, 0, UINT64_MAX);
	uint64_t left = said > measured ? said : measured;

	return left > guess->size ? left : guess->size;
}

void vfmig_estimator_sent(struct vfmig_estimator *estimator, uint64_t bytes, uint64_t ns)
{
	uint64_t rate;

	if (!bytes || !ns)
		return;
	rate = clamp((unsigned __int128)bytes * 1000000000 / ns, 1, UINT64_MAX);
	if (bytes < ENOUGH_BYTES) {
		if (!estimator->sure && rate > estimator->rate)
			estimator->rate = rate;
		return;
	}
	estimator->rate = estimator->sure ? estimator->rate / 2 + rate / 2 : rate;
	estimator->sure = true;
}

uint64_t vfmig_estimator_downtime(const struct vfmig_estimator *estimator, uint64_t bytes)
{
	if (!bytes)
		return estimator->collect_ns;
	if (!estimator->rate)
		return UINT64_MAX;
	return clamp((unsigned __int128)bytes * 1000000000 / estimator->rate +
			     estimator->collect_ns,
		     0, UINT64_MAX);
}
