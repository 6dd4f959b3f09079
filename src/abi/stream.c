/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The migration stream: its header, and sections one by one. What may come after what is in
 * stream_order.c.
 */
#include "abi/stream.h"
#include "abi/le.h"
#include "abi/range.h"

/* Which fields a type uses; the others must be zero. */
#define INDEX  1U
#define OFFSET 2U
#define ARG    4U

struct rule {
	const char *name;
	uint32_t uses;
	uint16_t flags; /* the allowed ones */
	uint32_t min, max;
};

static const struct rule forward[] = {
	[ABI_SECTION_HELLO] = {"HELLO", 0, 0, 2, ABI_SECTION_HELLO_MAX},
	[ABI_SECTION_MEM_PAGES] = {"MEM_PAGES", INDEX | OFFSET, 0, ABI_STREAM_PAGE,
				   ABI_SECTION_DATA_MAX},
	[ABI_SECTION_MEM_ZERO] = {"MEM_ZERO", INDEX | OFFSET | ARG, 0, 0, 0},
	[ABI_SECTION_ROUND] = {"ROUND", ARG, 0, 0, 0},
	[ABI_SECTION_DEVICE_DATA] = {"DEVICE_DATA", INDEX | OFFSET,
				     ABI_SECTION_FIRST | ABI_SECTION_LAST, 1, ABI_SECTION_DATA_MAX},
	[ABI_SECTION_DEVICE_END] = {"DEVICE_END", INDEX | OFFSET | ARG, 0, 0, 0},
	[ABI_SECTION_STOPPED] = {"STOPPED", OFFSET | ARG, 0, 0, 0},
	[ABI_SECTION_END] = {"END", OFFSET | ARG, 0, 0, 0},
	[ABI_SECTION_COMMIT] = {"COMMIT", 0, 0, 0, 0},
	[ABI_SECTION_CANCEL] = {"CANCEL", 0, 0, 0, ABI_SECTION_SENTENCE_MAX},
	[ABI_SECTION_SYNC] = {"SYNC", 0, 0, 0, ABI_SECTION_DATA_MAX},
};

static const struct rule backward[] = {
	[ABI_SECTION_ACCEPT & 0x7f] = {"ACCEPT", ARG, 0, 0, 0},
	[ABI_SECTION_REFUSE & 0x7f] = {"REFUSE", 0, 0, 1, ABI_SECTION_SENTENCE_MAX},
	[ABI_SECTION_READY & 0x7f] = {"READY", 0, 0, 0, 0},
	[ABI_SECTION_RUNNING & 0x7f] = {"RUNNING", 0, 0, 0, 0},
	[ABI_SECTION_FAILED & 0x7f] = {"FAILED", ARG, 0, 1, ABI_SECTION_SENTENCE_MAX},
	[ABI_SECTION_LOADED & 0x7f] = {"LOADED", ARG, 0, 0, 0},
};

static const struct rule *rule_of(uint32_t type)
{
	const struct rule *table = type & ABI_SECTION_BACKWARD ? backward : forward;
	size_t n = type & ABI_SECTION_BACKWARD ? sizeof(backward) / sizeof(backward[0])
					       : sizeof(forward) / sizeof(forward[0]);

	type &= ~ABI_SECTION_BACKWARD;
	return type < n && table[type].name ? &table[type] : NULL;
}

const char *abi_section_name(uint32_t type)
{
	const struct rule *rule = rule_of(type);

	return rule ? rule->name : "?";
}

size_t abi_stream_put_header(void *buf, size_t cap, const struct abi_stream_header *h)
{
	uint8_t *bytes = buf;

	if (cap < ABI_STREAM_HEADER_SIZE)
		return 0;
	memcpy(bytes, ABI_STREAM_MAGIC, 8);
	abi_put16(bytes + 8, h->version);
	abi_put16(bytes + 10, ABI_STREAM_HEADER_SIZE);
	abi_put32(bytes + 12, h->flags);
	memcpy(bytes + 16, h->id, sizeof(h->id));
	return ABI_STREAM_HEADER_SIZE;
}

