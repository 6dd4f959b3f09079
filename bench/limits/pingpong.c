/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Limits of a register access by message: 32 bytes there, 36 bytes back.
 */
#include "bench/limits/limits.h"

#include <errno.h>
#include <sys/socket.h>

#define COMMAND 32
#define REPLY	36

struct player {
	unsigned times;
	int fd, other;
	bool poll;
};

static void take(const struct player *p, size_t len)
{
	uint8_t buf[64];
	ssize_t n;

	do
		n = recv(p->fd, buf, sizeof(buf), p->poll ? MSG_DONTWAIT : 0);
	while (n < 0 && errno == EAGAIN);
	if (n != (ssize_t)len)
		bench_fail("a message of %zu bytes came as %zd", len, n);
}

static void give(int fd, size_t len)
{
	static const uint8_t nothing[64];

	bench_send(fd, nothing, len);
}

static void asks(void *self)
{
	struct player *p = self;

	for (unsigned i = 0; i < p->times; i++) {
		give(p->fd, COMMAND);
		take(p, REPLY);
	}
}

static void answers(void *self)
{
	struct player *p = self;

	for (unsigned i = 0; i < p->times; i++) {
		take(p, COMMAND);
		give(p->fd, REPLY);
	}
}

struct bench_workers *limit_pingpong(unsigned times, bool one_cpu, bool poll)
{
	struct bench_workers *workers = bench_workers_new();
	struct player client = {.times = times, .poll = poll}, server = client;
	int pair[2];

	bench_sockets(pair);
	client.fd = pair[0];
	server.fd = pair[1];
	bench_workers_join(workers,
			   &(struct bench_member){.run = answers, .self = &server, .cpu = 0});
	bench_workers_join(workers,
			   &(struct bench_member){.run = asks, .self = &client, .cpu = !one_cpu});
	return workers;
}

static void alone(void *self)
{
	struct player *p = self, other = *p;

	other.fd = p->other;
	for (unsigned i = 0; i < p->times; i++) {
		give(p->fd, COMMAND);
		take(&other, COMMAND);
		give(p->other, REPLY);
		take(p, REPLY);
	}
}

struct bench_workers *limit_calls(unsigned times)
{
	struct bench_workers *workers = bench_workers_new();
	struct player p = {.times = times};
	int pair[2];

	bench_sockets(pair);
	p.fd = pair[0];
	p.other = pair[1];
	bench_workers_join(workers, &(struct bench_member){.run = alone, .self = &p, .cpu = 0});
	return workers;
}
