/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the destination has loaded, and how fast.
 *
 * Bytes that were written to the channel are not loaded: megabytes wait in socket buffers, a section of 48 bytes may
 * stand for a gigabyte of zeros, and a device may load slower than the channel carries. All of that would be downtime
 * if the source stopped now. So the source sends SYNC at the end of each round and before it pauses the user. The
 * destination replies LOADED when everything before the SYNC is in memory or was accepted by its device. The source's
 * devices run meanwhile.
 *
 * The rate is measured from the beginning of a round to its LOADED. After a round with too little data to measure, the
 * source sends probes: SYNC sections with a payload that the destination drops.
 */
#include <errno.h>

#include "device/device.h"
#include "engine/estimate.h"
#include "engine/migration.h"
#include "engine/send.h"

/*
 * Probes grow until one takes PROBE_TRIPS round trips and PROBE_NS more, takes PROBE_LONG (under a bandwidth limit, say),
 * or is as large as a section may be.
 */
#define PROBE_TRIPS 4
#define PROBE_NS    20000000
#define PROBE_LONG  200000000
#define PROBE_FIRST (64u << 10)
#define PROBE_LAST  ABI_SECTION_DATA_MAX

/* Send a SYNC with so many bytes of payload, and wait for its LOADED. */
static int exchange(struct vfmig_migration *m, uint32_t bytes, struct vfmig_error *err)
{
	struct abi_section section = {.type = ABI_SECTION_SYNC, .length = bytes};
	int ret = engine_send_section(m, &section, NULL, err);

	if (!ret)
		ret = engine_send_flush(m, err);
	if (!ret && !m->channel.file)
		ret = engine_reply_await(m, ABI_SECTION_LOADED, err);
	if (!ret)
		m->source.loaded_sections = m->channel.out.sections;
	return ret;
}

int engine_sync(struct vfmig_migration *m, struct vfmig_error *err)
{
	if (m->channel.file)
		return engine_send_flush(m, err);
	return exchange(m, 0, err);
}

uint64_t engine_sync_unloaded(const struct vfmig_migration *m)
{
	return m->channel.file ? 0 : m->channel.out.sections - m->source.loaded_sections;
}

int engine_sync_round_trip(struct vfmig_migration *m, struct vfmig_error *err)
{
	int64_t began = device_now();
	int ret = engine_sync(m, err);

	if (!ret)
		estimator_round_trip(&m->source.estimator, (uint64_t)(device_now() - began));
	return ret;
}

int engine_sync_probe(struct vfmig_migration *m, struct vfmig_error *err)
{
	uint64_t ns, held, trip = m->source.estimator.round_trip_ns;

	for (uint32_t bytes = PROBE_FIRST; !m->channel.file; bytes *= 4) {
		int64_t began = device_now();
		int ret;

		held = m->channel.out.limit.held_ns;
		ret = exchange(m, bytes, err);
		if (ret)
			return ret;
		ns = (uint64_t)(device_now() - began);
		held = m->channel.out.limit.held_ns - held;
		estimator_probe(&m->source.estimator, bytes, ns > held ? ns - held : 1);
		if (ns > PROBE_TRIPS * trip + held + PROBE_NS || ns > PROBE_LONG ||
		    bytes == PROBE_LAST)
			break;
	}
	return 0;
}
