/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Limits: programs without vfmig that do the least that a job needs.
 *
 * Each makes the same hops over the same kind of sockets, the same copies that cannot be left out and the same
 * checksums, of as many bytes that no cache holds, in as many processes. What a bench reaches of its limit
 * is what the rest costs: messages, checks, order, being able to fail.
 */
#ifndef VFMIG_BENCH_LIMITS_H
#define VFMIG_BENCH_LIMITS_H

#include "bench/workers.h"

#define LIMIT_PIECE (1u << 20)

/* Of the memory in limit_memory(): one in four of pieces of this size holds zeros. */
#define LIMIT_ZERO_RUN (64u << 10)

/*
 * One thread copies @bytes of cold memory to cold memory, @copies times by way of a buffer, and sums it. Memory that is
 * @fresh is made by filling it, as in limit_stream().
 */
struct bench_workers *limit_copy(uint64_t bytes, unsigned copies, bool sum, bool fresh);

/*
 * One process sends @bytes of its memory, in pieces, and the other receives them into its own: memory that is
 * there, or @fresh, which each run makes anew.
 */
struct bench_workers *limit_stream(uint64_t bytes, bool fresh);

/*
 * 32 bytes there and 36 back, @times, as a region read of 4 bytes is: on one processor or on two; waiting in
 * the kernel, or asking it all the time (@poll).
 */
struct bench_workers *limit_pingpong(unsigned times, bool one_cpu, bool poll);
/* The same system calls in one process, with nobody to wait for. */
struct bench_workers *limit_calls(unsigned times);

/*
 * Four processes: one sends its memory, the next sums what comes and passes it on, the third checks the sum
 * and passes it on, the last receives it into fresh memory.
 */
struct bench_workers *limit_relay(uint64_t bytes);

/*
 * Two processes: one looks through its memory, of which a quarter is zeros, copies what is not (somebody may
 * be writing to it), sums and sends it; the other receives it into its memory, and checks.
 */
struct bench_workers *limit_memory(uint64_t bytes);
/* The same memory, for what is compared with it. */
uint8_t *limit_memory_fill(uint64_t bytes);

/*
 * The reply to a report of @pages: a bitmap that is sent. With @one_in other than 0 each of its words is first
 * looked for in another bitmap, of which about one in so many bits is set, and exchanged for zero.
 */
struct bench_workers *limit_report(uint64_t pages, uint64_t one_in);

#endif
