/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The set-up of a source: what moves, whether the destination accepts it, and the begin of tracking and pre-copy.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "device/device.h"
#include "engine/channel/limit.h"
#include "engine/device.h"
#include "engine/memory.h"
#include "engine/migration.h"
#include "engine/negotiation/negotiation.h"
#include "engine/report.h"
#include "engine/send.h"
#include "engine/source.h"
#include "engine/wait.h"

static int check_states(struct vfmig_migration *m, struct vfmig_error *err)
{
	int ret = engine_states_get_all(m, err);

	for (uint32_t i = 0; !ret && i < m->device_count; i++) {
		const struct engine_device *dev = m->devices[i];

		if (dev->state != VFMIG_STATE_RUNNING)
			return vfmig_err(err, -EBUSY,
					 "device %s: is in %s, and a migration begins in RUNNING%s",
					 dev->id, vfmig_state_name(dev->state),
					 dev->state == VFMIG_STATE_ERROR ? ": reset it first" : "");
	}
	return ret;
}

static int send_hello(struct vfmig_migration *m, struct vfmig_error *err)
{
	struct abi_section section = {.type = ABI_SECTION_HELLO};
	struct negotiation *negotiation;
	size_t len;
	char *json;
	int ret;

	engine_send_header(m, ABI_STREAM_VERSION, m->channel.file ? ABI_STREAM_FLAG_FILE : 0);
	ret = negotiation_make(m, &negotiation, err);
	if (ret)
		return ret;
	json = negotiation_encode(negotiation, &len);
	negotiation_free(negotiation);
	if (!json)
		return vfmig_err(err, -ENOMEM, "no memory to describe the devices");
	if (len > ABI_SECTION_HELLO_MAX) {
		free(json);
		return vfmig_err(err, -E2BIG,
				 "the description of the devices and maps is larger than "
				 "%u bytes",
				 ABI_SECTION_HELLO_MAX);
	}
	section.length = (uint32_t)len;
	ret = negotiation_check(m, json, len, err);
	if (!ret)
		ret = engine_send_section(m, &section, json, err);
	free(json);
	return ret ? ret : engine_send_flush(m, err);
}

static enum vfmig_state pre_copy(const struct engine_device *dev)
{
	const struct vfmig_migration_options *o = &dev->m->options;

	if (o->precopy && o->max_rounds && dev->flags & VFMIG_MIGRATION_PRE_COPY)
		return VFMIG_STATE_PRE_COPY;
	return dev->state;
}

static int begin_moving(struct vfmig_migration *m, struct vfmig_error *err)
{
	int ret;

	m->handoff.begun = true;
	ret = engine_sync_round_trip(m, err);
	if (!ret)
		ret = engine_memory_track(m, err);
	if (!ret)
		ret = engine_states_go(m, pre_copy, err);
	if (!ret)
		ret = engine_memory_merge(m, err);
	if (ret > 0)
		ret = err ? err->code : -EIO; /* the memory cannot be tracked: fail early */
	if (ret)
		return ret;
	for (uint32_t i = 0; i < m->device_count; i++)
		m->devices[i]->reading = m->devices[i]->state == VFMIG_STATE_PRE_COPY;
	return engine_sizes_get(m, err);
}

static int setup(struct vfmig_migration *m, struct vfmig_error *err)
{
	int ret = check_states(m, err);

	if (!ret)
		ret = engine_memory_find(&m->memory, err);
	if (!ret)
		ret = engine_states_p2p(m, err);
	if (ret)
		return ret;
	engine_report(m, "setup", VFMIG_U64("devices", m->device_count),
		      VFMIG_U64("regions", m->memory.region_count),
		      VFMIG_U64("memory_bytes", m->memory.total));
	if (getrandom(m->channel.id, sizeof(m->channel.id), 0) < 0)
		return vfmig_err(err, -errno, "getrandom() failed: no id for the migration");
	abi_stream_check_init(&m->channel.in.check, ABI_STREAM_FLAG_REPLY);
	ret = send_hello(m, err);
	if (!ret && !m->channel.file)
		ret = engine_reply_await(m, ABI_SECTION_ACCEPT, err);
	return ret ? ret : begin_moving(m, err);
}

int engine_source_setup(struct vfmig_migration *m, struct vfmig_error *err)
{
	int ret;

	engine_limit_time(m, m->options.setup_ms, "the set-up (setup-timeout)");
	ret = setup(m, err);
	if (ret)
		return ret;
	m->stage = ENGINE_STAGE_MOVING;
	m->limits.deadline = 0;
	rate_limit_set(&m->channel.out.limit, m->options.bandwidth, device_now());
	for (uint32_t i = 0; i < m->device_count; i++)
		engine_report_device(m->devices[i]);
	engine_report(m, "accepted", VFMIG_U64("ns", device_now() - m->progress.began));
	return 0;
}
