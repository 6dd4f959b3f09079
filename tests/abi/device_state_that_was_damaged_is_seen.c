/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A device's state that was cut off, lost a frame, or got one twice never reaches its end. A
 * flipped bit is refused or was in the data: whatever it was, nothing reaches the callbacks that the
 * schema does not allow (the world checks that).
 */
#include "tests/abi/state_sample.h"

static struct sample s;
static struct world w;
static uint8_t copy[2 * sizeof(s.bytes)];

static size_t frame_end(size_t frame)
{
	return frame + 1 < s.frames ? s.frame[frame + 1] : s.len;
}

static void cut_off(void)
{
	for (size_t len = 0; len < s.len; len++) {
		REFUSED(play(s.bytes, len, 4096, &w), "the device's state ends before its END");
		CHECK_EQ(w.ends, 0);
	}
}

static void lost_or_doubled(void)
{
	for (size_t f = 0; f < s.frames; f++) {
		size_t from = s.frame[f], to = frame_end(f);

		memcpy(copy, s.bytes, from);
		memcpy(copy + from, s.bytes + to, s.len - to);
		CHECKF(play(copy, s.len - (to - from), 4096, &w), "lost frame %zu", f);
		memcpy(copy, s.bytes, to);
		memcpy(copy + to, s.bytes + from, s.len - from);
		CHECKF(play(copy, s.len + (to - from), 4096, &w), "doubled frame %zu", f);
	}
}

static void flipped(void)
{
	size_t refused = 0;

	for (size_t bit = 0; bit < 8 * s.len; bit++) {
		memcpy(copy, s.bytes, s.len);
		copy[bit / 8] ^= (uint8_t)(1 << bit % 8);
		refused += play(copy, s.len, 1000, &w) != NULL;
	}
	/* All but the bits of data and of versions and names, which the schema is free to have. */
	CHECK(refused > 8 * 300);
	CHECK(refused < 8 * s.len);
}

/* Bytes from nowhere, after a good beginning so that they get somewhere. */
static void noise(void)
{
	uint64_t x = 88172645463325252ULL;

	for (int round = 0; round < 2000; round++) {
		size_t keep = s.frame[(size_t)round % s.frames];

		memcpy(copy, s.bytes, keep);
		for (size_t i = keep; i < keep + 200; i++) {
			x ^= x << 13;
			x ^= x >> 7;
			x ^= x << 17;
			copy[i] = (uint8_t)(x & (i % 3 ? 7 : 255));
		}
		CHECK(play(copy, keep + 200, 64, &w));
	}
}

int main(void)
{
	sample_all(&s);
	GOOD(play(s.bytes, s.len, 4096, &w));
	RUN(cut_off());
	RUN(lost_or_doubled());
	RUN(flipped());
	RUN(noise());
	return 0;
}
