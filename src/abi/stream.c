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
	uint16_t flags; /* that it may have */
	uint32_t min, max;
};

static const struct rule forward[] = {
	[VFMIG_SECTION_HELLO] = {"HELLO", 0, 0, 2, VFMIG_SECTION_HELLO_MAX},
	[VFMIG_SECTION_MEM_PAGES] = {"MEM_PAGES", INDEX | OFFSET, 0, VFMIG_STREAM_PAGE,
				     VFMIG_SECTION_DATA_MAX},
	[VFMIG_SECTION_MEM_ZERO] = {"MEM_ZERO", INDEX | OFFSET | ARG, 0, 0, 0},
	[VFMIG_SECTION_ROUND] = {"ROUND", ARG, 0, 0, 0},
	[VFMIG_SECTION_DEVICE_DATA] = {"DEVICE_DATA", INDEX | OFFSET,
				       VFMIG_SECTION_FIRST | VFMIG_SECTION_LAST, 1,
				       VFMIG_SECTION_DATA_MAX},
	[VFMIG_SECTION_DEVICE_END] = {"DEVICE_END", INDEX | OFFSET | ARG, 0, 0, 0},
	[VFMIG_SECTION_STOPPED] = {"STOPPED", OFFSET | ARG, 0, 0, 0},
	[VFMIG_SECTION_END] = {"END", OFFSET | ARG, 0, 0, 0},
	[VFMIG_SECTION_COMMIT] = {"COMMIT", 0, 0, 0, 0},
	[VFMIG_SECTION_CANCEL] = {"CANCEL", 0, 0, 0, VFMIG_SECTION_SENTENCE_MAX},
	[VFMIG_SECTION_SYNC] = {"SYNC", 0, 0, 0, VFMIG_SECTION_DATA_MAX},
};

static const struct rule backward[] = {
	[VFMIG_SECTION_ACCEPT & 0x7f] = {"ACCEPT", ARG, 0, 0, 0},
	[VFMIG_SECTION_REFUSE & 0x7f] = {"REFUSE", 0, 0, 1, VFMIG_SECTION_SENTENCE_MAX},
	[VFMIG_SECTION_READY & 0x7f] = {"READY", 0, 0, 0, 0},
	[VFMIG_SECTION_RUNNING & 0x7f] = {"RUNNING", 0, 0, 0, 0},
	[VFMIG_SECTION_FAILED & 0x7f] = {"FAILED", ARG, 0, 1, VFMIG_SECTION_SENTENCE_MAX},
	[VFMIG_SECTION_LOADED & 0x7f] = {"LOADED", ARG, 0, 0, 0},
};

static const struct rule *rule_of(uint32_t type)
{
	const struct rule *table = type & VFMIG_SECTION_BACKWARD ? backward : forward;
	size_t n = type & VFMIG_SECTION_BACKWARD ? sizeof(backward) / sizeof(backward[0])
						 : sizeof(forward) / sizeof(forward[0]);

	type &= ~VFMIG_SECTION_BACKWARD;
	return type < n && table[type].name ? &table[type] : NULL;
}

const char *vfmig_section_name(uint32_t type)
{
	const struct rule *rule = rule_of(type);

	return rule ? rule->name : "?";
}

size_t vfmig_stream_put_header(void *buf, size_t cap, const struct vfmig_stream_header *h)
{
	uint8_t *bytes = buf;

	if (cap < VFMIG_STREAM_HEADER_SIZE)
		return 0;
	memcpy(bytes, VFMIG_STREAM_MAGIC, 8);
	vfmig_put16(bytes + 8, h->version);
	vfmig_put16(bytes + 10, VFMIG_STREAM_HEADER_SIZE);
	vfmig_put32(bytes + 12, h->flags);
	memcpy(bytes + 16, h->id, sizeof(h->id));
	return VFMIG_STREAM_HEADER_SIZE;
}

