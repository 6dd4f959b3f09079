/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Checks of DMA logging: which pages a device wrote.
 *
 * A log may report too many pages; a page that it leaves out is lost. A check that requires exactly
 * the written pages is a "should".
 */
#include <stdlib.h>

#include "conform/suite.h"

#define PAGE  CONFORM_PAGE
#define PAGES (CONFORM_SIZE / PAGE)

#define DMA_START  (VFMIG_FEATURE_SET | VFMIG_FEATURE_DMA_LOGGING_START)
#define DMA_STOP   (VFMIG_FEATURE_SET | VFMIG_FEATURE_DMA_LOGGING_STOP)
#define DMA_REPORT (VFMIG_FEATURE_GET | VFMIG_FEATURE_DMA_LOGGING_REPORT)

_Static_assert(CONFORM_WORDS <= sizeof(((struct conform *)0)->scratch) / 8,
	       "a bitmap fits the scratch");

static int start_ranges(struct conform *c, uint64_t *page_size,
			const struct vfmig_dma_logging_range *ranges, uint32_t count)
{
	struct vfmig_feature_dma_logging_control control = {
		.page_size = *page_size,
		.num_ranges = count,
		.ranges = (uintptr_t)ranges,
	};
	int ret = conform_feature(c, DMA_START, &control, sizeof(control));

	*page_size = control.page_size;
	return ret;
}

static int start(struct conform *c, uint64_t page_size)
{
	const struct vfmig_dma_logging_range range = {CONFORM_IOVA, CONFORM_SIZE};

	return start_ranges(c, &page_size, &range, 1);
}

static int stop(struct conform *c)
{
	return conform_feature(c, DMA_STOP, NULL, 0);
}

/* Into @bitmap, as it is: a report only sets bits. */
static int report_into(struct conform *c, uint64_t iova, uint64_t length, uint64_t page_size,
		       uint64_t *bitmap)
{
	struct vfmig_feature_dma_logging_report report = {
		.iova = iova,
		.length = length,
		.page_size = page_size,
		.bitmap = (uintptr_t)bitmap,
	};

	return conform_feature(c, DMA_REPORT, &report, sizeof(report));
}

/* All of the first map, in pages of 4 KiB, into c->scratch. */
static int report(struct conform *c)
{
	memset(c->scratch, 0, CONFORM_WORDS * 8);
	return report_into(c, CONFORM_IOVA, CONFORM_SIZE, PAGE, c->scratch);
}

static int write_page(struct conform *c, uint64_t page)
{
	return c->work->write(c, CONFORM_IOVA + page * PAGE, PAGE);
}

static enum conform_verdict it_can_be_started(struct conform *c)
{
	NEED(c, conform_feature(c, VFMIG_FEATURE_PROBE | DMA_START, NULL, 0));
	MUST(c, conform_feature(c, VFMIG_FEATURE_PROBE | DMA_STOP, NULL, 0));
	MUST(c, conform_feature(c, VFMIG_FEATURE_PROBE | DMA_REPORT, NULL, 0));
	MUST(c, start(c, PAGE));
	MUST(c, report(c));
	MUST(c, stop(c));
	return conform_pass(c, "started, reported, stopped, as a probe had promised");
}

static const uint64_t some_pages[] = {0, 1, 63, 64, 65, 200, 511, PAGES - 1};
#define SOME (sizeof(some_pages) / sizeof(some_pages[0]))

static enum conform_verdict each_write_is_told(struct conform *c)
{
	NEED(c, start(c, PAGE));
	for (size_t i = 0; i < SOME; i++)
		NEED(c, write_page(c, some_pages[i]));
	MUST(c, report(c));
	for (size_t i = 0; i < SOME; i++)
		if (!conform_told(c, some_pages[i]))
			return conform_fail(
				c, "page %llu of the range was written and is not in the report",
				(unsigned long long)some_pages[i]);
	return conform_pass(c, "all %zu written pages were reported, with %llu others", SOME,
			    (unsigned long long)(conform_told_count(c) - SOME));
}

