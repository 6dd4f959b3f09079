/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Waiting with all time limits: that of what is done now, that of the whole, and that of a channel on which
 * nothing moves. (Those of requests are the loop's.)
 */
#include <errno.h>

#include "engine/engine.h"

void engine_limit_time(struct vfmig_migration *m, uint64_t ms, const char *what)
{
	m->deadline = ms ? device_now() + (int64_t)ms * 1000000 : 0;
	m->deadline_what = what;
}

/* The least that the way back has for each request. */
#define BACK_MS 1000

void engine_limit_back(struct vfmig_migration *m)
{
	uint64_t half = m->options.switchover_ms / 2;

	if (half && half < BACK_MS)
		half = BACK_MS;
	if (half && (!m->request_ms || half < m->request_ms))
		m->request_ms = half;
	engine_limit_devices(m, m->request_ms);
}

static void sooner(int64_t *until, int64_t than)
{
	if (than && (!*until || than < *until))
		*until = than;
}

/* When a channel that does not move is given up; 0 if nobody waits for it. */
static int64_t idle_deadline(struct vfmig_migration *m, unsigned what)
{
	int64_t until = 0, limit = (int64_t)m->options.channel_ms * 1000000;

	if (!limit)
		return 0;
	if (what & ENGINE_WAIT_OUT && m->out.queue.count && !rate_limit_when(&m->out.limit))
		sooner(&until, m->out.moved + limit);
	if (what & ENGINE_WAIT_IN)
		sooner(&until, m->in.moved + limit);
	return until;
}

static int check_time(struct vfmig_migration *m, int64_t idle, struct vfmig_error *err)
{
	int64_t now = device_now();

	if (m->deadline && now >= m->deadline)
		return vfmig_err(err, -ETIMEDOUT, "%s took longer than its time limit",
				 m->deadline_what);
	if (m->total_deadline && now >= m->total_deadline)
		return vfmig_err(err, -ETIMEDOUT,
				 "the migration took longer than %llu ms, its time limit "
				 "(total-timeout)",
				 (unsigned long long)m->options.total_ms);
	if (idle && now >= idle)
		return vfmig_err(err, -ETIMEDOUT,
				 "nothing has moved on the channel for %llu ms (channel-timeout): "
				 "the %s hangs, or is cut off",
				 (unsigned long long)m->options.channel_ms,
				 m->role == VFMIG_ROLE_SOURCE ? "destination" : "source");
	return 0;
}

static int turn(struct vfmig_migration *m, unsigned what, bool wait, struct vfmig_error *err)
{
	struct loop_ports ports = {.in = -1, .out = -1};
	int64_t until = 0, idle = idle_deadline(m, what), held;
	int ret;

	/* A source always listens: the destination may fail at any time. */
	if ((what & ENGINE_WAIT_IN || m->role == VFMIG_ROLE_SOURCE) && !m->in.eof)
		ports.in = m->in.port.fd;
	held = rate_limit_when(&m->out.limit);
	if (what & ENGINE_WAIT_OUT && m->out.queue.count && !held)
		ports.out = m->out.port.fd;
	sooner(&until, m->deadline);
	sooner(&until, m->total_deadline);
	sooner(&until, idle);
	sooner(&until, held);
	ret = loop_turn(&m->loop, &ports, wait ? until : 1);
	m->in_ready |= ports.readable;
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
