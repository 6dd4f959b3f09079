/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sections in: received, checked and loaded.
 *
 * Before a section is loaded, its header, its place in the stream and what it addresses are checked. Pages are read
 * from the channel into their memory, and their checksum is computed there: if it is wrong the migration fails, and the
 * memory of a failed destination is not used. The checksum of device data is checked before the device gets the data.
 */
#include <errno.h>
#include <string.h>

#include "device/device.h"
#include "engine/channel/channel.h"
#include "engine/destination.h"
#include "engine/device.h"
#include "engine/memory.h"
#include "engine/migration.h"
#include "engine/report.h"
#include "engine/send.h"
#include "engine/wait.h"

/* Zeros are written in steps, with a look at time limits and cancel between them. */
#define ZERO_STEP (64ull << 20)
/* Sections between two looks at devices, time limits and cancel. */
#define LOOK_EVERY 64u
/* A section of up to this size is received in the buffer first. */
#define SMALL (16u << 10)

static int invalid(struct vfmig_migration *m, struct vfmig_error *err, const char *why)
{
	return vfmig_err(
		err, -EBADMSG, "invalid stream at byte %llu: %s",
		(unsigned long long)(m->channel.in.bytes - channel_in_have(&m->channel.in)), why);
}

/* Read what has arrived, or wait for more. 0, or an error. */
static int read_more(struct vfmig_migration *m, void *to, size_t len, size_t *got,
		     struct vfmig_error *err)
{
	ssize_t n = channel_in_read(&m->channel.in, to, len, err);
	int ret;

	*got = n > 0 ? (size_t)n : 0;
	if (n > 0)
		return 0;
	if (!n)
		return m->channel.file
			       ? vfmig_err(err, -EBADMSG,
					   "the stream ends at byte %llu, before END",
					   (unsigned long long)m->channel.in.bytes)
			       : vfmig_err(err, -ECONNRESET, "the source has closed the channel");
	if (n != -EAGAIN)
		return (int)n;
	ret = engine_wait(m, ENGINE_WAIT_IN, err);
	return ret ? ret : engine_writes_reap(m, err);
}

int engine_receive_bytes(struct vfmig_migration *m, uint32_t bytes, struct vfmig_error *err)
{
	size_t got;
	int ret = 0;

	if (channel_in_have(&m->channel.in) < bytes)
		m->channel.in.moved = device_now();
	while (!ret && channel_in_have(&m->channel.in) < bytes)
		ret = read_more(m, NULL, 0, &got, err);
	return ret;
}

int engine_receive_header(struct vfmig_migration *m, struct abi_section *section,
			  uint8_t header[ABI_SECTION_HEADER_SIZE], struct vfmig_error *err)
{
	int ret = engine_receive_bytes(m, ABI_SECTION_HEADER_SIZE, err);
	const char *why;

	if (ret)
		return ret;
	why = abi_section_get(m->channel.in.buf + m->channel.in.start, ABI_SECTION_HEADER_SIZE,
			      section);
	if (!why)
		why = abi_stream_check_section(&m->channel.in.check, section);
	if (why)
		return invalid(m, err, why);
	channel_in_consume(&m->channel.in, header, ABI_SECTION_HEADER_SIZE);
	return 0;
}

int engine_receive_payload(struct vfmig_migration *m, const struct abi_section *section,
			   uint8_t header[ABI_SECTION_HEADER_SIZE], void *to,
			   struct vfmig_error *err)
{
	uint32_t left = section->length, have;
	uint8_t *at = to;
	size_t got;
	int ret;

	/* Small sections come together: one read receives several. After a large one, only the next header. */
	m->channel.in.ahead = left <= SMALL ? 0 : ABI_SECTION_HEADER_SIZE;
	if (left <= SMALL) {
		ret = engine_receive_bytes(m, left, err);
		if (ret)
			return ret;
	}
	have = channel_in_have(&m->channel.in) < left ? channel_in_have(&m->channel.in) : left;
	channel_in_consume(&m->channel.in, at, have);
	for (at += have, left -= have; left; at += got, left -= (uint32_t)got) {
		ret = read_more(m, at, left, &got, err);
		if (ret)
			return ret;
	}
	if (!channel_in_sealed(header, to, section))
		return invalid(m, err, "wrong checksum of a section");
	return 0;
}

/* ---- a function for each type ---- */

struct load {
	struct vfmig_migration *m;
	struct abi_section section;
	uint8_t *header;
};

static int look(struct vfmig_migration *m, struct vfmig_error *err)
{
	int ret = engine_look(m, err);

	return ret ? ret : engine_writes_reap(m, err);
}

static int no_payload(struct load *load, struct vfmig_error *err)
{
	return engine_receive_payload(load->m, &load->section, load->header,
				      load->header + ABI_SECTION_HEADER_SIZE, err);
}

static int pages(struct load *load, struct vfmig_error *err)
{
	struct vfmig_migration *m = load->m;
	const struct abi_section *s = &load->section;
	struct space_entry *held;
	int ret = engine_memory_hold(&m->memory, s->index, &held, err);

	if (ret)
		return ret;
	ret = engine_receive_payload(m, s, load->header,
				     m->memory.regions[s->index].ptr + s->offset, err);
	engine_memory_release(&m->memory, s->index, held);
	m->progress.round_counts.memory_bytes += s->length;
	return ret;
}

