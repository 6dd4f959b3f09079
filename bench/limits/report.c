/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The limit of a report of written pages: a small command, and a bitmap that comes back.
 */
#include "bench/limits/limits.h"

#include <stdatomic.h>

#define COMMAND 64

struct reporting {
	uint64_t pages, one_in;
	int fd;
	_Atomic uint64_t *flat;
	uint64_t *bitmap;
};

static size_t bitmap_bytes(const struct reporting *r)
{
	return r->pages / 8;
}

static void begin(void *self)
{
	struct reporting *r = self;

	r->flat = (_Atomic uint64_t *)bench_memory(bitmap_bytes(r), 0);
	r->bitmap = (uint64_t *)bench_memory(bitmap_bytes(r), 0);
}

static void mark(void *self)
{
	struct reporting *r = self;
	uint64_t seed = 99;

	if (!r->one_in)
		return;
	if (r->one_in == 1) {
		memset((void *)r->flat, 0xff, bitmap_bytes(r));
		return;
	}
	for (uint64_t n = 0; n < r->pages / r->one_in; n++) {
		uint64_t page;

		seed ^= seed << 13;
		seed ^= seed >> 7;
		seed ^= seed << 17;
		page = seed % r->pages;
		r->flat[page / 64] |= 1ull << page % 64;
	}
}

static void exchange(struct reporting *r)
{
	for (uint64_t i = 0; i < r->pages / 64; i++)
		r->bitmap[i] = atomic_load_explicit(&r->flat[i], memory_order_relaxed)
				       ? atomic_exchange(&r->flat[i], 0)
				       : 0;
}

static void answers(void *self)
{
	struct reporting *r = self;
	uint8_t command[COMMAND];

	bench_recv(r->fd, command, sizeof(command));
	if (r->one_in)
		exchange(r);
	bench_send(r->fd, r->bitmap, bitmap_bytes(r));
}

static void asks(void *self)
{
	static const uint8_t command[COMMAND];
	struct reporting *r = self;
	uint64_t began = bench_now();

	bench_send(r->fd, command, sizeof(command));
	bench_recv(r->fd, r->bitmap, bitmap_bytes(r));
	bench_lap(bench_now() - began);
}

struct bench_workers *limit_report(uint64_t pages, uint64_t one_in)
{
	struct bench_workers *workers = bench_workers_new();
	struct reporting server = {.pages = pages, .one_in = one_in};
	struct reporting client = server;
	int pair[2];

	bench_sockets(pair);
	server.fd = pair[0];
	client.fd = pair[1];
	bench_workers_join(workers, &(struct bench_member){begin, mark, answers, &server, 0});
	bench_workers_join(workers, &(struct bench_member){begin, NULL, asks, &client, 1});
	return workers;
}
