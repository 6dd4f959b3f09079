/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A stranger's v1 device can check what it was given only by running. So once END is given away the source goes on
 * only when it has heard that the destination's devices are reset; without that it is in doubt and stays stopped.
 * The same with devices that check without running is the control: there the source waits for nobody.
 */
#include "tests/engine/relay.h"

enum end { STAYS, DOUBT, UNSURE };

struct one {
	uint16_t type;
	enum relay_act act;
	const char *fault; /* of a device of the destination */
	bool cancels;	   /* the source, while it waits for READY */
	enum end end, control;
};

static const struct one all[] = {
	/* Not all of END was given away, or not to be checked: nothing can have run. */
	{ABI_SECTION_DEVICE_END, RELAY_CUT_BEFORE, NULL, false, UNSURE, STAYS},
	{ABI_SECTION_STOPPED, RELAY_FLIP, NULL, false, UNSURE, STAYS},
	/* A message is lost, and the others are not: CANCEL and FAILED settle it. */
	{ABI_SECTION_END, RELAY_SWALLOW, NULL, false, STAYS, STAYS},
	{ABI_SECTION_END, RELAY_FLIP, NULL, false, STAYS, STAYS},
	{0, RELAY_NOTHING, NULL, true, STAYS, STAYS},
	/* Nobody says that they are reset, or says it behind a gap. */
	{ABI_SECTION_READY, RELAY_SWALLOW, NULL, false, DOUBT, STAYS},
	{ABI_SECTION_END, RELAY_CUT_BEFORE, NULL, false, DOUBT, STAYS},
	{ABI_SECTION_END, RELAY_CUT_MIDDLE, NULL, false, DOUBT, STAYS},
	{ABI_SECTION_END, RELAY_CUT_AFTER, NULL, false, DOUBT, STAYS},
	{ABI_SECTION_READY, RELAY_CUT_BEFORE, NULL, false, DOUBT, STAYS},
	{ABI_SECTION_READY, RELAY_CUT_MIDDLE, NULL, false, DOUBT, STAYS},
	{ABI_SECTION_READY, RELAY_FLIP, NULL, false, DOUBT, STAYS},
	{ABI_SECTION_FAILED, RELAY_CUT_BEFORE, NULL, true, DOUBT, STAYS},
	{ABI_SECTION_FAILED, RELAY_SWALLOW, NULL, true, DOUBT, STAYS},
	/* It ends its wait by itself, and its FAILED may still be in time. */
	{ABI_SECTION_CANCEL, RELAY_SWALLOW, NULL, true, UNSURE, STAYS},
	/* It is said that one could not be. */
	{0, RELAY_NOTHING, "op=reset,times=0", true, DOUBT, STAYS},
};
#define COUNT (sizeof(all) / sizeof(all[0]))

struct watch {
	struct migration_pair *pair;
	const struct one *one;
	bool runs_to_check, went_back, cancelled;
};

static void watch_source(struct migration_pair_end *end, const struct vfmig_event *event)
{
	struct watch *watch = end->hook_context;
	char line[8192];

	vfmig_event_json(event, line, sizeof(line));
	if (watch->one->cancels && strstr(line, "\"state\":\"SRC_READY\"")) {
		watch->cancelled = true;
		vfmig_migration_cancel(end->m);
	}
	if (!strstr(line, "\"state\":\"SRC_BACK\""))
		return;
	watch->went_back = true;
	/* What was loaded is gone: so this is after the reset. */
	if (watch->runs_to_check && migration_pair_find(end, "\"state\":\"SRC_FENCE\""))
		for (unsigned i = 0; i < watch->pair->to.cards; i++)
			CHECK_EQ(test_device_get(watch->pair->to.card[i], TEST_DEVICE_SRC), 0);
}

static void check(struct migration_pair *pair, struct watch *watch, enum end end)
{
	struct vfmig_migration_result source = migration_pair_result(&pair->from);

	if (end == UNSURE)
		end = source.outcome == VFMIG_OUTCOME_IN_DOUBT ? DOUBT : STAYS;
	CHECK(!source.committed);
	CHECK_EQ(watch->went_back, end == STAYS);
	if (end == STAYS) {
		if (!watch->one->fault || !strstr(watch->one->fault, "reset"))
			migration_pair_stayed(pair);
		else
			CHECK(source.running &&
			      migration_pair_all(&pair->from, VFMIG_STATE_RUNNING));
		return;
	}
	CHECK_EQ(source.outcome, VFMIG_OUTCOME_IN_DOUBT);
	CHECK_EQ(pair->from.ret, -EOWNERDEAD);
	CHECKF(strstr(source.sentence, "checks its state by running"), "%s", source.sentence);
	CHECK(!source.running);
	CHECK(migration_pair_all(&pair->from, VFMIG_STATE_STOP_COPY));
	CHECK_EQ(pair->from.resumed, 0);
	if (watch->one->fault)
		return;
	/* Its owner has looked, and there is nothing there. */
	CHECK(!vfmig_migration_resolve(pair->from.m, VFMIG_RESOLVED_SOURCE, NULL));
	migration_pair_stayed(pair);
}

