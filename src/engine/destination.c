/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A destination begins: who comes, whether that fits, and everything made ready to load.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "device/session.h"
#include "engine/engine.h"

static int read_header(struct vfmig_migration *m, struct vfmig_error *err)
{
	uint8_t bytes[VFMIG_STREAM_HEADER_SIZE];
	struct vfmig_stream_header header;
	int ret = vfmig_load_need(m, sizeof(bytes), err);
	const char *why;

	if (ret)
		return ret;
	vfmig_in_take(&m->in, bytes, sizeof(bytes));
	why = vfmig_stream_get_header(bytes, sizeof(bytes), &header);
	if (!why && header.flags & VFMIG_STREAM_FLAG_REPLY)
		why = "it is the answer of a destination: are two destinations connected?";
	if (why)
		return vfmig_err(err, -EBADMSG, "the stream is not sound, at byte 0: %s", why);
	m->version = header.version;
	memcpy(m->id, header.id, sizeof(m->id));
	if (header.flags & VFMIG_STREAM_FLAG_FILE)
		m->file = true;
	else if (m->file)
		return vfmig_err(
			err, -EINVAL,
			"the stream is of a source that waits for answers, and there is no way "
			"to answer it");
	vfmig_stream_check_init(&m->in.check, header.flags);
	return 0;
}

static int read_hello(struct vfmig_migration *m, struct vfmig_hello **hello,
		      struct vfmig_error *err)
{
	struct vfmig_buffer *buffer = vfmig_buffer_get(m, true);
	struct vfmig_section section;
	int ret = vfmig_load_header(m, &section, buffer->bytes, err);

	if (!ret)
		ret = vfmig_load_payload(m, &section, buffer->bytes,
					 buffer->bytes + VFMIG_SECTION_HEADER_SIZE, err);
	if (!ret)
		ret = vfmig_hello_decode((char *)buffer->bytes + VFMIG_SECTION_HEADER_SIZE,
					 section.length, hello, err);
	vfmig_buffer_put(m, buffer);
	return ret;
}

static int compare(struct vfmig_migration *m, const struct vfmig_hello *there,
		   struct vfmig_error *err)
{
	struct vfmig_hello *here;
	int ret = vfmig_hello_make(m, &here, err);

	if (ret)
		return ret;
	m->order = calloc(there->nr_devices + 1, sizeof(*m->order));
	m->stream_devices = calloc(there->nr_devices + 1, sizeof(*m->stream_devices));
	if (m->order && m->stream_devices)
		ret = vfmig_hello_fits(there, here, m->order, err);
	else
		ret = vfmig_err(err, -ENOMEM, "no memory for a migration");
	if (!ret)
		vfmig_stream_check_hello(&m->in.check, m->stream_devices, there->nr_devices,
					 m->memory.sizes, m->memory.nr_regions);
	vfmig_hello_free(here);
	return ret;
}

static enum vfmig_state resuming(const struct vfmig_mover *mover)
{
	return VFMIG_STATE_RESUMING;
}

static int make_ready(struct vfmig_migration *m, struct vfmig_error *err)
{
	int ret = vfmig_states_begin(m, err);

	for (uint32_t i = 0; !ret && i < m->nr_movers; i++) {
		const struct vfmig_mover *mover = m->movers[i];

		if (mover->state != VFMIG_STATE_RUNNING && mover->state != VFMIG_STATE_STOP)
			return vfmig_err(err, -EBUSY,
					 "device %s: is in %s; loading begins in RUNNING or STOP: "
					 "reset it first",
					 mover->id, vfmig_state_name(mover->state));
	}
	return ret ? ret : vfmig_states_go(m, resuming, err);
}

/* The header of the stream that goes back. */
static void begin_reply(struct vfmig_migration *m)
{
	struct vfmig_stream_header header = {.version = m->version,
					     .flags = VFMIG_STREAM_FLAG_REPLY};
	struct vfmig_buffer *buffer = vfmig_buffer_get(m, true);

	memcpy(header.id, m->id, sizeof(m->id));
	buffer->end =
		(uint32_t)vfmig_stream_put_header(buffer->bytes, sizeof(buffer->bytes), &header);
	vfmig_queue_push(&m->out.queue, buffer);
	m->heard_header = true;
}

/* HELLO fits: send. And what it has to know of us. */
static int accept_it(struct vfmig_migration *m, struct vfmig_error *err)
{
	struct vfmig_section section = {.type = VFMIG_SECTION_ACCEPT};

	for (uint32_t i = 0; i < m->nr_movers; i++)
		m->checks_by_running |= m->movers[i]->session->checks_by_running;
	if (m->checks_by_running)
		section.arg = VFMIG_ACCEPT_RUNS;
	return vfmig_control(m, &section, NULL, err);
}

static int setup(struct vfmig_migration *m, struct vfmig_error *err)
{
	struct vfmig_hello *hello = NULL;
	int ret = read_header(m, err);

	if (ret)
		return ret;
	if (!m->file)
		begin_reply(m);
	ret = vfmig_memory_find(m, err);
	if (!ret)
		ret = read_hello(m, &hello, err);
	if (ret)
		return ret;
	vfmig_report(m, "setup", VFMIG_U64("devices", m->nr_movers),
		     VFMIG_U64("regions", m->memory.nr_regions),
		     VFMIG_U64("memory_bytes", m->memory.total));
	ret = compare(m, hello, err);
	vfmig_hello_free(hello);
	if (!ret)
		ret = vfmig_states_p2p(m, err);
	if (!ret)
		ret = make_ready(m, err);
	if (!ret && !m->file)
		ret = accept_it(m, err);
	return ret ? ret : vfmig_flush(m, err);
}

int vfmig_destination_setup(struct vfmig_migration *m, struct vfmig_error *err)
{
	int ret;

	m->handoff = VFMIG_DST_LOAD;
	vfmig_limit_time(m, m->options.setup_ms, "the set-up (setup-timeout)");
	ret = setup(m, err);
	if (ret)
		return vfmig_destination_give_up(m, ret, err);
	m->stage = VFMIG_STAGE_MOVING;
	m->deadline = 0;
	for (uint32_t i = 0; i < m->nr_movers; i++)
		vfmig_report_device(m->movers[i]);
	vfmig_report(m, "accepted", VFMIG_U64("ns", vfmig_now() - m->began));
	return 0;
}

ssize_t vfmig_destination_load(struct vfmig_migration *m, uint64_t budget, struct vfmig_error *err)
{
	uint64_t before = m->in.bytes;
	int ret;

	do {
		ret = vfmig_load_section(m, err);
		if (ret < 0)
			return vfmig_destination_give_up(m, ret, err);
		if (ret == VFMIG_SECTION_END)
			return vfmig_takeover(m, err);
	} while (!budget || m->in.bytes - before < budget);
	return (ssize_t)(m->in.bytes - before);
}
