/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The destination's side of the hand-over: from END until it runs, or is reset.
 *
 * Each state of the table in handoff.c has a function; its result is the event.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "device/device.h"
#include "engine/channel/channel.h"
#include "engine/destination.h"
#include "engine/device.h"
#include "engine/handoff.h"
#include "engine/migration.h"
#include "engine/report.h"
#include "engine/send.h"
#include "engine/source.h"
#include "engine/wait.h"

/* The time limit for sending the reason of a failure to the source. */
#define TELL_MS 1000

static int say_all(struct vfmig_migration *m, struct abi_section section, const char *payload,
		   struct vfmig_error *err)
{
	int ret = engine_send_section(m, &section, payload, err);

	m->channel.out.moved = device_now();
	return ret ? ret : engine_send_flush(m, err);
}

static int say(struct vfmig_migration *m, uint16_t type, struct vfmig_error *err)
{
	return say_all(m, (struct abi_section){.type = type}, NULL, err);
}

static int do_check(struct vfmig_migration *m, struct vfmig_error *err)
{
	if (!m->channel.file)
		engine_limit_time(m, m->options.switchover_ms,
				  "checking what was loaded (switchover-timeout)");
	return engine_writes_settle(m, err);
}

static int do_commit(struct vfmig_migration *m, struct vfmig_error *err)
{
	int ret;

	if (!m->channel.file) {
		ret = engine_look(m, err);
		if (!ret)
			ret = say(m, ABI_SECTION_READY, err);
		m->handoff.downtime.load = handoff_lap(m);
		engine_limit_time(m, m->options.switchover_ms,
				  "the source's COMMIT (switchover-timeout)");
		/* COMMIT or CANCEL: the check of the stream allows nothing else here. */
		if (!ret)
			ret = engine_receive_section(m, err);
		if (ret < 0)
			return ret;
		m->handoff.downtime.commit = handoff_lap(m);
	}
	m->loop.deaf = true;
	m->limits.total_deadline = 0;
	engine_limit_time(m, m->options.switchover_ms, "starting the devices (switchover-timeout)");
	pthread_mutex_lock(&m->status.lock);
	m->status.result.committed = true;
	pthread_mutex_unlock(&m->status.lock);
	return 0;
}

static enum vfmig_state quiet(const struct engine_device *dev)
{
	return dev->flags & VFMIG_MIGRATION_P2P ? VFMIG_STATE_RUNNING_P2P : dev->state;
}

static enum vfmig_state running(const struct engine_device *dev)
{
	return VFMIG_STATE_RUNNING;
}

static bool stays_stopped(const struct vfmig_migration *m)
{
	return m->channel.file && m->options.start_stopped;
}

static int do_quiet(struct vfmig_migration *m, struct vfmig_error *err)
{
	return stays_stopped(m) ? 0 : engine_states_go(m, quiet, err);
}

static int do_run(struct vfmig_migration *m, struct vfmig_error *err)
{
	int ret = stays_stopped(m) ? 0 : engine_states_go(m, running, err);

	pthread_mutex_lock(&m->status.lock);
	m->status.result.running = !ret && !stays_stopped(m);
	pthread_mutex_unlock(&m->status.lock);
	return ret;
}

static int do_resume(struct vfmig_migration *m, struct vfmig_error *err)
{
	int64_t began = device_now();
	int ret = 0;

	m->limits.deadline = 0;
	if (m->user.resume && !stays_stopped(m)) {
		ret = m->user.resume(m->user.context, err);
		engine_report(m, "user", VFMIG_TEXT("what", "resume"),
			      VFMIG_U64("ns", device_now() - began), VFMIG_REAL("result", ret));
		if (ret)
			ret = vfmig_err_at(err, -EIO, "the user could not be resumed");
	}
	m->handoff.downtime.run = handoff_lap(m);
	m->handoff.downtime.total =
		m->handoff.downtime.load + m->handoff.downtime.commit + m->handoff.downtime.run;
	if (!m->channel.file && say(m, ABI_SECTION_RUNNING, ret ? NULL : err) && !ret)
		ret = vfmig_err_at(
			err, -EPIPE,
			"the destination runs, but RUNNING could not be sent to the source");
	return ret;
}

/* ---- ends ---- */