static enum conform_verdict no_more_than_was_written(struct conform *c)
{
	NEED(c, start(c, PAGE));
	NEED(c, write_page(c, 70));
	NEED(c, report(c));
	if (conform_told_count(c) != 1 || !conform_told(c, 70))
		return conform_fail(c, "one page was written, the 70th, and %llu were reported",
				    (unsigned long long)conform_told_count(c));
	return conform_pass(c, "one page was written, the 70th, and bit 6 of word 1 was set");
}

static enum conform_verdict reads_are_not_told(struct conform *c)
{
	NEED(c, start(c, PAGE));
	NEED(c, c->work->read(c, CONFORM_IOVA + 30 * PAGE, 4 * PAGE));
	NEED(c, report(c));
	for (uint64_t page = 30; page < 34; page++)
		if (conform_told(c, page))
			return conform_fail(c,
					    "page %llu was only read, and is reported as written",
					    (unsigned long long)page);
	return conform_pass(c, "four pages were read by DMA and are not in the report");
}

static enum conform_verdict state_does_not_matter(struct conform *c)
{
	NEED(c, conform_set(c, VFMIG_STATE_STOP));
	MUST(c, start(c, PAGE));
	NEED(c, conform_set(c, VFMIG_STATE_RUNNING));
	NEED(c, write_page(c, 9));
	NEED(c, conform_set(c, VFMIG_STATE_STOP));
	MUST(c, report(c));
	if (!conform_told(c, 9))
		return conform_fail(
			c, "started in STOP, page 9 was written in RUNNING and is not told");
	MUST(c, stop(c));
	return conform_pass(c, "started, read and stopped in STOP, it told what RUNNING wrote");
}

static enum conform_verdict ranges_are_covered(struct conform *c)
{
	struct vfmig_dma_logging_range ranges[3];
	uint64_t page_size = PAGE;

	for (uint64_t i = 0; i < 3; i++)
		ranges[i] =
			(struct vfmig_dma_logging_range){CONFORM_IOVA + i * 128 * PAGE, 64 * PAGE};
	MUST(c, start_ranges(c, &page_size, ranges, 3));
	for (uint64_t i = 0; i < 3; i++)
		NEED(c, write_page(c, i * 128 + 63));
	MUST(c, report(c));
	for (uint64_t i = 0; i < 3; i++)
		if (!conform_told(c, i * 128 + 63))
			return conform_fail(
				c,
				"of three ranges, the last page of number %llu was written "
				"and is not told",
				(unsigned long long)i);
	return conform_pass(c, "writes to each of three ranges were told");
}

static enum conform_verdict page_size_is_a_hint(struct conform *c)
{
	static const uint64_t hints[] = {4096, 65536, 2097152};

	for (size_t i = 0; i < 3; i++) {
		const struct vfmig_dma_logging_range range = {CONFORM_IOVA, CONFORM_SIZE};
		uint64_t page_size = hints[i];

		MUST(c, start_ranges(c, &page_size, &range, 1));
		if (!page_size || page_size & (page_size - 1))
			return conform_fail(
				c,
				"asked for pages of %llu, START chose %llu, which is no "
				"power of two",
				(unsigned long long)hints[i], (unsigned long long)page_size);
		NEED(c, stop(c));
	}
	return conform_pass(c,
			    "asked for 4 KiB, 64 KiB and 2 MiB, it chose a power of two each time");
}

/* As many as fit into a page of memory of the smallest kind. */
#define RANGES (4096 / sizeof(struct vfmig_dma_logging_range))
static enum conform_verdict a_page_of_ranges_is_taken(struct conform *c)
{
	struct vfmig_dma_logging_range ranges[RANGES];
	uint64_t page_size = PAGE;

