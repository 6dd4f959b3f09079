/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Steps: in the caller's thread, or in one of ours with a descriptor to poll.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/engine.h"

static int get_buffers(struct vfmig_migration *m, struct vfmig_error *err)
{
	while (m->free.count < VFMIG_MIGRATION_BUFFERS) {
		struct channel_buffer *buffer = aligned_alloc(64, sizeof(*buffer));

		if (!buffer)
			return vfmig_err(err, -ENOMEM, "no memory for %u buffers of %u bytes",
					 VFMIG_MIGRATION_BUFFERS, VFMIG_MIGRATION_BUFFER_BYTES);
		/* Only the head: the bytes are pages that may never be used. */
		memset(buffer, 0, offsetof(struct channel_buffer, bytes));
		buffer_queue_push(&m->free, buffer);
	}
	return 0;
}

static int open_channel(struct vfmig_migration *m, struct vfmig_error *err)
{
	int ret;

	if (m->in_fd < 0 && m->out_fd < 0)
		return vfmig_err(err, -EBADF, "the migration has no channel");
	m->file = m->in_fd < 0 || m->out_fd < 0;
	ret = channel_port_open(&m->in.port, m->in_fd, err);
	if (ret)
		return ret;
	return channel_port_open(&m->out.port, m->out_fd, err);
}

/*
 * What is asked of a device by way of others (its log, by the space) has the device's own time limit. For the time
 * of the migration that is not longer than ours.
 */
void engine_limit_devices(struct vfmig_migration *m, uint64_t ms)
{
	for (uint32_t i = 0; ms && i < m->device_count; i++) {
		struct vfmig_device *device = vfmig_session_device(m->devices[i]->session);
		uint64_t own = m->devices[i]->timeout_ms;

		if (device)
			vfmig_device_set_timeout(device, own && own < ms ? own : ms);
	}
}

static void limit_devices(struct vfmig_migration *m)
{
	for (uint32_t i = 0; i < m->device_count; i++) {
		struct vfmig_device *device = vfmig_session_device(m->devices[i]->session);

		if (device)
			m->devices[i]->timeout_ms = atomic_load(&device->timeout_ms);
	}
	engine_limit_devices(m, m->request_ms);
}

static void unlimit_devices(struct vfmig_migration *m)
{
	for (uint32_t i = 0; i < m->device_count; i++) {
		struct vfmig_device *device = vfmig_session_device(m->devices[i]->session);

		if (device)
			vfmig_device_set_timeout(device, m->devices[i]->timeout_ms);
	}
}

static void end(struct vfmig_migration *m)
{
	if (m->stage != ENGINE_STAGE_OVER || m->ended)
		return;
	m->ended = true;
	channel_port_close(&m->in.port);
	channel_port_close(&m->out.port);
	unlimit_devices(m);
}

static int begin(struct vfmig_migration *m, struct vfmig_error *err)
{
	int ret;

	m->began = device_now();
	m->in.moved = m->out.moved = m->began;
	if (m->options.total_ms)
		m->total_deadline = m->began + (int64_t)m->options.total_ms * 1000000;
	pthread_mutex_lock(&m->lock);
	m->result.running = m->role == VFMIG_ROLE_SOURCE;
	pthread_mutex_unlock(&m->lock);
	limit_devices(m);
	ret = get_buffers(m, err);
	return ret ? ret : open_channel(m, err);
}

static int setup(struct vfmig_migration *m, struct vfmig_error *err)
{
	int ret;

	if (m->began)
		return vfmig_err(err, -EINVAL, "the migration is set up already");
	ret = begin(m, err);
	m->handoff = m->role == VFMIG_ROLE_SOURCE ? HANDOFF_SRC_MOVE : HANDOFF_DST_LOAD;
	if (!ret && atomic_load(&m->loop.cancelled))
		ret = vfmig_err(err, -ECANCELED, "cancelled before it began");
	if (m->role == VFMIG_ROLE_SOURCE)
		return ret ? engine_source_give_up(m, ret, err) : engine_source_setup(m, err);
	return ret ? engine_destination_give_up(m, ret, err) : engine_destination_setup(m, err);
}

