/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A device's state by messages: read out of a server, written into one, and from one to another through the
 * engine. 1 GiB of memory that no cache holds, in messages of 1 MiB; BENCH_SIZE=256M for another size. The rows without
 * a goal (one at a time; in one process) are of 256 MiB.
 *
 *     read, write    one server and one client; compared with a bare stream between two processes. What is
 *                    read comes to memory that is there; what is written makes the memory that it goes to, as
 *                    in a device that has just been opened
 *     in-one-process the same with both hosts in one process; compared with copying it twice and summing it once, in
 *                    a program of its own
 *     engine         two servers and two hosts; compared with a bare relay through four processes
 */
#include "bench/test_device.h"
#include "bench/limits/limits.h"

#include <stdatomic.h>

#include <vfmig/migration.h>

#define RUNS  7
#define DEPTH 4u /* of pieces under way */

/* What the rows beside the goals make do with. */
#define LESS (256ull << 20)

static uint64_t bytes;

/* ---- a session's data, as messages ---- */

struct client {
	int fd, over;
	unsigned depth;
	bool writes;
	struct vfmig_device *device;
	struct vfmig_session *session;
	uint8_t *pieces;
	size_t *lens;
	size_t count, capacity;
};

/* One piece on its way. */
struct flight {
	struct vfmig_request request;
	struct vfmig_error err;
	atomic_bool landed;
};

static void landed(struct vfmig_request *request)
{
	struct flight *flight = request->user;

	atomic_store_explicit(&flight->landed, true, memory_order_release);
}

static bool has_landed(void *context)
{
	return atomic_load_explicit(&((struct flight *)context)->landed, memory_order_acquire);
}

static void take_off(struct client *c, struct flight *flight, size_t n)
{
	flight->request = (struct vfmig_request){
		.op = c->writes ? VFMIG_OP_DATA_WRITE : VFMIG_OP_DATA_READ,
		.err = &flight->err,
		.done = landed,
		.user = flight,
	};
	flight->request.data.buf = c->pieces + n * LIMIT_PIECE;
	flight->request.data.len = c->writes ? c->lens[n] : LIMIT_PIECE;
	atomic_store(&flight->landed, false);
	vfmig_session_submit(c->session, &flight->request);
}

/* All of it, @depth pieces under way at a time. */
static void move(struct client *c)
{
	struct flight flights[DEPTH];
	size_t begun = 0, over = 0, most = c->writes ? c->count : c->capacity;
	bool end = false;

	memset(flights, 0, sizeof(flights));
	while (!end || over < begun) {
		struct flight *flight;

		while (!end && begun < most && begun - over < c->depth) {
			take_off(c, &flights[begun % DEPTH], begun);
			begun++;
		}
		flight = &flights[over % DEPTH];
		bench_must(vfmig_device_wait(c->device, has_landed, flight, 0), &flight->err);
		bench_must((int)flight->request.result, &flight->err);
		if (!c->writes && flight->request.result > 0) {
			c->lens[over] = (size_t)flight->request.result;
			c->count = over + 1;
		}
		over++;
		end |= c->writes ? begun == most : !flight->request.result;
		if (over == c->capacity)
			bench_fail("the state is larger than it can be");
	}
}

static void go(struct client *c, enum vfmig_state state)
{
	struct vfmig_error err = {0};

	bench_must(vfmig_session_set_state(c->session, state, &err), &err);
}

static void open_client(struct client *c)
{
	struct vfmig_error err = {0};

	c->device = bench_connect(c->fd);
	bench_must(vfmig_session_open(c->device, NULL, &c->session, &err), &err);
	c->capacity = bytes / LIMIT_PIECE + 16;
	c->lens = calloc(c->capacity, sizeof(*c->lens));
	c->pieces = bench_memory(c->capacity * LIMIT_PIECE, 0);
}

static void reader_prepare(void *self)
{
	struct client *c = self;

	if (!c->device)
		open_client(c);
	go(c, VFMIG_STATE_RUNNING);
	go(c, VFMIG_STATE_STOP_COPY);
}

