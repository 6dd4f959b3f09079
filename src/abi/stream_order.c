/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The order of sections in a migration stream.
 *
 * This check detects sections that were lost, repeated or swapped, whatever their checksums are:
 * by the sequence number, by the offset that continues a device's data, and by the counts at
 * STOPPED and END. It also refuses sections in their place that make no sense, such as memory of a
 * region that does not exist or data of a device that has ended, before any code acts on them.
 */
#include "abi/stream.h"

#include <string.h>

/* The phases of both directions; each lists the sections that may come in it. */
enum phase {
	BEGIN,	 /* HELLO; ACCEPT or REFUSE */
	RUNS,	 /* the source runs: rounds; the destination loads: READY or FAILED */
	STOPPED, /* the source has stopped */
	ENDED,	 /* all is sent: COMMIT or CANCEL; after READY: RUNNING or FAILED */
	OVER,
};

#define MAY(type) (1UL << ((type)&0x7f))

static const uint32_t forward[] = {
	[BEGIN] = MAY(ABI_SECTION_HELLO),
	[RUNS] = MAY(ABI_SECTION_MEM_PAGES) | MAY(ABI_SECTION_MEM_ZERO) | MAY(ABI_SECTION_ROUND) |
		 MAY(ABI_SECTION_DEVICE_DATA) | MAY(ABI_SECTION_SYNC) | MAY(ABI_SECTION_STOPPED) |
		 MAY(ABI_SECTION_CANCEL),
	[STOPPED] = MAY(ABI_SECTION_MEM_PAGES) | MAY(ABI_SECTION_MEM_ZERO) |
		    MAY(ABI_SECTION_DEVICE_DATA) | MAY(ABI_SECTION_DEVICE_END) |
		    MAY(ABI_SECTION_END) | MAY(ABI_SECTION_CANCEL),
	[ENDED] = MAY(ABI_SECTION_COMMIT) | MAY(ABI_SECTION_CANCEL),
	[OVER] = 0,
};

static const uint32_t backward[] = {
	[BEGIN] = MAY(ABI_SECTION_ACCEPT) | MAY(ABI_SECTION_REFUSE),
	[RUNS] = MAY(ABI_SECTION_LOADED) | MAY(ABI_SECTION_READY) | MAY(ABI_SECTION_FAILED),
	[STOPPED] = 0,
	[ENDED] = MAY(ABI_SECTION_RUNNING) | MAY(ABI_SECTION_FAILED),
	[OVER] = 0,
};

/* The phase that a section leads to; other sections keep the phase. */
static enum phase lead(uint16_t type, enum phase now)
{
	switch (type) {
	case ABI_SECTION_HELLO:
	case ABI_SECTION_ACCEPT:
		return RUNS;
	case ABI_SECTION_STOPPED:
		return STOPPED;
	case ABI_SECTION_END:
	case ABI_SECTION_READY:
		return ENDED;
	case ABI_SECTION_COMMIT:
	case ABI_SECTION_CANCEL:
	case ABI_SECTION_REFUSE:
	case ABI_SECTION_RUNNING:
	case ABI_SECTION_FAILED:
		return OVER;
	default:
		return now;
	}
}

void abi_stream_check_init(struct abi_stream_check *c, uint32_t flags)
{
	memset(c, 0, sizeof(*c));
	c->flags = flags;
}

void abi_stream_check_hello(struct abi_stream_check *c, struct abi_stream_device *devices,
			    uint32_t device_count, const uint64_t *region_sizes,
			    uint32_t region_count)
{
	if (device_count)
		memset(devices, 0, device_count * sizeof(*devices));
	c->devices = devices;
	c->device_count = device_count;
	c->devices_ended = 0;
	c->region_sizes = region_sizes;
	c->region_count = region_count;
}

static const char *check_memory(const struct abi_stream_check *c, const struct abi_section *s,
				uint64_t length)
{
	uint64_t size;

	if (s->index >= c->region_count)
		return "a section is about a memory region that HELLO did not name";
	size = c->region_sizes[s->index];
	if (s->offset > size || length > size - s->offset)
		return "a section about memory leaves its region";
	return NULL;
}

static const char *check_device(struct abi_stream_check *c, const struct abi_section *s)
{
	struct abi_stream_device *d;

	if (s->index >= c->device_count)
		return "a section is about a device that HELLO did not name";
	d = &c->devices[s->index];
	if (d->ended)
		return "a section is about a device whose data has ended";
	if (s->offset != d->bytes)
		return "a device's data does not continue where it was";
	if (s->type == ABI_SECTION_DEVICE_END) {
		if (d->open)
			return "a device's data ends within a chunk";
		if (s->arg != d->chunks)
			return "the end of a device's data counts another number of chunks";
		d->ended = true;
		c->devices_ended++;
		return NULL;
	}
	if (d->open == !!(s->flags & ABI_SECTION_FIRST))
		return d->open ? "a chunk of device data begins inside another"
			       : "a chunk of device data goes on that was not begun";
	d->open = !(s->flags & ABI_SECTION_LAST);
	d->chunks += !d->open;
	d->bytes += s->length;
	return NULL;
}

static const char *check_totals(const struct abi_stream_check *c, const struct abi_section *s)
{
	if (s->offset != c->sections || s->arg != c->payload)
		return "a section counts another number of sections or bytes than have come";
	if (s->type == ABI_SECTION_END && c->devices_ended != c->device_count)
		return "the stream ends before the data of every device has";
	return NULL;
}

static const char *check_content(struct abi_stream_check *c, const struct abi_section *s)
{
	switch (s->type) {
	case ABI_SECTION_MEM_PAGES:
		return check_memory(c, s, s->length);
	case ABI_SECTION_MEM_ZERO:
		return check_memory(c, s, s->arg);
	case ABI_SECTION_DEVICE_DATA:
	case ABI_SECTION_DEVICE_END:
		return check_device(c, s);
	case ABI_SECTION_ROUND:
		if (s->arg != c->round + 1)
			return "the rounds are not counted one by one";
		c->round++;
		return NULL;
	case ABI_SECTION_STOPPED:
	case ABI_SECTION_END:
		return check_totals(c, s);
	default:
		return NULL;
	}
}

const char *abi_stream_check_section(struct abi_stream_check *c, const struct abi_section *s)
{
	bool reply = c->flags & ABI_STREAM_FLAG_REPLY;
	const uint32_t *table = reply ? backward : forward;
	const char *why;

	if (s->seq != c->sections)
		return "a section is missing, or came twice or out of order";
	if (reply != !!(s->type & ABI_SECTION_BACKWARD))
		return "a section belongs to the other direction";
	if ((s->type & 0x7f) > 31 || !(table[c->phase] & MAY(s->type)))
		return "a section may not come at this point";
	if (s->type == ABI_SECTION_COMMIT && (c->flags & ABI_STREAM_FLAG_FILE))
		return "a file cannot commit";
	if (s->type == ABI_SECTION_SYNC && (c->flags & ABI_STREAM_FLAG_FILE))
		return "a file cannot ask for an answer";
	why = check_content(c, s);
	if (why)
		return why;
	c->phase = (uint8_t)lead(s->type, (enum phase)c->phase);
	c->sections++;
	c->payload += s->length;
	return NULL;
}

const char *abi_stream_check_finish(const struct abi_stream_check *c)
{
	if (c->phase == OVER || (c->phase == ENDED && (c->flags & ABI_STREAM_FLAG_FILE)))
		return NULL;
	return "the migration stream breaks off";
}
