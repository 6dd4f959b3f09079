/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reports: progress, and the outcome.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "device/device.h"
#include "engine/device.h"
#include "engine/estimate.h"
#include "engine/migration.h"
#include "engine/report.h"

const char *engine_role_name(enum vfmig_role role)
{
	return role == VFMIG_ROLE_SOURCE ? "source" : "destination";
}

const char *vfmig_outcome_name(enum vfmig_outcome outcome)
{
	static const char *const names[] = {
		[VFMIG_OUTCOME_NONE] = "none",	       [VFMIG_OUTCOME_DONE] = "done",
		[VFMIG_OUTCOME_FAILED] = "failed",     [VFMIG_OUTCOME_CANCELLED] = "cancelled",
		[VFMIG_OUTCOME_IN_DOUBT] = "in-doubt",
	};

	return (unsigned)outcome < sizeof(names) / sizeof(names[0]) ? names[outcome] : "?";
}

static uint64_t channel_bytes(const struct vfmig_migration *m)
{
	return m->role == VFMIG_ROLE_SOURCE ? m->channel.out.bytes : m->channel.in.bytes;
}

void engine_report_counts(struct vfmig_migration *m)
{
	struct vfmig_migration_result *result = &m->status.result;

	pthread_mutex_lock(&m->status.lock);
	result->bytes = channel_bytes(m);
	result->memory_bytes =
		m->progress.counts.memory_bytes + m->progress.round_counts.memory_bytes;
	result->device_bytes =
		m->progress.counts.device_bytes + m->progress.round_counts.device_bytes;
	result->zero_pages = m->progress.counts.zero_pages + m->progress.round_counts.zero_pages;
	result->rounds = m->progress.round;
	result->downtime = m->handoff.downtime;
	if (m->progress.stopping)
		result->stop_bytes = result->bytes - m->progress.bytes_at_stop;
	if (result->outcome == VFMIG_OUTCOME_NONE && m->progress.began)
		result->total_ns = (uint64_t)(device_now() - m->progress.began);
	pthread_mutex_unlock(&m->status.lock);
}

static uint64_t device_left(const struct engine_device *dev)
{
	uint64_t left = estimate_left(&dev->estimate, (uint64_t)dev->m->source.round_ns);

	return dev->ended ? 0 : left > dev->round_bytes ? left - dev->round_bytes : 0;
}

static void one(struct vfmig_migration *m, const char *of, uint64_t bytes, uint64_t left)
{
	engine_report(m, "progress",
		      VFMIG_TEXT("phase", m->progress.stopping ? "stop" : "pre-copy"),
		      VFMIG_U64("round", m->progress.round), VFMIG_TEXT("of", of),
		      VFMIG_U64("bytes", bytes), VFMIG_U64("left_bytes", left),
		      VFMIG_U64("total_bytes", channel_bytes(m)),
		      VFMIG_U64("rate", m->source.estimator.rate));
}

void engine_report_progress(struct vfmig_migration *m)
{
	uint64_t every = m->options.progress_bytes, bytes = channel_bytes(m);
	uint64_t memory = m->progress.counts.memory_bytes + m->progress.round_counts.memory_bytes;

	if (!every || bytes < m->progress.next_report)
		return;
	m->progress.next_report = bytes + every;
	engine_report_counts(m);
	if (!m->events)
		return;
	if (memory != m->memory.progress_bytes)
		one(m, "memory", memory, m->memory.left);
	m->memory.progress_bytes = memory;
	for (uint32_t i = 0; i < m->device_count; i++) {
		struct engine_device *dev = m->devices[i];

		if (dev->bytes != dev->progress_bytes)
			one(m, dev->id, dev->bytes, device_left(dev));
		dev->progress_bytes = dev->bytes;
	}
}

void engine_report_end(struct vfmig_migration *m, enum vfmig_outcome outcome, int code,
		       const char *sentence)
{
	struct vfmig_migration_result *r = &m->status.result;

	engine_report_counts(m);
	pthread_mutex_lock(&m->status.lock);
	r->outcome = outcome;
	r->code = code;
	snprintf(r->sentence, sizeof(r->sentence), "%s", sentence);
	pthread_mutex_unlock(&m->status.lock);
	m->stage = ENGINE_STAGE_OVER;
#define TOTALS                                                                                     \
	VFMIG_U64("ns", r->total_ns), VFMIG_U64("bytes", r->bytes),                                \
		VFMIG_U64("memory_bytes", r->memory_bytes),                                        \
		VFMIG_U64("device_bytes", r->device_bytes),                                        \
		VFMIG_U64("zero_pages", r->zero_pages), VFMIG_U64("rounds", r->rounds),            \
		VFMIG_U64("downtime_ns", r->downtime.total)
	if (outcome == VFMIG_OUTCOME_DONE)
		engine_report(m, "done", TOTALS);
	else
		engine_report(m, vfmig_outcome_name(outcome), TOTALS,
			      VFMIG_TEXT("message", r->sentence), VFMIG_REAL("code", code));
#undef TOTALS
}

void engine_report_device(const struct engine_device *dev)
{
	const char *protocol = vfmig_session_protocol(dev->session);

	engine_report(dev->m, "device", VFMIG_TEXT("device", dev->id),
		      VFMIG_TEXT("protocol", protocol ? protocol : ""),
		      VFMIG_U64("pre_copy", !!(dev->flags & VFMIG_MIGRATION_PRE_COPY)),
		      VFMIG_U64("p2p", !!(dev->flags & VFMIG_MIGRATION_P2P)));
}
