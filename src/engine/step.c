/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Steps: in the thread of the caller, or in a thread of the engine with a descriptor to poll.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "device/device.h"
#include "engine/channel/channel.h"
#include "engine/destination.h"
#include "engine/loop.h"
#include "engine/memory.h"
#include "engine/migration.h"
#include "engine/report.h"
#include "engine/send.h"
#include "engine/source.h"
#include "engine/wait.h"

static int open_channel(struct vfmig_migration *m, struct vfmig_error *err)
{
	int ret;

	if (m->channel.in_fd < 0 && m->channel.out_fd < 0)
		return vfmig_err(err, -EBADF, "the migration has no channel");
	m->channel.file = m->channel.in_fd < 0 || m->channel.out_fd < 0;
	ret = channel_port_open(&m->channel.in.port, m->channel.in_fd, err);
	if (ret)
		return ret;
	return channel_port_open(&m->channel.out.port, m->channel.out_fd, err);
}

static void end(struct vfmig_migration *m)
{
	if (m->stage != ENGINE_STAGE_OVER || m->step.ended)
		return;
	m->step.ended = true;
	channel_port_close(&m->channel.in.port);
	channel_port_close(&m->channel.out.port);
	engine_limits_end(m);
}

static int begin(struct vfmig_migration *m, struct vfmig_error *err)
{
	int ret;

	m->progress.began = device_now();
	m->channel.in.moved = m->channel.out.moved = m->progress.began;
	if (m->options.total_ms)
		m->limits.total_deadline =
			m->progress.began + (int64_t)m->options.total_ms * 1000000;
	pthread_mutex_lock(&m->status.lock);
	m->status.result.running = m->role == VFMIG_ROLE_SOURCE;
	pthread_mutex_unlock(&m->status.lock);
	engine_limits_begin(m);
	ret = engine_buffers_alloc(m, err);
	return ret ? ret : open_channel(m, err);
}

static int give_up(struct vfmig_migration *m, int code, struct vfmig_error *err)
{
	return m->role == VFMIG_ROLE_SOURCE ? engine_source_give_up(m, code, err)
					    : engine_destination_give_up(m, code, err);
}

static int setup(struct vfmig_migration *m, struct vfmig_error *err)
{
	bool source = m->role == VFMIG_ROLE_SOURCE;
	int ret;

	if (m->progress.began)
		return vfmig_err(err, -EINVAL, "the migration is set up already");
	m->handoff.state = source ? HANDOFF_SRC_MOVE : HANDOFF_DST_LOAD;
	ret = begin(m, err);
	if (!ret && atomic_load(&m->loop.cancelled))
		ret = vfmig_err(err, -ECANCELED, "cancelled before it began");
	if (!ret)
		ret = source ? engine_source_setup(m, err) : engine_destination_setup(m, err);
	return ret ? give_up(m, ret, err) : 0;
}

static ssize_t iterate(struct vfmig_migration *m, uint64_t budget, struct vfmig_error *err)
{
	ssize_t n = engine_source_iterate(m, budget, err);

	return n < 0 ? give_up(m, (int)n, err) : n;
}

static ssize_t load(struct vfmig_migration *m, uint64_t budget, struct vfmig_error *err)
{
	bool over = false;
	ssize_t n = engine_destination_load(m, budget, &over, err);

	if (n < 0)
		return give_up(m, (int)n, err);
	return over ? engine_destination_complete(m, err) : n;
}

static ssize_t run(struct vfmig_migration *m, struct vfmig_error *err)
{
	const char *reason;
	int ret = setup(m, err);

	if (ret)
		return ret;
	if (m->role == VFMIG_ROLE_DESTINATION)
		return load(m, 0, err);
	reason = engine_source_rounds(m, &ret, err);
	return reason ? engine_source_complete(m, reason, err) : give_up(m, ret, err);
}

static ssize_t take_step(struct vfmig_migration *m, enum vfmig_step step, uint64_t budget,
			 struct vfmig_error *err)
{
	bool source = m->role == VFMIG_ROLE_SOURCE;

	if (step == VFMIG_STEP_SETUP)
		return setup(m, err);
	if (step == VFMIG_STEP_RUN)
		return run(m, err);
	if (m->stage != ENGINE_STAGE_MOVING)
		return vfmig_err(err, -EINVAL, "the migration %s",
				 m->stage == ENGINE_STAGE_OVER ? "is over" : "is not set up");
	if (source && step == VFMIG_STEP_ITERATE)
		return iterate(m, budget, err);
	if (source && step == VFMIG_STEP_COMPLETE)
		return engine_source_complete(m, "asked", err);
	if (!source && step == VFMIG_STEP_LOAD)
		return load(m, budget, err);
	return vfmig_err(err, -EINVAL, "a %s does not have this step", engine_role_name(m->role));
}

ssize_t vfmig_migration_step(struct vfmig_migration *m, enum vfmig_step step, uint64_t budget,
			     struct vfmig_error *err)
{
	struct vfmig_error none = {0};
	ssize_t ret;

	if (m->step.runs)
		return vfmig_err(err, -EBUSY, "a step is running already");
	ret = take_step(m, step, budget, err ? err : &none);
	end(m);
	return ret;
}

/* ---- in a thread ---- */

static void *in_thread(void *context)
{
	struct vfmig_migration *m = context;
	uint64_t one = 1;
	ssize_t n;

	m->step.result = take_step(m, m->step.what, m->step.budget, &m->step.err);
	n = write(m->step.fd, &one, sizeof(one));
	(void)n;
	return NULL;
}

int vfmig_migration_start(struct vfmig_migration *m, enum vfmig_step step, uint64_t budget,
			  struct vfmig_error *err)
{
	sigset_t all, before;
	int ret;

	if (m->step.runs)
		return vfmig_err(err, -EALREADY, "a step is running already");
	m->step.what = step;
	m->step.budget = budget;
	m->step.err = (struct vfmig_error){0};
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	ret = -pthread_create(&m->step.thread, NULL, in_thread, m);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (ret)
		return vfmig_err(err, ret, "no thread for a step: %s", strerror(-ret));
	m->step.runs = true;
	return 0;
}

int vfmig_migration_fd(struct vfmig_migration *m)
{
	return m->step.fd;
}

ssize_t vfmig_migration_finish(struct vfmig_migration *m, struct vfmig_error *err)
{
	uint64_t count;

	if (!m->step.runs)
		return vfmig_err(err, -EINVAL, "no step was started");
	pthread_join(m->step.thread, NULL);
	m->step.runs = false;
	if (read(m->step.fd, &count, sizeof(count)) < 0)
		return vfmig_err(err, -EIO, "the descriptor of the step was read by the caller");
	if (m->step.result < 0)
		vfmig_err(err, (int)m->step.result, "%s", m->step.err.text);
	end(m);
	return m->step.result;
}

int vfmig_migration_cleanup(struct vfmig_migration *m, struct vfmig_error *err)
{
	struct vfmig_error why = {0};

	if (m->step.runs) {
		loop_cancel(&m->loop);
		vfmig_migration_finish(m, NULL);
	}
	if (m->stage == ENGINE_STAGE_MOVING) {
		loop_cancel(&m->loop);
		vfmig_err(&why, -ECANCELED, "cancelled");
		give_up(m, -ECANCELED, &why);
		end(m);
	}
	if (m->handoff.state != HANDOFF_SRC_DOUBT)
		engine_memory_untrack(&m->memory);
	if (m->status.result.lost_devices)
		return vfmig_err(err, -EIO, "%s", m->status.result.sentence);
	return 0;
}
