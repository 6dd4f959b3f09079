/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The pump: what memory and devices have goes out, side by side.
 *
 * All of it goes through a fixed number of buffers. One is being read into by a device, another is being
 * filled with pages, others wait to be written. Devices come first, as a read takes its time; memory gets
 * two buffers at least while it has something. When nothing can be done, the loop waits for whatever
 * comes first.
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

/* Buffers of pages that wait to be written; more would only age there. */
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
	/* After a failure, too: what is sealed has its number. */
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
