/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What every bench needs: pairs of runs, and what they say.
 *
 * A number alone says more of the machine, and of who else is on it, than of the code. So each run
 * of the thing that is measured is paired with a run, right beside it, of a limit: the fastest way
 * that this machine has of doing what cannot be left out (memcpy of the same bytes, a bare system
 * call). The result is the ratio of the two, and its spread: median, least and greatest of the pairs.
 *
 *	struct bench b = { .name = "harvest-sparse", .unit = "GB/s", .limit = "memcpy" };
 *
 *	for (int i = 0; i < BENCH_RUNS; i++)
 *		bench_pair(&b, rate_of(harvest), rate_of(copy));
 *	bench_report(&b);
 *
 * prints a line to read on stderr, and on stdout a line of JSON, which tools/bench collects:
 *
 *	{"bench": "harvest-sparse", "ratio_median": 0.93, "ratio_min": 0.91, "ratio_max": 0.95,
 *	 "runs": 9, "unit": "GB/s", "limit": "memcpy", "median": 9.1, "limit_median": 9.8}
 *
 * A bench that knows how much processor time both sides took says that, too (bench_cpu()): as
 * "cpu_ratio_median", of which less is better whatever the unit is. Where others use the machine it is the
 * steadier of the two.
 */
#ifndef VFMIG_BENCH_H
#define VFMIG_BENCH_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Odd, so that the median is one of them. */
#define BENCH_RUNS     9
#define BENCH_RUNS_MAX 101

struct bench {
	const char *name;  /* what was measured */
	const char *unit;  /* of the values, not of the ratio, which has none */
	const char *limit; /* what it is compared with */
	uint64_t bytes;	   /* the working set; 0 if that is no matter of a size */
	unsigned int runs;
	double value[BENCH_RUNS_MAX];
	double limit_value[BENCH_RUNS_MAX];
	double cpu[BENCH_RUNS_MAX]; /* a ratio; 0 if it is not known */
};

/* Nanoseconds of a clock that only goes forward. */
static inline uint64_t bench_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Keep the compiler from leaving out work whose result nobody reads. */
static inline void bench_use(const void *result)
{
	__asm__ volatile("" : : "r"(result) : "memory");
}

static inline void bench_pair(struct bench *b, double value, double limit)
{
	if (b->runs == BENCH_RUNS_MAX || !(limit > 0)) {
		fprintf(stderr, "%s: no room, or a limit of nothing\n", b->name);
		exit(1);
	}
	b->value[b->runs] = value;
	b->limit_value[b->runs++] = limit;
}

/* Which rows are to be measured: those whose names begin with an argument of the program, or all. */
static inline int bench_wanted(int argc, char **argv, const char *name)
{
	for (int i = 1; i < argc; i++)
		if (!strncmp(name, argv[i], strlen(argv[i])))
			return 1;
	return argc < 2;
}

/* How much processor time the two of the last pair took, in any unit. */
static inline void bench_cpu(struct bench *b, double cpu, double limit)
{
	b->cpu[b->runs - 1] = limit > 0 ? cpu / limit : 0;
}

static inline int bench_order(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static inline double bench_median(const double *values, unsigned int n)
{
	double sorted[BENCH_RUNS_MAX];

	memcpy(sorted, values, n * sizeof(*values));
	qsort(sorted, n, sizeof(*sorted), bench_order);
	return n % 2 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
}

static inline void bench_report(const struct bench *b)
{
	double ratio[BENCH_RUNS_MAX], min, max, median;

	if (!b->runs) {
		fprintf(stderr, "%s: nothing was measured\n", b->name);
		exit(1);
	}
	for (unsigned int i = 0; i < b->runs; i++)
		ratio[i] = b->value[i] / b->limit_value[i];
	min = max = ratio[0];
	for (unsigned int i = 1; i < b->runs; i++) {
		min = ratio[i] < min ? ratio[i] : min;
		max = ratio[i] > max ? ratio[i] : max;
	}
	median = bench_median(ratio, b->runs);
	fprintf(stderr, "%s: %.3f of %s (%.3f to %.3f in %u runs; %.4g %s against %.4g)", b->name,
		median, b->limit, min, max, b->runs, bench_median(b->value, b->runs), b->unit,
		bench_median(b->limit_value, b->runs));
	if (b->cpu[0] > 0)
		fprintf(stderr, ", %.3f of its processor time", bench_median(b->cpu, b->runs));
	fputc('\n', stderr);
	printf("{\"bench\": \"%s\", \"ratio_median\": %.4f, \"ratio_min\": %.4f, "
	       "\"ratio_max\": %.4f, \"runs\": %u, \"unit\": \"%s\", \"limit\": \"%s\", "
	       "\"median\": %.6g, \"limit_median\": %.6g",
	       b->name, median, min, max, b->runs, b->unit, b->limit,
	       bench_median(b->value, b->runs), bench_median(b->limit_value, b->runs));
	if (b->bytes)
		printf(", \"bytes\": %llu", (unsigned long long)b->bytes);
	if (b->cpu[0] > 0)
		printf(", \"cpu_ratio_median\": %.4f", bench_median(b->cpu, b->runs));
	puts("}");
	fflush(stdout);
}

#endif
