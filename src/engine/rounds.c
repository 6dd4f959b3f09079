/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rounds of pre-copy: each sends what was written since the last one, while the source runs.
 *
 * A round is over when memory and devices have nothing left for now, and the destination has loaded all of it (sync.c).
 * Then the engine measures the round and collects what was written meanwhile. Both give the estimate of the downtime,
 * which decides whether there is another round.
 */
#include <errno.h>
#include <stdio.h>

#include "device/device.h"
#include "engine/device.h"
#include "engine/estimate.h"
#include "engine/loop.h"
#include "engine/memory.h"
#include "engine/migration.h"
#include "engine/report.h"
#include "engine/send.h"
#include "engine/source.h"

/* The pause after a round that sent nothing and did not improve the estimate. */
#define BREATH_NS 5000000

static int begin(struct vfmig_migration *m, struct vfmig_error *err)
{
	m->progress.round++;
	m->source.round_open = true;
	m->source.round_began = device_now();
	m->progress.round_counts = (struct engine_counts){.bytes = m->channel.out.bytes};
	m->channel.out.limit.held_ns = 0;
	for (uint32_t i = 0; i < m->device_count; i++) {
		m->devices[i]->drained = false;
		m->devices[i]->round_bytes = 0;
	}
	return 0;
}

static void estimate(struct vfmig_migration *m, uint64_t dirty_rate)
{
	struct vfmig_estimate e = {.rate = m->source.estimator.rate,
				   .dirty_rate = dirty_rate,
				   .memory_bytes = m->memory.left};
	uint64_t left = e.memory_bytes;

	for (uint32_t i = 0; i < m->device_count; i++) {
		const struct size_estimate *estimate = &m->devices[i]->estimate;

		e.device_bytes += estimate_left(estimate, (uint64_t)m->source.round_ns) >> 1;
		e.initial_left |= estimate->initial > 0;
		e.unknown += !estimate->known;
	}
	/* Halves, so that the sum of two absurd reports does not wrap around. */
	e.device_bytes = e.device_bytes > UINT64_MAX / 4 ? UINT64_MAX / 2 : e.device_bytes << 1;
	if (__builtin_add_overflow(left, e.device_bytes, &left))
		left = UINT64_MAX;
	e.downtime_ns = estimator_downtime(&m->source.estimator, left);
	e.fits = !e.initial_left && e.downtime_ns != UINT64_MAX &&
		 (e.downtime_ns + 999999) / 1000000 <= m->options.downtime_ms;
	pthread_mutex_lock(&m->status.lock);
	m->status.estimate = e;
	pthread_mutex_unlock(&m->status.lock);
}

static void report(struct vfmig_migration *m, uint64_t bytes, uint64_t dirty)
{
	const struct vfmig_estimate *e = &m->status.estimate;

	engine_report(m, "round", VFMIG_U64("round", m->progress.round),
		      VFMIG_U64("ns", m->source.round_ns), VFMIG_U64("bytes", bytes),
		      VFMIG_U64("memory_bytes", m->progress.round_counts.memory_bytes),
		      VFMIG_U64("device_bytes", m->progress.round_counts.device_bytes),
		      VFMIG_U64("zero_pages", m->progress.round_counts.zero_pages),
		      VFMIG_U64("rate", e->rate), VFMIG_U64("dirty_pages", dirty),
		      VFMIG_U64("dirty_rate", e->dirty_rate),
		      VFMIG_U64("left_bytes", e->memory_bytes + e->device_bytes),
		      VFMIG_U64("downtime_ns", e->downtime_ns), VFMIG_U64("fits", e->fits));
}

static int measure(struct vfmig_migration *m, uint64_t bytes, struct vfmig_error *err)
{
	int64_t ns = device_now() - m->source.round_began, before = m->source.round_ns;
	uint64_t held = m->channel.out.limit.held_ns;
	const struct engine_counts *c = &m->progress.round_counts;
	uint64_t zero = (c->zero_pages - c->hole_pages) * ABI_STREAM_PAGE;
	int ret = 0;

	m->source.round_ns = ns;
	/* A round takes at least a round trip, and the first measured round trip may have been slow. */
	estimator_round_trip(&m->source.estimator, (uint64_t)ns);
	ns = (uint64_t)ns > held ? ns - (int64_t)held : 1;
	if (m->source.estimator.sure)
		estimator_lag(&m->source.estimator, bytes, zero, (uint64_t)ns);
	estimator_round(&m->source.estimator, bytes, zero, (uint64_t)ns);
	if (!m->source.estimator.sure) {
		ret = engine_sync_probe(m, err);
		estimator_lag(&m->source.estimator, bytes, zero, (uint64_t)ns);
	}
	for (uint32_t i = 0; i < m->device_count; i++)
		estimate_round(&m->devices[i]->estimate, m->devices[i]->round_bytes,
			       (uint64_t)(m->source.round_ns + before), m->progress.round == 1);
	return ret;
}