/* What is written is what such a device would have been read as. */
static void fill_pieces(struct client *c)
{
	struct vfmig_error err = {0};
	struct vfmig_device *card = bench_card(bytes, NULL, 5);
	struct vfmig_session *session;
	ssize_t n;

	bench_must(vfmig_session_open(card, NULL, &session, &err), &err);
	bench_must(vfmig_session_set_state(session, VFMIG_STATE_STOP_COPY, &err), &err);
	for (;;) {
		n = vfmig_session_read(session, c->pieces + c->count * LIMIT_PIECE, LIMIT_PIECE,
				       &err);
		bench_must((int)n, &err);
		if (!n)
			break;
		c->lens[c->count++] = (size_t)n;
	}
	vfmig_session_close(session);
	vfmig_device_close(card);
}

static void writer_prepare(void *self)
{
	struct vfmig_error err = {0};
	struct client *c = self;

	if (!c->device) {
		open_client(c);
		fill_pieces(c);
	}
	bench_must(vfmig_device_reset(c->device, &err), &err);
	go(c, VFMIG_STATE_RESUMING);
}

static void client_run(void *self)
{
	struct client *c = self;
	uint64_t began = bench_now();

	move(c);
	bench_lap(bench_now() - began);
	if (c->writes)
		go(c, VFMIG_STATE_STOP); /* all of it was there */
	bench_over(c->over);
}

static void messages(const char *name, bool writes, unsigned depth)
{
	struct bench b = {.name = name, .unit = "GB/s"};
	struct bench_served served = {.bytes = bytes, .seed = writes ? 0 : 3};
	struct client c = {.writes = writes, .depth = depth};
	struct bench_workers *workers = bench_workers_new(), *limit = limit_stream(bytes, writes);

	b.limit = writes ? "a bare stream to fresh memory" : "a bare stream";
	bench_serve(workers, &served, 0, &c.fd);
	c.over = served.over;
	bench_workers_join(workers, &(struct bench_member){
					    .prepare = writes ? writer_prepare : reader_prepare,
					    .run = client_run,
					    .self = &c,
					    .cpu = 1,
				    });
	bench_crews(&b, RUNS, workers, limit, bytes, 1);
	bench_report(&b);
	bench_workers_free(workers);
	bench_workers_free(limit);
}

/* ---- through the engine ---- */

struct host {
	enum vfmig_role role;
	int fd, over, channel;
	struct vfmig_device *device;
	struct vfmig_migration *m;
};

static void host_prepare(void *self)
{
	struct vfmig_error err = {0};
	struct host *host = self;

	if (!host->device)
		host->device = bench_connect(host->fd);
	vfmig_migration_free(host->m);
	bench_must(vfmig_device_reset(host->device, &err), &err);
	bench_must(vfmig_migration_new(host->role, NULL, &host->m, &err), &err);
	bench_must(vfmig_migration_add_device(host->m, "card", host->device, NULL, &err), &err);
}

static void host_run(void *self)
{
	struct vfmig_error err = {0};
	struct host *host = self;

	bench_must(vfmig_migration_run(host->m, host->channel, host->channel, &err), &err);
	bench_over(host->over);
}

/*
 * Who loads a state gives its old memory back first. Here it has none, as a device has that was just opened: the bare programs
 * do not count that either.
 */
static void empty(struct bench_served *served)
{
	bench_card_empty(served->cards[0]);
}

static void host_join(struct bench_workers *workers, struct host *host, uint64_t seed)
{
	struct bench_served served = {.bytes = bytes, .seed = seed, .prepare = seed ? NULL : empty};

	bench_serve(workers, &served, BENCH_ANY_CPU, &host->fd);
	host->over = served.over;
	bench_workers_join(workers, &(struct bench_member){
					    .prepare = host_prepare,
					    .run = host_run,
					    .self = host,
					    .cpu = BENCH_ANY_CPU,
				    });
}

