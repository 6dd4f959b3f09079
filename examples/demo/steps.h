/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the workload's two halves share: where everything is, and what each step consists of. workload.c
 * works by it, proof.c checks by it.
 *
 * Steps are numbered from 0. With n chunks, step s is of round r = s / n and of chunk i = s % n. After r rounds
 * all chunks are in guest memory if r is even and on board if it is odd, and chunk i is at place
 * (i + r) % n there: it wanders, so that no page holds the same bytes twice.
 */
#ifndef EXAMPLES_DEMO_STEPS_H
#define EXAMPLES_DEMO_STEPS_H

#include "examples/demo/workload.h"

/* Where things are in guest memory. The state is at its beginning. */
#define WORKLOAD_QUEUE_AT   0x1000u
#define WORKLOAD_SUMS_AT    0x9000u
#define WORKLOAD_LEDGER_AT  0x19000u
#define WORKLOAD_ADDENDS_AT 0x1b000u
#define WORKLOAD_FILE_AT    0x20000u

#define WORKLOAD_CHUNKS_MAX ((WORKLOAD_LEDGER_AT - WORKLOAD_SUMS_AT) / 8)

/* An entry of a ledger, and what is added to it: how often, and the numbers of the steps. */
struct workload_entry {
	uint64_t count;
	uint64_t sum;
};

#define WORKLOAD_LEDGER_BYTES (WORKLOAD_LEDGER * sizeof(struct workload_entry))

/*
 * @chunks: n
 * @before: descriptors before those of step 0
 * @begun: steps of which the descriptors are in the ring
 * @put: descriptors by operation, all that were ever put in
 */
struct workload_state {
	uint64_t magic;
	uint64_t iova;
	uint64_t guest_size;
	uint64_t chunk;
	uint64_t chunks;
	uint64_t file_size;
	uint64_t ballast;
	uint64_t depth;
	uint64_t before;
	uint64_t begun;
	uint64_t put[CP_ADD + 1];
};

/* Some value for a number, not twice the same nearby: what SplitMix64 does. */
static inline uint64_t workload_mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15ull;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ x >> 27) * 0x94d049bb133111ebull;
	return x ^ x >> 31;
}

/* The sum of each chunk of the file, as it was at first. */
static inline uint64_t *workload_sums(const struct workload *w)
{
	return (uint64_t *)(w->guest + WORKLOAD_SUMS_AT);
}

/* Where a chunk is after so many rounds, from the beginning of the file's area on either side. */
static inline uint64_t workload_place(const struct workload_state *s, uint64_t chunk,
				      uint64_t round)
{
	return (chunk + round) % s->chunks * s->chunk;
}

/* On board: the file's area is at 0, then the ledger, then ballast. In guest memory: file, ballast. */
static inline uint64_t workload_board_ledger(const struct workload_state *s)
{
	return s->chunks * s->chunk;
}

static inline uint64_t workload_board_ballast(const struct workload_state *s)
{
	return workload_board_ledger(s) + WORKLOAD_LEDGER_BYTES;
}

static inline uint64_t workload_guest_ballast(const struct workload_state *s)
{
	return WORKLOAD_FILE_AT + s->chunks * s->chunk;
}

/* Which value a piece of the ballast on board is filled with. */
static inline uint64_t workload_board_ballast_value(uint64_t at)
{
	return workload_mix(~at);
}

/* Do one descriptor outside of the steps, and wait for it. */
int workload_once(struct workload *w, struct cp_descriptor d, uint64_t *result,
		  struct vfmig_error *err);

#endif