/* False if what was to be struck never came: a limit has passed before. */
static bool attempt(const struct one *one, bool runs_to_check, uint64_t ms)
{
	const struct relay_plan plan = {.act = one->act, .type = one->type, .bit = 8 * 5 + 3};
	struct watch watch = {.one = one, .runs_to_check = runs_to_check};
	struct migration_pair pair;
	bool came, received = one->type != ABI_SECTION_FAILED || runs_to_check;

	migration_pair_init(&pair, 2, runs_to_check ? "protocol=v1,tell=off" : NULL);
	if (one->fault)
		migration_pair_fault(&pair.to, 1, one->fault);
	watch.pair = &pair;
	pair.from.hook = watch_source;
	pair.from.hook_context = &watch;
	pair.from.options.channel_ms = pair.to.options.channel_ms = ms;
	migration_pair_work(&pair.from);
	migration_pair_ready(&pair);
	came = relay_migrate(&pair, plan);
	if (getenv("VERBOSE"))
		fprintf(stderr, "%s, %s%s%s\n  source: %s\n  destination: %s\n",
			one->type ? abi_section_name(one->type) : "nothing", relay_names[one->act],
			one->cancels ? ", cancelled" : "", runs_to_check ? ", runs to check" : "",
			migration_pair_result(&pair.from).sentence,
			migration_pair_result(&pair.to).sentence);
	/* Who does not wait for FAILED is not told. And there is a FAILED if a limit has passed before the cancel, too. */
	came = (came || !one->act || !received) && watch.cancelled == one->cancels;
	if (came)
		check(&pair, &watch, runs_to_check ? one->end : one->control);
	migration_pair_free(&pair);
	return came;
}

static void *run(void *context)
{
	for (int runs_to_check = 0; runs_to_check < 2; runs_to_check++) {
		uint64_t ms = 1000;

		while (!attempt(context, runs_to_check, ms)) {
			ms *= 2;
			CHECK(ms < 100000);
		}
	}
	return NULL;
}

/*
 * Each write to the migration region fails, before or after the device has seen it: of the data, of the state that
 * makes it run, of the one that stops it again. Only the last one is behind COMMIT.
 */
static void each_write_fails(const char *when)
{
	const struct relay_plan plan = {.act = RELAY_NOTHING};
	unsigned stayed = 0, doubted = 0, fenced = 0;
	enum vfmig_outcome outcome;

	do {
		const struct one one = {.fault = "a write"};
		struct watch watch = {.one = &one, .runs_to_check = true};
		char fault[64];
		struct migration_pair pair;

		snprintf(fault, sizeof(fault), "op=region-write,when=%s,nth=%u", when,
			 stayed + doubted + 1);
		migration_pair_init(&pair, 2, "protocol=v1,tell=off");
		migration_pair_fault(&pair.to, 1, fault);
		watch.pair = &pair;
		pair.from.hook = watch_source;
		pair.from.hook_context = &watch;
		migration_pair_work(&pair.from);
		migration_pair_ready(&pair);
		relay_migrate(&pair, plan);
		outcome = migration_pair_result(&pair.from).outcome;
		if (outcome == VFMIG_OUTCOME_IN_DOUBT) {
			CHECK(migration_pair_result(&pair.from).committed);
			doubted++;
		} else if (outcome == VFMIG_OUTCOME_FAILED) {
			CHECKF(!doubted, "%s", fault);
			migration_pair_stayed(&pair);
			fenced += !!migration_pair_find(&pair.from, "\"state\":\"SRC_FENCE\"");
			stayed++;
		} else {
			migration_pair_moved(&pair);
		}
		migration_pair_free(&pair);
	} while (outcome != VFMIG_OUTCOME_DONE);
	CHECK_EQ(doubted, 1);
	/* Where to, what comes, that is all, run, stop. */
	CHECK(stayed >= 4);
	CHECK(fenced >= 2);
}

int main(void)
{
	pthread_t threads[COUNT];

	RUN(each_write_fails("before"));
	RUN(each_write_fails("after"));

	for (size_t i = 0; i < COUNT; i++)
		CHECK(!pthread_create(&threads[i], NULL, run, (void *)&all[i]));
	for (size_t i = 0; i < COUNT; i++)
		pthread_join(threads[i], NULL);
	return 0;
}
