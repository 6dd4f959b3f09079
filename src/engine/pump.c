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

#include "engine/engine.h"

/* The last buffer is kept for control: it can always be told that it is over. */
#define FOR_CONTROL 1u
/* Buffers of pages that wait to be written; more would only age there. */
#define MEMORY_AHEAD 2u

struct channel_buffer *engine_buffer_get(struct vfmig_migration *m, bool control)
{
	struct channel_buffer *buffer;

	if (m->free.count <= (control ? 0 : FOR_CONTROL))
		return NULL;
	buffer = buffer_queue_shift(&m->free);
	buffer->dev = NULL;
	buffer->start = buffer->end = buffer->length = 0;
	return buffer;
}

/* The last one that was used is the first to be used again: it is still in the cache. */
void engine_buffer_put(struct vfmig_migration *m, struct channel_buffer *buffer)
{
	buffer->next = m->free.first;
	m->free.first = buffer;
	if (!m->free.last)
		m->free.last = buffer;
	m->free.count++;
}

ssize_t engine_push(struct vfmig_migration *m, struct vfmig_error *err)
{
	struct buffer_queue spent = {0};
	ssize_t n = channel_out_write(&m->out, &spent, err);
	struct channel_buffer *buffer;

	while ((buffer = buffer_queue_shift(&spent)))
		engine_buffer_put(m, buffer);

	/* The destination may have said why it has gone. */
	if (n == -EPIPE || n == -ECONNRESET) {
		struct vfmig_error reported = {0};

		m->in_ready = true;
		if (m->role == VFMIG_ROLE_SOURCE &&
		    engine_source_check_peer(m, &reported) == -EREMOTEIO)
			return vfmig_err(err, -EREMOTEIO, "%s", reported.text);
	}
	engine_report_progress(m);
	return n;
}

int engine_flush(struct vfmig_migration *m, struct vfmig_error *err)
{
	ssize_t n;
	int ret;

	while (m->out.queue.count) {
		n = engine_push(m, err);
		if (n < 0)
			return (int)n;
		if (n || !m->out.queue.count)
			continue;
		ret = engine_wait(m, ENGINE_WAIT_OUT, err);
		if (!ret && m->role == VFMIG_ROLE_SOURCE)
			ret = engine_source_check_peer(m, err);
		if (ret < 0)
			return ret;
	}
	return 0;
}

int engine_control(struct vfmig_migration *m, struct abi_section *section, const char *payload,
		   struct vfmig_error *err)
{
	size_t need = ABI_SECTION_HEADER_SIZE + (size_t)section->length;
	struct channel_buffer *buffer = m->out.queue.last;
	uint8_t *at;
	int ret;

	if (!buffer || sizeof(buffer->bytes) - buffer->end < need) {
		if (!m->free.count) {
			ret = engine_flush(m, err);
			if (ret)
				return ret;
		}
		buffer = engine_buffer_get(m, true);
		if (!buffer)
			return vfmig_err(err, -ENOBUFS, "no buffer is free for a %s section",
					 abi_section_name(section->type));
		buffer_queue_push(&m->out.queue, buffer);
	}
	at = buffer->bytes + buffer->end + ABI_SECTION_HEADER_SIZE;
	if (section->length && payload)
		memcpy(at, payload, section->length);
	else
		memset(at, 0, section->length);
	channel_out_seal(&m->out, buffer->bytes + buffer->end, section);
	buffer->end += (uint32_t)need;
	return 0;
}

static int fill_memory(struct vfmig_migration *m, struct vfmig_error *err)
{
	struct channel_buffer *buffer;
	int ret;

	if (m->memory.drained || m->out.queue.count >= MEMORY_AHEAD)
		return 0;
	buffer = engine_buffer_get(m, false);
	if (!buffer)
		return 0;
	ret = engine_memory_fill(m, buffer, err);
	/* After a failure, too: what is sealed has its number. */
	if (buffer->end > buffer->start)
		buffer_queue_push(&m->out.queue, buffer);
	else
		engine_buffer_put(m, buffer);
	if (m->memory.drained && !m->memory_sent_at)
		m->memory_sent_at = device_now();
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
	uint64_t from = m->out.bytes;

	for (;;) {
		bool spent = budget && m->out.bytes - from >= budget;
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
		n = engine_push(m, err);
		if (n < 0)
			return (int)n;
		if (!m->out.queue.count && !flying(m)) {
			*over = m->memory.drained && engine_reads_over(m);
			if (*over || spent)
				return 0;
		}
		ret = moved || n ? engine_look(m, err) : engine_wait(m, ENGINE_WAIT_OUT, err);
		if (!ret)
			ret = engine_source_check_peer(m, err);
		if (ret < 0)
			return ret;
	}
}
