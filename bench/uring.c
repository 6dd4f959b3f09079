/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Would io_uring be worth it? The two things that vfio-user does most, done bare with it, against the same done bare with
 * plain calls, between two processes on one socket pair:
 *
 *     exchange     32 bytes there and 36 back, as for a register; with the ring one call sends, and waits for what comes
 *     stream       pieces of 1 MiB; with the ring both ends have four under way
 *
 * Nothing of vfmig is in here: this says what the kernel has to give, at the most.
 */
#include "bench/limits/limits.h"

#include <liburing.h>
#include <sys/socket.h>

#define RUNS	11
#define COMMAND 32
#define REPLY	36
#define DEPTH	4u

struct end {
	int fd;
	bool asks;
	unsigned times;
	uint64_t bytes;
	uint8_t *memory;
	struct io_uring ring;
};

static void open_ring(struct end *e)
{
	int ret = io_uring_queue_init(64, &e->ring, 0);

	if (ret)
		bench_fail("no ring: %d", ret);
}

static struct io_uring_sqe *next(struct end *e)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&e->ring);

	if (!sqe)
		bench_fail("the ring is full");
	return sqe;
}

/* @count results, each of at least one byte; what they add up to. */
static size_t reap(struct end *e, unsigned count)
{
	struct io_uring_cqe *cqe;
	size_t bytes = 0;

	while (count--) {
		if (io_uring_wait_cqe(&e->ring, &cqe) || cqe->res <= 0)
			bench_fail("a ring's send or receive failed");
		bytes += (size_t)cqe->res;
		io_uring_cqe_seen(&e->ring, cqe);
	}
	return bytes;
}

/* ---- small messages ---- */

static void exchange_begin(void *self)
{
	open_ring(self);
}

static void exchange(void *self)
{
	static uint8_t out[64], in[64];
	struct end *e = self;
	size_t there = e->asks ? COMMAND : REPLY, back = e->asks ? REPLY : COMMAND;

	if (!e->asks) {
		io_uring_prep_recv(next(e), e->fd, in, sizeof(in), 0);
		io_uring_submit_and_wait(&e->ring, 1);
		reap(e, 1);
	}
	for (unsigned i = 0; i < e->times; i++) {
		struct io_uring_sqe *sqe = next(e);
		unsigned count = e->asks || i + 1 < e->times ? 2 : 1;

		io_uring_prep_send(sqe, e->fd, out, there, MSG_NOSIGNAL);
		if (count == 2) {
			sqe->flags |= IOSQE_IO_LINK;
			io_uring_prep_recv(next(e), e->fd, in, sizeof(in), 0);
		}
		io_uring_submit_and_wait(&e->ring, count);
		if (reap(e, count) != there + (count == 2 ? back : 0))
			bench_fail("a message of another size");
	}
}

/* ---- large ones ---- */

static void stream_begin(void *self)
{
	struct end *e = self;

	open_ring(e);
	e->memory = bench_memory(e->bytes, e->asks ? 1 : 0);
}

/* The kernel does what is asked of one stream in order, if each waits for the one before it: they are linked. */
static void stream(void *self)
{
	struct end *e = self;
	uint64_t at = 0, done = 0;

	while (done < e->bytes) {
		unsigned count = 0;

		for (; count < DEPTH && at < e->bytes; count++, at += LIMIT_PIECE) {
			struct io_uring_sqe *sqe = next(e);

			if (e->asks)
				io_uring_prep_send(sqe, e->fd, e->memory + at, LIMIT_PIECE,
						   MSG_WAITALL | MSG_NOSIGNAL);
			else
				io_uring_prep_recv(sqe, e->fd, e->memory + at, LIMIT_PIECE,
						   MSG_WAITALL);
			if (count + 1 < DEPTH && at + LIMIT_PIECE < e->bytes)
				sqe->flags |= IOSQE_IO_LINK;
		}
		io_uring_submit_and_wait(&e->ring, count);
		done += reap(e, count);
	}
}

static struct bench_workers *workers(void (*begin)(void *self), void (*run)(void *self),
				     unsigned times, uint64_t bytes, bool one_cpu)
{
	struct bench_workers *workers = bench_workers_new();
	struct end ends[2];
	int pair[2];

	bench_sockets(pair);
	for (int i = 0; i < 2; i++) {
		ends[i] = (struct end){.fd = pair[i], .asks = !i, .times = times, .bytes = bytes};
		bench_workers_join(workers, &(struct bench_member){.begin = begin,
								   .run = run,
								   .self = &ends[i],
								   .cpu = one_cpu ? 0 : i});
	}
	return workers;
}

static void row(const char *name, const char *unit, struct bench_workers *ring,
		struct bench_workers *plain, uint64_t bytes, unsigned times)
{
	struct bench b = {.name = name, .unit = unit, .limit = "plain calls"};

	bench_crews(&b, RUNS, ring, plain, bytes, times);
	bench_report(&b);
	bench_workers_free(ring);
	bench_workers_free(plain);
}

int main(int argc, char **argv)
{
	uint64_t bytes = bench_size("BENCH_SIZE", 256ull << 20, 0.1) / LIMIT_PIECE * LIMIT_PIECE;
	struct io_uring ring;

	/* Many systems forbid it. */
	if (io_uring_queue_init(8, &ring, 0)) {
		printf("this system has no io_uring for us\n");
		return 77;
	}
	io_uring_queue_exit(&ring);
	if (bench_wanted(argc, argv, "uring-exchange-one-cpu"))
		row("uring-exchange-one-cpu", "us",
		    workers(exchange_begin, exchange, 5000, 0, true),
		    limit_pingpong(5000, true, false), 0, 5000);
	if (bench_wanted(argc, argv, "uring-stream"))
		row("uring-stream", "GB/s", workers(stream_begin, stream, 0, bytes, false),
		    limit_stream(bytes, false), bytes, 1);
	return 0;
}
