/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The channel ends before, within and behind each section of a migration, and each message is swallowed,
 * damaged and doubled: both ends end as docs/handoff.md says, and at no time do both run.
 *
 * Whoever is slow only makes a limit pass earlier; no outcome that is asked for here depends on that.
 */
#include "tests/engine/relay.h"

/* What becomes of the two ends. */
enum end {
	STAYS,	/* the source runs on, the destination is reset */
	DOUBT,	/* the source stays stopped, the destination is reset */
	ALONE,	/* the source stays stopped, the destination runs */
	MOVES,	/* as if nothing had happened */
	UNSURE, /* any of these: the cut and COMMIT cross on their way */
};

struct one {
	uint16_t type;
	unsigned nth;
	/* by act: cut before, within, behind; swallowed, damaged, doubled */
	enum end end[6];
};

#define BEFORE_COMMIT                                                                              \
	{                                                                                          \
		STAYS, STAYS, STAYS, STAYS, STAYS, STAYS                                           \
	}

static const struct one all[] = {
	{ABI_SECTION_HELLO, 0, BEFORE_COMMIT},
	{ABI_SECTION_ACCEPT, 0, BEFORE_COMMIT},
	{ABI_SECTION_MEM_PAGES, 0, BEFORE_COMMIT},
	{ABI_SECTION_MEM_ZERO, 0, BEFORE_COMMIT},
	{ABI_SECTION_DEVICE_DATA, 0, BEFORE_COMMIT},
	{ABI_SECTION_ROUND, 0, BEFORE_COMMIT},
	{ABI_SECTION_STOPPED, 0, BEFORE_COMMIT},
	{ABI_SECTION_DEVICE_END, 0, BEFORE_COMMIT},
	{ABI_SECTION_DEVICE_END, 1, BEFORE_COMMIT},
	/* Doubled: the first is answered by READY, and the second crosses COMMIT. */
	{ABI_SECTION_END, 0, {STAYS, STAYS, STAYS, STAYS, STAYS, UNSURE}},
	/* READY that comes twice: the second is no answer to anything, and crosses COMMIT. */
	{ABI_SECTION_READY, 0, {STAYS, STAYS, UNSURE, STAYS, STAYS, UNSURE}},
	/* Doubled: the first is good, and nobody reads on. */
	{ABI_SECTION_COMMIT, 0, {DOUBT, DOUBT, ALONE, DOUBT, DOUBT, MOVES}},
	{ABI_SECTION_RUNNING, 0, {ALONE, ALONE, MOVES, ALONE, ALONE, MOVES}},
};

/* Which of them it was; check() sees that both ends agree with it. */
static enum end which(struct migration_pair *pair)
{
	if (migration_pair_result(&pair->from).outcome == VFMIG_OUTCOME_DONE)
		return MOVES;
	if (migration_pair_result(&pair->from).outcome != VFMIG_OUTCOME_IN_DOUBT)
		return STAYS;
	return migration_pair_result(&pair->to).outcome == VFMIG_OUTCOME_DONE ? ALONE : DOUBT;
}

static void stopped(struct migration_pair_end *end)
{
	for (unsigned i = 0; i < end->cards; i++)
		CHECK(migration_pair_state(end, i) == VFMIG_STATE_STOP ||
		      migration_pair_state(end, i) == VFMIG_STATE_STOP_COPY);
	CHECK_EQ(end->resumed, 0);
}