const char *abi_stream_get_header(const void *buf, size_t len, struct abi_stream_header *h)
{
	const uint8_t *bytes = buf;

	if (len < ABI_STREAM_HEADER_SIZE)
		return "a migration stream needs 32 bytes of header";
	if (memcmp(bytes, ABI_STREAM_MAGIC, 8))
		return memcmp(bytes, ABI_STREAM_MAGIC, 5)
			       ? "this is not a migration stream: the magic is another"
			       : "the migration stream was mangled, as by a transfer of text";
	h->version = abi_get16(bytes + 8);
	h->flags = abi_get32(bytes + 12);
	memcpy(h->id, bytes + 16, sizeof(h->id));
	if (h->version < ABI_STREAM_VERSION_MIN || h->version > ABI_STREAM_VERSION)
		return "the migration stream is of a version that is not known here";
	if (abi_get16(bytes + 10) != ABI_STREAM_HEADER_SIZE)
		return "the migration stream has a header of another size";
	if (h->flags & ~(ABI_STREAM_FLAG_REPLY | ABI_STREAM_FLAG_FILE))
		return "the migration stream has unknown flags";
	if (h->flags == (ABI_STREAM_FLAG_REPLY | ABI_STREAM_FLAG_FILE))
		return "a file cannot answer";
	return NULL;
}

size_t abi_section_put(void *buf, size_t cap, const struct abi_section *s)
{
	uint8_t *bytes = buf;

	if (cap < ABI_SECTION_HEADER_SIZE)
		return 0;
	abi_put16(bytes, s->type);
	abi_put16(bytes + 2, s->flags);
	abi_put32(bytes + 4, s->index);
	abi_put64(bytes + 8, s->offset);
	abi_put64(bytes + 16, s->arg);
	abi_put32(bytes + 24, s->length);
	abi_put32(bytes + 28, 0);
	abi_put64(bytes + 32, s->seq);
	abi_put64(bytes + 40, s->checksum);
	return ABI_SECTION_HEADER_SIZE;
}

void abi_section_put_checksum(void *header, uint64_t checksum)
{
	abi_put64((uint8_t *)header + 40, checksum);
}

/* Memory is addressed in whole pages, below 2^64. */
static const char *check_pages(uint64_t offset, uint64_t length)
{
	if (!length)
		return "a section about memory is empty";
	if ((offset | length) % ABI_STREAM_PAGE)
		return "a section about memory is not of whole pages";
	if (abi_passes_the_end(offset, length))
		return "a section about memory passes the end of any region";
	return NULL;
}

const char *abi_section_get(const void *buf, size_t len, struct abi_section *s)
{
	const uint8_t *bytes = buf;
	const struct rule *rule;

	if (len < ABI_SECTION_HEADER_SIZE)
		return "a section needs 48 bytes of header";
	s->type = abi_get16(bytes);
	s->flags = abi_get16(bytes + 2);
	s->index = abi_get32(bytes + 4);
	s->offset = abi_get64(bytes + 8);
	s->arg = abi_get64(bytes + 16);
	s->length = abi_get32(bytes + 24);
	s->seq = abi_get64(bytes + 32);
	s->checksum = abi_get64(bytes + 40);
	rule = rule_of(s->type);
	if (!rule)
		return "there is no section of that type";
	if (s->flags & ~rule->flags)
		return "a section has unknown flags";
	if (s->length < rule->min || s->length > rule->max)
		return "a section has a length that its type cannot have";
	if (abi_get32(bytes + 28) || (s->index && !(rule->uses & INDEX)) ||
	    (s->offset && !(rule->uses & OFFSET)) || (s->arg && !(rule->uses & ARG)))
		return "a section has a field that should be zero";
	if (s->type == ABI_SECTION_ACCEPT && s->arg & ~(uint64_t)ABI_ACCEPT_RUNS)
		return "a section has unknown flags";
	if (s->type == ABI_SECTION_MEM_PAGES)
		return check_pages(s->offset, s->length);
	if (s->type == ABI_SECTION_MEM_ZERO)
		return check_pages(s->offset, s->arg);
	if (s->type == ABI_SECTION_DEVICE_DATA && abi_passes_the_end(s->offset, s->length))
		return "a section of device data passes the end of any stream";
	return NULL;
}

/* The length of the UTF-8 character at p, 0 if it is invalid: shortest form, no surrogates. */
static size_t utf8(const uint8_t *p, size_t len)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t n = p[0] < 0x80	     ? 1
		   : p[0] >> 5 == 6  ? 2
		   : p[0] >> 4 == 14 ? 3
		   : p[0] >> 3 == 30 ? 4
				     : 0;
	uint32_t c = n == 1 ? p[0] : p[0] & (0x7fU >> n);

	if (!n || n > len)
		return 0;
	for (size_t i = 1; i < n; i++) {
		if (p[i] >> 6 != 2)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	/* Control characters, of which 0x80 to 0x9f are as good as escape sequences. */
	return c < 0x20 || (c >= 0x7f && c <= 0x9f) ? 0 : n;
}

const char *abi_section_sentence(const void *payload, size_t len)
{
	const uint8_t *p = payload;

	while (len) {
		size_t n = utf8(p, len);

		if (!n)
			return "the peer's sentence is not printable UTF-8";
		p += n;
		len -= n;
	}
	return NULL;
}