	for (uint64_t i = 0; i < RANGES; i++)
		ranges[i] = (struct vfmig_dma_logging_range){CONFORM_IOVA + i * 2 * PAGE, PAGE};
	MUST(c, start_ranges(c, &page_size, ranges, RANGES));
	return conform_pass(c, "%zu ranges were taken", RANGES);
}

static enum conform_verdict a_second_start_is_refused(struct conform *c)
{
	int ret;

	NEED(c, start(c, PAGE));
	ret = start(c, PAGE);
	if (!ret)
		return conform_fail(c, "a second START succeeded");
	if (conform_lost(ret))
		return conform_failed(c, CONFORM_FAIL);
	MUST(c, report(c));
	MUST(c, stop(c));
	MUST(c, start(c, PAGE));
	return conform_pass(c,
			    "a second START was refused, the first went on, and after a STOP there "
			    "was another");
}

static enum conform_verdict without_start_no_report(struct conform *c)
{
	int ret = report(c);

	if (!ret)
		return conform_fail(c, "a report without START succeeded");
	if (conform_lost(ret))
		return conform_failed(c, CONFORM_FAIL);
	NEED(c, start(c, PAGE));
	NEED(c, stop(c));
	ret = report(c);
	if (!ret)
		return conform_fail(c, "a report after STOP succeeded");
	if (conform_lost(ret))
		return conform_failed(c, CONFORM_FAIL);
	return conform_pass(c, "refused before START, and after STOP: %s", c->err.text);
}

static enum conform_verdict a_report_clears(struct conform *c)
{
	NEED(c, start(c, PAGE));
	NEED(c, report(c));
	NEED(c, report(c));
	/*
	 * No page was written. A device that reports every page even now keeps no log of single
	 * pages.
	 */
	if (conform_told_count(c) == PAGES)
		return conform_na(c, "every report has all pages, whatever was written");
	NEED(c, write_page(c, 5));
	NEED(c, report(c));
	MUST(c, report(c));
	if (conform_told_count(c))
		return conform_fail(c, "a second report had %llu pages again",
				    (unsigned long long)conform_told_count(c));
	NEED(c, write_page(c, 5));
	MUST(c, report(c));
	if (!conform_told(c, 5))
		return conform_fail(c,
				    "page 5 was reported, written again, and not reported again");
	return conform_pass(c, "told once, gone; written again, told again");
}

static enum conform_verdict a_report_is_about_its_range(struct conform *c)
{
	NEED(c, start(c, PAGE));
	NEED(c, write_page(c, 10));
	NEED(c, write_page(c, 100));
	memset(c->scratch, 0, CONFORM_WORDS * 8);
	MUST(c, report_into(c, CONFORM_IOVA + 64 * PAGE, 64 * PAGE, PAGE, c->scratch));
	if (!conform_told(c, 100 - 64))
		return conform_fail(c, "page 100 was written, and a report from page 64 on has not "
				       "bit 36 set");
	MUST(c, report(c));
	if (!conform_told(c, 10))
		return conform_fail(c,
				    "page 10 was written, and a report about others took it away");
	return conform_pass(c, "a report about 64 pages told its own, and left the others");
}

static enum conform_verdict a_report_only_sets_bits(struct conform *c)
{
	NEED(c, start(c, PAGE));
	NEED(c, write_page(c, 3));
	memset(c->scratch, 0, CONFORM_WORDS * 8);
	c->scratch[0] = 0xf0f0f0f0f0f0f0f0;
	c->scratch[CONFORM_WORDS - 1] = ~0ull;
	MUST(c, report_into(c, CONFORM_IOVA, CONFORM_SIZE, PAGE, c->scratch));
	if ((c->scratch[0] & 0xf0f0f0f0f0f0f0f0) != 0xf0f0f0f0f0f0f0f0 ||
	    c->scratch[CONFORM_WORDS - 1] != ~0ull)
		return conform_fail(c, "bits that were set before the report are clear after it");
	if (!conform_told(c, 3))
		return conform_fail(
			c, "page 3 was written, and a report into a bitmap with bits in it "
			   "does not tell it");
	return conform_pass(c, "bits that were set stay set");
}

