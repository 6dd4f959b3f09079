/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A source begins: what there is to move, whether the other side takes it, and everything made ready.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "engine/engine.h"

/* ---- hearing the destination ---- */

/* What came from the peer, fit to be shown. */
static int peer_says(struct vfmig_migration *m, const struct abi_section *section,
		     struct vfmig_error *err)
{
	char reported[ABI_SECTION_SENTENCE_MAX + 1];

	channel_in_consume(&m->in, reported, section->length);
	reported[section->length] = 0;
	if (abi_section_sentence(reported, section->length))
		strcpy(reported, "(its reason is not printable)");
	return vfmig_err(err, -EREMOTEIO, "the destination %s: %s",
			 section->type == ABI_SECTION_REFUSE ? "refuses" : "failed", reported);
}

static int unsound(struct vfmig_error *err, const char *why)
{
	return vfmig_err(err, -EBADMSG, "what the destination answers is not sound: %s", why);
}

/* At least so many bytes in the buffer: 1; not yet: 0; or an error. */
static int have(struct vfmig_migration *m, uint32_t bytes, struct vfmig_error *err)
{
	ssize_t n;

	while (channel_in_have(&m->in) < bytes) {
		n = m->in.eof ? 0 : channel_in_read(&m->in, NULL, 0, err);
		if (n == -EAGAIN)
			return 0;
		if (n < 0)
			return (int)n;
		if (!n)
			return vfmig_err(err, -ECONNRESET,
					 "the destination has closed the channel");
	}
	return 1;
}

static int stream_header(struct vfmig_migration *m, struct vfmig_error *err)
{
	uint8_t bytes[ABI_STREAM_HEADER_SIZE];
	struct abi_stream_header header;
	int ret = have(m, sizeof(bytes), err);
	const char *why;

	if (ret <= 0)
		return ret;
	channel_in_consume(&m->in, bytes, sizeof(bytes));
	why = abi_stream_get_header(bytes, sizeof(bytes), &header);
	if (why)
		return unsound(err, why);
	if (!(header.flags & ABI_STREAM_FLAG_REPLY) || memcmp(header.id, m->id, sizeof(m->id)))
		return unsound(err, "it answers another migration");
	m->received_header = true;
	return 1;
}

/* One section that has come whole: its type; 0 if there is none. */
static int next_section(struct vfmig_migration *m, struct vfmig_error *err)
{
	uint8_t *at;
	struct abi_section section;
	const char *why;
	int ret = 1;

	if (m->in.port.fd < 0)
		return 0;
	if (!m->received_header)
		ret = stream_header(m, err);
	if (ret > 0)
		ret = have(m, ABI_SECTION_HEADER_SIZE, err);
	if (ret <= 0)
		return ret;
	why = abi_section_get(m->in.buf + m->in.start, ABI_SECTION_HEADER_SIZE, &section);
	if (why)
		return unsound(err, why);
	ret = have(m, ABI_SECTION_HEADER_SIZE + section.length, err);
	if (ret <= 0)
		return ret;
	at = m->in.buf + m->in.start;
	if (!channel_in_sealed(at, at + ABI_SECTION_HEADER_SIZE, &section))
		return unsound(err, "a checksum is wrong");
	why = abi_stream_check_section(&m->in.check, &section);
	if (why)
		return unsound(err, why);
	channel_in_consume(&m->in, (uint8_t[ABI_SECTION_HEADER_SIZE]){0}, ABI_SECTION_HEADER_SIZE);
	if (section.type == ABI_SECTION_ACCEPT)
		m->checks_by_running = section.arg & ABI_ACCEPT_RUNS;
	/* SYNC was the last that was sent: nothing follows it before its answer. */
	if (section.type == ABI_SECTION_LOADED && section.arg != m->out.sections - 1)
		return unsound(err, "LOADED answers a section that is not the last SYNC");
	m->peer_reset = section.type == ABI_SECTION_FAILED && !section.arg;
	if (section.type == ABI_SECTION_REFUSE || section.type == ABI_SECTION_FAILED)
		return peer_says(m, &section, err);
	return section.type;
}

int engine_source_check_peer(struct vfmig_migration *m, struct vfmig_error *err)
{
	int type;

	if (!m->in_ready && !channel_in_have(&m->in))
		return 0;
	m->in_ready = false;
	type = next_section(m, err);
	if (type > 0)
		return unsound(err, "it answers what it was not asked");
	return type;
}

int engine_source_await(struct vfmig_migration *m, uint16_t type, struct vfmig_error *err)
{
	int ret;

	m->in.moved = device_now();
	for (;;) {
		ret = next_section(m, err);
		if (ret == type)
			return 0;
		if (ret > 0)
			return unsound(err, "it answers what it was not asked");
		if (!ret)
			ret = engine_wait(m, ENGINE_WAIT_IN, err);
		if (ret)
			return ret;
	}
}

