/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pfn's written pages: whoever asks as the text says is told exactly what was written, in pieces as large as the
 * bitmap's place allows, whichever way it goes on from piece to piece. Whoever loses its place, forgets to
 * fetch a bitmap or begins in the middle again is told too much, never too little.
 *
 * Rules: PFN-11, PFN-12, PFN-13, PFN-14, PFN-15, PFN-16, PFN-17, PFN-18, PFN-27, PFN-29, PFN-30,
 * PFN-31, PFN-32, PFN-37.
 */
#include "tests/pfn/fake_logger.h"

static bool reported[FAKE_PAGES], written[FAKE_PAGES];

static void tell(uint64_t page, uint64_t size)
{
	for (uint64_t at = page * size; at < (page + 1) * size; at += 4096)
		if (at / 4096 < FAKE_PAGES)
			reported[at / 4096] = true;
}

/* Take in one answer about a range whose first page is that; how many pages were told of. */
static uint64_t take_answer(struct shown *shown, uint64_t first, uint64_t size, uint64_t left)
{
	uint64_t n = reg64(shown, COPIED_PFNS), at;
	uint8_t bits[65536];

	if (n == VFMIG_PFN_DIRTY_NONE)
		return left;
	if (n == VFMIG_PFN_DIRTY_ALL) {
		for (uint64_t i = 0; i < left; i++)
			tell(first + i, size);
		return left;
	}
	CHECK(n <= left && (n + 7) / 8 <= sizeof(bits));
	at = reg64(shown, DATA_OFFSET);
	CHECK_EQ(vfmig_device_region_read(&shown->device, SHOWN_INDEX, at, bits,
					  (uint32_t)(n + 7) / 8, NULL),
		 0);
	for (uint64_t i = 0; i < n; i++)
		if (bits[i / 8] >> i % 8 & 1)
			tell(first + i, size);
	return n;
}

/* Ask about a range to its end; either the rest is written anew each time, or copied_pfns is just read on. */
static void ask_all(struct shown *shown, uint64_t start, uint64_t size, uint64_t total, bool anew)
{
	uint64_t done = 0;

	put_range(shown, start, size, total);
	while (done < total) {
		done += take_answer(shown, start + done, size, total - done);
		if (anew && done < total)
			put_range(shown, start + done, size, total - done);
	}
}

static void write_pages(struct fake_logger *log, unsigned every, unsigned seed)
{
	for (unsigned i = 0; i < FAKE_PAGES; i++)
		if (rand_r(&seed) % every == 0)
			log->dirty[i] = written[i] = true;
}

static void forget(struct fake_logger *log)
{
	memset(reported, 0, sizeof(reported));
	memset(written, 0, sizeof(written));
	memset(log->dirty, 0, sizeof(log->dirty));
}

static void exactly(const struct region_options *options, uint64_t size, bool anew)
{
	static const unsigned densities[] = {1, 2, 7, 100, 3000, 1000000000};
	struct fake_logger log;
	struct shown *shown = shown_pages(&log, options);
	uint64_t total = (FAKE_PAGES * 4096ull + size - 1) / size;

	CHECK_EQ(put_state(shown, 3), 0);
	for (unsigned i = 0; i < sizeof(densities) / sizeof(densities[0]); i++) {
		forget(&log);
		write_pages(&log, densities[i], i);
		ask_all(shown, 0, size, total, anew);
		for (unsigned page = 0; page < FAKE_PAGES; page++) {
			bool near = false;

			for (uint64_t k = page * 4096ull / size * size / 4096;
			     k < (page * 4096ull / size + 1) * size / 4096 && k < FAKE_PAGES; k++)
				near |= written[k];
			CHECKF(reported[page] == near, "page %u of 0x%llx", page,
			       (unsigned long long)size);
		}
		/* What was told is not told again. */
		memset(reported, 0, sizeof(reported));
		ask_all(shown, 0, size, total, anew);
		for (unsigned page = 0; page < FAKE_PAGES; page++)
			CHECK(!reported[page]);
	}
	CHECK_EQ(put_state(shown, 1), 0);
	vfmig_device_close(&shown->device);
}

