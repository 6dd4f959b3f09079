/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A device's state means the same however its bytes are cut on the way: byte by byte, in any equal
 * pieces, in two pieces at any place. What was written is what is read, chunks as chunks, and later
 * frames over earlier ones.
 */
#include "tests/abi/state_sample.h"

static struct sample s;
static struct world whole, w;

static void is_what_was_written(void)
{
	static const size_t chunk_len[] = {20, 18, 0};
	uint8_t expected[BLOCK_SIZE];

	for (size_t i = 0; i < 3000; i++)
		expected[i] = (uint8_t)(1 + i * 7);
	memset(expected + 3000, 0, 2000);
	for (size_t i = 0; i < 30; i++)
		expected[2990 + i] = (uint8_t)(2 + i * 7);
	memset(expected + 10, 0, 5);
	CHECK(!memcmp(whole.memory, expected, BLOCK_SIZE));
	CHECK(!memcmp(whole.control, "\1\2\3\4", 4));
	CHECK(!memcmp(whole.ring, "0123456789abcdef", 16));
	CHECK_EQ(whole.note[1], 8 + 7);
	CHECK_EQ(whole.opaque_len, 34);
	CHECK_EQ(whole.opaque[33], 9);
	CHECK_EQ(whole.n_chunks, 3);
	CHECK(!memcmp(whole.chunk_len, chunk_len, sizeof(chunk_len)));
	CHECK_EQ(whole.chunks[20], 5);
	CHECK_EQ(whole.chunks[25], 6);
	CHECK_EQ(whole.entries, SAMPLE_ENTRIES);
	CHECK_EQ(whole.schema_ends, 1);
	CHECK_EQ(whole.ends, 1);
	CHECK_STR(whole.names, "sample control ring memory note later ");
}

/* The bytes themselves, as docs/device-state.md gives them. */
static void is_what_the_page_says(void)
{
	static const uint8_t preamble[] = "vfmigdev\1\0\x10\0\0\0\0\0";
	static const uint8_t schema[] = "\1\0\0\0\xa4\0\0\0\2\0\0\0\5\0\0\0\0\0\6\0sample"
					"\1\0\0\0\1\0\0\0\4\0\0\0\0\0\0\0\1\7\0\0\0\0\0\0control";

	CHECK(!memcmp(s.bytes, preamble, 16));
	CHECK(!memcmp(s.bytes + 16, schema, sizeof(schema) - 1));
	CHECK_EQ(s.frame[2] - s.frame[1], 8 + 0xa4);
	/* END: 16 frames before it, and all bytes before it */
	CHECK(!memcmp(s.bytes + s.len - 24, "\7\0\0\0\x10\0\0\0", 8));
	CHECK_EQ(abi_get64(s.bytes + s.len - 16), s.frames - 2);
	CHECK_EQ(abi_get64(s.bytes + s.len - 8), s.len - 24);
}

static void two_pieces(size_t at)
{
	static struct abi_ds_slot slots[SAMPLE_ENTRIES];
	struct abi_ds_reader r;

	memset(&w, 0, sizeof(w));
	abi_ds_reader_init(&r, &world_events, &w, slots, SAMPLE_ENTRIES);
	GOOD(abi_ds_reader_feed(&r, fenced(s.bytes, at), at));
	GOOD(abi_ds_reader_feed(&r, fenced(s.bytes + at, s.len - at), s.len - at));
	GOOD(abi_ds_reader_finish(&r));
	CHECK(!memcmp(&w, &whole, sizeof(w)));
}

/* A reader without any callback still checks. */
static void deaf(void)
{
	static const struct abi_ds_events none;
	static struct abi_ds_slot slots[SAMPLE_ENTRIES];
	struct abi_ds_reader r;

	abi_ds_reader_init(&r, &none, NULL, slots, SAMPLE_ENTRIES);
	GOOD(abi_ds_reader_feed(&r, s.bytes, s.len));
	GOOD(abi_ds_reader_finish(&r));
	CHECK_EQ(r.frames, s.frames - 1);
}

int main(void)
{
	sample_all(&s);
	is_what_the_page_says();
	GOOD(play(s.bytes, s.len, s.len, &whole));
	is_what_was_written();
	for (size_t slice = 1; slice < 300; slice++) {
		GOOD(play(s.bytes, s.len, slice, &w));
		CHECK(!memcmp(&w, &whole, sizeof(w)));
	}
	for (size_t at = 0; at <= s.len; at++)
		two_pieces(at);
	deaf();
	/* Control: another stream makes another world. */
	s.bytes[s.frame[2] + 24] ^= 1;
	GOOD(play(s.bytes, s.len, 7, &w));
	CHECK(memcmp(&w, &whole, sizeof(w)));
	return 0;
}
