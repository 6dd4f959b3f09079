/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Is the downtime limit kept, and is the estimate right? Memory of several kinds and sizes, a host that goes on
 * writing, destinations and links of several speeds: one migration each, in one process, with the default limit of 300 ms and up to 4 rounds.
 *
 *     downtime-limit       the downtime, against the limit and 20 ms. A migration that does not switch over has none,
 *                          and keeps it
 *     downtime-estimate    the downtime, against what was expected of it; where one of them is 5 ms or more
 *     downtime-resident    what both ends have in memory afterwards, against what the source had before, twice, and
 *                          64 MiB
 *
 * Arguments name the links to measure (local, TCP). Each migration is a line on stderr. Those that would send more than ROUND_SECONDS at the link's rate are left out.
 */
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <vfmig/migration.h>
#include <vfmig/open.h>
#include <vfmig/space.h>

#include "bench/test_device.h"
#include "bench/link.h"

#define LIMIT_MS      300
#define SLACK_MS      20
#define ROUND_SECONDS 12
#define DIRTY_PAGES   512 /* that the host writes between two looks: 2 MiB */

enum memory { UNTOUCHED, ZEROED, TENTH, FULL, MEMORIES };

static const char *const memory_names[] = {"untouched", "zeroed", "a tenth", "full"};

static const struct destination {
	const char *name, *filter;
} destinations[] = {
	{"fast", NULL},
	{"20 MB/s", "delay,rate=20M"},
	{"2 MB/s", "delay,rate=2M"},
	{"late by 100 ms", "delay,op=data-write,latency-us=100000"},
};

static const struct link {
	const char *name;
	struct bench_link_options options;
	const char *tbf; /* or TCP through a token bucket of the kernel's, of this rate */
	bool enforce;	 /* what it does cannot be expected, and so the limit is enforced */
} links[] = {
	{"local", {0}},
	{"200 Mbit/s", {.rate = 25000000}},
	{"50 Mbit/s", {.rate = 6250000}},
	{"25 MB/s, 40 ms, losses",
	 {.rate = 25000000, .latency_ns = 40000000, .stall_bytes = 8 << 20, .stall_ns = 200000000},
	 NULL,
	 true},
	{"TCP through tbf, 200 Mbit/s", {.rate = 25000000}, "200mbit"},
	{"TCP through tbf, 50 Mbit/s", {.rate = 6250000}, "50mbit"},
};

struct end {
	enum vfmig_role role;
	uint64_t bytes;
	uint8_t *memory;
	int fd, ret;
	struct vfmig_space *space;
	struct vfmig_device *device;
	struct vfmig_migration *m;
	struct vfmig_error err;
	struct vfmig_tracker tracker;
	struct vfmig_events events;
	uint64_t expected_ns;
};

/* ---- the host ---- */

static int write_some(void *context, uint64_t iova, uint64_t size, struct vfmig_dirty *into,
		      struct vfmig_error *err)
{
	struct end *end = context;
	uint64_t bytes = DIRTY_PAGES * 4096u;

	if (bytes > end->bytes / 8)
		bytes = end->bytes / 8;
	for (uint64_t i = 0; i < bytes; i += 4096)
		end->memory[i]++;
	vfmig_dirty_mark(into, 0, bytes);
	return 0;
}

static void hear(void *context, const struct vfmig_event *event)
{
	struct end *end = context;

	if (strcmp(event->name, "switchover"))
		return;
	for (size_t i = 0; i < event->count; i++)
		if (!strcmp(event->fields[i].key, "downtime_ns"))
			end->expected_ns = event->fields[i].u64;
}

/* ---- one migration ---- */

/* What of the memory has data in it. */
static uint64_t content(enum memory kind, uint64_t bytes)
{
	return kind == FULL ? bytes : kind == TENTH ? bytes / 10 : 0;
}

static void fill(uint8_t *memory, enum memory kind, uint64_t bytes)
{
	uint64_t touched = kind == UNTOUCHED ? 0 : kind == TENTH ? bytes / 10 : bytes;

	for (uint64_t i = 0; i < touched; i += 4096)
		memset(memory + i, kind == ZEROED ? 0 : (int)(i / 4096 % 255 + 1), 4096);
}

