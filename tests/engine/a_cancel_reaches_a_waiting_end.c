/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An end that waits for the other, which never comes, or for a device that hangs, is woken by a cancel from
 * another thread. No time limit is set here: without the cancel it would wait for ever.
 */
#include "tests/lib/migration_pair.h"

static atomic_bool at_it;

static void on_setup(struct migration_pair_end *end, const struct vfmig_event *event)
{
	atomic_store(&at_it, true);
}

static void *cancel(void *context)
{
	while (!atomic_load(&at_it))
		sched_yield();
	vfmig_migration_cancel(context);
	return NULL;
}

static void no_limits(struct vfmig_migration_options *options)
{
	options->setup_ms = options->request_ms = options->channel_ms = options->switchover_ms = 0;
}

/* A source whose destination says nothing. */
static void source_alone(void)
{
	struct migration_pair_end end;
	pthread_t thread;
	int fds[2];

	CHECK(!socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
	migration_pair_end_init(&end, 1, NULL, MIGRATION_PAIR_MEMORY);
	no_limits(&end.options);
	end.hook = on_setup;
	migration_pair_work(&end);
	migration_pair_end_ready(&end, VFMIG_ROLE_SOURCE);
	atomic_store(&at_it, false);
	CHECK(!pthread_create(&thread, NULL, cancel, end.m));
	CHECK_EQ(vfmig_migration_run(end.m, fds[0], fds[0], &end.err), -ECANCELED);
	pthread_join(thread, NULL);
	CHECK_EQ(migration_pair_result(&end).outcome, VFMIG_OUTCOME_CANCELLED);
	CHECK(migration_pair_all(&end, VFMIG_STATE_RUNNING));
	migration_pair_end_free(&end);
	close(fds[0]);
	close(fds[1]);
}

static void destination_alone(void)
{
	struct migration_pair_end end;
	pthread_t thread;
	int fds[2];

	CHECK(!socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
	migration_pair_end_init(&end, 1, NULL, MIGRATION_PAIR_MEMORY);
	no_limits(&end.options);
	migration_pair_end_ready(&end, VFMIG_ROLE_DESTINATION);
	atomic_store(&at_it, true);
	CHECK(!pthread_create(&thread, NULL, cancel, end.m));
	CHECK_EQ(vfmig_migration_run(end.m, fds[0], fds[0], &end.err), -ECANCELED);
	pthread_join(thread, NULL);
	CHECK_EQ(migration_pair_result(&end).outcome, VFMIG_OUTCOME_CANCELLED);
	migration_pair_end_free(&end);
	close(fds[0]);
	close(fds[1]);
}

/* A device that never answers. It is asked again on the way back, and answers then. */
static void device_hangs(const char *fault)
{
	pthread_t thread;
	struct migration_pair pair;

	migration_pair_init(&pair, 1, NULL);
	no_limits(&pair.from.options);
	no_limits(&pair.to.options);
	migration_pair_fault(&pair.from, 0, fault);
	pair.from.hook = on_setup;
	migration_pair_work(&pair.from);
	migration_pair_ready(&pair);
	atomic_store(&at_it, false);
	CHECK(!pthread_create(&thread, NULL, cancel, pair.from.m));
	CHECK_EQ(migration_pair_run(&pair), -ECANCELED);
	pthread_join(thread, NULL);
	CHECK_EQ(migration_pair_result(&pair.from).outcome, VFMIG_OUTCOME_CANCELLED);
	migration_pair_stayed(&pair);
	migration_pair_free(&pair);
}

int main(void)
{
	source_alone();
	destination_alone();
	device_hangs("arc=running:pre-copy,do=hang");
	device_hangs("op=data-read,do=hang");
	device_hangs("arc=pre-copy:pre-copy-p2p,do=hang");
	return 0;
}
