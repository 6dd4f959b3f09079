/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The arithmetic of estimates: rates from enough bytes, what a small round takes beyond its bytes, devices' size
 * estimates scaled by their accuracy, nothing that wraps.
 */
#include "engine/estimate.h"
#include "tests/lib/check.h"

#define MS 1000000ull

static void rates(void)
{
	struct estimator e = {0};

	CHECK_EQ(estimator_downtime(&e, 0), 0);
	CHECK(estimator_downtime(&e, 1) == UINT64_MAX); /* who knows */
	/* A few bytes say little: the best of them until there are more. */
	estimator_round(&e, 1000, 0, 1 * MS);
	CHECK_EQ(e.rate, 1000000);
	estimator_round(&e, 5000, 0, 1 * MS);
	estimator_round(&e, 100, 0, 1 * MS);
	CHECK_EQ(e.rate, 5000000);
	CHECK(!e.sure);
	/* A round that mostly looked for zeros tells as little. */
	estimator_round(&e, 2 << 20, 4 << 20, 1000 * MS);
	CHECK(!e.sure);
	estimator_round(&e, 100 << 20, 0, 100 * MS);
	CHECK(e.sure);
	CHECK_EQ(e.rate, 1048576000);
	CHECK_EQ(estimator_downtime(&e, 1048576000 / 2) / MS, 500);
	/* The recent past counts most; small rounds do not count any more. */
	estimator_round(&e, 50 << 20, 0, 100 * MS);
	CHECK_EQ(e.rate, 1048576000 / 4 * 3);
	estimator_round(&e, 48, 0, 100 * MS);
	CHECK_EQ(e.rate, 1048576000 / 4 * 3);
	/* What it takes to learn what is left belongs to it. */
	e.merge_ns = 7 * MS;
	CHECK_EQ(estimator_downtime(&e, 0), 7 * MS);
	CHECK(estimator_downtime(&e, UINT64_MAX) > 1000 * MS);
	estimator_round(&e, 0, 0, 0);
	estimator_round(&e, UINT64_MAX, 0, 1);
}

static void latency(void)
{
	struct estimator e = {0};

	/* A probe is set against the time beyond the round trip. */
	estimator_round_trip(&e, 80 * MS);
	estimator_round_trip(&e, 90 * MS);
	CHECK_EQ(e.round_trip_ns, 80 * MS);
	estimator_probe(&e, 1 << 20, 180 * MS);
	CHECK_EQ(e.rate, 10 << 20);
	/* The last round has its round trip, and the commit has one. */
	CHECK_EQ(estimator_downtime(&e, 0), 160 * MS);
	CHECK_EQ(estimator_downtime(&e, 1 << 20), 260 * MS);
	/* A small round of 10 ms of data took 200 ms: the next one may. */
	estimator_lag(&e, (10 << 20) / 100, 0, 200 * MS);
	CHECK_EQ(e.lag_ns / MS, 190);
	CHECK_EQ(estimator_downtime(&e, 0) / MS, 270);
	/* It falls slowly, and neither a long round nor one that looked for zeros counts. */
	estimator_lag(&e, (10 << 20) / 100, 0, 100 * MS);
	CHECK_EQ(e.lag_ns / MS, 177);
	estimator_lag(&e, 10 << 20, 0, 9000 * MS);
	estimator_lag(&e, 1000, 10 << 20, 9000 * MS);
	CHECK_EQ(e.lag_ns / MS, 177);
	estimator_lag(&e, 1, 0, UINT64_MAX);
	CHECK(estimator_downtime(&e, UINT64_MAX) > 1000 * MS);
}

static void claims(void)
{
	struct size_estimate g;

	estimate_init(&g);
	CHECK_EQ(estimate_left(&g, 100 * MS), 0);
	g.reported = 1000;
	CHECK_EQ(estimate_left(&g, 0), 1000);
	/* It said 1000 and sent ten times that: what it says is taken tenfold. */
	estimate_round(&g, 10000, 10 * MS, true);
	g.reported = 2000;
	CHECK_EQ(estimate_left(&g, 0), 20000);
	/* It said 2000 and sent half: by half. */
	estimate_round(&g, 1000, 10 * MS, false);
	CHECK_EQ(estimate_left(&g, 0), 1000);
	/* It says nothing, and had 1000 bytes in 10 ms. */
	g.reported = 0;
	CHECK_EQ(estimate_left(&g, 20 * MS), 2000);
	/* What stop-copy will have at the least is what it says of that. */
	g.size = 50000;
	CHECK_EQ(estimate_left(&g, 20 * MS), 50000);
	/* Absurd claims are absurdly large, and no less. */
	g.reported = UINT64_MAX;
	g.trust = 16 * 1024;
	CHECK(estimate_left(&g, 0) == UINT64_MAX);
	estimate_round(&g, UINT64_MAX, 1, false);
	CHECK(estimate_left(&g, UINT64_MAX) == UINT64_MAX);
}

int main(void)
{
	RUN(rates());
	RUN(latency());
	RUN(claims());
	return 0;
}
