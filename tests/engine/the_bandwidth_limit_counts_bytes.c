/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Under a limit, no more goes in any stretch of time than the rate times the time and one burst, and over
 * a long one no less than nearly that. All by a clock of the test's own.
 */
#include "engine/channel/limit.h"
#include "tests/lib/check.h"

#define SECOND 1000000000ll

/* Send as much as is allowed for so long, looking every so often. The bytes. */
static uint64_t send(struct rate_limit *limit, int64_t *now, int64_t ns, int64_t step)
{
	uint64_t sent = 0, may;

	for (int64_t end = *now + ns; *now < end; *now += step)
		while ((may = rate_limit_allow(limit, 1 << 20, *now))) {
			CHECK(may <= 1 << 20);
			rate_limit_spend(limit, may);
			sent += may;
		}
	return sent;
}

static void holds(uint64_t rate, int64_t step, int64_t ns)
{
	uint64_t most = (uint64_t)((unsigned __int128)rate * (uint64_t)ns / SECOND);
	uint64_t burst = rate / 50 > 65536 ? rate / 50 : 65536, sent;
	struct rate_limit limit = {0};
	int64_t now = 12345;

	rate_limit_set(&limit, rate, now);
	sent = send(&limit, &now, ns, step);
	CHECKF(sent <= most + burst, "%" PRIu64 " at %" PRIu64, sent, rate);
	if (step <= SECOND / 100)
		CHECKF(sent + 2 * burst >= most, "%" PRIu64 " at %" PRIu64, sent, rate);
	/* Time in which nothing was sent does not add up to more than the burst. */
	now += 1000 * SECOND;
	sent = send(&limit, &now, 1, 1);
	CHECK(sent <= burst);
}

int main(void)
{
	struct rate_limit limit = {0};
	int64_t now = 1000, when;

	for (uint64_t rate = 100000; rate < 100000000000; rate *= 10) {
		holds(rate, SECOND / 1000, 10 * SECOND);
		holds(rate, SECOND / 3, 10 * SECOND);
		holds(rate, 777, SECOND / 5);
	}
	/* Without a limit all goes, and nothing is waited for. */
	rate_limit_set(&limit, 0, now);
	CHECK_EQ(rate_limit_allow(&limit, UINT64_MAX, now), UINT64_MAX);
	CHECK_EQ(rate_limit_when(&limit), 0);
	/* When it says to come back, there is something. */
	rate_limit_set(&limit, 1000000, now);
	CHECK_EQ(rate_limit_allow(&limit, 1 << 20, now), 0);
	when = rate_limit_when(&limit);
	CHECK(when > now && when < now + SECOND / 10);
	CHECK_EQ(rate_limit_allow(&limit, 1 << 20, when - 1000000), 0);
	CHECK(rate_limit_allow(&limit, 1 << 20, when) >= 65536);
	CHECK(limit.held_ns == (uint64_t)(when - now));
	return 0;
}