static void check(struct migration_pair *pair, enum end end)
{
	struct vfmig_migration_result source = migration_pair_result(&pair->from);
	struct vfmig_migration_result destination = migration_pair_result(&pair->to);

	if (end == UNSURE)
		end = which(pair);
	if (end == STAYS) {
		CHECK(!source.committed);
		migration_pair_stayed(pair);
		return;
	}
	if (end == MOVES) {
		migration_pair_moved(pair);
		return;
	}
	CHECK_EQ(source.outcome, VFMIG_OUTCOME_IN_DOUBT);
	CHECK_EQ(pair->from.ret, -EOWNERDEAD);
	CHECK(source.committed && !source.running);
	stopped(&pair->from);
	CHECK_EQ(destination.outcome, end == ALONE ? VFMIG_OUTCOME_DONE : VFMIG_OUTCOME_FAILED);
	CHECK_EQ(destination.running, end == ALONE);
	CHECK_EQ(pair->to.resumed, end == ALONE);
	if (end == ALONE) {
		CHECK(migration_pair_same(pair));
		CHECK(!vfmig_migration_resolve(pair->from.m, VFMIG_RESOLVED_DESTINATION, NULL));
		CHECK_EQ(migration_pair_result(&pair->from).outcome, VFMIG_OUTCOME_DONE);
		stopped(&pair->from);
	} else {
		CHECK(!vfmig_migration_resolve(pair->from.m, VFMIG_RESOLVED_SOURCE, NULL));
		CHECK_EQ(pair->from.resumed, 1);
		migration_pair_stayed(pair);
	}
	CHECK_EQ(vfmig_migration_resolve(pair->from.m, VFMIG_RESOLVED_SOURCE, NULL), -EINVAL);
}

/* False: the section never came, as a limit passed before it. */
static bool attempt(const struct one *one, enum relay_act act, uint64_t channel_ms)
{
	struct relay_plan plan = {.act = act, .type = one->type, .nth = one->nth, .bit = 8 * 5 + 3};
	struct migration_pair pair;
	bool came;

	migration_pair_init(&pair, 2, NULL);
	if (channel_ms)
		pair.from.options.channel_ms = pair.to.options.channel_ms = channel_ms;
	migration_pair_work(&pair.from);
	migration_pair_ready(&pair);
	if (getenv("VERBOSE"))
		fprintf(stderr, "%s, %s\n", abi_section_name(one->type), relay_names[act]);
	came = relay_migrate(&pair, plan);
	if (getenv("VERBOSE"))
		fprintf(stderr, "  source: %s\n  destination: %s\n",
			migration_pair_result(&pair.from).sentence,
			migration_pair_result(&pair.to).sentence);
	if (came)
		check(&pair, one->end[act - RELAY_CUT_BEFORE]);
	migration_pair_free(&pair);
	return came;
}

static void run(const struct one *one, enum relay_act act)
{
	CHECKF(attempt(one, act, 0), "no %s came", abi_section_name(one->type));
}

/* On a machine that stands still the limit passes where it should not; then it gets a longer one. */
static void *run_swallow(void *context)
{
	uint64_t channel_ms = 1000;

	while (!attempt(context, RELAY_SWALLOW, channel_ms))
		channel_ms *= 2;
	return NULL;
}

/* COMMIT cannot be given away at all: the source is told READY, and nobody takes what it says. */
static void deaf(void)
{
	struct relay_plan plan = {.act = RELAY_DEAF, .type = ABI_SECTION_READY};
	struct migration_pair pair;

	migration_pair_init(&pair, 2, NULL);
	migration_pair_work(&pair.from);
	migration_pair_ready(&pair);
	CHECK(relay_migrate(&pair, plan));
	migration_pair_stayed(&pair);
	CHECK(migration_pair_find(&pair.from, "\"state\":\"SRC_COMMIT\""));
	migration_pair_free(&pair);
}

#define COUNT (sizeof(all) / sizeof(all[0]))

int main(void)
{
	pthread_t threads[COUNT];

	deaf();
	/* These wait for a time limit, each for itself. */
	for (size_t i = 0; i < COUNT; i++)
		CHECK(!pthread_create(&threads[i], NULL, run_swallow, (void *)&all[i]));
	for (size_t i = 0; i < COUNT; i++)
		pthread_join(threads[i], NULL);
	for (size_t i = 0; i < COUNT; i++)
		for (enum relay_act act = RELAY_CUT_BEFORE; act <= RELAY_TWICE; act++)
			if (act != RELAY_SWALLOW)
				run(&all[i], act);
	return 0;
}