static int zeros(struct load *load, struct vfmig_error *err)
{
	struct vfmig_migration *m = load->m;
	const struct abi_section *s = &load->section;
	uint64_t at = s->offset;
	struct space_entry *held;
	int ret = no_payload(load, err);

	for (uint64_t left = s->arg, step; left && !ret; left -= step, at += step) {
		step = left < ZERO_STEP ? left : ZERO_STEP;
		ret = engine_memory_hold(&m->memory, s->index, &held, err);
		if (ret)
			break;
		engine_hole_zero(&m->memory.regions[s->index], held, at, step);
		engine_memory_release(&m->memory, s->index, held);
		if (s->arg > ZERO_STEP)
			ret = look(m, err);
	}
	m->progress.round_counts.zero_pages += s->arg / ABI_STREAM_PAGE;
	return ret;
}

/* A buffer for this section: that of its chunk, if it has space left, or another one. */
static int chunk_buffer(struct load *load, struct engine_device *dev, struct vfmig_error *err)
{
	const struct abi_section *s = &load->section;
	struct channel_buffer *open = dev->open;

	if (open && open->length + s->length <= CHANNEL_BUFFER_DATA)
		return 0;
	/* A chunk larger than a buffer is written in pieces. */
	dev->open = NULL;
	if (open)
		engine_writes_submit(dev, open, open->length);
	return engine_writes_buffer(dev, &dev->open, err);
}

static int data(struct load *load, struct vfmig_error *err)
{
	struct vfmig_migration *m = load->m;
	struct engine_device *dev = m->devices[m->destination.order[load->section.index]];
	uint8_t *header = load->header;
	struct channel_buffer *open;
	int ret = chunk_buffer(load, dev, err);

	if (ret)
		return ret;
	open = dev->open;
	if (!open->length)
		header = memcpy(open->bytes, header, ABI_SECTION_HEADER_SIZE);
	ret = engine_receive_payload(m, &load->section, header,
				     open->bytes + ABI_SECTION_HEADER_SIZE + open->length, err);
	if (ret)
		return ret;
	open->length += load->section.length;
	dev->bytes += load->section.length;
	m->progress.round_counts.device_bytes += load->section.length;
	if (load->section.flags & ABI_SECTION_LAST) {
		dev->open = NULL;
		engine_writes_submit(dev, open, open->length);
	}
	return look(m, err);
}

static int data_end(struct load *load, struct vfmig_error *err)
{
	struct vfmig_migration *m = load->m;
	int ret = no_payload(load, err);

	if (ret)
		return ret;
	m->devices[m->destination.order[load->section.index]]->ended = true;
	return engine_writes_reap(m, err);
}

static int round_over(struct load *load, struct vfmig_error *err)
{
	int ret = no_payload(load, err);

	if (!ret)
		load->m->progress.round = load->section.arg;
	return ret;
}

/* LOADED is sent when everything before SYNC is loaded. The payload only measures the channel. */
static int sync(struct load *load, struct vfmig_error *err)
{
	struct abi_section loaded = {.type = ABI_SECTION_LOADED, .arg = load->section.seq};
	struct vfmig_migration *m = load->m;
	struct channel_buffer *buffer;
	int ret = engine_writes_drain(m, err);

	if (ret)
		return ret;
	buffer = engine_buffer_get(m, true);
	if (!buffer)
		return vfmig_err(err, -EBADMSG,
				 "the stream interleaves chunks of too many devices");
	ret = engine_receive_payload(m, &load->section, load->header, buffer->bytes, err);
	engine_buffer_put(m, buffer);
	if (!ret)
		ret = engine_send_section(m, &loaded, NULL, err);
	m->channel.out.moved = device_now();
	return ret ? ret : engine_send_flush(m, err);
}

static int source_stopped(struct load *load, struct vfmig_error *err)
{
	load->m->handoff.stage_began = device_now();
	load->m->progress.stopping = true;
	load->m->progress.bytes_at_stop =
		load->m->channel.in.bytes - channel_in_have(&load->m->channel.in);
	return no_payload(load, err);
}

static int cancel(struct load *load, struct vfmig_error *err)
{
	char reported[ABI_SECTION_SENTENCE_MAX + 1];
	int ret = engine_receive_payload(load->m, &load->section, load->header, reported, err);

	if (ret)
		return ret;
	reported[load->section.length] = 0;
	if (abi_section_sentence(reported, load->section.length))
		strcpy(reported, "(the reason is not printable)");
	load->m->destination.source_cancelled = true;
	return vfmig_err(err, -EREMOTEIO, "the source gave up: %s",
			 *reported ? reported : "cancelled");
}

static int (*const loads[])(struct load *, struct vfmig_error *) = {
	[ABI_SECTION_MEM_PAGES] = pages,     [ABI_SECTION_MEM_ZERO] = zeros,
	[ABI_SECTION_ROUND] = round_over,    [ABI_SECTION_DEVICE_DATA] = data,
	[ABI_SECTION_DEVICE_END] = data_end, [ABI_SECTION_STOPPED] = source_stopped,
	[ABI_SECTION_END] = no_payload,	     [ABI_SECTION_COMMIT] = no_payload,
	[ABI_SECTION_CANCEL] = cancel,	     [ABI_SECTION_SYNC] = sync,
};

int engine_receive_section(struct vfmig_migration *m, struct vfmig_error *err)
{
	uint8_t header[ABI_SECTION_HEADER_SIZE];
	struct load load = {.m = m, .header = header};
	int ret = engine_receive_header(m, &load.section, header, err);

	/* The check of the stream has rejected types that have no function. */
	if (!ret)
		ret = loads[load.section.type](&load, err);
	/* After COMMIT neither time limits nor cancel apply. */
	if (!ret && load.section.type != ABI_SECTION_COMMIT && load.section.seq % LOOK_EVERY == 0)
		ret = look(m, err);
	engine_report_progress(m);
	return ret ? ret : load.section.type;
}
