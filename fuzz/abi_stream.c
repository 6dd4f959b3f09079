/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A migration stream, header and sections, as a reader takes it but for the checksums. What is taken
 * is encoded back to the same bytes, and what the order promised holds. If the first byte is odd the
 * rest is sections without the stream's header; if its next bit is set the sequence numbers are made
 * to fit, so that more inputs get further.
 */
#include "abi/le.h"
#include "abi/stream.h"
#include "fuzz/property.h"

#define DEVICES 3
#define REGIONS 2

static const uint64_t sizes[REGIONS] = {1 << 20, 4096};

static void section(const uint8_t *header, const struct abi_section *s)
{
	uint8_t back[ABI_SECTION_HEADER_SIZE];

	HOLDS(abi_section_put(back, sizeof(back), s) == sizeof(back));
	HOLDS(!memcmp(back, header, sizeof(back)));
	HOLDS(abi_section_name(s->type)[0] != '?');
	HOLDS(s->length <= ABI_SECTION_DATA_MAX);
}

static void promised(const struct abi_stream_check *c, const struct abi_section *s,
		     const struct abi_stream_device *d)
{
	uint64_t ended = 0;

	if (s->type == ABI_SECTION_MEM_PAGES)
		HOLDS(s->offset + s->length <= sizes[s->index]);
	if (s->type == ABI_SECTION_MEM_ZERO)
		HOLDS(s->offset + s->arg <= sizes[s->index] && s->offset + s->arg > s->offset);
	if (s->type == ABI_SECTION_DEVICE_DATA)
		HOLDS(d[s->index].bytes == s->offset + s->length);
	if (s->type == ABI_SECTION_END) {
		for (int i = 0; i < DEVICES; i++)
			ended += d[i].ended && !d[i].open;
		HOLDS(ended == DEVICES);
	}
	HOLDS(c->sections == s->seq + 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct abi_stream_device devices[DEVICES];
	struct abi_stream_header h = {.flags = 0};
	struct abi_stream_check c;
	struct abi_section s;
	uint8_t head[ABI_SECTION_HEADER_SIZE], how;

	if (!size)
		return 0;
	how = *data++;
	size--;
	if (how & 1) {
		h.flags = how >> 2 & 1 ? ABI_STREAM_FLAG_REPLY : how >> 2 & 2;
	} else {
		uint8_t back[ABI_STREAM_HEADER_SIZE];

		if (abi_stream_get_header(data, size, &h))
			return 0;
		HOLDS(abi_stream_put_header(back, sizeof(back), &h) == sizeof(back));
		HOLDS(!memcmp(back, data, sizeof(back)));
		data += ABI_STREAM_HEADER_SIZE;
		size -= ABI_STREAM_HEADER_SIZE;
	}
	abi_stream_check_init(&c, h.flags);
	while (size) {
		size_t n = size < sizeof(head) ? size : sizeof(head);

		memcpy(head, data, n);
		if (n == sizeof(head) && (how & 2))
			abi_put64(head + 32, c.sections);
		if (abi_section_get(head, n, &s))
			return 0;
		section(head, &s);
		data += n;
		size -= n;
		if (abi_stream_check_section(&c, &s))
			return 0;
		if (s.type == ABI_SECTION_HELLO)
			abi_stream_check_hello(&c, devices, DEVICES, sizes, REGIONS);
		promised(&c, &s, devices);
		if (s.length <= size) {
			abi_section_sentence(data, s.length);
			data += s.length;
			size -= s.length;
		}
	}
	abi_stream_check_finish(&c);
	return 0;
}
