/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One of two cards fails, or hangs, in each arc and each request of a migration, at either end; the user fails,
 * too. Before the commit the source runs on with all that can run; after it, it does not. The
 * sentence names the device and what it was doing.
 *
 * Rules: V2-12, V1-51.
 */
#include "tests/engine/rig.h"

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
	{false, "feature=mig-device-state", STAYS, "does not say which state it is in"},
	{true, "feature=mig-device-state", STAYS, "does not say which state it is in"},
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
	{false, "feature=dma-logging-report,nth=3", STAYS, "the last pages"},
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
	{false, "feature=dma-logging-report,nth=3,do=hang", STAYS, "the last pages"},
	{true, "op=irq-info,do=hang", STAYS, "device card1"},
	{true, "arc=stop:resuming,do=hang", STAYS, "was not done after"},
	{true, "arc=resuming:stop,do=hang", STAYS, "was not done after"},
	{true, "op=data-write,do=hang", STAYS, "was not done after"},
	{true, "arc=stop:running-p2p,do=hang", DOUBT, "was not done after"},
	{true, "arc=running-p2p:running,do=hang", DOUBT, "was not done after"},
};

static void check(struct rig *rig, enum end end, const char *says)
{
	struct vfmig_migration_result source = rig_result(&rig->from);

	if (getenv("VERBOSE"))
		fprintf(stderr, "  source: %s\n  destination: %s\n", source.sentence,
			rig_result(&rig->to).sentence);
	if (end == MOVES) {
		CHECK_EQ(source.outcome, VFMIG_OUTCOME_DONE);
		CHECK_EQ(rig_result(&rig->to).outcome, VFMIG_OUTCOME_DONE);
		CHECK(rig_same(rig));
		return;
	}
	CHECKF(!says || strstr(source.sentence, says), "'%s' is not in '%s'", says,
	       source.sentence);
	CHECK_STR(source.sentence, rig->from.err.text);
	if (end == STAYS) {
		CHECK(!source.committed);
		rig_stayed(rig);
		return;
	}
	CHECK_EQ(source.outcome, VFMIG_OUTCOME_IN_DOUBT);
	CHECK(!source.running);
	CHECK(rig_all(&rig->from, VFMIG_STATE_STOP_COPY));
	CHECK_EQ(rig->from.resumed, 0);
	CHECK(!vfmig_migration_resolve(rig->from.m, VFMIG_RESOLVED_HERE, NULL));
	rig_stayed(rig);
}

static void run(const struct one *one, uint64_t request_ms)
{
	struct rig rig;

	if (getenv("VERBOSE"))
		fprintf(stderr, "%s: %s\n", one->destination ? "destination" : "source",
			one->fault);
	rig_init(&rig, 2, NULL);
	rig_fault(one->destination ? &rig.to : &rig.from, 1, one->fault);
	if (request_ms)
		rig.from.options.request_ms = rig.to.options.request_ms = request_ms;
	rig_work(&rig.from);
	rig_ready(&rig);
	rig_run(&rig);
	check(&rig, one->end, one->says);
	rig_free(&rig);
}

static void *run_hang(void *context)
{
	run(context, 3000);
	return NULL;
}

/* A device that fails its way back as well is counted and told, and the other one goes on. */
static void lost_one(void)
{
	struct rig rig;

	rig_init(&rig, 2, NULL);
	rig_fault(&rig.from, 1, "arc=pre-copy-p2p:stop-copy");
	rig_fault(&rig.from, 1, "arc=any:running,times=0");
	rig_work(&rig.from);
	rig_ready(&rig);
	CHECK_EQ(rig_run(&rig), -EIO);
	CHECK_EQ(rig_result(&rig.from).outcome, VFMIG_OUTCOME_FAILED);
	CHECK_EQ(rig_result(&rig.from).lost_devices, 1);
	CHECK(!rig_result(&rig.from).running);
	CHECKF(strstr(rig.from.err.text, "; and then: device card1: RUNNING_P2P -> RUNNING"), "%s",
	       rig.from.err.text);
	CHECK_EQ(rig_state(&rig.from, 0), VFMIG_STATE_RUNNING);
	CHECK_EQ(rig.from.resumed, 1);
	CHECK_EQ(vfmig_migration_cleanup(rig.from.m, NULL), -EIO);
	rig_free(&rig);
}

static void users(void)
{
	struct rig rig;

	rig_init(&rig, 2, NULL);
	rig.from.pause_fails = -EPIPE; /* which is not the channel's */
	rig_work(&rig.from);
	rig_ready(&rig);
	CHECK_EQ(rig_run(&rig), -EIO);
	CHECK(strstr(rig.from.err.text, "the user could not be paused: the user does not pause"));
	rig_stayed(&rig);
	rig_free(&rig);

	rig_init(&rig, 2, NULL);
	rig.to.resume_fails = -EIO;
	rig_work(&rig.from);
	rig_ready(&rig);
	CHECK_EQ(rig_run(&rig), 0);
	CHECK(strstr(rig_result(&rig.to).sentence, "the user could not be resumed"));
	rig_moved(&rig);
	rig_free(&rig);
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