static void do_done(struct vfmig_migration *m)
{
	engine_report(m, "downtime", VFMIG_U64("ns", m->handoff.downtime.total),
		      VFMIG_U64("load_ns", m->handoff.downtime.load),
		      VFMIG_U64("commit_ns", m->handoff.downtime.commit),
		      VFMIG_U64("run_ns", m->handoff.downtime.run));
	/*
	 * The devices run. If the user could not be resumed, or the source not be notified, the
	 * text reports it.
	 */
	engine_report_end(m, VFMIG_OUTCOME_DONE, 0, m->handoff.why.text);
}

/* Data that is not read when a TCP socket is closed makes the peer lose what was sent last: read and drop it. */
static void linger(struct vfmig_migration *m)
{
	engine_limit_time(m, TELL_MS, "");
	while (!m->channel.in.eof && device_now() < m->limits.deadline) {
		ssize_t n;

		m->channel.in.start = m->channel.in.end = 0;
		n = channel_in_read(&m->channel.in, NULL, 0, NULL);
		if (n <= 0 && n != -EAGAIN)
			break;
		if (n == -EAGAIN && engine_wait(m, ENGINE_WAIT_IN, NULL))
			break;
	}
	m->limits.deadline = 0;
}

/* A source that gave up waits for FAILED only if a device of the destination may have run. */
static void tell_failed(struct vfmig_migration *m)
{
	struct abi_section section = {.type = ABI_SECTION_REFUSE};
	const char *why = m->handoff.why.text;

	if (m->channel.file || (m->destination.source_cancelled && !m->handoff.checks_by_running) ||
	    !m->channel.received_header || m->handoff.why_event == HANDOFF_ON_LOST)
		return;
	if (!*why || abi_section_sentence(why, strlen(why)))
		why = "(the reason is not printable)";
	section.length = (uint32_t)strlen(why);
	if (m->stage != ENGINE_STAGE_NEW) {
		section.type = ABI_SECTION_FAILED;
		section.arg = m->status.result.lost_devices;
	}
	engine_limit_time(m, TELL_MS, "");
	if (!say_all(m, section, why, NULL))
		linger(m);
	m->limits.deadline = 0;
}

static void do_reset(struct vfmig_migration *m)
{
	struct vfmig_error err = {0};
	char text[VFMIG_ERROR_TEXT];
	uint32_t lost = 0;

	m->loop.deaf = true;
	m->limits.deadline = m->limits.total_deadline = 0;
	engine_limit_back(m);
	engine_reads_drop(m);
	if (m->handoff.begun)
		lost = engine_states_reset(m, &err);
	pthread_mutex_lock(&m->status.lock);
	m->status.result.lost_devices = lost;
	m->status.result.running = false;
	pthread_mutex_unlock(&m->status.lock);
	snprintf(text, sizeof(text), "%s", m->handoff.why.text);
	if (err.code)
		vfmig_err(&m->handoff.why, m->handoff.why.code, "%.490s; and then: %.490s", text,
			  err.text);
	tell_failed(m);
	engine_report_end(m,
			  m->destination.source_cancelled ||
					  m->handoff.why_event == HANDOFF_ON_CANCEL
				  ? VFMIG_OUTCOME_CANCELLED
				  : VFMIG_OUTCOME_FAILED,
			  m->handoff.why.code, m->handoff.why.text);
}

/* ---- the machine ---- */

static int (*const actions[HANDOFF_COUNT])(struct vfmig_migration *, struct vfmig_error *) = {
	[HANDOFF_DST_CHECK] = do_check,	  [HANDOFF_DST_COMMIT] = do_commit,
	[HANDOFF_DST_QUIET] = do_quiet,	  [HANDOFF_DST_RUN] = do_run,
	[HANDOFF_DST_RESUME] = do_resume,
};

static int run_machine(struct vfmig_migration *m, struct vfmig_error *err)
{
	while (actions[m->handoff.state]) {
		struct vfmig_error why = {0};
		int code = actions[m->handoff.state](m, &why);

		handoff_step(m, code, &why);
	}
	if (m->handoff.state == HANDOFF_DST_DONE) {
		do_done(m);
		return 0;
	}
	do_reset(m);
	m->handoff.state = handoff_next(m->handoff.state, HANDOFF_ON_OK);
	return vfmig_err(err, m->handoff.why.code, "%s", m->handoff.why.text);
}

int engine_destination_complete(struct vfmig_migration *m, struct vfmig_error *err)
{
	handoff_step(m, 0, NULL);
	return run_machine(m, err);
}

int engine_destination_give_up(struct vfmig_migration *m, int code, struct vfmig_error *err)
{
	handoff_give_up(m, code, err);
	return run_machine(m, err);
}
