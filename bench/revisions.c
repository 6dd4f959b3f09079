/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The same state by other revisions of the protocol, in one process: what a migration region costs beside v2, and
 * what a translation costs beside the device itself. 128 MiB of memory; BENCH_SIZE=256M for another size.
 *
 *     copy      out of one session and into another, by a buffer of 1 MiB, in one thread: nothing but the protocols
 *     engine    a migration, both ends in this process, with the memory of the devices in pre-copy
 */
#include "bench/test_device.h"

#include <vfmig/migration.h>
#include <vfmig/open.h>

#define RUNS  7
#define PIECE (1u << 20)

static uint64_t bytes;

/* One way to show a card. */
struct way {
	const char *options, *filter;
};

struct end {
	struct vfmig_device *device, *card;
	struct vfmig_session *session;
};

/* Two cards of a way: what is measured, or the limit. */
struct pair {
	struct end from, to;
};

static void open_end(struct end *end, const struct way *way, uint64_t seed)
{
	struct vfmig_error err = {0};

	end->card = end->device = bench_card(bytes, way->options, seed);
	if (way->filter)
		bench_must(vfmig_device_add_filter(&end->device, way->filter, &err), &err);
	bench_must(vfmig_session_open(end->device, NULL, &end->session, &err), &err);
}

static void close_end(struct end *end)
{
	vfmig_session_close(end->session);
	vfmig_device_close(end->device);
}

static void go(struct end *end, enum vfmig_state state)
{
	struct vfmig_error err = {0};

	bench_must(vfmig_session_set_state(end->session, state, &err), &err);
}

/* How fast it went, and how much processor time it took. */
struct took {
	double rate, cpu;
};

static uint64_t cpu_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static struct took since(uint64_t began, uint64_t cpu)
{
	return (struct took){(double)bytes / (double)(bench_now() - began),
			     (double)(cpu_now() - cpu)};
}

/* ---- by hand ---- */

static struct took copy(struct pair *pair)
{
	static uint8_t piece[PIECE];
	struct vfmig_error err = {0};
	struct took took;
	uint64_t began, cpu;
	ssize_t n;

	bench_must(vfmig_device_reset(pair->to.device, &err), &err);
	go(&pair->from, VFMIG_STATE_RUNNING);
	go(&pair->from, VFMIG_STATE_STOP_COPY);
	go(&pair->to, VFMIG_STATE_RESUMING);
	began = bench_now();
	cpu = cpu_now();
	while ((n = vfmig_session_read(pair->from.session, piece, PIECE, &err)) > 0)
		bench_must((int)vfmig_session_write(pair->to.session, piece, (size_t)n, &err),
			   &err);
	bench_must((int)n, &err);
	took = since(began, cpu);
	go(&pair->to, VFMIG_STATE_STOP); /* all of it was there */
	return took;
}

/* ---- by the engine ---- */

static struct took engine(struct pair *pair)
{
	struct vfmig_migration_options options;
	struct vfmig_migration *from, *to;
	struct vfmig_error err = {0};
	struct took took;
	uint64_t began, cpu;

	vfmig_migration_options_init(&options);
	bench_must(vfmig_device_reset(pair->to.device, &err), &err);
	go(&pair->from, VFMIG_STATE_RUNNING);
	bench_card_touch(pair->from.card);
	bench_must(vfmig_migration_new(VFMIG_ROLE_SOURCE, &options, &from, &err), &err);
	bench_must(vfmig_migration_new(VFMIG_ROLE_DESTINATION, &options, &to, &err), &err);
	bench_must(vfmig_migration_add_device(from, "card", pair->from.device, NULL, &err), &err);
	bench_must(vfmig_migration_add_device(to, "card", pair->to.device, NULL, &err), &err);
	began = bench_now();
	cpu = cpu_now();
	bench_must(vfmig_migration_run_local(from, to, &err), &err);
	took = since(began, cpu);
	vfmig_migration_free(from);
	vfmig_migration_free(to);
	return took;
}

static void row(const char *name, const char *than, const struct way *way, const struct way *limit,
		struct took (*run)(struct pair *pair))
{
	struct bench b = {.name = name, .unit = "GB/s", .limit = than};
	struct pair one, other;

	open_end(&one.from, way, 3);
	open_end(&one.to, way, 0);
	open_end(&other.from, limit, 3);
	open_end(&other.to, limit, 0);
	run(&one);
	run(&other);
	for (unsigned i = 0; i < RUNS; i++) {
		/* In turns, which of the two comes first. */
		struct took first = run(i % 2 ? &other : &one), second = run(i % 2 ? &one : &other);
		struct took ours = i % 2 ? second : first, theirs = i % 2 ? first : second;

		bench_pair(&b, ours.rate, theirs.rate);
		bench_cpu(&b, ours.cpu, theirs.cpu);
	}
	bench_report(&b);
	close_end(&one.from);
	close_end(&one.to);
	close_end(&other.from);
	close_end(&other.to);
}

int main(int argc, char **argv)
{
	static const struct way v2 = {"protocol=v2,migration=pre_copy", NULL};
	static const struct way v1 = {"protocol=v1,data=mapped", NULL};
	static const struct {
		const char *name, *than;
		struct way way;
		const struct way *limit;
	} rows[] = {
		{"v1-mapped", "v2", {"protocol=v1,data=mapped", NULL}, &v2},
		{"v1-trapped", "v2", {"protocol=v1,data=trapped", NULL}, &v2},
		{"v1-stranger", "v2", {"protocol=v1,data=mapped,tell=off", NULL}, &v2},
		{"pfn-mapped", "v2", {"protocol=pfn,data=mapped", NULL}, &v2},
		{"v2-as-v2",
		 "v2",
		 {"protocol=v2,migration=pre_copy", "translate,protocol=v2"},
		 &v2},
		{"v2-as-v1",
		 "v1",
		 {"protocol=v2,migration=pre_copy", "translate,protocol=v1,data=mapped"},
		 &v1},
		{"v1-as-v2", "v1", {"protocol=v1,data=mapped", "translate,protocol=v2"}, &v1},
	};
	char name[64];

	bytes = bench_size("BENCH_SIZE", 128ull << 20, 0.1);
	fprintf(stderr, "revisions: %llu MiB of state\n", (unsigned long long)bytes >> 20);
	for (unsigned i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		snprintf(name, sizeof(name), "copy-%s", rows[i].name);
		if (bench_wanted(argc, argv, name))
			row(name, rows[i].than, &rows[i].way, rows[i].limit, copy);
		snprintf(name, sizeof(name), "engine-%s", rows[i].name);
		if (bench_wanted(argc, argv, name))
			row(name, rows[i].than, &rows[i].way, rows[i].limit, engine);
	}
	return 0;
}
