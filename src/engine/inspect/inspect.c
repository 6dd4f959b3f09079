/* SPDX-License-Identifier: BSD-3-Clause */
/* Inspecting a stream: from front to back, with one buffer; all input is untrusted. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <vfmig/abi.h>
#include <vfmig/inspect.h>

#include "engine/channel/channel.h"
#include "engine/negotiation/negotiation.h"
#include "engine/inspect/inspect.h"

struct inspector {
	int fd;
	uint32_t flags;
	const struct vfmig_events *to;
	struct vfmig_error *err;
	struct vfmig_inspect_result result;
	struct abi_stream_check check;
	struct negotiation *negotiation;
	struct abi_stream_device *devices;
	uint64_t *sizes;
	struct inspect_device *seen;
	uint64_t at; /* where the section begins */
	uint64_t round_memory, round_zero, round_device;
	uint8_t buf[ABI_SECTION_HEADER_SIZE + ABI_SECTION_HELLO_MAX];
};

_Static_assert(ABI_SECTION_HELLO_MAX >= ABI_SECTION_DATA_MAX, "one buffer for all sections");

/* Bytes read, fewer only at the end. */
static ssize_t read_all(struct inspector *i, void *to, size_t len)
{
	size_t got = 0;

	while (got < len) {
		ssize_t n = read(i->fd, (char *)to + got, len - got);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return vfmig_err(i->err, -errno, "the stream cannot be read: %s",
					 strerror(errno));
		if (!n)
			break;
		got += (size_t)n;
		i->result.bytes += (uint64_t)n;
	}
	return (ssize_t)got;
}

static int unsound(struct inspector *i, const char *why)
{
	return vfmig_err(i->err, -EBADMSG,
			 "the stream is not sound, in what begins at byte %llu: %s",
			 (unsigned long long)i->at, why);
}

static int cut_off(struct inspector *i)
{
	return vfmig_err(i->err, -ENODATA, "the stream breaks off at byte %llu: it is not whole",
			 (unsigned long long)i->result.bytes);
}

static int stream_header(struct inspector *i)
{
	struct abi_stream_header header;
	ssize_t n = read_all(i, i->buf, ABI_STREAM_HEADER_SIZE);
	char id[2 * sizeof(header.id) + 1];
	const char *why;

	if (n < 0)
		return (int)n;
	if (!n)
		return vfmig_err(i->err, -ENODATA, "there is nothing in it");
	/* Check the header's magic first: a text is not a truncated stream. */
	why = abi_stream_get_header(i->buf, (size_t)n, &header);
	if (why && n == ABI_STREAM_HEADER_SIZE)
		return unsound(i, why);
	if (why)
		return cut_off(i);
	for (size_t k = 0; k < sizeof(header.id); k++)
		snprintf(id + 2 * k, 3, "%02x", header.id[k]);
	i->result.file = header.flags & ABI_STREAM_FLAG_FILE;
	abi_stream_check_init(&i->check, header.flags);
	vfmig_event(i->to, "stream", VFMIG_U64("version", header.version),
		    VFMIG_U64("file", i->result.file), VFMIG_TEXT("id", id));
	if (header.flags & ABI_STREAM_FLAG_REPLY)
		return unsound(i, "it is the answer of a destination");
	return 0;
}

static void tell_device(struct inspector *i, uint32_t index)
{
	const struct negotiation_device *d = &i->negotiation->devices[index];
	struct vfmig_event_field fields[] = {
		VFMIG_U64("index", index),
		VFMIG_TEXT("device", d->id),
		VFMIG_TEXT("protocol", d->protocol),
		VFMIG_U64("pre_copy", !!(d->flags & VFMIG_MIGRATION_PRE_COPY)),
		VFMIG_U64("p2p", !!(d->flags & VFMIG_MIGRATION_P2P)),
		VFMIG_U64("vendor_id", d->ids.vendor),
		VFMIG_U64("device_id", d->ids.device),
		VFMIG_U64("subsystem_vendor_id", d->ids.subsystem_vendor),
		VFMIG_U64("subsystem_id", d->ids.subsystem),
		VFMIG_U64("revision", d->ids.revision),
	};

	vfmig_emit(i->to, "device", fields, d->pci ? 10 : 5);
}

static const char *prot_name(uint32_t prot)
{
	static const char *const names[] = {"", "r", "w", "rw"};

	return names[prot & 3];
}

static int negotiation(struct inspector *i, const struct abi_section *s)
{
	int ret = negotiation_decode((char *)i->buf + ABI_SECTION_HEADER_SIZE, s->length,
				     &i->negotiation, i->err);

	if (ret)
		return ret;
	i->result.devices = i->negotiation->device_count;
	i->result.regions = i->negotiation->region_count;
	i->devices = calloc(i->negotiation->device_count + 1, sizeof(*i->devices));
	i->seen = calloc(i->negotiation->device_count + 1, sizeof(*i->seen));
	i->sizes = calloc(i->negotiation->region_count + 1, sizeof(*i->sizes));
	if (!i->devices || !i->seen || !i->sizes)
		return vfmig_err(i->err, -ENOMEM, "no memory to inspect a stream");
	for (uint32_t k = 0; k < i->negotiation->device_count; k++) {
		i->seen[k].id = i->negotiation->devices[k].id;
		i->seen[k].to = i->to;
		tell_device(i, k);
	}
	for (uint32_t k = 0; k < i->negotiation->region_count; k++) {
		const struct negotiation_memory *region = &i->negotiation->regions[k];

		i->sizes[k] = region->size;
		vfmig_event(i->to, "region", VFMIG_U64("index", k),
			    VFMIG_U64("space", region->space), VFMIG_U64("iova", region->iova),
			    VFMIG_U64("size", region->size),
			    VFMIG_TEXT("prot", prot_name(region->prot)));
	}
	abi_stream_check_hello(&i->check, i->devices, i->negotiation->device_count, i->sizes,
			       i->negotiation->region_count);
	return 0;
}

