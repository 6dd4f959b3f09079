/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Each thing that can be wrong with a device's state is refused, by its own name, and a writer does
 * not make it.
 */
#include "tests/abi/state_sample.h"

static struct sample s;
static struct world w;

static const char too_soon[] = "the device's state ends before its END";

/* A frame made by hand. */
static void raw(uint16_t type, uint16_t flags, const void *payload, uint32_t len)
{
	uint8_t *at = s.bytes + s.len;

	abi_put16(at, type);
	abi_put16(at + 2, flags);
	abi_put32(at + 4, len);
	memcpy(at + 8, payload, len);
	s.len += 8 + len;
	s.w.frames++;
	s.w.bytes += 8 + len;
}

static void expect(const char *why)
{
	REFUSED(play(fenced(s.bytes, s.len), s.len, 4096, &w), why);
	REFUSED(play(fenced(s.bytes, s.len), s.len, 1, &w), why);
}

static void preamble(void)
{
	static const struct {
		size_t at;
		const char *why;
	} cases[] = {
		{0, "this is not a device's state: the magic is another"},
		{7, "this is not a device's state: the magic is another"},
		{8, "the device's state is of a version that is not known here"},
		{9, "the device's state is of a version that is not known here"},
		{10, "the device's state has an unknown preamble"},
		{12, "the device's state has an unknown preamble"},
		{15, "the device's state has an unknown preamble"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		sample_begin(&s);
		s.bytes[cases[i].at] ^= 0x80;
		expect(cases[i].why);
	}
}

/* The payload of a schema at which one byte is another. */
static void schema_with(size_t at, uint8_t value, const char *why)
{
	sample_begin(&s);
	s.bytes[16 + 8 + at] = value;
	expect(why);
}

static void schema(void)
{
	enum { ENTRY = 12 + 6, SECOND = ENTRY + 24 + 7 };
	static const char name[] = "the schema has a name that is not of 1 to 64 bytes";
	static const char letters[] =
		"the schema has a name that is not printable ASCII without spaces";
	static const char entries[] = "the schema is too short for its entries";

	schema_with(4, 6, entries);
	schema_with(4, 4, "the schema is longer than its entries");
	schema_with(5, 0x10, "the schema has more entries than are allowed");
	schema_with(7, 0xff, "the schema has more entries than are allowed");
	schema_with(8, 1, "the schema has unknown flags");
	schema_with(10, 0, name);
	schema_with(10, 65, name);
	schema_with(11, 0xff, name);
	schema_with(13, ' ', letters);
	schema_with(13, 0x1b, letters);
	schema_with(13, 0x80, letters);
	schema_with(ENTRY + 8, 0, "the schema has an entry of size 0");
	schema_with(ENTRY + 9, 4, "the schema has a field of more than 1024 bytes");
	schema_with(ENTRY + 15, 0x80, "the schema has a field of more than 1024 bytes");
	schema_with(ENTRY + 16, 0, "the schema has an entry that is neither field nor block");
	schema_with(ENTRY + 16, 3, "the schema has an entry that is neither field nor block");
	schema_with(ENTRY + 17, 0, name);
	schema_with(ENTRY + 17, 65, name);
	schema_with(ENTRY + 18, 2, "the schema has an entry with unknown flags");
	schema_with(ENTRY + 19, 1, "the schema has an entry with unknown flags");
	schema_with(ENTRY + 20, 1, "the schema has an entry with a reserved word that is not zero");
	schema_with(ENTRY + 24, 0x7f, letters);
	schema_with(SECOND, 1, "the schema's ids do not ascend"); /* twice the same */
	schema_with(SECOND, 0, "the schema's ids do not ascend");

	/* short frames */
	sample_begin(&s);
	s.len = 16;
	raw(ABI_DS_SCHEMA, 0, "\1\0\0\0\1\0\0\0\0\0\5\0abcd", 16);
	expect("the schema is too short for the model's name");
	sample_begin(&s);
	s.len = 16;
	raw(ABI_DS_SCHEMA, 0,
	    "\1\0\0\0\1\0\0\0\0\0\1\0m\1\0\0\0\1\0\0\0\4\0\0\0\0\0\0\0\1\7\0\0\0\0\0\0contro",
	    13 + 24 + 6);
	expect(entries);
}

static void fewer_slots(void)
{
	struct abi_ds_slot slots[SAMPLE_ENTRIES - 1];
	struct abi_ds_reader r;

	sample_begin(&s);
	abi_ds_reader_init(&r, &world_events, &w, slots, SAMPLE_ENTRIES - 1);
	REFUSED(abi_ds_reader_feed(&r, s.bytes, s.len),
		"the schema has more entries than are allowed");
}

static void frames(void)
{
	static const char length[] = "a frame has a length that its type cannot have";
	static const struct {
		uint16_t type;
		uint32_t len;
		const char *why;
	} lengths[] = {
		{ABI_DS_FIELD, 4, length},	     {ABI_DS_FIELD, 4 + 1025, length},
		{ABI_DS_BLOCK, 16, length},	     {ABI_DS_BLOCK, (1U << 20) + 1, length},
		{ABI_DS_ZERO, 23, length},	     {ABI_DS_ZERO, 25, length},
		{ABI_DS_OPAQUE, 0, length},	     {ABI_DS_OPAQUE, (1U << 20) + 1, length},
		{ABI_DS_CHUNK, UINT32_MAX, length},  {ABI_DS_END, 15, length},
		{ABI_DS_OPAQUE, 1U << 20, too_soon},
	};

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		sample_begin(&s);
		raw(lengths[i].type, lengths[i].type == ABI_DS_CHUNK ? 1 : 0, "", 0);
		abi_put32(s.bytes + s.len - 4, lengths[i].len);
		expect(lengths[i].why);
	}
	for (uint32_t type = 0; type < 65536; type += type < 20 ? 1 : 997) {
		if (type >= 1 && type <= ABI_DS_END)
			continue;
		sample_begin(&s);
		raw((uint16_t)type, 0, "x", 1);
		expect("there is no frame of that type");
		CHECK_STR(abi_ds_frame_name(type), "?");
	}
	CHECK_STR(abi_ds_frame_name(ABI_DS_ZERO), "ZERO");

	sample_begin(&s);
	s.len = 16;
	raw(ABI_DS_OPAQUE, 0, "x", 1);
	expect("the first frame is not the schema");
	sample_begin(&s);
	PUT(&s, abi_ds_put_schema(&s.w, buf, cap, &sample_model, sample_entries));
	expect("there is a second schema");
	sample_begin(&s);
	raw(ABI_DS_OPAQUE, 1, "x", 1);
	expect("a frame has unknown flags");
	sample_begin(&s);
	raw(ABI_DS_CHUNK, 4 | 1, "x", 1);
	expect("a frame has unknown flags");
}

