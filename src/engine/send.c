/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sections on their way out, in a fixed number of buffers.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "device/device.h"
#include "engine/channel/channel.h"
#include "engine/migration.h"
#include "engine/report.h"
#include "engine/send.h"
#include "engine/wait.h"

/* The last buffer is reserved for control sections, so that a failure can always be reported. */
#define FOR_CONTROL 1u

int engine_buffers_alloc(struct vfmig_migration *m, struct vfmig_error *err)
{
	while (m->channel.free.count < VFMIG_MIGRATION_BUFFERS) {
		struct channel_buffer *buffer = aligned_alloc(64, sizeof(*buffer));

		if (!buffer)
			return vfmig_err(err, -ENOMEM, "no memory for %u buffers of %u bytes",
					 VFMIG_MIGRATION_BUFFERS, VFMIG_MIGRATION_BUFFER_BYTES);
		/* Only the head: the pages of the bytes may never be used. */
		memset(buffer, 0, offsetof(struct channel_buffer, bytes));
		buffer_queue_push(&m->channel.free, buffer);
	}
	return 0;
}

void engine_buffers_free(struct vfmig_migration *m)
{
	struct channel_buffer *buffer;

	while ((buffer = buffer_queue_shift(&m->channel.free)) ||
	       (buffer = buffer_queue_shift(&m->channel.out.queue)))
		free(buffer);
}

struct channel_buffer *engine_buffer_get(struct vfmig_migration *m, bool control)
{
	struct channel_buffer *buffer;

	if (m->channel.free.count <= (control ? 0 : FOR_CONTROL))
		return NULL;
	buffer = buffer_queue_shift(&m->channel.free);
	buffer->dev = NULL;
	buffer->start = buffer->end = buffer->length = 0;
	return buffer;
}

/* The buffer that was used last is used again first, because it is in the cache. */
void engine_buffer_put(struct vfmig_migration *m, struct channel_buffer *buffer)
{
	buffer->next = m->channel.free.first;
	m->channel.free.first = buffer;
	if (!m->channel.free.last)
		m->channel.free.last = buffer;
	m->channel.free.count++;
}

ssize_t engine_send_queued(struct vfmig_migration *m, struct vfmig_error *err)
{
	struct buffer_queue spent = {0};
	ssize_t n = channel_out_write(&m->channel.out, &spent, err);
	struct channel_buffer *buffer;

	while ((buffer = buffer_queue_shift(&spent)))
		engine_buffer_put(m, buffer);

	/* The destination may have sent the reason before it closed the channel. */
	if (n == -EPIPE || n == -ECONNRESET) {
		struct vfmig_error reported = {0};

		m->channel.readable = true;
		if (m->role == VFMIG_ROLE_SOURCE && engine_reply_check(m, &reported) == -EREMOTEIO)
			return vfmig_err(err, -EREMOTEIO, "%s", reported.text);
	}
	engine_report_progress(m);
	return n;
}

int engine_send_flush(struct vfmig_migration *m, struct vfmig_error *err)
{
	ssize_t n;
	int ret;

	while (m->channel.out.queue.count) {
		n = engine_send_queued(m, err);
		if (n < 0)
			return (int)n;
		if (n || !m->channel.out.queue.count)
			continue;
		ret = engine_wait(m, ENGINE_WAIT_OUT, err);
		if (!ret && m->role == VFMIG_ROLE_SOURCE)
			ret = engine_reply_check(m, err);
		if (ret < 0)
			return ret;
	}
	return 0;
}

void engine_send_header(struct vfmig_migration *m, uint16_t version, uint16_t flags)
{
	struct abi_stream_header header = {.version = version, .flags = flags};
	struct channel_buffer *buffer = engine_buffer_get(m, true);

	memcpy(header.id, m->channel.id, sizeof(m->channel.id));
	buffer->end =
		(uint32_t)abi_stream_put_header(buffer->bytes, sizeof(buffer->bytes), &header);
	buffer_queue_push(&m->channel.out.queue, buffer);
}

int engine_send_section(struct vfmig_migration *m, struct abi_section *section, const char *payload,
			struct vfmig_error *err)
{
	size_t need = ABI_SECTION_HEADER_SIZE + (size_t)section->length;
	struct channel_buffer *buffer = m->channel.out.queue.last;
	uint8_t *at;
	int ret;

	if (!buffer || sizeof(buffer->bytes) - buffer->end < need) {
		if (!m->channel.free.count) {
			ret = engine_send_flush(m, err);
			if (ret)
				return ret;
		}
		buffer = engine_buffer_get(m, true);
		if (!buffer)
			return vfmig_err(err, -ENOBUFS, "no buffer is free for a %s section",
					 abi_section_name(section->type));
		buffer_queue_push(&m->channel.out.queue, buffer);
	}
	at = buffer->bytes + buffer->end + ABI_SECTION_HEADER_SIZE;
	if (section->length && payload)
		memcpy(at, payload, section->length);
	else
		memset(at, 0, section->length);
	channel_out_seal(&m->channel.out, buffer->bytes + buffer->end, section);
	buffer->end += (uint32_t)need;
	return 0;
}
