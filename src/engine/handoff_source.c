/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The source's side of the hand-over: from the pause of the user to RUNNING, or back.
 *
 * Each state of the table in handoff.c has a function; its result is the event.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "device/device.h"
#include "engine/channel/limit.h"
#include "engine/device.h"
#include "engine/handoff.h"
#include "engine/memory.h"
#include "engine/migration.h"
#include "engine/report.h"
#include "engine/send.h"
#include "engine/source.h"
#include "engine/wait.h"

static int call_user(struct vfmig_migration *m, bool pause, struct vfmig_error *err)
{
	int64_t began = device_now();
	int ret = 0;

	if (pause && m->user.pause)
		ret = m->user.pause(m->user.context, m->limits.deadline, err);
	else if (!pause && m->user.resume)
		ret = m->user.resume(m->user.context, err);
	else
		return 0;
	engine_report(m, "user", VFMIG_TEXT("what", pause ? "pause" : "resume"),
		      VFMIG_U64("ns", device_now() - began), VFMIG_REAL("result", ret));
	if (ret)
		vfmig_err_at(err, ret, "the user could not be %s", pause ? "paused" : "resumed");
	return ret;
}

/* The errno of a callback must not look like one of the engine's. */
static int own(int ret)
{
	return ret ? -EIO : 0;
}

static int do_pause(struct vfmig_migration *m, struct vfmig_error *err)
{
	int ret;

	m->handoff.pause_began = m->handoff.stage_began = device_now();
	m->handoff.paused = true;
	ret = own(call_user(m, true, err));
	m->handoff.downtime.pause = handoff_lap(m);
	return ret;
}

static enum vfmig_state quiet(const struct engine_device *dev)
{
	if (!(dev->flags & VFMIG_MIGRATION_P2P))
		return dev->state;
	return dev->state == VFMIG_STATE_PRE_COPY ? VFMIG_STATE_PRE_COPY_P2P
						  : VFMIG_STATE_RUNNING_P2P;
}

static int do_quiesce(struct vfmig_migration *m, struct vfmig_error *err)
{
	int ret = engine_states_go(m, quiet, err);

	m->handoff.downtime.quiesce = handoff_lap(m);
	return ret;
}

/* From pre-copy directly to STOP_COPY, which continues the data; other devices may need longer for that arc. */
static enum vfmig_state stopped(const struct engine_device *dev)
{
	return vfmig_v2_state_saving(dev->state) ? VFMIG_STATE_STOP_COPY : VFMIG_STATE_STOP;
}

static enum vfmig_state stop_copy(const struct engine_device *dev)
{
	return VFMIG_STATE_STOP_COPY;
}

static int do_stop(struct vfmig_migration *m, struct vfmig_error *err)
{
	int ret;

	pthread_mutex_lock(&m->status.lock);
	m->status.result.running = false;
	pthread_mutex_unlock(&m->status.lock);
	ret = engine_states_go(m, stopped, err);

	m->handoff.downtime.stop = handoff_lap(m);
	return ret;
}

static int send_totals(struct vfmig_migration *m, uint16_t type, struct vfmig_error *err)
{
	struct abi_section section = {
		.type = type, .offset = m->channel.out.sections, .arg = m->channel.out.payload};

	return engine_send_section(m, &section, NULL, err);
}

