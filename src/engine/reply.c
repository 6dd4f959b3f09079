/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a destination replies to its source, at the source.
 *
 * A destination sends only what its source waits for, or that it has failed, which it may do at any time.
 */
#include <errno.h>
#include <string.h>

#include "device/device.h"
#include "engine/channel/channel.h"
#include "engine/migration.h"
#include "engine/send.h"
#include "engine/wait.h"

/* The reason that the destination sent, if it is printable. */
static int peer_failed(struct vfmig_migration *m, const struct abi_section *section,
		       struct vfmig_error *err)
{
	char reported[ABI_SECTION_SENTENCE_MAX + 1];

	channel_in_consume(&m->channel.in, reported, section->length);
	reported[section->length] = 0;
	if (abi_section_sentence(reported, section->length))
		strcpy(reported, "(the reason is not printable)");
	return vfmig_err(err, -EREMOTEIO, "the destination %s: %s",
			 section->type == ABI_SECTION_REFUSE ? "refuses" : "failed", reported);
}

static int invalid(struct vfmig_error *err, const char *why)
{
	return vfmig_err(err, -EBADMSG, "invalid reply of the destination: %s", why);
}

/* 1 if so many bytes are in the buffer, 0 if they have not arrived yet, or an error. */
static int have(struct vfmig_migration *m, uint32_t bytes, struct vfmig_error *err)
{
	ssize_t n;

	while (channel_in_have(&m->channel.in) < bytes) {
		n = m->channel.in.eof ? 0 : channel_in_read(&m->channel.in, NULL, 0, err);
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
	channel_in_consume(&m->channel.in, bytes, sizeof(bytes));
	why = abi_stream_get_header(bytes, sizeof(bytes), &header);
	if (why)
		return invalid(err, why);
	if (!(header.flags & ABI_STREAM_FLAG_REPLY) ||
	    memcmp(header.id, m->channel.id, sizeof(m->channel.id)))
		return invalid(err, "it belongs to another migration");
	m->channel.received_header = true;
	return 1;
}

/* The type of the next section, 0 if none has arrived completely, or an error. */
static int next_section(struct vfmig_migration *m, struct vfmig_error *err)
{
	uint8_t *at;
	struct abi_section section;
	const char *why;
	int ret = 1;

	if (m->channel.in.port.fd < 0)
		return 0;
	if (!m->channel.received_header)
		ret = stream_header(m, err);
	if (ret > 0)
		ret = have(m, ABI_SECTION_HEADER_SIZE, err);
	if (ret <= 0)
		return ret;
	why = abi_section_get(m->channel.in.buf + m->channel.in.start, ABI_SECTION_HEADER_SIZE,
			      &section);
	if (why)
		return invalid(err, why);
	ret = have(m, ABI_SECTION_HEADER_SIZE + section.length, err);
	if (ret <= 0)
		return ret;
	at = m->channel.in.buf + m->channel.in.start;
	if (!channel_in_sealed(at, at + ABI_SECTION_HEADER_SIZE, &section))
		return invalid(err, "wrong checksum");
	why = abi_stream_check_section(&m->channel.in.check, &section);
	if (why)
		return invalid(err, why);
	channel_in_consume(&m->channel.in, (uint8_t[ABI_SECTION_HEADER_SIZE]){0},
			   ABI_SECTION_HEADER_SIZE);
	if (section.type == ABI_SECTION_ACCEPT)
		m->handoff.checks_by_running = section.arg & ABI_ACCEPT_RUNS;
	/* Nothing is sent after SYNC before its reply. */
	if (section.type == ABI_SECTION_LOADED && section.arg != m->channel.out.sections - 1)
		return invalid(err, "LOADED does not belong to the last SYNC");
	m->handoff.peer_reset = section.type == ABI_SECTION_FAILED && !section.arg;
	if (section.type == ABI_SECTION_REFUSE || section.type == ABI_SECTION_FAILED)
		return peer_failed(m, &section, err);
	return section.type;
}

int engine_reply_check(struct vfmig_migration *m, struct vfmig_error *err)
{
	int type;

	if (!m->channel.readable && !channel_in_have(&m->channel.in))
		return 0;
	m->channel.readable = false;
	type = next_section(m, err);
	if (type > 0)
		return invalid(err, "unexpected section");
	return type;
}

int engine_reply_await(struct vfmig_migration *m, uint16_t type, struct vfmig_error *err)
{
	int ret;

	m->channel.in.moved = device_now();
	for (;;) {
		ret = next_section(m, err);
		if (ret == type)
			return 0;
		if (ret > 0)
			return invalid(err, "unexpected section");
		if (!ret)
			ret = engine_wait(m, ENGINE_WAIT_IN, err);
		if (ret)
			return ret;
	}
}
