/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One of two cards fails, or hangs, in each arc and each request of a migration, at either end; the user fails,
 * too. Before the commit the source runs on with all that can run; after it, it does not. The
 * sentence names the device and what it was doing.
 *
 * Rules: V2-12, V1-51.
 */
#include "tests/lib/migration_pair.h"

enum end { STAYS, DOUBT, MOVES };

struct one {
	bool destination;
	const char *fault;
	enum end end;
	const char *says; /* in the source's sentence; NULL for none */
};

static const struct one all[] = {
	/* the source's arcs */
	{false, "arc=running:pre-copy", STAYS, "device card1: RUNNING -> PRE_COPY"},
	{false, "arc=pre-copy:pre-copy-p2p", STAYS, "device card1: PRE_COPY -> PRE_COPY_P2P"},
	{false, "arc=pre-copy:pre-copy-p2p,when=after", STAYS, "device card1"},
	{false, "arc=pre-copy-p2p:stop-copy", STAYS, "device card1: PRE_COPY_P2P -> STOP_COPY"},
	{false, "arc=pre-copy-p2p:stop-copy,when=after", STAYS, "device card1"},
	{false, "arc=pre-copy-p2p:stop-copy,error=ECANCELED", STAYS, "device card1"},
	{false, "arc=pre-copy-p2p:stop-copy,error=EPIPE", STAYS, "device card1"},
	/* it has its STOP wrong, but by then the other one runs */
	{false, "arc=stop-copy:stop", MOVES, NULL},
	{false, "feature=mig-device-state", STAYS, "its state cannot be read"},
	{true, "feature=mig-device-state", STAYS, "its state cannot be read"},
	/* the source's data */
	{false, "op=data-read", STAYS, "device card1: reading its data"},
	{false, "op=data-read,nth=2", STAYS, "device card1: reading its data"},
	{false, "op=data-read,do=corrupt,bit=777", STAYS, NULL},
	{false, "op=data-read,do=drop,nth=1", STAYS, NULL},
	{false, "op=data-read,do=twice,nth=1", STAYS, NULL},
	{false, "op=data-read,do=short,bytes=100", MOVES, NULL},
	{false, "op=precopy-info,times=0,error=ENOTTY", MOVES, NULL},
	{false, "feature=mig-data-size,times=0,error=ENOTTY", MOVES, NULL},
	{false, "feature=dma-logging-start", STAYS, NULL},
	{false, "feature=dma-logging-report", STAYS, NULL},
	{false, "feature=dma-logging-report,nth=2", MOVES, NULL}, /* a round of everything */
	{false, "feature=dma-logging-report,nth=3", STAYS, "which pages were written last"},
	/* the destination's arcs */
	{true, "arc=stop:resuming", STAYS, "device card1: RUNNING -> RESUMING"},
	{true, "arc=resuming:stop", STAYS, "device card1: RESUMING -> STOP"},
	{true, "arc=stop:running-p2p", DOUBT, "device card1: STOP -> RUNNING_P2P"},
	{true, "arc=running-p2p:running", DOUBT, "device card1: RUNNING_P2P -> RUNNING"},
	{true, "arc=running-p2p:running,when=after", DOUBT, "device card1"},
	/* and its data */
	{true, "op=data-write", STAYS, "device card1: writing its data"},
	{true, "op=data-write,nth=2", STAYS, "device card1: writing its data"},
	{true, "op=data-write,do=corrupt,bit=777", STAYS, "device card1"},
	{true, "op=data-write,do=drop", STAYS, "device card1"},
	{true, "op=data-write,do=twice", STAYS, "device card1"},
};

/* Those that wait for the time limit, all at the same time. What does not hang must be done before it. */
static const struct one hangs[] = {
	{false, "arc=running:pre-copy,do=hang", STAYS, "was not done after"},
	{false, "arc=pre-copy:pre-copy-p2p,do=hang", STAYS, "was not done after"},
	{false, "arc=pre-copy-p2p:stop-copy,do=hang", STAYS, "was not done after"},
	{false, "arc=pre-copy-p2p:stop-copy,do=hang,when=after", STAYS, "was not done after"},
	{false, "op=data-read,do=hang", STAYS, "was not done after"},
	{false, "op=precopy-info,do=hang", STAYS, "was not done after"},
	{false, "feature=mig-data-size,nth=2,do=hang", STAYS, "was not done after"},
	{false, "op=device-info,do=hang", STAYS, "device card1"},
	{false, "op=region-info,nth=3,do=hang", STAYS, "device card1"},
	{false, "feature=dma-logging-start,do=hang", STAYS, NULL},
	{false, "feature=dma-logging-report,nth=3,do=hang", STAYS, "which pages were written last"},
	{true, "op=irq-info,do=hang", STAYS, "device card1"},
	{true, "arc=stop:resuming,do=hang", STAYS, "was not done after"},
	{true, "arc=resuming:stop,do=hang", STAYS, "was not done after"},
	{true, "op=data-write,do=hang", STAYS, "was not done after"},
	{true, "arc=stop:running-p2p,do=hang", DOUBT, "was not done after"},
	{true, "arc=running-p2p:running,do=hang", DOUBT, "was not done after"},
};