/* ---- beginning ---- */

static int check_states(struct vfmig_migration *m, struct vfmig_error *err)
{
	int ret = engine_states_begin(m, err);

	for (uint32_t i = 0; !ret && i < m->device_count; i++) {
		const struct engine_device *dev = m->devices[i];

		if (dev->state != VFMIG_STATE_RUNNING)
			return vfmig_err(err, -EBUSY,
					 "device %s: is in %s; a migration begins in RUNNING%s",
					 dev->id, vfmig_state_name(dev->state),
					 dev->state == VFMIG_STATE_ERROR ? ": reset it first" : "");
	}
	return ret;
}

static int say_hello(struct vfmig_migration *m, struct vfmig_error *err)
{
	struct abi_stream_header header = {.version = ABI_STREAM_VERSION,
					   .flags = m->file ? ABI_STREAM_FLAG_FILE : 0};
	struct abi_section section = {.type = ABI_SECTION_HELLO};
	struct channel_buffer *buffer = engine_buffer_get(m, true);
	struct negotiation *negotiation;
	size_t len;
	char *json;
	int ret;

	memcpy(header.id, m->id, sizeof(m->id));
	buffer->end =
		(uint32_t)abi_stream_put_header(buffer->bytes, sizeof(buffer->bytes), &header);
	buffer_queue_push(&m->out.queue, buffer);
	ret = negotiation_make(m, &negotiation, err);
	if (ret)
		return ret;
	json = negotiation_encode(negotiation, &len);
	negotiation_free(negotiation);
	if (!json)
		return vfmig_err(err, -ENOMEM, "no memory to describe the devices");
	if (len > ABI_SECTION_HELLO_MAX) {
		free(json);
		return vfmig_err(err, -E2BIG,
				 "the description of devices and memory is larger than "
				 "%u bytes",
				 ABI_SECTION_HELLO_MAX);
	}
	section.length = (uint32_t)len;
	ret = negotiation_check(m, json, len, err);
	if (!ret)
		ret = engine_control(m, &section, json, err);
	free(json);
	return ret ? ret : engine_flush(m, err);
}

static enum vfmig_state pre_copy(const struct engine_device *dev)
{
	const struct vfmig_migration_options *o = &dev->m->options;

	if (o->precopy && o->max_rounds && dev->flags & VFMIG_MIGRATION_PRE_COPY)
		return VFMIG_STATE_PRE_COPY;
	return dev->state;
}

static int begin_moving(struct vfmig_migration *m, struct vfmig_error *err)
{
	int ret;

	m->begun = true;
	ret = engine_sync_round_trip(m, err);
	if (!ret)
		ret = engine_memory_track(m, err);
	if (!ret)
		ret = engine_states_go(m, pre_copy, err);
	if (!ret)
		ret = engine_memory_collect(m, err);
	if (ret > 0)
		ret = err ? err->code : -EIO; /* it cannot be tracked; better now than later */
	if (ret)
		return ret;
	for (uint32_t i = 0; i < m->device_count; i++)
		m->devices[i]->reading = m->devices[i]->state == VFMIG_STATE_PRE_COPY;
	return engine_ask_sizes(m, err);
}

static int setup(struct vfmig_migration *m, struct vfmig_error *err)
{
	int ret = check_states(m, err);

	if (!ret)
		ret = engine_memory_find(m, err);
	if (!ret)
		ret = engine_states_p2p(m, err);
	if (ret)
		return ret;
	engine_report(m, "setup", VFMIG_U64("devices", m->device_count),
		      VFMIG_U64("regions", m->memory.region_count),
		      VFMIG_U64("memory_bytes", m->memory.total));
	if (getrandom(m->id, sizeof(m->id), 0) < 0)
		return vfmig_err(err, -errno, "no random number for the migration's id");
	abi_stream_check_init(&m->in.check, ABI_STREAM_FLAG_REPLY);
	ret = say_hello(m, err);
	if (!ret && !m->file)
		ret = engine_source_await(m, ABI_SECTION_ACCEPT, err);
	return ret ? ret : begin_moving(m, err);
}

int engine_source_setup(struct vfmig_migration *m, struct vfmig_error *err)
{
	int ret;

	m->handoff = HANDOFF_SRC_MOVE;
	engine_limit_time(m, m->options.setup_ms, "the set-up (setup-timeout)");
	ret = setup(m, err);
	if (ret)
		return engine_source_give_up(m, ret, err);
	m->stage = ENGINE_STAGE_MOVING;
	m->deadline = 0;
	rate_limit_set(&m->out.limit, m->options.bandwidth, device_now());
	for (uint32_t i = 0; i < m->device_count; i++)
		engine_report_device(m->devices[i]);
	engine_report(m, "accepted", VFMIG_U64("ns", device_now() - m->began));
	return 0;
}
