/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A card and its memory go into a file, which can be inspected, and come out of it into another card. The one
 * that was saved stays stopped, unless it is told to run on; the one that is loaded runs, unless it
 * is told not to. The file need not be seekable: the same goes through a pipe.
 */
#include <fcntl.h>
#include <sys/mman.h>

#include <vfmig/inspect.h>

#include "tests/engine/rig.h"

static void look_into(struct rig *rig, int fd)
{
	struct vfmig_inspect_result result;
	struct rig_end log = {.logged = 0};
	struct vfmig_events events = {.emit = rig_emit, .context = &log};
	struct vfmig_error err = {0};

	pthread_mutex_init(&log.lock, NULL);
	log.log = calloc(1, RIG_LOG);
	CHECK(lseek(fd, 0, SEEK_SET) == 0);
	CHECKF(!vfmig_inspect(fd, VFMIG_INSPECT_SECTIONS, &events, &result, &err), "%s", err.text);
	CHECK(result.complete && result.file);
	CHECK_EQ(result.devices, 2);
	CHECK_EQ(result.regions, 1);
	CHECK_EQ(result.undecoded, 0);
	CHECK_EQ(result.memory_bytes, rig_result(&rig->from).memory_bytes);
	CHECK_EQ(result.zero_pages, rig_result(&rig->from).zero_pages);
	CHECK_EQ(result.device_bytes, rig_result(&rig->from).device_bytes);
	CHECK_EQ(result.bytes, rig_result(&rig->from).bytes);
	CHECK(rig_find(&log, "\"device\":\"card1\",\"model\":\"card\""));
	CHECK(rig_find(&log,
		       "\"name\":\"src\",\"size\":8,\"version\":1,\"value\":\"0000000000102000\""));
	CHECK(rig_find(&log, "\"event\":\"block\""));
	CHECK(rig_find(&log, "\"type\":\"END\""));
	free(log.log);
	pthread_mutex_destroy(&log.lock);
	CHECK(lseek(fd, 0, SEEK_SET) == 0);
}

static void through_file(bool run_on, bool start_stopped)
{
	struct rig rig;
	int fd = memfd_create("saved", MFD_CLOEXEC);

	rig_init(&rig, 2, NULL);
	rig.from.options.run_on = run_on;
	rig.to.options.start_stopped = start_stopped;
	rig_work(&rig.from);
	rig_ready(&rig);
	CHECKF(!vfmig_migration_run(rig.from.m, -1, fd, &rig.from.err), "%s", rig.from.err.text);
	CHECK_EQ(rig_result(&rig.from).outcome, VFMIG_OUTCOME_DONE);
	CHECK(rig_all(&rig.from, run_on ? VFMIG_STATE_RUNNING : VFMIG_STATE_STOP));
	CHECK_EQ(rig_result(&rig.from).running, run_on);
	CHECK_EQ(rig.from.paused, 1);
	CHECK_EQ(rig.from.resumed, run_on);
	look_into(&rig, fd);
	CHECKF(!vfmig_migration_run(rig.to.m, fd, -1, &rig.to.err), "%s", rig.to.err.text);
	CHECK(rig_all(&rig.to, start_stopped ? VFMIG_STATE_STOP : VFMIG_STATE_RUNNING));
	CHECK_EQ(rig_result(&rig.to).running, !start_stopped);
	CHECK_EQ(rig.to.resumed, !start_stopped);
	CHECK(rig_same(&rig));
	rig_free(&rig);
	close(fd);
}

static void *load(void *context)
{
	struct rig_end *end = context;

	end->ret = vfmig_migration_run(end->m, (int)(intptr_t)end->hook_context, -1, &end->err);
	return NULL;
}

static void through_pipe(void)
{
	struct rig rig;
	pthread_t thread;
	int fds[2];

	CHECK(!pipe(fds));
	rig_init(&rig, 2, NULL);
	rig_work(&rig.from);
	rig_ready(&rig);
	rig.to.hook_context = (void *)(intptr_t)fds[0];
	CHECK(!pthread_create(&thread, NULL, load, &rig.to));
	CHECKF(!vfmig_migration_run(rig.from.m, -1, fds[1], &rig.from.err), "%s",
	       rig.from.err.text);
	pthread_join(thread, NULL);
	CHECKF(!rig.to.ret, "%s", rig.to.err.text);
	rig_moved(&rig);
	/* As it was before: others may share it. */
	CHECK(!(fcntl(fds[0], F_GETFL) & O_NONBLOCK) && !(fcntl(fds[1], F_GETFL) & O_NONBLOCK));
	rig_free(&rig);
	close(fds[0]);
	close(fds[1]);
}

int main(void)
{
	through_file(false, false);
	through_file(true, false);
	through_file(false, true);
	through_pipe();
	return 0;
}