static int do_copy(struct vfmig_migration *m, struct vfmig_error *err)
{
	bool over = false;
	int ret;

	m->progress.stopping = true;
	m->progress.bytes_at_stop = m->channel.out.bytes;
	m->source.memory_sent_at = 0;
	engine_states_submit(m, stop_copy);
	for (uint32_t i = 0; i < m->device_count; i++) {
		m->devices[i]->drained = false;
		m->devices[i]->reading = m->devices[i]->state == VFMIG_STATE_STOP_COPY;
	}
	ret = send_totals(m, ABI_SECTION_STOPPED, err);
	/* The devices prepare their data while the engine collects the written pages. */
	if (!ret)
		engine_reads_submit(m);
	if (!ret)
		ret = engine_memory_merge(m, err);
	/* All memory would have to be sent during the downtime. */
	if (ret > 0)
		ret = own(vfmig_err_at(err, -EIO, "which pages were written last is unknown"));
	if (!ret)
		ret = engine_pump(m, 0, &over, err);
	if (!ret)
		ret = send_totals(m, ABI_SECTION_END, err);
	if (!ret)
		ret = engine_send_flush(m, err);
	if (m->source.memory_sent_at > m->handoff.stage_began) {
		m->handoff.downtime.memory =
			(uint64_t)(m->source.memory_sent_at - m->handoff.stage_began);
		m->handoff.stage_began = m->source.memory_sent_at;
	}
	m->handoff.downtime.state = handoff_lap(m);
	return ret;
}

static int do_ready(struct vfmig_migration *m, struct vfmig_error *err)
{
	int ret = 0;

	if (!m->channel.file)
		ret = engine_reply_await(m, ABI_SECTION_READY, err);
	m->handoff.downtime.load = handoff_lap(m);
	return ret;
}

/* The file must be on the disk before the source may give its devices up. */
static int keep_file(struct vfmig_migration *m, struct vfmig_error *err)
{
	int ret = engine_look(m, err);

	if (ret)
		return ret;
	if (m->channel.out.port.file && fsync(m->channel.out.port.fd) && errno != EINVAL)
		return vfmig_err(err, own(-errno), "fsync() of the file failed: %s",
				 strerror(errno));
	return m->user.keep ? own(m->user.keep(m->user.context, err)) : 0;
}

/*
 * The commit. A cancel and the total time limit have no effect from here on: when the channel has the last byte of the
 * section, the destination may run.
 */
static int do_commit(struct vfmig_migration *m, struct vfmig_error *err)
{
	struct abi_section section = {.type = ABI_SECTION_COMMIT};
	int ret;

	if (m->channel.file) {
		ret = keep_file(m, err);
		m->handoff.downtime.commit = handoff_lap(m);
	} else {
		ret = engine_look(m, err);
		if (!ret)
			ret = engine_reply_check(m, err);
		if (!ret)
			ret = engine_send_section(m, &section, NULL, err);
		m->loop.deaf = true;
		m->handoff.commit_begun = !ret;
		if (!ret)
			ret = engine_send_flush(m, err);
	}
	if (ret)
		return ret;
	m->loop.deaf = true;
	m->limits.total_deadline = 0;
	engine_limit_time(m, m->options.switchover_ms, "the destination's start");
	pthread_mutex_lock(&m->status.lock);
	m->status.result.committed = true;
	pthread_mutex_unlock(&m->status.lock);
	return 0;
}

static int do_running(struct vfmig_migration *m, struct vfmig_error *err)
{
	int ret = 0;

	if (!m->channel.file) {
		ret = engine_reply_await(m, ABI_SECTION_RUNNING, err);
		m->handoff.downtime.run = handoff_lap(m);
	}
	m->handoff.downtime.total = (uint64_t)(m->handoff.stage_began - m->handoff.pause_began);
	pthread_mutex_lock(&m->status.lock);
	m->status.result.over_limit = m->handoff.downtime.total > m->options.downtime_ms * 1000000;
	pthread_mutex_unlock(&m->status.lock);
	return ret;
}

/* ---- ends ---- */

static enum vfmig_state stay(const struct engine_device *dev)
{
	return VFMIG_STATE_STOP;
}

/* Devices and user continue at the source. Those that fail are counted and reported. */
static void run_here(struct vfmig_migration *m, struct vfmig_error *err)
{
	uint32_t lost = engine_states_back(m, err);
	struct vfmig_error user = {0};

	if (m->handoff.paused && call_user(m, false, &user) && err && !err->code)
		*err = user;
	m->handoff.paused = false;
	pthread_mutex_lock(&m->status.lock);
	m->status.result.lost_devices = lost;
	m->status.result.running = !lost;
	pthread_mutex_unlock(&m->status.lock);
}