static void end_open(struct end *end, enum vfmig_role role, uint64_t bytes, const char *filter,
		     bool enforce)
{
	struct vfmig_map map = {
		.size = bytes, .prot = VFMIG_PROT_READ | VFMIG_PROT_WRITE, .fd = -1};
	struct vfmig_migration_options options;
	struct vfmig_error err = {0};

	*end = (struct end){.role = role, .bytes = bytes};
	end->memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (end->memory == MAP_FAILED)
		bench_fail("no memory of %llu bytes", (unsigned long long)bytes);
	/* One page or none: a huge page would count what nobody has touched. */
	madvise(end->memory, bytes, MADV_NOHUGEPAGE);
	end->space = vfmig_space_new();
	map.ptr = end->memory;
	bench_must(vfmig_space_map(end->space, &map, &err), &err);
	end->tracker =
		(struct vfmig_tracker){.name = "host", .read_clear = write_some, .context = end};
	if (role == VFMIG_ROLE_SOURCE)
		bench_must(vfmig_space_add_tracker(end->space, &end->tracker, &err), &err);
	end->device = bench_card(64 << 10, NULL, role == VFMIG_ROLE_SOURCE);
	if (filter)
		bench_must(vfmig_device_add_filter(&end->device, filter, &err), &err);
	bench_must(vfmig_space_attach(end->space, end->device, &err), &err);
	vfmig_migration_options_init(&options);
	options.max_rounds = 4;
	options.enforce_downtime = enforce;
	bench_must(vfmig_migration_new(role, &options, &end->m, &err), &err);
	bench_must(vfmig_migration_add_device(end->m, "card", end->device, NULL, &err), &err);
	bench_must(vfmig_migration_add_space(end->m, end->space, &err), &err);
	end->events = (struct vfmig_events){.emit = hear, .context = end};
	vfmig_migration_set_events(end->m, &end->events);
}

static void end_close(struct end *end)
{
	vfmig_migration_free(end->m);
	vfmig_device_close(end->device);
	vfmig_space_free(end->space);
	munmap(end->memory, end->bytes);
}

static void *run(void *context)
{
	struct end *end = context;

	end->ret = vfmig_migration_run(end->m, end->fd, end->fd, &end->err);
	shutdown(end->fd, SHUT_RDWR);
	return NULL;
}

/* ---- the link ---- */

/* A network of this process's own, whose loopback can be made slow. Needs root and tc. */
static bool own_network(void)
{
	static int can = -1;

	if (can < 0)
		can = !unshare(CLONE_NEWNET) && !system("ip link set lo mtu 1500 up 2>/dev/null") &&
		      !system("tc qdisc show dev lo >/dev/null 2>&1");
	return can;
}

static bool tcp_pair(const char *tbf, int fd[2])
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t len = sizeof(at);
	char command[128];
	int listener;

	if (!own_network())
		return false;
	snprintf(command, sizeof(command),
		 "tc qdisc replace dev lo root tbf rate %s burst 64kb latency 400ms", tbf);
	if (system(command))
		return false;
	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	fd[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(listener, (struct sockaddr *)&at, len) || listen(listener, 1) ||
	    getsockname(listener, (struct sockaddr *)&at, &len) ||
	    connect(fd[0], (struct sockaddr *)&at, len))
		bench_fail("TCP on the loopback does not work");
	fd[1] = accept(listener, NULL, NULL);
	close(listener);
	return true;
}

struct benches {
	struct bench limit, estimate, resident;
};

static void say(const struct end *from, const struct vfmig_migration_result *r, const char *what)
{
	if (from->ret)
		fprintf(stderr, "# %s: %llu rounds, no switchover: %.100s\n", what,
			(unsigned long long)r->rounds, from->err.text);
	else
		fprintf(stderr, "# %s: %llu rounds, expected %.1f ms, was %.1f ms%s\n", what,
			(unsigned long long)r->rounds, (double)from->expected_ns / 1e6,
			(double)r->downtime.total / 1e6, r->over_limit ? ", over the limit" : "");
}