static void contents(void)
{
	static const struct {
		uint16_t type, flags;
		const char *payload;
		uint32_t len;
		const char *why;
	} cases[] = {
		{ABI_DS_FIELD, 0, "\1\0\0\0abcd", 8, too_soon},
		{ABI_DS_FIELD, 0, "\1\0\0\0abc", 7,
		 "a FIELD has another size than the schema says"},
		{ABI_DS_FIELD, 0, "\1\0\0\0abcde", 9,
		 "a FIELD has another size than the schema says"},
		{ABI_DS_FIELD, 0, "\3\0\0\0abcd", 8, "a FIELD names no field of the schema"},
		{ABI_DS_FIELD, 0, "\7\0\0\0abcd", 8, "a FIELD names no field of the schema"},
		{ABI_DS_FIELD, 0, "\xff\xff\xff\xff", 5, "a FIELD names no field of the schema"},
		{ABI_DS_BLOCK, 0, "\7\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0x", 17, too_soon},
		{ABI_DS_BLOCK, 0, "\7\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0x", 17,
		 "a BLOCK or ZERO leaves a gap before it"},
		{ABI_DS_BLOCK, 0, "\7\0\0\0\0\0\0\0\x87\x13\0\0\0\0\0\0x", 17,
		 "a BLOCK or ZERO leaves a gap before it"},
		{ABI_DS_BLOCK, 0, "\7\0\0\0\0\0\0\0\x88\x13\0\0\0\0\0\0x", 17,
		 "a BLOCK or ZERO leaves its block"},
		{ABI_DS_BLOCK, 0, "\7\0\0\0\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xffx", 17,
		 "a BLOCK or ZERO leaves its block"},
		{ABI_DS_BLOCK, 0, "\7\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0x", 17,
		 "a BLOCK or ZERO has a reserved word that is not zero"},
		{ABI_DS_BLOCK, 0, "\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0x", 17,
		 "a BLOCK or ZERO names no block of the schema"},
		{ABI_DS_ZERO, 0, "\7\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x88\x13\0\0\0\0\0\0", 24,
		 too_soon},
		{ABI_DS_ZERO, 0, "\7\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x89\x13\0\0\0\0\0\0", 24,
		 "a BLOCK or ZERO leaves its block"},
		{ABI_DS_ZERO, 0, "\7\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff",
		 24, "a BLOCK or ZERO leaves its block"},
		{ABI_DS_ZERO, 0, "\7\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 24,
		 "a ZERO is about no bytes"},
		{ABI_DS_CHUNK, 0, "x", 1, "a chunk goes on that was not begun"},
		{ABI_DS_CHUNK, 2, "x", 1, "a chunk goes on that was not begun"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		sample_begin(&s);
		raw(cases[i].type, cases[i].flags, cases[i].payload, cases[i].len);
		expect(cases[i].why);
	}

	sample_begin(&s);
	sample_fields(&s);
	raw(ABI_DS_FIELD, 0, "\1\0\0\0abcd", 8);
	expect("a FIELD comes twice");

	sample_begin(&s);
	sample_chunk(&s, ABI_DS_CHUNK_FIRST, 3, 0);
	sample_chunk(&s, ABI_DS_CHUNK_FIRST, 3, 0);
	expect("a chunk begins inside another");
	sample_begin(&s);
	sample_chunk(&s, ABI_DS_CHUNK_FIRST, 3, 0);
	sample_fields(&s);
	expect("a chunk was begun and not ended");
}

static void ends(void)
{
	static const char missing[] = "END comes before all that the schema announced";
	static const char block[] = "END comes before all of a block";

	/* a required field, then a required block, then an optional one begun and not finished */
	sample_begin(&s);
	sample_block(&s, 7, 0, BLOCK_SIZE, 0);
	PUT(&s, abi_ds_put_end(&s.w, buf, cap));
	expect(missing);
	sample_begin(&s);
	sample_fields(&s);
	PUT(&s, abi_ds_put_end(&s.w, buf, cap));
	expect(missing);
	sample_begin(&s);
	sample_fields(&s);
	sample_block(&s, 7, 0, BLOCK_SIZE - 1, 0);
	PUT(&s, abi_ds_put_end(&s.w, buf, cap));
	expect(block);
	/* nor does what came twice count twice */
	sample_begin(&s);
	sample_fields(&s);
	sample_block(&s, 7, 0, 4000, 0);
	sample_block(&s, 7, 1000, 3000, 0);
	PUT(&s, abi_ds_put_end(&s.w, buf, cap));
	expect(block);
	sample_begin(&s);
	sample_fields(&s);
	sample_block(&s, 7, 0, 4000, 0);
	sample_block(&s, 7, 4001, 100, 0);
	expect("a BLOCK or ZERO leaves a gap before it");
	sample_begin(&s);
	sample_fields(&s);
	PUT(&s, abi_ds_put_zero(&s.w, buf, cap, 7, 0, BLOCK_SIZE));
	sample_block(&s, 9, 0, NOTE_SIZE - 1, 0);
	PUT(&s, abi_ds_put_end(&s.w, buf, cap));
	expect(block);

	/* what is optional may be missing */
	sample_begin(&s);
	sample_fields(&s);
	PUT(&s, abi_ds_put_zero(&s.w, buf, cap, 7, 0, BLOCK_SIZE));
	PUT(&s, abi_ds_put_end(&s.w, buf, cap));
	expect(NULL);
	CHECK_EQ(w.ends, 1);
	/* and behind END there is nothing */
	s.bytes[s.len++] = 0;
	expect("there are bytes behind END");
	s.len--;
	raw(ABI_DS_OPAQUE, 0, "x", 1);
	expect("there are bytes behind END");

	for (int wrong = 0; wrong < 2; wrong++) {
		sample_begin(&s);
		sample_fields(&s);
		PUT(&s, abi_ds_put_zero(&s.w, buf, cap, 7, 0, BLOCK_SIZE));
		if (wrong)
			s.w.bytes++;
		else
			s.w.frames--;
		PUT(&s, abi_ds_put_end(&s.w, buf, cap));
		expect(wrong ? "END counts another number of bytes"
			     : "END counts another number of frames");
	}
}

/* What is wrong with a state in transactions; the state in the chunk has @len bytes of the sample. */
static void expect_wrapped(uint32_t entries, uint16_t type, size_t len, bool end, const char *why)
{
	static struct sample outer, whole;
	static struct abi_ds_slot slots[SAMPLE_ENTRIES], inner_slots[SAMPLE_ENTRIES];
	const struct abi_ds_model model = {.name = ABI_DS_TRANSACTIONS,
					   .name_len = sizeof(ABI_DS_TRANSACTIONS) - 1,
					   .version = 1,
					   .entries = entries};
	struct abi_ds_reader r, inner;
	const char *got;

	sample_begin(&whole);
	sample_all(&whole);
	memset(&outer, 0, sizeof(outer));
	PUT(&outer, abi_ds_put_preamble(&outer.w, buf, cap));
	PUT(&outer, abi_ds_put_schema(&outer.w, buf, cap, &model, sample_entries));
	s = outer;
	raw(type, type == ABI_DS_CHUNK ? ABI_DS_CHUNK_FIRST | ABI_DS_CHUNK_LAST : 0, whole.bytes,
	    (uint32_t)(len ? len : whole.len));
	if (end)
		PUT(&s, abi_ds_put_end(&s.w, buf, cap));
	memset(&w, 0, sizeof(w));
	abi_ds_reader_init(&inner, &world_events, &w, inner_slots, SAMPLE_ENTRIES);
	abi_ds_reader_init(&r, &world_events, &w, slots, SAMPLE_ENTRIES);
	abi_ds_reader_unwrap(&r, &inner);
	got = abi_ds_reader_feed(&r, s.bytes, s.len);
	if (!got)
		got = abi_ds_reader_finish(&r);
	expect_sentence(__FILE__, __LINE__, "a state in transactions", got, why);
}

static void transactions(void)
{
	expect_wrapped(0, ABI_DS_CHUNK, 0, true, NULL);
	expect_wrapped(1, ABI_DS_CHUNK, 0, true, "the schema of transactions has entries");
	expect_wrapped(0, ABI_DS_OPAQUE, 0, true, "there is opaque data among transactions");
	expect_wrapped(0, ABI_DS_CHUNK, 20, true,
		       "the transactions end before the state in them does");
}

/* A callback's refusal ends the reading, whichever it is. */
static const char no[] = "no";
static int countdown;

static const char *maybe(void)
{
	return countdown-- ? NULL : no;
}
static const char *no_model(void *u, const struct abi_ds_model *m)
{
	return maybe();
}
static const char *no_entry(void *u, uint32_t i, const struct abi_ds_entry *e)
{
	return maybe();
}
static const char *no_user(void *u)
{
	return maybe();
}
static const char *no_field(void *u, uint32_t i, const void *v, size_t n)
{
	return maybe();
}
static const char *no_block(void *u, uint32_t i, uint64_t o, const void *d, size_t n)
{
	return maybe();
}
static const char *no_zero(void *u, uint32_t i, uint64_t o, uint64_t n)
{
	return maybe();
}
static const char *no_bytes(void *u, const void *d, size_t n)
{
	return maybe();
}

static void callbacks(void)
{
	static const struct abi_ds_events all = {no_model, no_entry, no_user,  no_field,
						 no_block, no_zero,  no_bytes, no_user,
						 no_bytes, no_user,  no_user};
	static struct abi_ds_slot slots[SAMPLE_ENTRIES];
	struct abi_ds_reader r;
	int events = 0;

	sample_all(&s);
	for (bool refused = true; refused; events++) {
		uint64_t bytes;

		countdown = events;
		abi_ds_reader_init(&r, &all, NULL, slots, SAMPLE_ENTRIES);
		refused = abi_ds_reader_feed(&r, s.bytes, s.len) != NULL;
		bytes = r.bytes;
		if (refused) {
			CHECK(r.error == no);
			REFUSED(abi_ds_reader_feed(&r, s.bytes, s.len), no);
			REFUSED(abi_ds_reader_finish(&r), no);
			CHECK_EQ(r.bytes, bytes);
		}
	}
	CHECK(events > 25);
}

static void writers(void)
{
	static uint8_t big[ABI_DS_FRAME_MAX + 64];
	static struct abi_ds_entry many[ABI_DS_ENTRIES_MAX + 1];
	struct abi_ds_writer writer = {0}, zero = {0};
	struct abi_ds_model m = sample_model;
	struct abi_ds_entry e = sample_entries[0];
	char name[ABI_DS_NAME_MAX + 1];

	memset(name, 'n', sizeof(name));
#define NOT_MADE(call) CHECK_EQ(call, 0)
	NOT_MADE(abi_ds_put_preamble(&writer, big, 15));
	NOT_MADE(abi_ds_put_field(&writer, big, 4096, 1, big, 0));
	NOT_MADE(abi_ds_put_field(&writer, big, 4096, 1, big, ABI_DS_FIELD_MAX + 1));
	NOT_MADE(abi_ds_put_field(&writer, big, 15, 1, big, 4));
	NOT_MADE(abi_ds_put_block_header(&writer, big, 23, 1, 0, 4));
	NOT_MADE(abi_ds_put_block_header(&writer, big, 4096, 1, 0, 0));
	NOT_MADE(abi_ds_put_block_header(&writer, big, 4096, 1, 0, ABI_DS_BLOCK_DATA_MAX + 1));
	NOT_MADE(abi_ds_put_zero(&writer, big, 31, 1, 0, 4));
	NOT_MADE(abi_ds_put_zero(&writer, big, 4096, 1, 0, 0));
	NOT_MADE(abi_ds_put_opaque_header(&writer, big, 7, 4));
	NOT_MADE(abi_ds_put_opaque_header(&writer, big, 4096, 0));
	NOT_MADE(abi_ds_put_opaque_header(&writer, big, 4096, ABI_DS_FRAME_MAX + 1));
	NOT_MADE(abi_ds_put_chunk_header(&writer, big, 7, 3, 4));
	NOT_MADE(abi_ds_put_chunk_header(&writer, big, 4096, 4, 4));
	NOT_MADE(abi_ds_put_chunk_header(&writer, big, 4096, 3, ABI_DS_FRAME_MAX + 1));
	NOT_MADE(abi_ds_put_end(&writer, big, 23));
	NOT_MADE(abi_ds_put_schema(&writer, big, 8, &m, sample_entries));

	m.entries = 1;
#define BAD_ENTRY(member, value)                                                                   \
	do {                                                                                       \
		struct abi_ds_entry wrong = e;                                                     \
                                                                                                   \
		wrong.member = value;                                                              \
		NOT_MADE(abi_ds_put_schema(&writer, big, sizeof(big), &m, &wrong));                \
	} while (0)
	BAD_ENTRY(size, 0);
	BAD_ENTRY(size, ABI_DS_FIELD_MAX + 1);
	BAD_ENTRY(kind, 3);
	BAD_ENTRY(flags, 2);
	BAD_ENTRY(name_len, 0);
	BAD_ENTRY(name, "con rol");
	m.name = name;
	m.name_len = sizeof(name);
	NOT_MADE(abi_ds_put_schema(&writer, big, sizeof(big), &m, &e));
	m.name_len--;
	CHECK(abi_ds_schema_size(&m, &e));

	/* as many entries as can be, with the longest names: over 256 KiB; then just as many */
	for (uint32_t i = 0; i <= ABI_DS_ENTRIES_MAX; i++)
		many[i] = (struct abi_ds_entry){
			.id = i + 1, .size = 1, .kind = 1, .name_len = 64, .name = name};
	m.entries = ABI_DS_ENTRIES_MAX;
	NOT_MADE(abi_ds_put_schema(&writer, big, sizeof(big), &m, many));
	m.entries = 2900;
	CHECK(abi_ds_schema_size(&m, many));
	m.entries = ABI_DS_ENTRIES_MAX + 1;
	NOT_MADE(abi_ds_put_schema(&writer, big, sizeof(big), &m, many));
	many[1].id = many[0].id;
	m.entries = 2;
	NOT_MADE(abi_ds_put_schema(&writer, big, sizeof(big), &m, many));
	CHECK(!memcmp(&writer, &zero, sizeof(zero))); /* nothing was counted */
}

int main(void)
{
	RUN(preamble());
	RUN(schema());
	RUN(fewer_slots());
	RUN(frames());
	RUN(contents());
	RUN(ends());
	RUN(transactions());
	RUN(callbacks());
	RUN(writers());
	return 0;
}
