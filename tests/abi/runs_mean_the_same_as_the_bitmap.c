/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Runs of pages say what the bitmap says, whatever is in it; and those that could set a bit outside of it are refused.
 */
#include "abi/feature.h"
#include "abi/le.h"
#include "tests/abi/refused.h"
#include "tests/lib/check.h"

#define WORDS 96u
#define PAGES (WORDS * 64u)

static uint64_t seed = 88172645463325252ull;

static uint64_t rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static uint32_t count_runs(const uint64_t *bitmap)
{
	uint32_t count = 0;

	for (uint64_t n = 0; n < PAGES; n++)
		count += abi_bitmap_test(bitmap, n) && (!n || !abi_bitmap_test(bitmap, n - 1));
	return count;
}

static void round_trip(const uint64_t *bitmap)
{
	uint64_t copy[WORDS] = {0};
	uint8_t buf[PAGES / 2 * ABI_RUN_SIZE];
	uint32_t count = 0;
	size_t len = abi_runs_put(buf, sizeof(buf), bitmap, WORDS, &count);

	CHECK_EQ(count, count_runs(bitmap));
	CHECK_EQ(len, count * ABI_RUN_SIZE);
	REFUSED(abi_runs_check(fenced(buf, len), len, count, PAGES), NULL);
	abi_runs_set(fenced(buf, len), count, copy);
	CHECK(!memcmp(copy, bitmap, sizeof(copy)));
	/* No room is said, and exactly enough is enough. */
	if (len)
		CHECK_EQ(abi_runs_put(buf, len - 1, bitmap, WORDS, &count), SIZE_MAX);
	CHECK_EQ(abi_runs_put(buf, len, bitmap, WORDS, &count), len);
	abi_runs_clear(buf, count, copy);
	for (unsigned i = 0; i < WORDS; i++)
		CHECK_EQ(copy[i], 0);
}

static void any_bitmap(void)
{
	uint64_t bitmap[WORDS];

	memset(bitmap, 0, sizeof(bitmap));
	round_trip(bitmap);
	memset(bitmap, 0xff, sizeof(bitmap));
	round_trip(bitmap);
	for (unsigned i = 0; i < 2000; i++) {
		memset(bitmap, 0, sizeof(bitmap));
		for (uint64_t n = rnd() % 40; n; n--) {
			uint64_t at = rnd() % PAGES, len = rnd() % (i % 2 ? 200 : 3);

			while (len-- && at < PAGES)
				abi_bitmap_set(bitmap, at++);
		}
		round_trip(bitmap);
	}
}

static void bad_runs(void)
{
	static const struct {
		uint32_t skip, pages, skip2, pages2;
		uint64_t range;
		const char *why;
	} cases[] = {
		{0, 64, 0, 64, 128, NULL},
		{0, 64, 0, 64, 127, "a run of a report leaves its range"},
		{0, 0, 0, 1, 128, "a run of a report is empty"},
		{0, 1, 5, 0, 128, "a run of a report is empty"},
		{128, 1, 0, 1, 128, "a run of a report leaves its range"},
		{UINT32_MAX, 1, 0, 1, 128, "a run of a report leaves its range"},
		{0, UINT32_MAX, 0, 1, 128, "a run of a report leaves its range"},
		/* Two that come back to the beginning in 32 bits. */
		{UINT32_MAX, 1, 0, 1, UINT32_MAX, "a run of a report leaves its range"},
		{1, 1, UINT32_MAX, UINT32_MAX, 128, "a run of a report leaves its range"},
	};
	uint8_t buf[16];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		abi_put32(buf, cases[i].skip);
		abi_put32(buf + 4, cases[i].pages);
		abi_put32(buf + 8, cases[i].skip2);
		abi_put32(buf + 12, cases[i].pages2);
		REFUSED(abi_runs_check(fenced(buf, 16), 16, 2, cases[i].range), cases[i].why);
	}
	for (size_t len = 0; len < 16; len++)
		REFUSED(abi_runs_check(fenced(buf, len), len, 2, 1000),
			"the runs of a report are not as many as it says");
	REFUSED(abi_runs_check(fenced(buf, 16), 16, 1, 1000),
		"the runs of a report are not as many as it says");
}

static void heads(void)
{
	static const char form[] = "a report is in a form that there is not";
	static const char many[] = "a report has more runs than it can have";
	static const char length[] = "a report is not as long as what it says that it has";
	static const struct {
		struct abi_logging_runs r;
		size_t behind;
		const char *why;
	} cases[] = {
		{{0, 1 << 20, 4096, 0, 0}, 0, NULL},
		{{0, 1 << 20, 4096, 0, 3}, 24, NULL},
		{{0, 1 << 20, 4096, ABI_RUNS_ARE_BITS, 0}, 32, NULL},
		{{0, 1 << 20, 4096, 2, 0}, 0, form},
		{{0, 1 << 20, 4096, ABI_RUNS_ARE_BITS, 1}, 32, many},
		{{0, 1 << 20, 4096, 0, 257}, 257 * 8, many},
		{{0, 1 << 20, 4096, 0, UINT32_MAX}, 0, many},
		{{0, 1 << 20, 4096, 0, 3}, 23, length},
		{{0, 1 << 20, 4096, 0, 3}, 25, length},
		{{0, 1 << 20, 4096, ABI_RUNS_ARE_BITS, 0}, 31, length},
		{{0, 0, 4096, 0, 0}, 0, "dirty report: the range is empty"},
	};
	uint8_t buf[32 + 4096] = {0};
	struct abi_logging_runs out;
	uint64_t bytes;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t len = ABI_LOGGING_RUNS_SIZE + cases[i].behind;

		CHECK_EQ(abi_logging_put_runs(buf, 31, &cases[i].r), 0);
		CHECK_EQ(abi_logging_put_runs(buf, 32, &cases[i].r), 32);
		REFUSED(abi_logging_get_runs(fenced(buf, len), len, &out, &bytes), cases[i].why);
		if (!cases[i].why)
			CHECK_EQ(bytes, 32);
	}
	for (size_t len = 0; len < 32; len++)
		REFUSED(abi_logging_get_runs(fenced(buf, len), len, &out, &bytes),
			"a report as runs needs 32 bytes");
}

int main(void)
{
	RUN(any_bitmap());
	RUN(bad_runs());
	RUN(heads());
	return 0;
}
