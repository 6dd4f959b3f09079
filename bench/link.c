/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A slow link.
 *
 * For each direction a thread reads pieces and stamps them with the time at which they arrive, and another one writes
 * them then. What is between the two is on the wire.
 */
#include "bench/link.h"

#include <pthread.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/bench.h"

#define PIECE (16u << 10)
#define WIRE  256u /* pieces: 4 MiB */

struct piece {
	uint64_t due;
	size_t len;
	char bytes[PIECE];
};

struct way {
	struct bench_link_options options;
	int in, out;
	pthread_t reader, writer;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	unsigned head, tail; /* pieces that were read, and written */
	bool over;
	struct piece piece[WIRE];
};

struct bench_link {
	int fd[2]; /* the link's ends of both sockets */
	struct way way[2];
};

static void sleep_until(uint64_t due)
{
	struct timespec t = {(time_t)(due / 1000000000), (long)(due % 1000000000)};

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

/* When a piece that is here now arrives there. @free: when the wire is free again. */
static uint64_t due(const struct bench_link_options *o, size_t len, uint64_t *free, uint64_t *since)
{
	uint64_t now = bench_now();

	if (*free < now)
		*free = now;
	if (o->rate)
		*free += (uint64_t)len * 1000000000 / o->rate;
	*since += len;
	if (o->stall_bytes && *since >= o->stall_bytes) {
		*since = 0;
		*free += o->stall_ns;
	}
	return *free + o->latency_ns;
}

static void finish(struct way *way)
{
	pthread_mutex_lock(&way->lock);
	way->over = true;
	pthread_cond_broadcast(&way->changed);
	pthread_mutex_unlock(&way->lock);
}

static void *read_pieces(void *context)
{
	struct way *way = context;
	uint64_t free = 0, since = 0;

	for (;;) {
		struct piece *piece;
		ssize_t n;

		pthread_mutex_lock(&way->lock);
		while (way->head - way->tail == WIRE && !way->over)
			pthread_cond_wait(&way->changed, &way->lock);
		pthread_mutex_unlock(&way->lock);
		piece = &way->piece[way->head % WIRE];
		n = recv(way->in, piece->bytes, PIECE, 0);
		if (n <= 0 || way->over)
			break;
		piece->len = (size_t)n;
		piece->due = due(&way->options, piece->len, &free, &since);
		pthread_mutex_lock(&way->lock);
		way->head++;
		pthread_cond_broadcast(&way->changed);
		pthread_mutex_unlock(&way->lock);
	}
	finish(way);
	return NULL;
}

static bool write_piece(const struct way *way, const struct piece *piece)
{
	for (size_t done = 0; done < piece->len;) {
		ssize_t n = send(way->out, piece->bytes + done, piece->len - done, MSG_NOSIGNAL);

		if (n <= 0)
			return false;
		done += (size_t)n;
	}
	return true;
}

static void *write_pieces(void *context)
{
	struct way *way = context;

	for (;;) {
		struct piece *piece;
		bool none;

		pthread_mutex_lock(&way->lock);
		while (way->head == way->tail && !way->over)
			pthread_cond_wait(&way->changed, &way->lock);
		none = way->head == way->tail;
		pthread_mutex_unlock(&way->lock);
		if (none)
			break;
		piece = &way->piece[way->tail % WIRE];
		sleep_until(piece->due);
		if (!write_piece(way, piece))
			break;
		pthread_mutex_lock(&way->lock);
		way->tail++;
		pthread_cond_broadcast(&way->changed);
		pthread_mutex_unlock(&way->lock);
	}
	finish(way);
	shutdown(way->out, SHUT_WR);
	return NULL;
}

struct bench_link *bench_link_new(const struct bench_link_options *options, int fd[2])
{
	struct bench_link *link = calloc(1, sizeof(*link));

	if (!link) {
		fprintf(stderr, "no memory for a link\n");
		exit(1);
	}
	for (int i = 0; i < 2; i++) {
		int pair[2];

		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair)) {
			perror("socketpair");
			exit(1);
		}
		fd[i] = pair[0];
		link->fd[i] = pair[1];
	}
	for (int i = 0; i < 2; i++) {
		struct way *way = &link->way[i];

		way->options = *options;
		if (i)
			way->options.rate = way->options.stall_bytes = 0;
		way->in = link->fd[i];
		way->out = link->fd[!i];
		pthread_mutex_init(&way->lock, NULL);
		pthread_cond_init(&way->changed, NULL);
		if (pthread_create(&way->reader, NULL, read_pieces, way) ||
		    pthread_create(&way->writer, NULL, write_pieces, way)) {
			fprintf(stderr, "no thread for a link\n");
			exit(1);
		}
	}
	return link;
}

void bench_link_free(struct bench_link *link)
{
	for (int i = 0; i < 2; i++)
		shutdown(link->fd[i], SHUT_RDWR);
	for (int i = 0; i < 2; i++) {
		pthread_join(link->way[i].reader, NULL);
		pthread_join(link->way[i].writer, NULL);
	}
	close(link->fd[0]);
	close(link->fd[1]);
	free(link);
}
