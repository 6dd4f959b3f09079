/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The devices' part of a round: reads are asked for ahead, several on each device, and what comes is sent in
 * the order in which it was asked for.
 *
 * One read is one chunk: the destination writes it with one write, so that a device to which the boundaries
 * mean something (v1's transactions) finds them as they were.
 */
#include <errno.h>
#include <string.h>

#include "engine/engine.h"

/* Buffers that memory keeps while it has something to send. */
#define FOR_MEMORY 2u
/*
 * A device that works faster than its data goes never runs dry, and ends a round all the same: this much after what
 * it had promised. What a small device may have more than that is small; of one that says nothing nobody knows.
 */
#define ROUND_SLACK  (64ull << 20)
#define SILENT_SLACK (16ull << 30)
#define SMALL_SLACK  (1ull << 20)

static bool enough(const struct engine_device *mover)
{
	uint64_t said = mover->guess.said < UINT64_MAX / 4 ? mover->guess.said : UINT64_MAX / 4;
	uint64_t slack = ROUND_SLACK;

	if (!said && mover->m->round == 1)
		slack = SILENT_SLACK;
	else if (said && said < (ROUND_SLACK - SMALL_SLACK) / 2)
		slack = SMALL_SLACK + 2 * said;
	return !mover->m->stopping && mover->round_bytes > 2 * said + slack;
}

static bool wants(const struct engine_device *mover)
{
	return mover->reading && !mover->drained && mover->flying.count < ENGINE_DEVICE_DEPTH &&
	       (!mover->window || engine_window_free(mover->window));
}

static void submit_one(struct engine_device *mover, struct channel_buffer *buffer)
{
	struct vfmig_request *request = &buffer->op.request;

	*request = (struct vfmig_request){.op = VFMIG_OP_DATA_READ};
	request->data.buf = buffer->bytes + ABI_SECTION_HEADER_SIZE;
	request->data.len = CHANNEL_BUFFER_DATA;
	if (mover->window) {
		engine_window_take(mover->window, &buffer->piece);
		request->data.window = &buffer->piece;
		request->data.len = ENGINE_WINDOW_PIECE;
	}
	buffer->mover = mover;
	buffer_queue_push(&mover->flying, buffer);
	loop_request_submit(&mover->m->loop, &buffer->op, mover->session, NULL,
			    mover->m->options.request_ms);
}

void engine_reads_submit(struct vfmig_migration *m)
{
	unsigned keep = m->memory.drained ? 0 : FOR_MEMORY;
	bool some = true;

	/* One for each in turn, then another for each, as long as there are buffers. */
	while (some) {
		some = false;
		for (uint32_t n = 0; n < m->nr_movers; n++) {
			struct engine_device *mover = m->movers[(m->turn + n) % m->nr_movers];
			struct channel_buffer *buffer = NULL;

			if (!wants(mover))
				continue;
			if (m->free.count > keep)
				buffer = engine_buffer_get(m, false);
			if (!buffer) {
				m->turn = mover->index;
				return;
			}
			submit_one(mover, buffer);
			some = true;
		}
	}
}

static int send_chunk(struct engine_device *mover, struct channel_buffer *buffer, uint32_t bytes)
{
	uint32_t len = mover->window ? ENGINE_WINDOW_CHUNK : bytes;
	struct abi_section section = {.type = ABI_SECTION_DEVICE_DATA,
				      .flags = ABI_SECTION_FIRST | ABI_SECTION_LAST,
				      .index = mover->index,
				      .offset = mover->bytes,
				      .length = len};
	struct vfmig_migration *m = mover->m;

	if (mover->window) {
		engine_window_put(buffer->bytes + ABI_SECTION_HEADER_SIZE, &buffer->piece, bytes);
		m->out.bytes += bytes; /* they have gone, if by another way */
	}
	channel_out_seal(&m->out, buffer->bytes, &section);
	buffer->end = ABI_SECTION_HEADER_SIZE + len;
	buffer_queue_push(&m->out.queue, buffer);
	mover->bytes += len;
	mover->chunks++;
	mover->round_bytes += bytes;
	m->round_counts.device_bytes += bytes;
	if (enough(mover))
		mover->drained = true;
	return 1;
}

static int failed(struct engine_device *mover, const struct channel_buffer *buffer, int code,
		  struct vfmig_error *err)
{
	if (buffer->op.err.text[0])
		vfmig_err(err, code, "%s", buffer->op.err.text);
	else
		vfmig_err(err, code, "it failed with %s", strerrorname_np(-code));
	mover->unsure = true;
	return vfmig_err_at(err, code, "device %s: reading its data", mover->id);
}

/* What a read has brought. 1, or why to stop. */
static int reap_one(struct engine_device *mover, struct channel_buffer *buffer,
		    struct vfmig_error *err)
{
	ssize_t n = buffer->op.request.result, most = (ssize_t)buffer->op.request.data.len;
	int ret;

	if (n > 0 && n <= most && !(mover->ended)) {
		if (mover->m->stopping && mover->drained) {
			engine_buffer_put(mover->m, buffer);
			return vfmig_err(err, -EPROTO,
					 "device %s: gave more data after the end of its data",
					 mover->id);
		}
		return send_chunk(mover, buffer, (uint32_t)n);
	}
	if (!n || (n == -ENOMSG && !mover->m->stopping)) {
		mover->drained = true;
		ret = 1;
	} else if (n > 0) {
		ret = vfmig_err(err, -EPROTO, "device %s: says that a read of %u bytes gave %zd",
				mover->id, (unsigned)most, n);
	} else {
		ret = failed(mover, buffer, engine_device_code(n), err);
	}
	if (mover->window)
		engine_window_give(mover->window, &buffer->piece);
	engine_buffer_put(mover->m, buffer);
	return ret;
}

/* The whole of a device's data is sent: say so, once. */
static int finish(struct engine_device *mover, struct vfmig_error *err)
{
	struct abi_section section = {.type = ABI_SECTION_DEVICE_END,
				      .index = mover->index,
				      .offset = mover->bytes,
				      .arg = mover->chunks};

	mover->ended = true;
	mover->reading = false;
	return engine_control(mover->m, &section, NULL, err);
}

static int reap_mover(struct engine_device *mover, struct vfmig_error *err)
{
	int moved = 0, ret;

	if (engine_state_arrived(mover, &ret, err)) {
		if (ret)
			return ret;
		mover->reading = mover->state == VFMIG_STATE_STOP_COPY;
		moved = 1;
	}
	while (mover->flying.first && loop_request_over(&mover->flying.first->op)) {
		ret = reap_one(mover, buffer_queue_shift(&mover->flying), err);
		if (ret < 0)
			return ret;
		moved = 1;
	}
	if (mover->m->stopping && mover->reading && mover->drained && !mover->flying.count) {
		ret = finish(mover, err);
		if (ret)
			return ret;
		moved = 1;
	}
	return moved;
}

int engine_reads_reap(struct vfmig_migration *m, struct vfmig_error *err)
{
	int moved = 0, ret;

	for (uint32_t i = 0; i < m->nr_movers; i++) {
		ret = reap_mover(m->movers[i], err);
		if (ret < 0)
			return ret;
		moved |= ret;
	}
	return moved;
}

bool engine_reads_over(struct vfmig_migration *m)
{
	for (uint32_t i = 0; i < m->nr_movers; i++) {
		const struct engine_device *mover = m->movers[i];

		if (mover->flying.count || mover->op.under_way)
			return false;
		if (m->stopping ? !mover->ended : mover->reading && !mover->drained)
			return false;
	}
	return true;
}

void engine_reads_drop(struct vfmig_migration *m)
{
	struct channel_buffer *buffer;

	for (uint32_t i = 0; i < m->nr_movers; i++) {
		while ((buffer = buffer_queue_shift(&m->movers[i]->flying))) {
			loop_request_drop(&buffer->op);
			engine_buffer_put(m, buffer);
		}
		if (m->movers[i]->open)
			engine_buffer_put(m, m->movers[i]->open);
		m->movers[i]->open = NULL;
		loop_request_drop(&m->movers[i]->op);
		m->movers[i]->reading = false;
	}
}