static ssize_t run(struct vfmig_migration *m, struct vfmig_error *err)
{
	int ret = setup(m, err);

	if (ret)
		return ret;
	return m->role == VFMIG_ROLE_SOURCE ? engine_source_run(m, err)
					    : engine_destination_load(m, 0, err);
}

static ssize_t iterate(struct vfmig_migration *m, uint64_t budget, struct vfmig_error *err)
{
	ssize_t n = engine_source_iterate(m, budget, err);

	return n < 0 ? engine_source_give_up(m, (int)n, err) : n;
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
		return engine_destination_load(m, budget, err);
	return vfmig_err(err, -EINVAL, "a %s has no such step", engine_role_name(m->role));
}

ssize_t vfmig_migration_step(struct vfmig_migration *m, enum vfmig_step step, uint64_t budget,
			     struct vfmig_error *err)
{
	struct vfmig_error none = {0};
	ssize_t ret;

	if (m->thread_runs)
		return vfmig_err(err, -EBUSY, "a step is under way");
	ret = take_step(m, step, budget, err ? err : &none);
	end(m);
	return ret;
}

int vfmig_migration_run(struct vfmig_migration *m, int in_fd, int out_fd, struct vfmig_error *err)
{
	int ret = vfmig_migration_set_channel(m, in_fd, out_fd, err);

	return ret ? ret : (int)vfmig_migration_step(m, VFMIG_STEP_RUN, 0, err);
}

/* ---- in a thread ---- */

static void *in_thread(void *context)
{
	struct vfmig_migration *m = context;
	uint64_t one = 1;
	ssize_t n;

	m->step_result = take_step(m, m->step, m->budget, &m->step_err);
	n = write(m->step_fd, &one, sizeof(one));
	(void)n;
	return NULL;
}

int vfmig_migration_start(struct vfmig_migration *m, enum vfmig_step step, uint64_t budget,
			  struct vfmig_error *err)
{
	sigset_t all, before;
	int ret;

	if (m->thread_runs)
		return vfmig_err(err, -EBUSY, "a step is under way");
	m->step = step;
	m->budget = budget;
	m->step_err = (struct vfmig_error){0};
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	ret = -pthread_create(&m->thread, NULL, in_thread, m);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (ret)
		return vfmig_err(err, ret, "no thread for a step: %s", strerror(-ret));
	m->thread_runs = true;
	return 0;
}

int vfmig_migration_fd(struct vfmig_migration *m)
{
	return m->step_fd;
}

ssize_t vfmig_migration_finish(struct vfmig_migration *m, struct vfmig_error *err)
{
	uint64_t count;

	if (!m->thread_runs)
		return vfmig_err(err, -EINVAL, "no step was started");
	pthread_join(m->thread, NULL);
	m->thread_runs = false;
	if (read(m->step_fd, &count, sizeof(count)) < 0)
		return vfmig_err(err, -EIO, "somebody has read the step's descriptor");
	if (m->step_result < 0)
		vfmig_err(err, (int)m->step_result, "%s", m->step_err.text);
	end(m);
	return m->step_result;
}

int vfmig_migration_cleanup(struct vfmig_migration *m, struct vfmig_error *err)
{
	struct vfmig_error why = {0};

	if (m->thread_runs) {
		vfmig_migration_cancel(m);
		vfmig_migration_finish(m, NULL);
	}
	if (m->stage == ENGINE_STAGE_MOVING) {
		vfmig_migration_cancel(m);
		vfmig_err(&why, -ECANCELED, "cancelled");
		if (m->role == VFMIG_ROLE_SOURCE)
			engine_source_give_up(m, -ECANCELED, &why);
		else
			engine_destination_give_up(m, -ECANCELED, &why);
		end(m);
	}
	if (m->handoff != HANDOFF_SRC_DOUBT)
		engine_memory_untrack(m);
	if (m->result.lost_devices)
		return vfmig_err(err, -EIO, "%s", m->result.sentence);
	return 0;
}