/* The destination runs, or the state is in the file. The data sessions end, and the devices stay stopped. */
static void do_done(struct vfmig_migration *m)
{
	struct vfmig_error err = {0};

	m->limits.deadline = 0;
	engine_limit_back(m);
	engine_memory_untrack(&m->memory);
	if (m->channel.file && m->options.run_on) {
		run_here(m, &err);
		m->handoff.downtime.run = handoff_lap(m);
		m->handoff.downtime.total =
			(uint64_t)(m->handoff.stage_began - m->handoff.pause_began);
	} else {
		engine_states_go(m, stay, NULL);
	}
	if (err.code)
		vfmig_err_at(&err, err.code, "saved, but the source could not be resumed");
	engine_report(m, "downtime", VFMIG_U64("ns", m->handoff.downtime.total),
		      VFMIG_U64("pause_ns", m->handoff.downtime.pause),
		      VFMIG_U64("quiesce_ns", m->handoff.downtime.quiesce),
		      VFMIG_U64("stop_ns", m->handoff.downtime.stop),
		      VFMIG_U64("memory_ns", m->handoff.downtime.memory),
		      VFMIG_U64("state_ns", m->handoff.downtime.state),
		      VFMIG_U64("load_ns", m->handoff.downtime.load),
		      VFMIG_U64("run_ns", m->handoff.downtime.run),
		      VFMIG_U64("bytes", m->channel.out.bytes - m->progress.bytes_at_stop),
		      VFMIG_U64("commit_ns", m->handoff.downtime.commit),
		      VFMIG_U64("limit_ns", m->options.downtime_ms * 1000000),
		      VFMIG_U64("over_limit", m->status.result.over_limit));
	engine_report_end(m, VFMIG_OUTCOME_DONE, 0, err.text);
}

static void do_back(struct vfmig_migration *m)
{
	bool cancelled = m->handoff.why_event == HANDOFF_ON_CANCEL;
	struct vfmig_error err = {0};
	char text[VFMIG_ERROR_TEXT];

	m->loop.deaf = true;
	m->limits.deadline = m->limits.total_deadline = 0;
	engine_limit_back(m);
	engine_reads_drop(m);
	if (m->handoff.begun)
		run_here(m, &err);
	engine_memory_untrack(&m->memory);
	engine_send_cancel(m);
	snprintf(text, sizeof(text), "%s", m->handoff.why.text);
	if (err.code)
		vfmig_err(&m->handoff.why, m->handoff.why.code, "%.490s; and then: %.490s", text,
			  err.text);
	engine_report_end(m, cancelled ? VFMIG_OUTCOME_CANCELLED : VFMIG_OUTCOME_FAILED,
			  m->handoff.why.code, m->handoff.why.text);
}

static void do_doubt(struct vfmig_migration *m)
{
	char text[VFMIG_ERROR_TEXT];

	m->limits.deadline = 0;
	snprintf(text, sizeof(text), "%s", m->handoff.why.text);
	vfmig_err(
		&m->handoff.why, -EOWNERDEAD,
		"it is in doubt whether the destination runs: %s%.600s%s. The source stays stopped. "
		"Look at the destination: if it runs or may still start, leave the source stopped; "
		"run the source again only if the destination does not run",
		m->status.result.committed ? "COMMIT was sent, and RUNNING was not received (" : "",
		text, m->status.result.committed ? ")" : "");
	engine_report_end(m, VFMIG_OUTCOME_IN_DOUBT, -EOWNERDEAD, m->handoff.why.text);
}

/* ---- the machine ---- */