static enum conform_verdict other_page_sizes(struct conform *c)
{
	NEED(c, start(c, PAGE));
	NEED(c, write_page(c, 17));
	memset(c->scratch, 0, CONFORM_WORDS * 8);
	MUST(c, report_into(c, CONFORM_IOVA, CONFORM_SIZE, 65536, c->scratch));
	if (!conform_told(c, 1))
		return conform_fail(c,
				    "page 17 was written, and a report in pages of 64 KiB has not "
				    "bit 1 set");
	NEED(c, stop(c));
	NEED(c, start(c, 65536));
	NEED(c, write_page(c, 17));
	MUST(c, report(c));
	if (!conform_told(c, 17))
		return conform_fail(
			c, "started at 64 KiB, page 17 was written, and a report in pages of "
			   "4 KiB has not bit 17 set");
	return conform_pass(c, "started at 4 KiB and read at 64 KiB, and the other way round");
}

static enum conform_verdict nonsense_is_refused(struct conform *c)
{
	static const struct {
		const char *what;
		uint64_t iova, length, page_size;
	} nonsense[] = {
		{"pages of 5000 bytes", CONFORM_IOVA, CONFORM_SIZE, 5000},
		{"pages of 0 bytes", CONFORM_IOVA, CONFORM_SIZE, 0},
		{"a range that passes 2^64", 0xfffffffffff00000, 0x200000, PAGE},
	};

	NEED(c, start(c, PAGE));
	for (size_t i = 0; i < 3; i++) {
		int ret = report_into(c, nonsense[i].iova, nonsense[i].length,
				      nonsense[i].page_size, c->scratch);

		if (!ret)
			return conform_fail(c, "a report of %s succeeded", nonsense[i].what);
		if (conform_lost(ret))
			return conform_failed(c, CONFORM_FAIL);
	}
	MUST(c, report(c));
	return conform_pass(c,
			    "odd page sizes and a range that passes 2^64 are refused, and the log "
			    "goes on");
}

#define WORKING (CONFORM_LOGGING | CONFORM_WORK)

const struct conform_check conform_dma[] = {
	{"DMA-01", "logging is started and stopped, as a probe says", CONFORM_LOGGING, false,
	 it_can_be_started},
	{"DMA-02", "each page that the device writes is reported", WORKING, false,
	 each_write_is_told},
	{"DMA-03", "reads are not reported", WORKING, true, reads_are_not_told},
	{"DMA-04", "the log does not depend on the migration state", WORKING | CONFORM_V2, false,
	 state_does_not_matter},
	{"DMA-05", "each range that START was given is covered", WORKING, false,
	 ranges_are_covered},
	{"DMA-06", "START's page size is a hint, and what was chosen comes back", CONFORM_LOGGING,
	 false, page_size_is_a_hint},
	{"DMA-09", "a page full of ranges is taken", CONFORM_LOGGING, false,
	 a_page_of_ranges_is_taken},
	{"DMA-11", "a second START is refused", CONFORM_LOGGING, false, a_second_start_is_refused},
	{"DMA-13", "a report clears what it reports", WORKING, false, a_report_clears},
	{"DMA-14", "a report covers only the requested range", WORKING, false,
	 a_report_is_about_its_range},
	{"DMA-15", "one page that was written is one bit, in its place", WORKING, true,
	 no_more_than_was_written},
	{"DMA-16", "a report may be in other pages than START", WORKING, false, other_page_sizes},
	{"DMA-18", "a report only sets bits", WORKING, false, a_report_only_sets_bits},
	{"DMA-20", "without START a report is refused", CONFORM_LOGGING, false,
	 without_start_no_report},
	{"DMA-21", "an invalid report is refused", CONFORM_LOGGING, false, nonsense_is_refused},
	{NULL},
};