static void one(struct benches *b, enum memory kind, uint64_t bytes,
		const struct destination *to_be, const struct link *link)
{
	struct vfmig_migration_result r;
	struct bench_link *wire = NULL;
	uint64_t before, after;
	struct end from, to;
	pthread_t thread;
	char what[128];
	int fd[2];

	if (link->tbf && !tcp_pair(link->tbf, fd)) {
		fprintf(stderr, "# link %s: left out: it needs root and tc\n", link->name);
		return;
	}
	snprintf(what, sizeof(what), "%llu MiB %s, destination %s, link %s",
		 (unsigned long long)bytes >> 20, memory_names[kind], to_be->name, link->name);
	end_open(&from, VFMIG_ROLE_SOURCE, bytes, NULL, link->enforce);
	end_open(&to, VFMIG_ROLE_DESTINATION, bytes, to_be->filter, false);
	fill(from.memory, kind, bytes);
	before = bench_resident();
	if (!link->tbf)
		wire = bench_link_new(&link->options, fd);
	from.fd = fd[0];
	to.fd = fd[1];
	if (pthread_create(&thread, NULL, run, &to))
		bench_fail("no thread for a destination");
	run(&from);
	pthread_join(thread, NULL);
	if (wire)
		bench_link_free(wire);
	after = bench_resident();
	vfmig_migration_get_result(from.m, &r);
	say(&from, &r, what);
	if (from.ret && from.ret != -ETIME && !(link->enforce && from.ret == -ETIMEDOUT))
		bench_fail("%s: %s", what, from.err.text);
	bench_pair(&b->limit, (double)r.downtime.total / 1e6, LIMIT_MS + SLACK_MS);
	if (!from.ret && (r.downtime.total > 5000000 || from.expected_ns > 5000000))
		bench_pair(&b->estimate, (double)r.downtime.total / 1e6,
			   (double)from.expected_ns / 1e6);
	bench_pair(&b->resident, (double)after / 1048576, (double)before / 1048576 * 2 + 64);
	close(fd[0]);
	close(fd[1]);
	end_close(&from);
	end_close(&to);
}

/* What the local link and full memory show of a destination need not be shown again, nor what takes long. */
static bool left_out(enum memory kind, uint64_t bytes, size_t destination, size_t link)
{
	uint64_t rate = links[link].options.rate, data = content(kind, bytes);
	uint64_t touched = kind == ZEROED ? bytes : data;

	if (destination && link && (kind != FULL || bytes > 64u << 20))
		return true;
	return touched > 1ull << 30 || (rate && data / rate > ROUND_SECONDS);
}

static void all(struct benches *b, enum memory kind, uint64_t bytes, size_t l, unsigned *skipped)
{
	for (size_t d = 0; d < sizeof(destinations) / sizeof(destinations[0]); d++) {
		if (left_out(kind, bytes, d, l))
			++*skipped;
		else
			one(b, kind, bytes, &destinations[d], &links[l]);
	}
}

int main(int argc, char **argv)
{
	static const uint64_t sizes[] = {64ull << 20, 1ull << 30, 8ull << 30};
	struct benches b = {
		.limit = {.name = "downtime-limit", .unit = "ms", .limit = "the limit and 20 ms"},
		.estimate = {.name = "downtime-estimate", .unit = "ms", .limit = "its estimate"},
		.resident = {.name = "downtime-resident",
			     .unit = "MiB",
			     .limit = "twice what was resident before, and 64 MiB"}};
	unsigned skipped = 0;

	for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++)
		for (int kind = 0; kind < MEMORIES; kind++)
			for (size_t l = 0; l < sizeof(links) / sizeof(links[0]); l++)
				if (bench_wanted(argc, argv, links[l].name))
					all(&b, (enum memory)kind, sizes[s], l, &skipped);
	fprintf(stderr, "# %u left out\n", skipped);
	bench_report(&b.limit);
	bench_report(&b.estimate);
	bench_report(&b.resident);
	return 0;
}