static int (*const actions[HANDOFF_COUNT])(struct vfmig_migration *, struct vfmig_error *) = {
	[HANDOFF_SRC_PAUSE] = do_pause,	    [HANDOFF_SRC_QUIESCE] = do_quiesce,
	[HANDOFF_SRC_STOP] = do_stop,	    [HANDOFF_SRC_COPY] = do_copy,
	[HANDOFF_SRC_READY] = do_ready,	    [HANDOFF_SRC_COMMIT] = do_commit,
	[HANDOFF_SRC_RUNNING] = do_running, [HANDOFF_SRC_FENCE] = engine_await_reset,
};

static int run_machine(struct vfmig_migration *m, struct vfmig_error *err)
{
	while (actions[m->handoff.state]) {
		struct vfmig_error why = {0};
		int code = actions[m->handoff.state](m, &why);

		handoff_step(m, code, &why);
	}
	if (m->handoff.state == HANDOFF_SRC_BACK) {
		do_back(m);
		m->handoff.state = handoff_next(m->handoff.state, HANDOFF_ON_OK);
	} else if (m->handoff.state == HANDOFF_SRC_DOUBT) {
		do_doubt(m);
	} else {
		do_done(m);
		if (!m->status.result.sentence[0])
			return 0;
		return vfmig_err(err, -EIO, "%s", m->status.result.sentence);
	}
	return vfmig_err(err, m->handoff.why.code, "%s", m->handoff.why.text);
}

/* The time limit of the switchover, or the downtime limit if that is enforced and shorter. */
static void limit_switchover(struct vfmig_migration *m)
{
	const struct vfmig_migration_options *o = &m->options;

	if (o->enforce_downtime && (!o->switchover_ms || o->downtime_ms < o->switchover_ms))
		engine_limit_time(m, o->downtime_ms, "the switchover (downtime, enforced)");
	else
		engine_limit_time(m, o->switchover_ms, "the switchover (switchover-timeout)");
}

int engine_source_complete(struct vfmig_migration *m, const char *reason, struct vfmig_error *err)
{
	const struct vfmig_estimate *e = &m->status.estimate;
	int ret = 0;

	/* Loading what is on its way would be downtime: the devices run until the destination has loaded it. */
	if (engine_sync_unloaded(m))
		ret = engine_sync(m, err);
	if (ret)
		return engine_source_give_up(m, ret, err);
	engine_report(m, "switchover", VFMIG_U64("round", m->progress.round),
		      VFMIG_U64("left_bytes", e->memory_bytes + e->device_bytes),
		      VFMIG_U64("rate", e->rate), VFMIG_U64("downtime_ns", e->downtime_ns),
		      VFMIG_TEXT("reason", reason),
		      VFMIG_U64("unloaded_sections", engine_sync_unloaded(m)));
	rate_limit_set(&m->channel.out.limit, 0, device_now());
	limit_switchover(m);
	if (!m->limits.request_ms || m->options.switchover_ms < m->limits.request_ms)
		engine_limit_devices(m, m->options.switchover_ms);
	handoff_step(m, 0, NULL);
	return run_machine(m, err);
}

int engine_source_give_up(struct vfmig_migration *m, int code, struct vfmig_error *err)
{
	handoff_give_up(m, code, err);
	return run_machine(m, err);
}

int vfmig_migration_resolve(struct vfmig_migration *m, enum vfmig_resolution resolution,
			    struct vfmig_error *err)
{
	struct vfmig_error back = {0};

	if (m->step.runs || m->handoff.state != HANDOFF_SRC_DOUBT)
		return vfmig_err(err, -EINVAL, "the outcome of the migration is not in doubt");
	if (resolution == VFMIG_RESOLVED_DESTINATION) {
		m->handoff.state = HANDOFF_SRC_DONE;
		do_done(m);
		return 0;
	}
	m->handoff.state = HANDOFF_SRC_FAILED;
	run_here(m, &back);
	engine_memory_untrack(&m->memory);
	engine_report_end(m, VFMIG_OUTCOME_FAILED, m->handoff.why.code,
			  "the outcome was in doubt and was resolved: the source runs");
	if (!m->status.result.lost_devices)
		return 0;
	return vfmig_err(err, -EIO, "%s", back.text);
}
