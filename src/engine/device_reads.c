/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reading the data of devices: several reads are in flight on each device, and their data is sent in the order in
 * which the reads were submitted.
 *
 * One read is one chunk, which the destination writes with one write. Some devices need to be given their data in the
 * same transactions in which they gave it.
 */
#include <errno.h>
#include <string.h>

#include "engine/channel/channel.h"
#include "engine/device.h"
#include "engine/loop.h"
#include "engine/migration.h"
#include "engine/send.h"
#include "engine/source.h"

/* Buffers that are kept for memory while it has pages to send. */
#define FOR_MEMORY 2u
/*
 * A device that produces data faster than the channel carries it never runs out. Its part of a round ends after this
 * much more than it had reported: a small amount for a device that reported little, and a large one in the first round
 * of a device that cannot report.
 */
#define ROUND_SLACK  (64ull << 20)
#define SILENT_SLACK (16ull << 30)
#define SMALL_SLACK  (1ull << 20)

static bool enough(const struct engine_device *dev)
{
	uint64_t reported =
		dev->estimate.reported < UINT64_MAX / 4 ? dev->estimate.reported : UINT64_MAX / 4;
	uint64_t slack = ROUND_SLACK;

	if (!reported && dev->m->progress.round == 1)
		slack = SILENT_SLACK;
	else if (reported && reported < (ROUND_SLACK - SMALL_SLACK) / 2)
		slack = SMALL_SLACK + 2 * reported;
	return !dev->m->progress.stopping && dev->round_bytes > 2 * reported + slack;
}

static bool wants(const struct engine_device *dev)
{
	return dev->reading && !dev->drained && dev->flying.count < ENGINE_DEVICE_DEPTH;
}

static void submit_one(struct engine_device *dev, struct channel_buffer *buffer)
{
	struct vfmig_request *request = &buffer->op.request;

	*request = (struct vfmig_request){.op = VFMIG_OP_DATA_READ};
	request->data.buf = buffer->bytes + ABI_SECTION_HEADER_SIZE;
	request->data.len = CHANNEL_BUFFER_DATA;
	buffer->dev = dev;
	buffer_queue_push(&dev->flying, buffer);
	loop_request_submit(&dev->m->loop, &buffer->op, dev->session, NULL,
			    dev->m->options.request_ms);
}

void engine_reads_submit(struct vfmig_migration *m)
{
	unsigned keep = m->memory.drained ? 0 : FOR_MEMORY;
	bool some = true;

	/* One read for each device in turn, then another one for each, as long as there are buffers. */
	while (some) {
		some = false;
		for (uint32_t n = 0; n < m->device_count; n++) {
			struct engine_device *dev =
				m->devices[(m->source.turn + n) % m->device_count];
			struct channel_buffer *buffer = NULL;

			if (!wants(dev))
				continue;
			if (m->channel.free.count > keep)
				buffer = engine_buffer_get(m, false);
			if (!buffer) {
				m->source.turn = dev->index;
				return;
			}
			submit_one(dev, buffer);
			some = true;
		}
	}
}

static int send_chunk(struct engine_device *dev, struct channel_buffer *buffer, uint32_t bytes)
{
	struct abi_section section = {.type = ABI_SECTION_DEVICE_DATA,
				      .flags = ABI_SECTION_FIRST | ABI_SECTION_LAST,
				      .index = dev->index,
				      .offset = dev->bytes,
				      .length = bytes};
	struct vfmig_migration *m = dev->m;

	channel_out_seal(&m->channel.out, buffer->bytes, &section);
	buffer->end = ABI_SECTION_HEADER_SIZE + bytes;
	buffer_queue_push(&m->channel.out.queue, buffer);
	dev->bytes += bytes;
	dev->chunks++;
	dev->round_bytes += bytes;
	m->progress.round_counts.device_bytes += bytes;
	if (enough(dev))
		dev->drained = true;
	return 1;
}

/* Send the data of a read. 1, or an error. */
static int reap_one(struct engine_device *dev, struct channel_buffer *buffer,
		    struct vfmig_error *err)
{
	ssize_t n = buffer->op.request.result, most = (ssize_t)buffer->op.request.data.len;
	int ret;

	if (n > 0 && n <= most && !(dev->ended)) {
		if (dev->m->progress.stopping && dev->drained) {
			engine_buffer_put(dev->m, buffer);
			return vfmig_err(err, -EPROTO,
					 "device %s: returned data after the end of its data",
					 dev->id);
		}
		return send_chunk(dev, buffer, (uint32_t)n);
	}
	if (!n || (n == -ENOMSG && !dev->m->progress.stopping)) {
		dev->drained = true;
		ret = 1;
	} else if (n > 0) {
		ret = vfmig_err(err, -EPROTO, "device %s: reported %zd bytes for a read of %u",
				dev->id, n, (unsigned)most);
	} else {
		dev->unsure = true;
		ret = loop_request_err(&buffer->op, engine_device_code(n), err);
		vfmig_err_at(err, ret, "device %s: reading its data", dev->id);
	}
	engine_buffer_put(dev->m, buffer);
	return ret;
}

/* All data of a device is sent: send DEVICE_END, once. */
static int finish(struct engine_device *dev, struct vfmig_error *err)
{
	struct abi_section section = {.type = ABI_SECTION_DEVICE_END,
				      .index = dev->index,
				      .offset = dev->bytes,
				      .arg = dev->chunks};

	dev->ended = true;
	dev->reading = false;
	return engine_send_section(dev->m, &section, NULL, err);
}

static int reap_device(struct engine_device *dev, struct vfmig_error *err)
{
	int moved = 0, ret;

	if (engine_state_reap(dev, &ret, err)) {
		if (ret)
			return ret;
		dev->reading = dev->state == VFMIG_STATE_STOP_COPY;
		moved = 1;
	}
	while (dev->flying.first && loop_request_over(&dev->flying.first->op)) {
		ret = reap_one(dev, buffer_queue_shift(&dev->flying), err);
		if (ret < 0)
			return ret;
		moved = 1;
	}
	if (dev->m->progress.stopping && dev->reading && dev->drained && !dev->flying.count) {
		ret = finish(dev, err);
		if (ret)
			return ret;
		moved = 1;
	}
	return moved;
}

int engine_reads_reap(struct vfmig_migration *m, struct vfmig_error *err)
{
	int moved = 0, ret;

	for (uint32_t i = 0; i < m->device_count; i++) {
		ret = reap_device(m->devices[i], err);
		if (ret < 0)
			return ret;
		moved |= ret;
	}
	return moved;
}

bool engine_reads_over(struct vfmig_migration *m)
{
	for (uint32_t i = 0; i < m->device_count; i++) {
		const struct engine_device *dev = m->devices[i];

		if (dev->flying.count || dev->op.under_way)
			return false;
		if (m->progress.stopping ? !dev->ended : dev->reading && !dev->drained)
			return false;
	}
	return true;
}

void engine_reads_drop(struct vfmig_migration *m)
{
	struct channel_buffer *buffer;

	for (uint32_t i = 0; i < m->device_count; i++) {
		while ((buffer = buffer_queue_shift(&m->devices[i]->flying))) {
			loop_request_drop(&buffer->op);
			engine_buffer_put(m, buffer);
		}
		if (m->devices[i]->open)
			engine_buffer_put(m, m->devices[i]->open);
		m->devices[i]->open = NULL;
		loop_request_drop(&m->devices[i]->op);
		m->devices[i]->reading = false;
	}
}
