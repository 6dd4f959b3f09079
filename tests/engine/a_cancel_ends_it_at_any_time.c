/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A cancel, at either end, at each event of a migration: before the commit everything is put back; from
 * then on it has no effect. Which of the two it is, is seen from what was reached when it came.
 */
#include "tests/engine/rig.h"

struct trigger {
	const char *event, *text; /* the event, and something in its line; NULL is any */
	atomic_uint fired;
};

static void on_event(struct rig_end *end, const struct vfmig_event *event)
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
	struct rig_end *end;
	struct rig rig;

	rig_init(&rig, 2, NULL);
	rig.from.options.progress_bytes = 4096;
	end = one->destination ? &rig.to : &rig.from;
	end->hook = on_event;
	end->hook_context = &trigger;
	rig_work(&rig.from);
	rig_ready(&rig);
	rig_run(&rig);
	if (getenv("VERBOSE"))
		fprintf(stderr, "%s %s: %s / %s\n", one->event, one->text ? one->text : "",
			rig_result(&rig.from).sentence, rig_result(&rig.to).sentence);
	CHECKF(trigger.fired, "no %s %s", one->event, one->text ? one->text : "");
	if (one->end == MOVES) {
		rig_moved(&rig);
	} else {
		CHECK_EQ(rig_result(end).outcome, VFMIG_OUTCOME_CANCELLED);
		CHECK_EQ(rig_result(end).code, -ECANCELED);
		if (!one->destination)
			CHECK_EQ(rig.from.ret, -ECANCELED);
		CHECK(!rig_result(&rig.from).committed);
		rig_stayed(&rig);
	}
	rig_free(&rig);
}

static void before(void)
{
	struct rig rig;

	rig_init(&rig, 1, NULL);
	rig_work(&rig.from);
	rig_ready(&rig);
	vfmig_migration_cancel(rig.from.m);
	CHECK_EQ(rig_run(&rig), -ECANCELED);
	rig_stayed(&rig);
	CHECK_EQ(rig.from.paused, 0);
	rig_free(&rig);
}

int main(void)
{
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		run(&all[i]);
	before();
	return 0;
}
