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

struct vfmig_buffer *vfmig_buffer_get(struct vfmig_migration *m, bool control)
{
	struct vfmig_buffer *buffer;

	if (m->free.count <= (control ? 0 : FOR_CONTROL))
		return NULL;
	buffer = vfmig_queue_shift(&m->free);
	buffer->mover = NULL;
	buffer->start = buffer->end = buffer->length = 0;
	return buffer;
}

/* The last one that was used is the first to be used again: it is still in the cache. */
void vfmig_buffer_put(struct vfmig_migration *m, struct vfmig_buffer *buffer)
{
	buffer->next = m->free.first;
	m->free.first = buffer;
	if (!m->free.last)
		m->free.last = buffer;
	m->free.count++;
}

ssize_t vfmig_push(struct vfmig_migration *m, struct vfmig_error *err)
{
	struct vfmig_queue spent = {0};
	ssize_t n = vfmig_out_write(&m->out, &spent, err);
	struct vfmig_buffer *buffer;

	while ((buffer = vfmig_queue_shift(&spent)))
		vfmig_buffer_put(m, buffer);

	/* The destination may have said why it has gone. */
	if (n == -EPIPE || n == -ECONNRESET) {
		struct vfmig_error said = {0};

		m->in_ready = true;
		if (m->role == VFMIG_ROLE_SOURCE && vfmig_source_hear(m, &said) == -EREMOTEIO)
			return vfmig_err(err, -EREMOTEIO, "%s", said.text);
	}
	vfmig_report_progress(m);
	return n;
}

int vfmig_flush(struct vfmig_migration *m, struct vfmig_error *err)
{
	ssize_t n;
	int ret;

	while (m->out.queue.count) {
		n = vfmig_push(m, err);
		if (n < 0)
			return (int)n;
		if (n || !m->out.queue.count)
			continue;
		ret = vfmig_wait(m, VFMIG_WAIT_OUT, err);
		if (!ret && m->role == VFMIG_ROLE_SOURCE)
			ret = vfmig_source_hear(m, err);
		if (ret < 0)
			return ret;
	}
	return 0;
}

int vfmig_control(struct vfmig_migration *m, struct vfmig_section *section, const char *payload,
		  struct vfmig_error *err)
{
	size_t need = VFMIG_SECTION_HEADER_SIZE + (size_t)section->length;
	struct vfmig_buffer *buffer = m->out.queue.last;
	uint8_t *at;
	int ret;

	if (!buffer || sizeof(buffer->bytes) - buffer->end < need) {
		if (!m->free.count) {
			ret = vfmig_flush(m, err);
			if (ret)
				return ret;
		}
		buffer = vfmig_buffer_get(m, true);
		if (!buffer)
			return vfmig_err(err, -ENOBUFS, "no buffer is free for a %s section",
					 vfmig_section_name(section->type));
		vfmig_queue_push(&m->out.queue, buffer);
	}
	at = buffer->bytes + buffer->end + VFMIG_SECTION_HEADER_SIZE;
	if (section->length && payload)
		memcpy(at, payload, section->length);
	else
		memset(at, 0, section->length);
	vfmig_out_seal(&m->out, buffer->bytes + buffer->end, section);
	buffer->end += (uint32_t)need;
	return 0;
}

static int fill_memory(struct vfmig_migration *m, struct vfmig_error *err)
{
	struct vfmig_buffer *buffer;
	int ret;

	if (m->memory.drained || m->out.queue.count >= MEMORY_AHEAD)
		return 0;
	buffer = vfmig_buffer_get(m, false);
	if (!buffer)
		return 0;
	ret = vfmig_memory_fill(m, buffer, err);
	/* After a failure, too: what is sealed has its number. */
	if (buffer->end > buffer->start)
		vfmig_queue_push(&m->out.queue, buffer);
	else
		vfmig_buffer_put(m, buffer);
	if (m->memory.drained && !m->memory_sent_at)
		m->memory_sent_at = vfmig_now();
	return ret < 0 ? ret : 1;
}

static bool flying(const struct vfmig_migration *m)
{
	for (uint32_t i = 0; i < m->nr_movers; i++)
		if (m->movers[i]->flying.count)
			return true;
	return false;
}

int vfmig_pump(struct vfmig_migration *m, uint64_t budget, bool *over, struct vfmig_error *err)
{
	uint64_t from = m->out.bytes;

	for (;;) {
		bool spent = budget && m->out.bytes - from >= budget;
		int moved = vfmig_reads_reap(m, err), ret;
		ssize_t n;

		if (moved < 0)
			return moved;
		if (!spent) {
			vfmig_reads_submit(m);
			ret = fill_memory(m, err);
			if (ret < 0)
				return ret;
			moved |= ret;
		}
		n = vfmig_push(m, err);
		if (n < 0)
			return (int)n;
		if (!m->out.queue.count && !flying(m)) {
			*over = m->memory.drained && vfmig_reads_over(m);
			if (*over || spent)
				return 0;
		}
		ret = moved || n ? vfmig_look(m, err) : vfmig_wait(m, VFMIG_WAIT_OUT, err);
		if (!ret)
			ret = vfmig_source_hear(m, err);
		if (ret < 0)
			return ret;
	}
}