const char *vfmig_stream_get_header(const void *buf, size_t len, struct vfmig_stream_header *h)
{
	const uint8_t *bytes = buf;

	if (len < VFMIG_STREAM_HEADER_SIZE)
		return "a migration stream needs 32 bytes of header";
	if (memcmp(bytes, VFMIG_STREAM_MAGIC, 8))
		return memcmp(bytes, VFMIG_STREAM_MAGIC, 5)
			       ? "this is not a migration stream: the magic is another"
			       : "the migration stream was mangled, as by a transfer of text";
	h->version = vfmig_get16(bytes + 8);
	h->flags = vfmig_get32(bytes + 12);
	memcpy(h->id, bytes + 16, sizeof(h->id));
	if (h->version < VFMIG_STREAM_VERSION_MIN || h->version > VFMIG_STREAM_VERSION)
		return "the migration stream is of a version that is not known here";
	if (vfmig_get16(bytes + 10) != VFMIG_STREAM_HEADER_SIZE)
		return "the migration stream has a header of another size";
	if (h->flags & ~(VFMIG_STREAM_FLAG_REPLY | VFMIG_STREAM_FLAG_FILE))
		return "the migration stream has unknown flags";
	if (h->flags == (VFMIG_STREAM_FLAG_REPLY | VFMIG_STREAM_FLAG_FILE))
		return "a file cannot answer";
	return NULL;
}

size_t vfmig_section_put(void *buf, size_t cap, const struct vfmig_section *s)
{
	uint8_t *bytes = buf;

	if (cap < VFMIG_SECTION_HEADER_SIZE)
		return 0;
	vfmig_put16(bytes, s->type);
	vfmig_put16(bytes + 2, s->flags);
	vfmig_put32(bytes + 4, s->index);
	vfmig_put64(bytes + 8, s->offset);
	vfmig_put64(bytes + 16, s->arg);
	vfmig_put32(bytes + 24, s->length);
	vfmig_put32(bytes + 28, 0);
	vfmig_put64(bytes + 32, s->seq);
	vfmig_put64(bytes + 40, s->checksum);
	return VFMIG_SECTION_HEADER_SIZE;
}

void vfmig_section_put_checksum(void *header, uint64_t checksum)
{
	vfmig_put64((uint8_t *)header + 40, checksum);
}

/* Memory is addressed in whole pages, below 2^64. */
static const char *check_pages(uint64_t offset, uint64_t length)
{
	if (!length)
		return "a section about memory is empty";
	if ((offset | length) % VFMIG_STREAM_PAGE)
		return "a section about memory is not of whole pages";
	if (vfmig_passes_the_end(offset, length))
		return "a section about memory passes the end of any region";
	return NULL;
}

const char *vfmig_section_get(const void *buf, size_t len, struct vfmig_section *s)
{
	const uint8_t *bytes = buf;
	const struct rule *rule;

	if (len < VFMIG_SECTION_HEADER_SIZE)
		return "a section needs 48 bytes of header";
	s->type = vfmig_get16(bytes);
	s->flags = vfmig_get16(bytes + 2);
	s->index = vfmig_get32(bytes + 4);
	s->offset = vfmig_get64(bytes + 8);
	s->arg = vfmig_get64(bytes + 16);
	s->length = vfmig_get32(bytes + 24);
	s->seq = vfmig_get64(bytes + 32);
	s->checksum = vfmig_get64(bytes + 40);
	rule = rule_of(s->type);
	if (!rule)
		return "there is no section of that type";
	if (s->flags & ~rule->flags)
		return "a section has unknown flags";
	if (s->length < rule->min || s->length > rule->max)
		return "a section has a length that its type cannot have";
	if (vfmig_get32(bytes + 28) || (s->index && !(rule->uses & INDEX)) ||
	    (s->offset && !(rule->uses & OFFSET)) || (s->arg && !(rule->uses & ARG)))
		return "a section has a field that should be zero";
	if (s->type == VFMIG_SECTION_ACCEPT && s->arg & ~(uint64_t)VFMIG_ACCEPT_RUNS)
		return "a section has unknown flags";
	if (s->type == VFMIG_SECTION_MEM_PAGES)
		return check_pages(s->offset, s->length);
	if (s->type == VFMIG_SECTION_MEM_ZERO)
		return check_pages(s->offset, s->arg);
	if (s->type == VFMIG_SECTION_DEVICE_DATA && vfmig_passes_the_end(s->offset, s->length))
		return "a section of device data passes the end of any stream";
	return NULL;
}

/* The length of the UTF-8 character at p, 0 if it is none: shortest form, no surrogates. */
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

const char *vfmig_section_sentence(const void *payload, size_t len)
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
