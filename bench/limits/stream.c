/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Limits of moving a device's state: copies in one process, a stream between two, a relay through four.
 */
#include "bench/limits/limits.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xxhash.h>

/* ---- copies ---- */

struct copying {
	uint64_t bytes;
	unsigned copies;
	bool sum, fresh;
	uint8_t *from, *to, *by;
	int fd;
};

static int fresh_file(uint64_t bytes)
{
	int fd = memfd_create("fresh", MFD_CLOEXEC);

	if (fd < 0 || ftruncate(fd, (off_t)bytes))
		bench_fail("no memory of %llu bytes", (unsigned long long)bytes);
	return fd;
}

static void give_back(int fd, uint64_t bytes)
{
	if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, (off_t)bytes))
		bench_fail("giving memory back");
}

static void copying_begin(void *self)
{
	struct copying *c = self;

	c->from = bench_memory(c->bytes, 1);
	if (c->fresh)
		c->fd = fresh_file(c->bytes);
	else
		c->to = bench_memory(c->bytes, 0);
	c->by = bench_memory(LIMIT_PIECE, 0);
}

static void copying_prepare(void *self)
{
	struct copying *c = self;

	if (c->fresh)
		give_back(c->fd, c->bytes);
}

static void copying_run(void *self)
{
	struct copying *c = self;
	uint64_t sum = 0;

	for (uint64_t at = 0; at < c->bytes; at += LIMIT_PIECE) {
		const uint8_t *from = c->from + at;

		if (c->copies > 1) {
			memcpy(c->by, from, LIMIT_PIECE);
			from = c->by;
		}
		if (c->sum)
			sum ^= XXH3_64bits(from, LIMIT_PIECE);
		if (!c->fresh)
			memcpy(c->to + at, from, LIMIT_PIECE);
		else if (pwrite(c->fd, from, LIMIT_PIECE, (off_t)at) != LIMIT_PIECE)
			bench_fail("filling memory");
	}
	bench_use(&sum);
}

struct bench_workers *limit_copy(uint64_t bytes, unsigned copies, bool sum, bool fresh)
{
	struct copying c = {.bytes = bytes, .copies = copies, .sum = sum, .fresh = fresh};
	struct bench_workers *workers = bench_workers_new();

	bench_workers_join(workers, &(struct bench_member){copying_begin, copying_prepare,
							   copying_run, &c, 0});
	return workers;
}

/* ---- hops ---- */

/*
 * One of a row of processes: from a socket or the memory of the first, to a socket or the memory of the last. What
 * goes over the channel has its checksum behind it. Memory that is @fresh is made by filling it, as that of
 * a device is which has just come to be; written through its descriptor, for that is faster than page faults.
 */
struct hop {
	uint64_t bytes;
	int in, out;
	bool sums, checks, fresh;
	uint8_t *memory, *buffer;
	int fd;
};

static void hop_begin(void *self)
{
	struct hop *hop = self;

	if (hop->fresh) {
		hop->fd = fresh_file(hop->bytes);
	} else if (hop->in < 0 || hop->out < 0)
		hop->memory = bench_memory(hop->bytes, hop->in < 0);
	hop->buffer = bench_memory(LIMIT_PIECE + 4096, 0);
}

static void hop_prepare(void *self)
{
	struct hop *hop = self;

	if (hop->fresh)
		give_back(hop->fd, hop->bytes);
}

static void hop_run(void *self)
{
	struct hop *hop = self;
	size_t before = LIMIT_PIECE + (hop->checks ? sizeof(XXH64_hash_t) : 0);
	size_t after = LIMIT_PIECE + (hop->sums ? sizeof(XXH64_hash_t) : 0);

	for (uint64_t at = 0; at < hop->bytes; at += LIMIT_PIECE) {
		uint8_t *piece = hop->memory ? hop->memory + at : hop->buffer;
		XXH64_hash_t sum = 0;

		if (hop->in >= 0)
			bench_recv(hop->in, piece, before);
		if (hop->sums || hop->checks)
			sum = XXH3_64bits(piece, LIMIT_PIECE);
		if (hop->checks && memcmp(piece + LIMIT_PIECE, &sum, sizeof(sum)))
			bench_fail("a checksum is wrong");
		if (hop->sums)
			memcpy(piece + LIMIT_PIECE, &sum, sizeof(sum));
		if (hop->out >= 0)
			bench_send(hop->out, piece, after);
		else if (hop->fresh &&
			 pwrite(hop->fd, piece, LIMIT_PIECE, (off_t)at) != LIMIT_PIECE)
			bench_fail("filling memory");
	}
}

static void hop_join(struct bench_workers *workers, struct hop hop, int cpu)
{
	bench_workers_join(workers,
			   &(struct bench_member){hop_begin, hop_prepare, hop_run, &hop, cpu});
}

struct bench_workers *limit_stream(uint64_t bytes, bool fresh)
{
	struct bench_workers *workers = bench_workers_new();
	int pair[2];

	bench_sockets(pair);
	hop_join(workers, (struct hop){.bytes = bytes, .in = -1, .out = pair[0]}, 0);
	hop_join(workers, (struct hop){.bytes = bytes, .in = pair[1], .out = -1, .fresh = fresh},
		 1);
	return workers;
}

struct bench_workers *limit_relay(uint64_t bytes)
{
	struct bench_workers *workers = bench_workers_new();
	int a[2], channel[2], b[2];

	bench_sockets(a);
	bench_sockets(channel);
	bench_sockets(b);
	hop_join(workers, (struct hop){.bytes = bytes, .in = -1, .out = a[0]}, BENCH_ANY_CPU);
	hop_join(workers, (struct hop){.bytes = bytes, .in = a[1], .out = channel[0], .sums = true},
		 BENCH_ANY_CPU);
	hop_join(workers,
		 (struct hop){.bytes = bytes, .in = channel[1], .out = b[0], .checks = true},
		 BENCH_ANY_CPU);
	hop_join(workers, (struct hop){.bytes = bytes, .in = b[1], .out = -1, .fresh = true},
		 BENCH_ANY_CPU);
	return workers;
}
