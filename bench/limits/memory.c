/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The limit of pre-copy: memory that others may be writing to, looked through once, copied once, sent once.
 */
#include "bench/limits/limits.h"

#include <sys/socket.h>
#include <xxhash.h>

#define PAGE   4096u
#define BUFFER (LIMIT_PIECE + PAGE)

/* In front of each run of pages; @len 0 is a run of zeros up to @end. */
struct run {
	uint64_t at, len, end, sum;
	uint64_t unused[2]; /* as large as the header of a section */
};

struct memory {
	uint64_t bytes;
	int fd;
	uint8_t *memory, *buffer;
};

uint8_t *limit_memory_fill(uint64_t bytes)
{
	uint8_t *memory = bench_memory(bytes, 7);

	for (uint64_t at = 0; at < bytes; at += 4 * LIMIT_ZERO_RUN)
		memset(memory + at, 0, LIMIT_ZERO_RUN);
	return memory;
}

typedef uint64_t piece __attribute__((vector_size(32), may_alias, aligned(1)));

/* Copy a page; was there anything in it? */
static bool copy(void *to, const void *from)
{
	const piece *in = from;
	piece *out = to, any = {0};

	for (unsigned i = 0; i < PAGE / sizeof(piece); i++) {
		out[i] = in[i];
		any |= in[i];
	}
	return any[0] | any[1] | any[2] | any[3];
}

static bool is_zero(const void *page)
{
	const piece *in = page;
	piece any = {0};

	for (unsigned i = 0; i < PAGE / sizeof(piece); i++)
		any |= in[i];
	return !(any[0] | any[1] | any[2] | any[3]);
}

static void sender_begin(void *self)
{
	struct memory *m = self;

	m->memory = limit_memory_fill(m->bytes);
	m->buffer = bench_memory(BUFFER, 0);
}

/* Put the next run into the buffer; returns where the next one begins. */
static uint64_t put_run(struct memory *m, uint64_t at, size_t *used)
{
	struct run *run = (struct run *)(m->buffer + *used);
	uint8_t *to = (uint8_t *)(run + 1), *end = m->buffer + BUFFER;
	bool zero = !copy(to, m->memory + at);

	*run = (struct run){.at = at};
	at += PAGE;
	if (zero) {
		while (at < m->bytes && !copy(to, m->memory + at))
			at += PAGE;
	} else {
		for (to += PAGE; at < m->bytes && to + PAGE <= end; at += PAGE, to += PAGE)
			if (!copy(to, m->memory + at))
				break;
		run->len = (uint64_t)(to - (uint8_t *)(run + 1));
		run->sum = XXH3_64bits(run + 1, run->len);
	}
	run->end = at;
	*used += sizeof(*run) + run->len;
	return at;
}

static void sender_run(void *self)
{
	struct memory *m = self;
	size_t used = 0;

	for (uint64_t at = 0; at < m->bytes;) {
		at = put_run(m, at, &used);
		if (used + sizeof(struct run) + PAGE > BUFFER || at == m->bytes) {
			bench_send(m->fd, m->buffer, used);
			used = 0;
		}
	}
}

static void receiver_begin(void *self)
{
	struct memory *m = self;

	m->memory = bench_memory(m->bytes, 0);
}

/* A run's pages to their place and, behind them in the same call, the head of the next one. */
static void take(const struct memory *m, const struct run *run, struct run *next)
{
	struct iovec iov[2] = {{m->memory + run->at, run->len}, {next, sizeof(*next)}};
	struct msghdr msg = {.msg_iov = iov, .msg_iovlen = run->end < m->bytes ? 2 : 1};
	size_t left = run->len + (msg.msg_iovlen == 2 ? sizeof(*next) : 0);

	while (left) {
		ssize_t n = recvmsg(m->fd, &msg, MSG_WAITALL);

		if (n <= 0)
			bench_fail("receiving pages");
		left -= (size_t)n;
		for (size_t gone = (size_t)n, i = 0; i < 2 && gone; i++) {
			size_t here = gone < iov[i].iov_len ? gone : iov[i].iov_len;

			iov[i].iov_base = (char *)iov[i].iov_base + here;
			iov[i].iov_len -= here;
			gone -= here;
		}
	}
}

static void receiver_run(void *self)
{
	struct memory *m = self;
	struct run run = {0}, next;

	bench_recv(m->fd, &run, sizeof(run));
	for (;; run = next) {
		take(m, &run, &next);
		if (run.len && XXH3_64bits(m->memory + run.at, run.len) != run.sum)
			bench_fail("a checksum is wrong");
		for (uint64_t at = run.at; !run.len && at < run.end; at += PAGE)
			if (!is_zero(m->memory + at))
				memset(m->memory + at, 0, PAGE);
		if (run.end == m->bytes)
			return;
	}
}

struct bench_workers *limit_memory(uint64_t bytes)
{
	struct bench_workers *workers = bench_workers_new();
	struct memory from = {.bytes = bytes}, to = from;
	int pair[2];

	bench_sockets(pair);
	from.fd = pair[0];
	to.fd = pair[1];
	bench_workers_join(workers,
			   &(struct bench_member){sender_begin, NULL, sender_run, &from, 0});
	bench_workers_join(workers,
			   &(struct bench_member){receiver_begin, NULL, receiver_run, &to, 1});
	return workers;
}
