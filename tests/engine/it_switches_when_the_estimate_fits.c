/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A workload that writes the same pages over and over, told by a callback tracker: the switchover comes when
 * what it leaves fits the downtime limit, and not before; if it never does, the migration fails, or
 * switches over all the same, as was asked. Devices that have initial bytes left are waited for.
 */
#include "tests/engine/rig.h"

#define MEMORY (64u << 20)
#define PAGES  (MEMORY / 4096)

struct workload {
	uint64_t pages; /* that it writes between two looks, … */
	uint64_t less;	/* … so many fewer each time */
	struct rig_end *end;
	uint8_t value;
	atomic_bool stopped;
	unsigned collected;
};

static int collect(void *context, uint64_t iova, uint64_t size, struct vfmig_dirty *into,
		   struct vfmig_error *err)
{
	struct workload *w = context;

	w->collected++;
	if (atomic_load(&w->stopped))
		return 0;
	w->value++;
	for (uint64_t i = 0; i < w->pages; i++)
		memset(w->end->memory + i * 4096, w->value, 4096);
	vfmig_dirty_mark(into, RIG_IOVA, w->pages * 4096);
	w->pages -= w->less < w->pages ? w->less : w->pages;
	return 0;
}

/* It stops with the user: what it did until then was told by then. */
static int pause_workload(void *context, int64_t deadline, struct vfmig_error *err)
{
	struct workload *w = context;

	atomic_store(&w->stopped, true);
	return rig_pause(w->end, deadline, err);
}

static int resume_workload(void *context, struct vfmig_error *err)
{
	struct workload *w = context;

	atomic_store(&w->stopped, false);
	return rig_resume(w->end, err);
}

struct setting {
	uint64_t pages, less, downtime_ms, max_rounds, unconverged;
};

/* What comes of it; the rounds that it took. */
static uint64_t run(const struct setting *s, int ret, enum vfmig_outcome outcome)
{
	struct workload w = {.pages = s->pages, .less = s->less};
	struct vfmig_tracker tracker = {.name = "workload", .collect = collect, .context = &w};
	uint64_t rounds;
	struct rig rig;

	rig_end_init(&rig.from, 1, NULL, MEMORY);
	rig_end_init(&rig.to, 1, NULL, MEMORY);
	w.end = &rig.from;
	rig.from.options.downtime_ms = s->downtime_ms;
	rig.from.options.max_rounds = s->max_rounds;
	rig.from.options.unconverged = s->unconverged;
	rig.from.user = (struct vfmig_migration_user){
		.pause = pause_workload, .resume = resume_workload, .context = &w};
	rig_work(&rig.from);
	rig_ready(&rig);
	CHECK(!vfmig_space_add_tracker(rig.from.space, &tracker, NULL));
	CHECKF(rig_run(&rig) == ret, "%d: %s", rig.from.ret, rig.from.err.text);
	CHECK_EQ(rig_result(&rig.from).outcome, outcome);
	rounds = rig_result(&rig.from).rounds;
	if (ret)
		CHECKF(strstr(rig.from.err.text, "rounds the estimated downtime is"), "%s",
		       rig.from.err.text);
	else
		CHECK(rig_same(&rig));
	CHECK(w.collected > rounds);
	vfmig_space_remove_tracker(rig.from.space, &tracker);
	rig_free(&rig);
	return rounds;
}

/* No switchover while a device has initial bytes; the card has them anew whenever it is told to. */
static void on_round(struct rig_end *end, const struct vfmig_event *event)
{
	unsigned *times = end->hook_context;

	if (strcmp(event->name, "round") || !*times)
		return;
	--*times;
	card_set(end->card[0], CARD_REINIT, 1);
}

static void initial_bytes(void)
{
	unsigned times = 5;
	struct rig rig;

	rig_init(&rig, 1, NULL);
	rig.from.hook = on_round;
	rig.from.hook_context = &times;
	rig.from.options.max_rounds = 50;
	rig_work(&rig.from);
	rig_ready(&rig);
	CHECKF(!rig_run(&rig), "%s", rig.from.err.text);
	rig_moved(&rig);
	rig_free(&rig);
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