static void round_over(struct inspector *i, uint64_t number)
{
	i->result.rounds++;
	vfmig_event(i->to, "round", VFMIG_U64("round", number),
		    VFMIG_U64("memory_bytes", i->result.memory_bytes - i->round_memory),
		    VFMIG_U64("zero_pages", i->result.zero_pages - i->round_zero),
		    VFMIG_U64("device_bytes", i->result.device_bytes - i->round_device));
	i->round_memory = i->result.memory_bytes;
	i->round_zero = i->result.zero_pages;
	i->round_device = i->result.device_bytes;
}

static int take(struct inspector *i, const struct abi_section *s)
{
	switch (s->type) {
	case ABI_SECTION_HELLO:
		return negotiation(i, s);
	case ABI_SECTION_MEM_PAGES:
		i->result.memory_bytes += s->length;
		break;
	case ABI_SECTION_MEM_ZERO:
		i->result.zero_pages += s->arg / ABI_STREAM_PAGE;
		break;
	case ABI_SECTION_ROUND:
		round_over(i, s->arg);
		break;
	case ABI_SECTION_DEVICE_DATA:
		i->result.device_bytes += s->length;
		inspect_device_feed(&i->seen[s->index], i->buf + ABI_SECTION_HEADER_SIZE,
				    s->length);
		break;
	case ABI_SECTION_DEVICE_END:
		i->result.undecoded += !inspect_device_finish(&i->seen[s->index]);
		i->result.damaged += i->seen[s->index].broken || i->seen[s->index].no_memory;
		break;
	case ABI_SECTION_STOPPED:
		vfmig_event(i->to, "stopped", VFMIG_U64("bytes", i->at));
		break;
	default:
		break;
	}
	return 0;
}

static void tell_section(struct inspector *i, const struct abi_section *s)
{
	if (!(i->flags & VFMIG_INSPECT_SECTIONS))
		return;
	vfmig_event(i->to, "section", VFMIG_U64("seq", s->seq), VFMIG_U64("at", i->at),
		    VFMIG_TEXT("type", abi_section_name(s->type)), VFMIG_U64("index", s->index),
		    VFMIG_U64("offset", s->offset), VFMIG_U64("arg", s->arg),
		    VFMIG_U64("length", s->length));
}

/* One section; 1, 0 at the end, or an error. */
static int section(struct inspector *i)
{
	struct abi_section s;
	const char *why;
	ssize_t n;

	i->at = i->result.bytes;
	n = read_all(i, i->buf, ABI_SECTION_HEADER_SIZE);
	if (n <= 0)
		return (int)n;
	if (n < (ssize_t)ABI_SECTION_HEADER_SIZE)
		return cut_off(i);
	why = abi_section_get(i->buf, ABI_SECTION_HEADER_SIZE, &s);
	if (why)
		return unsound(i, why);
	n = read_all(i, i->buf + ABI_SECTION_HEADER_SIZE, s.length);
	if (n < 0)
		return (int)n;
	if (n < (ssize_t)s.length)
		return cut_off(i);
	if (!channel_in_sealed(i->buf, i->buf + ABI_SECTION_HEADER_SIZE, &s))
		return unsound(i, "the checksum is wrong");
	why = abi_stream_check_section(&i->check, &s);
	if (why)
		return unsound(i, why);
	i->result.sections++;
	tell_section(i, &s);
	n = take(i, &s);
	return n ? (int)n : 1;
}

static int inspect(struct inspector *i)
{
	int ret = stream_header(i);

	while (!ret) {
		ret = section(i);
		if (ret <= 0)
			break;
		ret = 0;
	}
	if (ret)
		return ret;
	if (abi_stream_check_finish(&i->check))
		return cut_off(i);
	i->result.complete = true;
	vfmig_event(i->to, "end", VFMIG_U64("sections", i->result.sections),
		    VFMIG_U64("bytes", i->result.bytes));
	return 0;
}

int vfmig_inspect(int fd, uint32_t flags, const struct vfmig_events *events,
		  struct vfmig_inspect_result *result, struct vfmig_error *err)
{
	struct vfmig_error none = {0};
	struct inspector *i = calloc(1, sizeof(*i));
	int ret;

	if (!i)
		return vfmig_err(err, -ENOMEM, "no memory to inspect a stream");
	i->fd = fd;
	i->flags = flags;
	i->to = events;
	i->err = err ? err : &none;
	ret = inspect(i);
	if (result)
		*result = i->result;
	for (uint32_t k = 0; i->seen && k < i->result.devices; k++)
		inspect_device_free(&i->seen[k]);
	negotiation_free(i->negotiation);
	free(i->devices);
	free(i->seen);
	free(i->sizes);
	free(i);
	return ret;
}
