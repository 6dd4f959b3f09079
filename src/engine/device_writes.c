/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Writing the data of devices: chunks are written as they come, with several writes in flight on each device.
 *
 * The migration fails if a device takes only a part of a chunk while later writes are in flight. A device that has all
 * its data goes from RESUMING to STOP, which checks the data, while other devices load. A device that checks by running
 * does so when all memory and all other devices are loaded.
 */
#include <errno.h>
#include <string.h>

#include "device/session.h"
#include "engine/channel/channel.h"
#include "engine/destination.h"
#include "engine/device.h"
#include "engine/loop.h"
#include "engine/migration.h"
#include "engine/send.h"
#include "engine/wait.h"

static void submit(struct engine_device *dev, struct channel_buffer *buffer)
{
	struct vfmig_request *request = &buffer->op.request;

	*request = (struct vfmig_request){.op = VFMIG_OP_DATA_WRITE};
	request->data.buf = buffer->bytes + ABI_SECTION_HEADER_SIZE + buffer->start;
	request->data.len = buffer->length - buffer->start;
	loop_request_submit(&dev->m->loop, &buffer->op, dev->session, NULL,
			    dev->m->options.request_ms);
}

/* The first write in flight is over. */
static int reap_one(struct engine_device *dev, struct vfmig_error *err)
{
	struct channel_buffer *buffer = dev->flying.first;
	ssize_t n = buffer->op.request.result;
	uint32_t wanted = buffer->length - buffer->start;
	int ret = 0;

	if (n > 0 && n < wanted && dev->flying.count == 1) {
		buffer->start += (uint32_t)n;
		submit(dev, buffer);
		return 0;
	}
	if (n < 0) {
		dev->unsure = true;
		ret = loop_request_err(&buffer->op, engine_device_code(n), err);
		vfmig_err_at(err, ret, "device %s: writing its data", dev->id);
	} else if (n != wanted) {
		ret = vfmig_err(err, -EIO, "device %s: accepted %zd of %u bytes of its data",
				dev->id, n, wanted);
	}
	engine_buffer_put(dev->m, buffer_queue_shift(&dev->flying));
	return ret;
}

static bool checks_by_running(const struct engine_device *dev)
{
	return vfmig_session_properties(dev->session) & VFMIG_SESSION_CHECKS_BY_RUNNING;
}

/* Whether everything is loaded, and checked by the devices that do not check by running. */
static bool all_loaded(const struct vfmig_migration *m)
{
	for (uint32_t i = 0; i < m->device_count; i++)
		if (m->devices[i]->flying.count ||
		    (m->devices[i]->state != VFMIG_STATE_STOP && !checks_by_running(m->devices[i])))
			return false;
	return true;
}

/* @whole: all memory is loaded. */
static int reap(struct engine_device *dev, bool whole, struct vfmig_error *err)
{
	bool may_check = !checks_by_running(dev);
	int ret = 0;

	while (!ret && dev->flying.first && loop_request_over(&dev->flying.first->op))
		ret = reap_one(dev, err);
	if (!ret && dev->ended && !dev->flying.first && !dev->op.under_way &&
	    dev->state == VFMIG_STATE_RESUMING && (may_check || (whole && all_loaded(dev->m))))
		engine_state_submit(dev, VFMIG_STATE_STOP);
	if (!ret && dev->op.under_way)
		engine_state_reap(dev, &ret, err);
	return ret;
}

static int reap_all(struct vfmig_migration *m, bool whole, struct vfmig_error *err)
{
	int ret = 0;

	for (uint32_t i = 0; i < m->device_count && !ret; i++)
		ret = reap(m->devices[i], whole, err);
	return ret;
}

int engine_writes_reap(struct vfmig_migration *m, struct vfmig_error *err)
{
	return reap_all(m, false, err);
}

/* If no write is in flight, all buffers hold incomplete chunks and none will become free. */
static bool any_flying(const struct vfmig_migration *m)
{
	for (uint32_t i = 0; i < m->device_count; i++)
		if (m->devices[i]->flying.count)
			return true;
	return false;
}

int engine_writes_buffer(struct engine_device *dev, struct channel_buffer **buffer,
			 struct vfmig_error *err)
{
	struct vfmig_migration *m = dev->m;
	int ret;

	for (;;) {
		ret = engine_writes_reap(m, err);
		if (ret)
			return ret;
		*buffer = NULL;
		if (dev->flying.count < ENGINE_DEVICE_DEPTH)
			*buffer = engine_buffer_get(m, false);
		if (*buffer)
			return 0;
		if (!any_flying(m))
			return vfmig_err(err, -EBADMSG,
					 "the stream has chunks of too many devices open at once");
		ret = engine_wait(m, 0, err);
		if (ret)
			return ret;
	}
}

void engine_writes_submit(struct engine_device *dev, struct channel_buffer *buffer, uint32_t len)
{
	buffer->dev = dev;
	buffer->length = len;
	buffer->start = 0;
	buffer_queue_push(&dev->flying, buffer);
	submit(dev, buffer);
}

int engine_writes_drain(struct vfmig_migration *m, struct vfmig_error *err)
{
	int ret;

	for (;;) {
		ret = engine_writes_reap(m, err);
		if (ret || !any_flying(m))
			return ret;
		ret = engine_wait(m, 0, err);
		if (ret)
			return ret;
	}
}

static bool settled(const struct vfmig_migration *m)
{
	for (uint32_t i = 0; i < m->device_count; i++)
		if (m->devices[i]->flying.count || m->devices[i]->op.under_way ||
		    m->devices[i]->state != VFMIG_STATE_STOP)
			return false;
	return true;
}

int engine_writes_settle(struct vfmig_migration *m, struct vfmig_error *err)
{
	int ret;

	for (;;) {
		ret = reap_all(m, true, err);
		if (ret || settled(m))
			return ret;
		ret = engine_wait(m, 0, err);
		if (ret)
			return ret;
	}
}
