/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A crew: processes that do one thing together, again and again, and are timed from outside.
 *
 * What is measured runs in several processes, as it does in life, and so does its limit. Both are crews, so that
 * both are begun, pinned, made ready and timed in the same way, and can take turns:
 *
 *	struct bench_workers *crew = bench_workers_new();
 *
 *	bench_workers_join(crew, &(struct bench_member){.run = sends, .self = &sender, .cpu = 0});
 *	bench_workers_join(crew, &(struct bench_member){.run = receives, .self = &receiver, .cpu = 1});
 *	ns = bench_workers_run(crew);
 *
 * A member is a process from join on. What @self points to is its own copy: whatever two members share (sockets,
 * shared memory) is made before they join. A member that fails says why and exits; the bench ends with it.
 */
#ifndef VFMIG_BENCH_CREW_H
#define VFMIG_BENCH_CREW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/bench.h"

struct bench_workers;

/* Not pinned. */
#define BENCH_ANY_CPU (-1)

/*
 * @begin: once; to make what it needs
 * @prepare: before each run, not timed; those of all members at the same time
 * @run: what is timed, from when all are told until the last has done it
 * @self: their argument
 * @cpu: which of the processors that this process may use, counted from 0 and round and round; or BENCH_ANY_CPU
 */
struct bench_member {
	void (*begin)(void *self);
	void (*prepare)(void *self);
	void (*run)(void *self);
	void *self;
	int cpu;
};

struct bench_workers *bench_workers_new(void);
void bench_workers_join(struct bench_workers *workers, const struct bench_member *member);

/* Let all do it once. Nanoseconds of time, and of processor time of all of them together (@cpu may be NULL). */
uint64_t bench_workers_run(struct bench_workers *workers, uint64_t *cpu);

/*
 * In a member's run: what counts is only what is told here, in nanoseconds, not the whole of the run; the sum, and
 * of several members that tell the longest.
 */
void bench_lap(uint64_t ns);

/* End the processes, and free. NULL is fine. */
void bench_workers_free(struct bench_workers *workers);

/*
 * Pairs of runs: @crew and @limit take turns in going first; one pair is left out to warm up. With @bytes the
 * values are GB/s of that many bytes, else microseconds for each of @times.
 */
void bench_crews(struct bench *b, unsigned runs, struct bench_workers *workers,
		 struct bench_workers *limit, uint64_t bytes, unsigned times);

/* ---- what members need ---- */

/* Say why, with errno, and end this process. */
void bench_fail(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* A pair of connected stream sockets, as large on the way as the system allows up to 1 MiB. */
void bench_sockets(int pair[2]);

/*
 * Memory of its own kind: shared and in small pages, as the memory of guests and devices is that others map. All
 * of it is there, and filled with what does not compress; with a @seed of 0 it is zeros.
 */
uint8_t *bench_memory(uint64_t bytes, uint64_t seed);
void bench_fill(void *memory, uint64_t bytes, uint64_t seed);

/* Bytes of this process that are in memory. */
uint64_t bench_resident(void);

/* All of it, or bench_fail(). */
void bench_send(int fd, const void *buf, size_t len);
void bench_recv(int fd, void *buf, size_t len);

/*
 * A size from the environment (as people write it: 256M), or @default_text; never more than @share of the memory that
 * this machine has to spare.
 */
uint64_t bench_size(const char *variable, uint64_t default_text, double share);

#endif