static void engine(void)
{
	struct bench b = {.name = "data-through-engine", .unit = "GB/s", .limit = "a bare relay"};
	struct bench_workers *workers = bench_workers_new(), *limit = limit_relay(bytes);
	struct host from = {.role = VFMIG_ROLE_SOURCE}, to = {.role = VFMIG_ROLE_DESTINATION};
	int channel[2];

	bench_sockets(channel);
	from.channel = channel[0];
	to.channel = channel[1];
	host_join(workers, &from, 3);
	host_join(workers, &to, 0);
	bench_crews(&b, RUNS, workers, limit, bytes, 1);
	bench_report(&b);
	bench_workers_free(workers);
	bench_workers_free(limit);
}

/* ---- in one process, with the two servers ---- */

struct dev {
	int fd[2], over[2];
	struct vfmig_device *device[2];
	struct vfmig_migration *m[2];
};

static void dev_prepare(void *self)
{
	struct vfmig_migration_options options;
	struct vfmig_error err = {0};
	struct dev *dev = self;

	vfmig_migration_options_init(&options);
	for (int i = 0; i < 2; i++) {
		if (!dev->device[i])
			dev->device[i] = bench_connect(dev->fd[i]);
		vfmig_migration_free(dev->m[i]);
		bench_must(vfmig_device_reset(dev->device[i], &err), &err);
		bench_must(vfmig_migration_new(i ? VFMIG_ROLE_DESTINATION : VFMIG_ROLE_SOURCE,
					       &options, &dev->m[i], &err),
			   &err);
		bench_must(
			vfmig_migration_add_device(dev->m[i], "card", dev->device[i], NULL, &err),
			&err);
	}
}

static void dev_run(void *self)
{
	struct vfmig_error err = {0};
	struct dev *dev = self;

	bench_must(vfmig_migration_run_local(dev->m[0], dev->m[1], &err), &err);
	bench_over(dev->over[0]);
	bench_over(dev->over[1]);
}

static struct bench_workers *moving(void)
{
	struct bench_workers *workers = bench_workers_new();
	struct dev dev = {0};

	for (int i = 0; i < 2; i++) {
		struct bench_served served = {
			.bytes = bytes, .seed = i ? 0 : 3, .prepare = i ? empty : NULL};

		bench_serve(workers, &served, BENCH_ANY_CPU, &dev.fd[i]);
		dev.over[i] = served.over;
	}
	bench_workers_join(workers, &(struct bench_member){
					    .prepare = dev_prepare,
					    .run = dev_run,
					    .self = &dev,
					    .cpu = BENCH_ANY_CPU,
				    });
	return workers;
}

static void in_one_process(const char *name)
{
	struct bench b = {.name = name, .unit = "GB/s", .limit = "copied twice and summed"};
	struct bench_workers *workers = moving(), *limit = limit_copy(bytes, 2, true, true);

	bench_crews(&b, RUNS, workers, limit, bytes, 1);
	bench_report(&b);
	bench_workers_free(workers);
	bench_workers_free(limit);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		bool writes;
		unsigned depth;
	} rows[] = {
		{"data-read", false, DEPTH},
		{"data-read-one-at-a-time", false, 1},
		{"data-write", true, DEPTH},
		{"data-write-one-at-a-time", true, 1},
	};
	uint64_t most = bench_size("BENCH_SIZE", 1ull << 30, 0.1);
	uint64_t less = most < LESS ? most : LESS;

	bytes = most;
	fprintf(stderr, "data: %llu MiB of state\n", (unsigned long long)bytes >> 20);
	for (unsigned i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		bytes = rows[i].depth == 1 ? less : most;
		if (bench_wanted(argc, argv, rows[i].name))
			messages(rows[i].name, rows[i].writes, rows[i].depth);
	}
	bytes = most;
	if (bench_wanted(argc, argv, "data-through-engine"))
		engine();
	bytes = less;
	if (bench_wanted(argc, argv, "data-in-one-process"))
		in_one_process("data-in-one-process");
	return 0;
}
