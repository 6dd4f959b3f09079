/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A device for benches, and processes that have one: a block of memory that does not compress, and a register.
 */
#ifndef VFMIG_BENCH_CARD_H
#define VFMIG_BENCH_CARD_H

#include <vfmig/device.h>
#include <vfmig/session.h>

#include "bench/workers.h"
#include "dirty/map.h"

/* The register: in BAR 0. */
#define TEST_DEVICE_REGISTER 0x10u

/* A card with a block of @bytes; its memory is filled with a @seed, unless that is 0. */
struct vfmig_device *bench_card(uint64_t bytes, const char *options, uint64_t seed);
/* Write to all of its memory again: all of it is new. */
void bench_card_touch(struct vfmig_device *card);
/* Give all of its memory back to the system. */
void bench_card_empty(struct vfmig_device *card);
/* The log of its DMA. */
struct vfmig_dirty *bench_card_log(struct vfmig_device *card);

#define BENCH_SERVED_MAX 16u

/*
 * A process that serves @count cards of @bytes each, on the sockets @fd, each in a thread. Its run is over when
 * the client says so.
 * @over: shared with the client
 * @prepare: before each run, with the served; or NULL
 */
struct bench_served {
	uint64_t bytes, seed;
	const char *options;
	unsigned count;
	int fd[BENCH_SERVED_MAX];
	int over;
	void (*prepare)(struct bench_served *served);
	struct vfmig_device *cards[BENCH_SERVED_MAX];
};

/* Sockets and all; the clients' ends come to @clients. */
void bench_serve(struct bench_workers *workers, struct bench_served *served, int cpu, int *clients);

/* What a client has: connected in its own process, with bench_connect(). */
struct vfmig_device *bench_connect(int fd);
/* To the servers of its crew: this run is over. */
void bench_over(int over);

/* vfmig said no. */
void bench_must(int ret, const struct vfmig_error *err);

#endif