/* 1 if the round sent something. */
static int end(struct vfmig_migration *m, struct vfmig_error *err)
{
	struct abi_section section = {.type = ABI_SECTION_ROUND, .arg = m->progress.round};
	struct engine_counts *c = &m->progress.round_counts;
	uint64_t bytes, dirty;
	int ret;

	ret = engine_send_section(m, &section, NULL, err);
	if (!ret)
		ret = engine_sync(m, err);
	bytes = m->channel.out.bytes - c->bytes;
	if (!ret)
		ret = measure(m, c->memory_bytes || c->device_bytes ? bytes : 0, err);
	if (ret)
		return ret;
	m->source.round_open = false;
	/* After the failure of a tracker, which was reported, the next round sends everything. */
	ret = engine_memory_merge(m, err);
	if (ret < 0)
		return ret;
	dirty = m->memory.left / ABI_STREAM_PAGE;
	ret = engine_sizes_get(m, err);
	if (ret)
		return ret;
	estimate(m, m->source.round_ns ? dirty * 1000000000 / (uint64_t)m->source.round_ns : 0);
	report(m, bytes, dirty);
	ret = c->memory_bytes || c->device_bytes || c->zero_pages;
	m->progress.counts.memory_bytes += c->memory_bytes;
	m->progress.counts.device_bytes += c->device_bytes;
	m->progress.counts.zero_pages += c->zero_pages;
	*c = (struct engine_counts){0};
	pthread_mutex_lock(&m->status.lock);
	m->status.result.dirty_pages += dirty;
	pthread_mutex_unlock(&m->status.lock);
	engine_report_counts(m);
	return ret;
}

ssize_t engine_source_iterate(struct vfmig_migration *m, uint64_t budget, struct vfmig_error *err)
{
	uint64_t before = m->channel.out.bytes;
	bool over = false;
	int ret = 0;

	m->limits.deadline = 0;
	if (!m->source.round_open)
		ret = begin(m, err);
	if (!ret)
		ret = engine_pump(m, budget, &over, err);
	if (ret)
		return ret;
	if (!over)
		return (ssize_t)(m->channel.out.bytes - before);
	ret = end(m, err);
	return ret <= 0 ? ret : (ssize_t)(m->channel.out.bytes - before);
}

/* A file does not reply to probes. If nothing is written before the stop either, its rate stays unknown. */
static bool unmeasurable(const struct vfmig_migration *m)
{
	return m->channel.file && !m->source.estimator.sure && !m->status.estimate.initial_left;
}

/* Without rounds, the estimate includes everything. */
static int estimate_all(struct vfmig_migration *m, struct vfmig_error *err)
{
	int ret = engine_sync_probe(m, err);

	if (!ret)
		ret = engine_sizes_get(m, err);
	if (!ret)
		estimate(m, 0);
	return ret;
}

static int unconverged(struct vfmig_migration *m, struct vfmig_error *err)
{
	const struct vfmig_estimate *e = &m->status.estimate;
	char downtime[64] = "is unknown";

	if (e->downtime_ns != UINT64_MAX)
		snprintf(downtime, sizeof(downtime), "is %llu ms",
			 (unsigned long long)((e->downtime_ns + 999999) / 1000000));
	if (e->initial_left)
		return vfmig_err(
			err, -ETIME,
			"after %llu rounds a device has not sent all of its initial bytes: raise "
			"max-rounds, or switch over all the same (unconverged=switch)",
			(unsigned long long)m->progress.round);
	return vfmig_err(
		err, -ETIME,
		"after %llu rounds the estimated downtime %s, and the limit is %llu ms: "
		"%llu bytes are left at %llu bytes/s, and %llu pages/s are written. Raise the "
		"limit (downtime) or the bandwidth, or switch over all the same "
		"(unconverged=switch)",
		(unsigned long long)m->progress.round, downtime,
		(unsigned long long)m->options.downtime_ms,
		(unsigned long long)(e->memory_bytes + e->device_bytes),
		(unsigned long long)e->rate, (unsigned long long)e->dirty_rate);
}

const char *engine_source_rounds(struct vfmig_migration *m, int *ret, struct vfmig_error *err)
{
	ssize_t n;

	if (!m->options.max_rounds) {
		*ret = estimate_all(m, err);
		if (*ret)
			return NULL;
	}
	for (;;) {
		if (m->status.estimate.fits)
			return "fits";
		if (m->progress.round >= m->options.max_rounds) {
			if (m->options.unconverged == VFMIG_UNCONVERGED_SWITCH)
				return "max-rounds";
			/* Nothing was sent to the file that could be measured. */
			if (!m->progress.round && unmeasurable(m))
				return "unmeasured";
			*ret = unconverged(m, err);
			return NULL;
		}
		n = engine_source_iterate(m, 0, err);
		if (n < 0) {
			*ret = (int)n;
			return NULL;
		}
		if (n || m->status.estimate.fits)
			continue;
		if (unmeasurable(m))
			return "unmeasured";
		*ret = loop_turn(&m->loop, NULL, device_now() + BREATH_NS);
		if (*ret) {
			vfmig_err(err, *ret, "cancelled");
			return NULL;
		}
	}
}
