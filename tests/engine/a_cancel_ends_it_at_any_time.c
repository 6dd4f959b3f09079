/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A cancel, at either end, at each event of a migration: before the commit everything is put back; from
 * then on it has no effect. Which of the two it is, is seen from what was reached when it came.
 */
#include "tests/lib/migration_pair.h"

struct trigger {
	const char *event, *text; /* the event, and something in its line; NULL is any */
	atomic_uint fired;
};

static void on_event(struct migration_pair_end *end, const struct vfmig_event *event)
{
	struct trigger *trigger = end->hook_context;
	char line[8192];

	if (strcmp(event->name, trigger->event))
		return;
	vfmig_event_json(event, line, sizeof(line));
	if (trigger->text && !strstr(line, trigger->text))
		return;
	atomic_store(&trigger->fired, 1);
	vfmig_migration_cancel(end->m);
}

enum end { STAYS, MOVES };

static const struct one {
	bool destination;
	const char *event, *text;
	enum end end;
} all[] = {
	{false, "setup", NULL, STAYS},
	{false, "arc", "PRE_COPY", STAYS},
	{false, "accepted", NULL, STAYS},
	{false, "progress", NULL, STAYS},
	{false, "round", NULL, STAYS},
	{false, "switchover", NULL, STAYS},
	{false, "handoff", "SRC_PAUSE", STAYS},
	{false, "user", "pause", STAYS},
	{false, "handoff", "SRC_QUIESCE", STAYS},
	{false, "handoff", "SRC_STOP", STAYS},
	{false, "handoff", "SRC_COPY", STAYS},
	{false, "handoff", "SRC_READY", STAYS},
	{false, "handoff", "SRC_COMMIT", STAYS},
	{false, "handoff", "SRC_RUNNING", MOVES},
	{false, "handoff", "SRC_DONE", MOVES},
	{false, "downtime", NULL, MOVES},
	{true, "setup", NULL, STAYS},
	{true, "arc", "RESUMING", STAYS},
	{true, "accepted", NULL, STAYS},
	{true, "handoff", "DST_CHECK", STAYS},
	{true, "handoff", "DST_COMMIT", STAYS},
	{true, "handoff", "DST_QUIET", MOVES},
	{true, "handoff", "DST_RUN", MOVES},
	{true, "user", "resume", MOVES},
};

static void run(const struct one *one)
{
	struct trigger trigger = {.event = one->event, .text = one->text};
	struct migration_pair_end *end;
	struct migration_pair pair;

	migration_pair_init(&pair, 2, NULL);
	pair.from.options.progress_bytes = 4096;
	end = one->destination ? &pair.to : &pair.from;
	end->hook = on_event;
	end->hook_context = &trigger;
	migration_pair_work(&pair.from);
	migration_pair_ready(&pair);
	migration_pair_run(&pair);
	if (getenv("VERBOSE"))
		fprintf(stderr, "%s %s: %s / %s\n", one->event, one->text ? one->text : "",
			migration_pair_result(&pair.from).sentence,
			migration_pair_result(&pair.to).sentence);
	CHECKF(trigger.fired, "no %s %s", one->event, one->text ? one->text : "");
	if (one->end == MOVES) {
		migration_pair_moved(&pair);
	} else {
		CHECK_EQ(migration_pair_result(end).outcome, VFMIG_OUTCOME_CANCELLED);
		CHECK_EQ(migration_pair_result(end).code, -ECANCELED);
		if (!one->destination)
			CHECK_EQ(pair.from.ret, -ECANCELED);
		CHECK(!migration_pair_result(&pair.from).committed);
		migration_pair_stayed(&pair);
	}
	migration_pair_free(&pair);
}

static void before(void)
{
	struct migration_pair pair;

	migration_pair_init(&pair, 1, NULL);
	migration_pair_work(&pair.from);
	migration_pair_ready(&pair);
	vfmig_migration_cancel(pair.from.m);
	CHECK_EQ(migration_pair_run(&pair), -ECANCELED);
	migration_pair_stayed(&pair);
	CHECK_EQ(pair.from.paused, 0);
	migration_pair_free(&pair);
}

int main(void)
{
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		run(&all[i]);
	before();
	return 0;
}