static void check(struct migration_pair *pair, enum end end, const char *says)
{
	struct vfmig_migration_result source = migration_pair_result(&pair->from);

	if (getenv("VERBOSE"))
		fprintf(stderr, "  source: %s\n  destination: %s\n", source.sentence,
			migration_pair_result(&pair->to).sentence);
	if (end == MOVES) {
		CHECK_EQ(source.outcome, VFMIG_OUTCOME_DONE);
		CHECK_EQ(migration_pair_result(&pair->to).outcome, VFMIG_OUTCOME_DONE);
		CHECK(migration_pair_same(pair));
		return;
	}
	CHECKF(!says || strstr(source.sentence, says), "'%s' is not in '%s'", says,
	       source.sentence);
	CHECK_STR(source.sentence, pair->from.err.text);
	if (end == STAYS) {
		CHECK(!source.committed);
		migration_pair_stayed(pair);
		return;
	}
	CHECK_EQ(source.outcome, VFMIG_OUTCOME_IN_DOUBT);
	CHECK(!source.running);
	CHECK(migration_pair_all(&pair->from, VFMIG_STATE_STOP_COPY));
	CHECK_EQ(pair->from.resumed, 0);
	CHECK(!vfmig_migration_resolve(pair->from.m, VFMIG_RESOLVED_SOURCE, NULL));
	migration_pair_stayed(pair);
}

static void run(const struct one *one, uint64_t request_ms)
{
	struct migration_pair pair;

	if (getenv("VERBOSE"))
		fprintf(stderr, "%s: %s\n", one->destination ? "destination" : "source",
			one->fault);
	migration_pair_init(&pair, 2, NULL);
	migration_pair_fault(one->destination ? &pair.to : &pair.from, 1, one->fault);
	if (request_ms)
		pair.from.options.request_ms = pair.to.options.request_ms = request_ms;
	migration_pair_work(&pair.from);
	migration_pair_ready(&pair);
	migration_pair_run(&pair);
	check(&pair, one->end, one->says);
	migration_pair_free(&pair);
}

static void *run_hang(void *context)
{
	run(context, 3000);
	return NULL;
}

/* A device that fails its way back as well is counted and told, and the other one goes on. */
static void lost_one(void)
{
	struct migration_pair pair;

	migration_pair_init(&pair, 2, NULL);
	migration_pair_fault(&pair.from, 1, "arc=pre-copy-p2p:stop-copy");
	migration_pair_fault(&pair.from, 1, "arc=any:running,times=0");
	migration_pair_work(&pair.from);
	migration_pair_ready(&pair);
	CHECK_EQ(migration_pair_run(&pair), -EIO);
	CHECK_EQ(migration_pair_result(&pair.from).outcome, VFMIG_OUTCOME_FAILED);
	CHECK_EQ(migration_pair_result(&pair.from).lost_devices, 1);
	CHECK(!migration_pair_result(&pair.from).running);
	CHECKF(strstr(pair.from.err.text, "; and then: device card1: RUNNING_P2P -> RUNNING"), "%s",
	       pair.from.err.text);
	CHECK_EQ(migration_pair_state(&pair.from, 0), VFMIG_STATE_RUNNING);
	CHECK_EQ(pair.from.resumed, 1);
	CHECK_EQ(vfmig_migration_cleanup(pair.from.m, NULL), -EIO);
	migration_pair_free(&pair);
}

static void users(void)
{
	struct migration_pair pair;

	migration_pair_init(&pair, 2, NULL);
	pair.from.pause_fails = -EPIPE; /* which is not the channel's */
	migration_pair_work(&pair.from);
	migration_pair_ready(&pair);
	CHECK_EQ(migration_pair_run(&pair), -EIO);
	CHECK(strstr(pair.from.err.text, "the user could not be paused: the user does not pause"));
	migration_pair_stayed(&pair);
	migration_pair_free(&pair);

	migration_pair_init(&pair, 2, NULL);
	pair.to.resume_fails = -EIO;
	migration_pair_work(&pair.from);
	migration_pair_ready(&pair);
	CHECK_EQ(migration_pair_run(&pair), 0);
	CHECK(strstr(migration_pair_result(&pair.to).sentence, "the user could not be resumed"));
	migration_pair_moved(&pair);
	migration_pair_free(&pair);
}

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

int main(void)
{
	pthread_t threads[COUNT(hangs)];

	for (size_t i = 0; i < COUNT(hangs); i++)
		CHECK(!pthread_create(&threads[i], NULL, run_hang, (void *)&hangs[i]));
	for (size_t i = 0; i < COUNT(hangs); i++)
		pthread_join(threads[i], NULL);
	for (size_t i = 0; i < COUNT(all); i++)
		run(&all[i], 0);
	lost_one();
	users();
	return 0;
}
