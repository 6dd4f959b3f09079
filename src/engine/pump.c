/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The pump: memory and the data of devices, sent side by side.
 *
 * A fixed number of buffers is in use: a device reads into one, the engine fills another with pages, and the channel
 * writes the others. Devices get buffers first, because a read takes time. Memory keeps at least two buffers while it
 * has pages to send. If nothing can proceed, the loop waits for the first event.
 */
#include <errno.h>
#include <string.h>

#include "device/device.h"
#include "engine/channel/channel.h"
#include "engine/device.h"
#include "engine/memory.h"
#include "engine/migration.h"
#include "engine/send.h"
#include "engine/source.h"
#include "engine/wait.h"

/* Buffers of pages that wait to be written. With more, pages would be written again before they are sent. */
#define MEMORY_AHEAD 2u

static int fill_memory(struct vfmig_migration *m, struct vfmig_error *err)
{
	struct channel_buffer *buffer;
	int ret;

	if (m->memory.drained || m->channel.out.queue.count >= MEMORY_AHEAD)
		return 0;
	buffer = engine_buffer_get(m, false);
	if (!buffer)
		return 0;
	ret = engine_memory_fill(m, buffer, err);
	/* Also after a failure: sealed sections have their numbers. */
	if (buffer->end > buffer->start)
		buffer_queue_push(&m->channel.out.queue, buffer);
	else
		engine_buffer_put(m, buffer);
	if (m->memory.drained && !m->source.memory_sent_at)
		m->source.memory_sent_at = device_now();
	return ret < 0 ? ret : 1;
}

static bool flying(const struct vfmig_migration *m)
{
	for (uint32_t i = 0; i < m->device_count; i++)
		if (m->devices[i]->flying.count)
			return true;
	return false;
}

int engine_pump(struct vfmig_migration *m, uint64_t budget, bool *over, struct vfmig_error *err)
{
	uint64_t from = m->channel.out.bytes;

	for (;;) {
		bool spent = budget && m->channel.out.bytes - from >= budget;
		int moved = engine_reads_reap(m, err), ret;
		ssize_t n;

		if (moved < 0)
			return moved;
		if (!spent) {
			engine_reads_submit(m);
			ret = fill_memory(m, err);
			if (ret < 0)
				return ret;
			moved |= ret;
		}
		n = engine_send_queued(m, err);
		if (n < 0)
			return (int)n;
		if (!m->channel.out.queue.count && !flying(m)) {
			*over = m->memory.drained && engine_reads_over(m);
			if (*over || spent)
				return 0;
		}
		ret = moved || n ? engine_look(m, err) : engine_wait(m, ENGINE_WAIT_OUT, err);
		if (!ret)
			ret = engine_reply_check(m, err);
		if (ret < 0)
			return ret;
	}
}