/* Users that lose their place, in every way there is. Nothing of what was written is left untold. */
static void carelessly(const struct region_options *options, unsigned seed)
{
	struct fake_logger log;
	struct shown *shown = shown_pages(&log, options);
	uint64_t start = 0, total = FAKE_PAGES, left;

	CHECK_EQ(put_state(shown, 3), 0);
	forget(&log);
	for (int round = 0; round < 200; round++) {
		write_pages(&log, 50 + rand_r(&seed) % 1000, seed);
		switch (rand_r(&seed) % 6) {
		case 0: /* another range */
			start = rand_r(&seed) % FAKE_PAGES;
			total = 1 + rand_r(&seed) % (FAKE_PAGES - start);
			put_range(shown, start, 4096, total);
			break;
		case 1: /* the same one, told in part, again; what it then hears is of its start */
			put_range(shown, start, 4096, total);
			left = total;
			for (uint64_t done = 0; left; left = total - done)
				done += take_answer(shown, start + done, 4096, left);
			break;
		case 2: /* look how much there is, and do not fetch it */
			put_range(shown, start, 4096, total);
			if (reg64(shown, COPIED_PFNS) == VFMIG_PFN_DIRTY_ALL)
				for (uint64_t i = 0; i < total; i++)
					tell(start + i, 4096);
			break;
		case 3: /* look twice, and fetch it */
			put_range(shown, start, 4096, total);
			left = reg64(shown, COPIED_PFNS);
			if (left != VFMIG_PFN_DIRTY_ALL) {
				take_answer(shown, start, 4096, total);
				break;
			}
			for (uint64_t i = 0; i < total; i++)
				tell(start + i, 4096);
			break;
		case 4: /* the device's data in between */
			CHECK_EQ(put_state(shown, 3), 0);
			reg64(shown, PENDING);
			reg64(shown, DATA_SIZE);
			break;
		default: /* one piece, and then something else */
			put_range(shown, start, 4096, total);
			take_answer(shown, start, 4096, total);
		}
	}
	ask_all(shown, 0, 4096, FAKE_PAGES, seed & 1);
	for (unsigned page = 0; page < FAKE_PAGES; page++)
		CHECKF(reported[page] || !written[page], "page %u was never told", page);
	vfmig_device_close(&shown->device);
}

/* Who takes the text by the letter writes the same range before each piece. */
static void by_the_letter(void)
{
	struct region_options options = {.transaction = 64};
	struct fake_logger log;
	struct shown *shown = shown_pages(&log, &options);

	CHECK_EQ(put_state(shown, 3), 0);
	forget(&log);
	write_pages(&log, 10, 1);
	for (uint64_t done = 0; done < FAKE_PAGES;) {
		put_range(shown, 0, 4096, FAKE_PAGES);
		done += take_answer(shown, done, 4096, FAKE_PAGES - done);
	}
	for (unsigned page = 0; page < FAKE_PAGES; page++)
		CHECK(reported[page] || !written[page]);
	vfmig_device_close(&shown->device);
}

/* What is owed is paid in parts, wherever they are asked for, and once. */
static void pending(void)
{
	static const uint64_t parts[][3][2] = {
		{{0, 100}, {100, 300}, {400, 48}},
		{{400, 600}, {0, 100}, {100, 300}},
		{{0, 448}, {0, 0}, {0, 0}},
	};
	struct region_options options = {.transaction = 64};
	struct fake_logger log;
	struct shown *shown = shown_pages(&log, &options);

	CHECK_EQ(put_state(shown, 3), 0);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		forget(&log);
		write_pages(&log, 3, 1);
		memset(log.dirty + 448, 0, FAKE_PAGES - 448);
		put_range(shown, 0, 4096, FAKE_PAGES);
		CHECK_EQ(reg64(shown, COPIED_PFNS), 448);
		CHECK_EQ(reg64(shown, COPIED_PFNS), 448);
		put_range(shown, 2000, 4096, 10); /* and never fetch it */
		CHECK_EQ(reg64(shown, COPIED_PFNS), VFMIG_PFN_DIRTY_NONE);
		for (unsigned k = 0; k < 3; k++) {
			put_range(shown, parts[i][k][0], 4096, parts[i][k][1]);
			CHECK_EQ(reg64(shown, COPIED_PFNS),
				 parts[i][k][1] ? VFMIG_PFN_DIRTY_ALL : VFMIG_PFN_DIRTY_NONE);
		}
		put_range(shown, 0, 4096, 448);
		CHECK_EQ(reg64(shown, COPIED_PFNS), VFMIG_PFN_DIRTY_NONE);
	}
	vfmig_device_close(&shown->device);
}

int main(void)
{
	static const struct region_options options[] = {
		{.transaction = 64},
		{.transaction = 1000, .data = REGION_DATA_MAPPED},
		{.transaction = 100000},
		{.transaction = 64, .bitmap_apart = true},
		{.transaction = 64, .bitmap_apart = true, .data = REGION_DATA_PARTLY},
	};

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		for (uint64_t size = 4096; size <= 4096 << 6; size *= 4) {
			exactly(&options[i], size, true);
			exactly(&options[i], size, false);
		}
		for (unsigned seed = 0; seed < 20; seed++)
			carelessly(&options[i], seed);
	}
	by_the_letter();
	pending();
	return 0;
}
