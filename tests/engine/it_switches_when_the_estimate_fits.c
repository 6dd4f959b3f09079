/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A workload that writes the same pages over and over, told by a callback tracker: the switchover comes when
 * what it leaves fits the downtime limit, and not before; if it never does, the migration fails, or
 * switches over all the same, as was asked. Devices that have initial bytes left are waited for.
 */
#include "tests/lib/migration_pair.h"

#define MEMORY (64u << 20)
#define PAGES  (MEMORY / 4096)

struct workload {
	uint64_t pages; /* that it writes between two looks, … */
	uint64_t less;	/* … so many fewer each time */
	struct migration_pair_end *end;
	uint8_t value;
	atomic_bool stopped;
	unsigned collected;
};

static int read_clear(void *context, uint64_t iova, uint64_t size, struct vfmig_dirty *into,
		      struct vfmig_error *err)
{
	struct workload *w = context;

	w->collected++;
	if (atomic_load(&w->stopped))
		return 0;
	w->value++;
	for (uint64_t i = 0; i < w->pages; i++)
		memset(w->end->memory + i * 4096, w->value, 4096);
	vfmig_dirty_mark(into, MIGRATION_PAIR_IOVA, w->pages * 4096);
	w->pages -= w->less < w->pages ? w->less : w->pages;
	return 0;
}

/* It stops with the user: what it did until then was told by then. */
static int pause_workload(void *context, int64_t deadline, struct vfmig_error *err)
{
	struct workload *w = context;

	atomic_store(&w->stopped, true);
	return migration_pair_pause(w->end, deadline, err);
}

static int resume_workload(void *context, struct vfmig_error *err)
{
	struct workload *w = context;

	atomic_store(&w->stopped, false);
	return migration_pair_resume(w->end, err);
}

struct setting {
	uint64_t pages, less, downtime_ms, max_rounds, unconverged;
};

/* What comes of it; the rounds that it took. */
static uint64_t run(const struct setting *s, int ret, enum vfmig_outcome outcome)
{
	struct workload w = {.pages = s->pages, .less = s->less};
	struct vfmig_tracker tracker = {
		.name = "workload", .read_clear = read_clear, .context = &w};
	uint64_t rounds;
	struct migration_pair pair;

	migration_pair_end_init(&pair.from, 1, NULL, MEMORY);
	migration_pair_end_init(&pair.to, 1, NULL, MEMORY);
	w.end = &pair.from;
	pair.from.options.downtime_ms = s->downtime_ms;
	pair.from.options.max_rounds = s->max_rounds;
	pair.from.options.unconverged = s->unconverged;
	pair.from.user = (struct vfmig_migration_user){
		.pause = pause_workload, .resume = resume_workload, .context = &w};
	migration_pair_work(&pair.from);
	migration_pair_ready(&pair);
	CHECK(!vfmig_space_add_tracker(pair.from.space, &tracker, NULL));
	CHECKF(migration_pair_run(&pair) == ret, "%d: %s", pair.from.ret, pair.from.err.text);
	CHECK_EQ(migration_pair_result(&pair.from).outcome, outcome);
	rounds = migration_pair_result(&pair.from).rounds;
	if (ret)
		CHECKF(strstr(pair.from.err.text, "rounds the estimated downtime is"), "%s",
		       pair.from.err.text);
	else
		CHECK(migration_pair_same(&pair));
	CHECK(w.collected > rounds);
	vfmig_space_remove_tracker(pair.from.space, &tracker);
	migration_pair_free(&pair);
	return rounds;
}

/* No switchover while a device has initial bytes; the card has them anew whenever it is told to. */
static void on_round(struct migration_pair_end *end, const struct vfmig_event *event)
{
	unsigned *times = end->hook_context;

	if (strcmp(event->name, "round") || !*times)
		return;
	--*times;
	test_device_set(end->card[0], TEST_DEVICE_REINIT, 1);
}

static void initial_bytes(void)
{
	unsigned times = 5;
	struct migration_pair pair;

	migration_pair_init(&pair, 1, NULL);
	pair.from.hook = on_round;
	pair.from.hook_context = &times;
	pair.from.options.max_rounds = 50;
	migration_pair_work(&pair.from);
	migration_pair_ready(&pair);
	CHECKF(!migration_pair_run(&pair), "%s", pair.from.err.text);
	migration_pair_moved(&pair);
	migration_pair_free(&pair);
}

int main(void)
{
	struct setting s = {.pages = 4, .downtime_ms = 60000, .max_rounds = 20};

	/* A generous limit fits at once. */
	CHECK_EQ(run(&s, 0, VFMIG_OUTCOME_DONE), 1);
	/* All of it each time, and 1 ms: no channel here takes 64 MiB in that. */
	s = (struct setting){.pages = PAGES, .downtime_ms = 1, .max_rounds = 5};
	CHECK_EQ(run(&s, -ETIME, VFMIG_OUTCOME_FAILED), 5);
	s.unconverged = VFMIG_UNCONVERGED_SWITCH;
	CHECK_EQ(run(&s, 0, VFMIG_OUTCOME_DONE), 5);
	/* No round at all: everything goes while everything stands still. */
	s.max_rounds = 0;
	CHECK_EQ(run(&s, 0, VFMIG_OUTCOME_DONE), 0);
	/* It writes less and less, and so it fits at last, when the machine has a quiet moment. */
	s = (struct setting){
		.pages = PAGES, .less = PAGES / 4, .downtime_ms = 8, .max_rounds = 10000};
	CHECK(run(&s, 0, VFMIG_OUTCOME_DONE) > 1);
	initial_bytes();
	return 0;
}
