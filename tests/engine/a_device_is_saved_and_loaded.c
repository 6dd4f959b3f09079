/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A card and its memory go into a file, which can be inspected, and come out of it into another card. The one
 * that was saved stays stopped, unless it is told to run on; the one that is loaded runs, unless it
 * is told not to. The file need not be seekable: the same goes through a pipe.
 */
#include <fcntl.h>
#include <sys/mman.h>

#include <vfmig/inspect.h>

#include "tests/lib/migration_pair.h"

static void look_into(struct migration_pair *pair, int fd)
{
	struct vfmig_inspect_result result;
	struct migration_pair_end log = {.logged = 0};
	struct vfmig_events events = {.emit = migration_pair_emit, .context = &log};
	struct vfmig_error err = {0};

	pthread_mutex_init(&log.lock, NULL);
	log.log = calloc(1, MIGRATION_PAIR_LOG);
	CHECK(lseek(fd, 0, SEEK_SET) == 0);
	CHECKF(!vfmig_inspect(fd, VFMIG_INSPECT_SECTIONS, &events, &result, &err), "%s", err.text);
	CHECK(result.complete && result.file);
	CHECK_EQ(result.devices, 2);
	CHECK_EQ(result.regions, 1);
	CHECK_EQ(result.undecoded, 0);
	CHECK_EQ(result.memory_bytes, migration_pair_result(&pair->from).memory_bytes);
	CHECK_EQ(result.zero_pages, migration_pair_result(&pair->from).zero_pages);
	CHECK_EQ(result.device_bytes, migration_pair_result(&pair->from).device_bytes);
	CHECK_EQ(result.bytes, migration_pair_result(&pair->from).bytes);
	CHECK(migration_pair_find(&log, "\"device\":\"card1\",\"model\":\"card\""));
	CHECK(migration_pair_find(
		&log, "\"name\":\"src\",\"size\":8,\"version\":1,\"value\":\"0000000000102000\""));
	CHECK(migration_pair_find(&log, "\"event\":\"block\""));
	CHECK(migration_pair_find(&log, "\"type\":\"END\""));
	free(log.log);
	pthread_mutex_destroy(&log.lock);
	CHECK(lseek(fd, 0, SEEK_SET) == 0);
}

static void through_file(bool run_on, bool start_stopped)
{
	struct migration_pair pair;
	int fd = memfd_create("saved", MFD_CLOEXEC);

	migration_pair_init(&pair, 2, NULL);
	pair.from.options.run_on = run_on;
	pair.to.options.start_stopped = start_stopped;
	migration_pair_work(&pair.from);
	migration_pair_ready(&pair);
	CHECKF(!vfmig_migration_run(pair.from.m, -1, fd, &pair.from.err), "%s", pair.from.err.text);
	CHECK_EQ(migration_pair_result(&pair.from).outcome, VFMIG_OUTCOME_DONE);
	CHECK(migration_pair_all(&pair.from, run_on ? VFMIG_STATE_RUNNING : VFMIG_STATE_STOP));
	CHECK_EQ(migration_pair_result(&pair.from).running, run_on);
	CHECK_EQ(pair.from.paused, 1);
	CHECK_EQ(pair.from.resumed, run_on);
	look_into(&pair, fd);
	CHECKF(!vfmig_migration_run(pair.to.m, fd, -1, &pair.to.err), "%s", pair.to.err.text);
	CHECK(migration_pair_all(&pair.to, start_stopped ? VFMIG_STATE_STOP : VFMIG_STATE_RUNNING));
	CHECK_EQ(migration_pair_result(&pair.to).running, !start_stopped);
	CHECK_EQ(pair.to.resumed, !start_stopped);
	CHECK(migration_pair_same(&pair));
	migration_pair_free(&pair);
	close(fd);
}

static void *load(void *context)
{
	struct migration_pair_end *end = context;

	end->ret = vfmig_migration_run(end->m, (int)(intptr_t)end->hook_context, -1, &end->err);
	return NULL;
}

static void through_pipe(void)
{
	struct migration_pair pair;
	pthread_t thread;
	int fds[2];

	CHECK(!pipe(fds));
	migration_pair_init(&pair, 2, NULL);
	migration_pair_work(&pair.from);
	migration_pair_ready(&pair);
	pair.to.hook_context = (void *)(intptr_t)fds[0];
	CHECK(!pthread_create(&thread, NULL, load, &pair.to));
	CHECKF(!vfmig_migration_run(pair.from.m, -1, fds[1], &pair.from.err), "%s",
	       pair.from.err.text);
	pthread_join(thread, NULL);
	CHECKF(!pair.to.ret, "%s", pair.to.err.text);
	migration_pair_moved(&pair);
	/* As it was before: others may share it. */
	CHECK(!(fcntl(fds[0], F_GETFL) & O_NONBLOCK) && !(fcntl(fds[1], F_GETFL) & O_NONBLOCK));
	migration_pair_free(&pair);
	close(fds[0]);
	close(fds[1]);
}

int main(void)
{
	RUN(through_file(false, false));
	RUN(through_file(true, false));
	RUN(through_file(false, true));
	RUN(through_pipe());
	return 0;
}
