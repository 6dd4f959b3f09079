/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The limits, compared with one another: what this machine makes of the bare programs of bench/limits. They say
 * little by themselves; but a machine on which they are not what they were has changed, not vfmig.
 */
#include "bench/limits/limits.h"

#define RUNS   5
#define ROUNDS 20000u	   /* on one processor: waking another takes its time */
#define PAGES  (16u << 20) /* 64 GiB */

static void row(struct bench b, struct bench_workers *workers, struct bench_workers *against,
		uint64_t bytes, unsigned times)
{
	bench_crews(&b, RUNS, workers, against, bytes, times);
	bench_report(&b);
	bench_workers_free(workers);
	bench_workers_free(against);
}

static void throughput(const char *name, struct bench_workers *workers, uint64_t bytes)
{
	row((struct bench){.name = name, .unit = "GB/s", .limit = "cold memcpy"}, workers,
	    limit_copy(bytes, 1, false, false), bytes, 1);
}

static void pingpong(const char *name, bool one_cpu, bool poll)
{
	unsigned rounds = one_cpu ? ROUNDS : ROUNDS / 10;

	row((struct bench){.name = name, .unit = "us", .limit = "its system calls alone"},
	    limit_pingpong(rounds, one_cpu, poll), limit_calls(rounds), 0, rounds);
}

int main(void)
{
	uint64_t bytes = bench_size("BENCH_SIZE", 256ull << 20, 0.1);

	fprintf(stderr, "limits: of %llu MiB\n", (unsigned long long)bytes >> 20);
	throughput("limit-stream", limit_stream(bytes, false), bytes);
	throughput("limit-stream-to-fresh-memory", limit_stream(bytes, true), bytes);
	throughput("limit-relay", limit_relay(bytes), bytes);
	throughput("limit-copy-twice-and-sum", limit_copy(bytes, 2, true, false), bytes);
	throughput("limit-memory", limit_memory(bytes), bytes);
	pingpong("limit-pingpong-one-cpu", true, false);
	pingpong("limit-pingpong-two-cpus", false, false);
	pingpong("limit-pingpong-two-cpus-polling", false, true);
	row((struct bench){.name = "limit-report-64G-1%", .unit = "us", .limit = "sending alone"},
	    limit_report(PAGES, 100), limit_report(PAGES, 0), 0, 1);
	row((struct bench){.name = "limit-report-64G-100%", .unit = "us", .limit = "sending alone"},
	    limit_report(PAGES, 1), limit_report(PAGES, 0), 0, 1);
	return 0;
}
