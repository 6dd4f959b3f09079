/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Waiting with all time limits: of the current operation, of the whole migration, and of a channel that does not move.
 * (The loop keeps the time limits of requests.)
 */
#include <errno.h>

#include "device/device.h"
#include "engine/channel/limit.h"
#include "engine/device.h"
#include "engine/loop.h"
#include "engine/migration.h"
#include "engine/wait.h"

void engine_limit_time(struct vfmig_migration *m, uint64_t ms, const char *what)
{
	m->limits.deadline = ms ? device_now() + (int64_t)ms * 1000000 : 0;
	m->limits.what = what;
}

/*
 * Requests that others make (a space, for the log of a device) have the time limit of the device. During the migration
 * it is not longer than the migration's.
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

void engine_limits_begin(struct vfmig_migration *m)
{
	for (uint32_t i = 0; i < m->device_count; i++) {
		struct vfmig_device *device = vfmig_session_device(m->devices[i]->session);

		if (device)
			m->devices[i]->timeout_ms = atomic_load(&device->timeout_ms);
	}
	engine_limit_devices(m, m->limits.request_ms);
}

void engine_limits_end(struct vfmig_migration *m)
{
	for (uint32_t i = 0; i < m->device_count; i++) {
		struct vfmig_device *device = vfmig_session_device(m->devices[i]->session);

		if (device)
			vfmig_device_set_timeout(device, m->devices[i]->timeout_ms);
	}
}

/* The shortest time limit of a request on the way back. */
#define BACK_MS 1000

void engine_limit_back(struct vfmig_migration *m)
{
	uint64_t half = m->options.switchover_ms / 2;

	if (half && half < BACK_MS)
		half = BACK_MS;
	if (half && (!m->limits.request_ms || half < m->limits.request_ms))
		m->limits.request_ms = half;
	engine_limit_devices(m, m->limits.request_ms);
}

static void sooner(int64_t *until, int64_t than)
{
	if (than && (!*until || than < *until))
		*until = than;
}

/* The deadline of a channel that does not move; 0 if nothing waits for it. */
static int64_t idle_deadline(struct vfmig_migration *m, unsigned what)
{
	int64_t until = 0, limit = (int64_t)m->options.channel_ms * 1000000;

	if (!limit)
		return 0;
	if (what & ENGINE_WAIT_OUT && m->channel.out.queue.count &&
	    !rate_limit_when(&m->channel.out.limit))
		sooner(&until, m->channel.out.moved + limit);
	if (what & ENGINE_WAIT_IN)
		sooner(&until, m->channel.in.moved + limit);
	return until;
}

static int check_time(struct vfmig_migration *m, int64_t idle, struct vfmig_error *err)
{
	int64_t now = device_now();

	if (m->limits.deadline && now >= m->limits.deadline)
		return vfmig_err(err, -ETIMEDOUT, "%s took longer than its time limit",
				 m->limits.what);
	if (m->limits.total_deadline && now >= m->limits.total_deadline)
		return vfmig_err(err, -ETIMEDOUT,
				 "the migration took longer than %llu ms, its time limit "
				 "(total-timeout)",
				 (unsigned long long)m->options.total_ms);
	if (idle && now >= idle)
		return vfmig_err(err, -ETIMEDOUT,
				 "no data has moved on the channel for %llu ms (channel-timeout): "
				 "the %s hangs or cannot be reached",
				 (unsigned long long)m->options.channel_ms,
				 m->role == VFMIG_ROLE_SOURCE ? "destination" : "source");
	return 0;
}

static int turn(struct vfmig_migration *m, unsigned what, bool wait, struct vfmig_error *err)
{
	struct loop_ports ports = {.in = -1, .out = -1};
	int64_t until = 0, idle = idle_deadline(m, what), held;
	int ret;

	/* A source always reads: the destination may fail at any time. */
	if ((what & ENGINE_WAIT_IN || m->role == VFMIG_ROLE_SOURCE) && !m->channel.in.eof)
		ports.in = m->channel.in.port.fd;
	held = rate_limit_when(&m->channel.out.limit);
	if (what & ENGINE_WAIT_OUT && m->channel.out.queue.count && !held)
		ports.out = m->channel.out.port.fd;
	sooner(&until, m->limits.deadline);
	sooner(&until, m->limits.total_deadline);
	sooner(&until, idle);
	sooner(&until, held);
	ret = loop_turn(&m->loop, &ports, wait ? until : 1);
	m->channel.readable |= ports.readable;
	if (ret)
		return vfmig_err(err, ret, "cancelled");
	return check_time(m, idle, err);
}

int engine_wait(struct vfmig_migration *m, unsigned what, struct vfmig_error *err)
{
	return turn(m, what, true, err);
}

int engine_look(struct vfmig_migration *m, struct vfmig_error *err)
{
	return turn(m, 0, false, err);
}
