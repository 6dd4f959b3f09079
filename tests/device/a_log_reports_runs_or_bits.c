/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A log that is asked for runs tells the pages that it would set bits for: all as runs, or all as bits where there is no
 * room for the runs, where the ranges that are logged come in another order, or where pages are larger. Each
 * page is told once; a page that is logged in part is a page.
 */
#include <errno.h>
#include <string.h>

#include "device/page_log.h"
#include "tests/lib/check.h"

#define PAGE  4096ull
#define PAGES 1024u
#define IOVA  (7 * PAGE)

static uint64_t seed = 42;

static uint32_t rnd(uint32_t below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed % below);
}

/* What runs say, as bits; -1 if they are none. */
static int bits_of(const struct vfmig_page_runs *runs, uint64_t *bits)
{
	uint64_t at = 0;

	for (uint32_t i = 0; i < runs->count; i++) {
		at += runs->run[i].skip;
		if (!runs->run[i].pages || (i && !runs->run[i].skip) ||
		    at + runs->run[i].pages > PAGES)
			return -1;
		for (uint32_t n = 0; n < runs->run[i].pages; n++, at++)
			bits[at / 64] |= 1ull << at % 64;
	}
	return 0;
}

static bool any(const uint64_t *bits)
{
	for (unsigned i = 0; i < PAGES / 64; i++)
		if (bits[i])
			return true;
	return false;
}

/* How it was told: 1 as runs, 0 as bits. */
static int reported(struct page_log *log, uint32_t capacity, uint64_t page, uint64_t *bits)
{
	struct vfmig_page_run run[PAGES];
	struct vfmig_page_runs runs = {.run = run, .capacity = capacity};
	uint64_t from_runs[PAGES / 64] = {0};

	CHECK_EQ(log->logger.ops->runs(&log->logger, IOVA, PAGES * PAGE, page, &runs, bits, NULL),
		 0);
	if (!runs.reported) {
		CHECK_EQ(runs.count, 0);
		return 0;
	}
	CHECK(runs.count <= capacity);
	CHECK(!any(bits));
	CHECK(!bits_of(&runs, from_runs));
	memcpy(bits, from_runs, sizeof(from_runs));
	return 1;
}

static void start(struct page_log *log, const struct vfmig_dma_logging_range *ranges,
		  uint32_t count)
{
	uint64_t page = PAGE;

	CHECK(!log->logger.ops->stop(&log->logger, NULL));
	CHECK(!log->logger.ops->start(&log->logger, &page, ranges, count, NULL));
}

/* Random pages, told with so much room; returns how. */
static int round_of(struct page_log *log, struct page_log *other, uint32_t pages, uint32_t capacity,
		    uint64_t page)
{
	uint64_t bits[PAGES / 64] = {0}, expected[PAGES / 64] = {0}, again[PAGES / 64] = {0};
	int how;

	while (pages--) {
		uint64_t addr = rnd(PAGES + 20) * PAGE, len = rnd(3) ? 1 : (1 + rnd(70)) * PAGE;

		vfmig_dirty_mark(log->map, addr, len);
		vfmig_dirty_mark(other->map, addr, len);
	}
	how = reported(log, capacity, page, bits);
	CHECK_EQ(
		other->logger.ops->report(&other->logger, IOVA, PAGES * PAGE, page, expected, NULL),
		0);
	CHECK(!memcmp(bits, expected, sizeof(bits)));
	CHECK_EQ(reported(log, PAGES, PAGE, again), 1);
	CHECK(!any(again));
	return how;
}

/* Ranges are multiples of the page size that START names, which may be below ours. */
static void parts_of_pages(struct page_log *log, struct page_log *other)
{
	static const struct vfmig_dma_logging_range parts[] = {
		{IOVA + 512, 1024}, {IOVA + 5 * PAGE + 2048, PAGE}, {IOVA + 9 * PAGE + 512, 512}};
	uint64_t bits[PAGES / 64] = {0}, expected[PAGES / 64] = {0};

	start(log, parts, 3);
	start(other, parts, 3);
	vfmig_dirty_mark(log->map, IOVA, 7 * PAGE);
	vfmig_dirty_mark(other->map, IOVA, 7 * PAGE);
	CHECK_EQ(reported(log, PAGES, PAGE, bits), 1);
	CHECK(!other->logger.ops->report(&other->logger, IOVA, PAGES * PAGE, PAGE, expected, NULL));
	CHECK_EQ(expected[0], 1 | 3 << 5);
	CHECK(!memcmp(bits, expected, sizeof(bits)));
}

int main(void)
{
	static const struct vfmig_dma_logging_range sorted[] = {
		{0, 100 * PAGE}, {100 * PAGE, 28 * PAGE}, {300 * PAGE, 500 * PAGE}};
	static const struct vfmig_dma_logging_range unsorted[] = {{300 * PAGE, 500 * PAGE},
								  {0, 100 * PAGE}};
	struct page_log log, other;
	struct vfmig_page_run run[4];
	struct vfmig_page_runs runs = {.run = run, .capacity = 4};
	unsigned as_runs = 0, as_bits = 0, mixed = 0;
	uint64_t bits[PAGES / 64] = {0};

	CHECK(!page_log_init(&log, NULL) && !page_log_init(&other, NULL));
	CHECK_EQ(log.logger.ops->runs(&log.logger, IOVA, PAGES * PAGE, PAGE, &runs, bits, NULL),
		 -EINVAL); /* it is off */
	start(&log, NULL, 0);
	start(&other, NULL, 0);
	for (unsigned i = 0; i < 300; i++) {
		uint32_t pages = rnd(60), capacity = rnd(60);

		if (round_of(&log, &other, pages, capacity, PAGE))
			as_runs++;
		else
			as_bits++;
	}
	CHECK(as_runs > 30 && as_bits > 30);
	CHECK_EQ(round_of(&log, &other, 10, PAGES, 4 * PAGE), 0);
	start(&log, sorted, 3);
	start(&other, sorted, 3);
	for (unsigned i = 0; i < 50; i++)
		CHECK_EQ(round_of(&log, &other, 30, PAGES, PAGE), 1);
	start(&log, unsorted, 2);
	start(&other, unsorted, 2);
	for (unsigned i = 0; i < 50; i++)
		mixed += !round_of(&log, &other, 30, PAGES, PAGE);
	CHECK(mixed > 40);
	parts_of_pages(&log, &other);
	page_log_fini(&log);
	page_log_fini(&other);
	return 0;
}
