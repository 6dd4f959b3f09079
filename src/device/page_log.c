/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A log of written pages: START, STOP and REPORT on a map that the writer marks.
 *
 * The map is marked whether logging is on or off. START empties it, and the ranges limit what
 * REPORT returns. So START does not need to wait for a transfer that is under way: if its data came
 * after the start, its mark came after it, too, since marks follow data. A mark costs nanoseconds.
 *
 * The map has pages of 4 KiB. A START with larger pages succeeds with the size that it requested;
 * the reports are then finer than that size.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "device/page_log.h"

#define PAGE_SHIFT 12
_Static_assert(DIRTY_PAGE_MIN == 1u << PAGE_SHIFT, "the page size of a map");

static struct page_log *log_of(struct logger *logger)
{
	return (struct page_log *)logger;
}

static uint64_t choose(uint64_t hint)
{
	if (hint < DIRTY_PAGE_MIN)
		return DIRTY_PAGE_MIN;
	return hint > DIRTY_PAGE_MAX ? DIRTY_PAGE_MAX : hint;
}

static int start(struct logger *logger, uint64_t *page_size,
		 const struct vfmig_dma_logging_range *ranges, uint32_t count,
		 struct vfmig_error *err)
{
	struct page_log *log = log_of(logger);
	struct vfmig_dma_logging_range *copy = NULL;

	if (count) {
		copy = calloc(count, sizeof(*copy));
		if (!copy)
			return vfmig_err(err, -ENOMEM, "DMA logging: no memory for %u ranges",
					 count);
		memcpy(copy, ranges, count * sizeof(*copy));
	}
	pthread_mutex_lock(&log->lock);
	if (log->on) {
		pthread_mutex_unlock(&log->lock);
		free(copy);
		return vfmig_err(err, -EINVAL, "DMA logging is already started; stop it first");
	}
	log->on = true;
	log->range = copy;
	log->ranges = count;
	dirty_clear(log->map, 0, UINT64_MAX);
	pthread_mutex_unlock(&log->lock);
	*page_size = choose(*page_size);
	return 0;
}

static int stop(struct logger *logger, struct vfmig_error *err)
{
	struct page_log *log = log_of(logger);

	pthread_mutex_lock(&log->lock);
	log->on = false;
	free(log->range);
	log->range = NULL;
	log->ranges = 0;
	pthread_mutex_unlock(&log->lock);
	return 0;
}

/* Where the bits of a report go. */
struct report {
	uint64_t iova;
	unsigned shift;
	uint64_t *bitmap;
};

static int set_bits(void *opaque, uint64_t addr, uint64_t len)
{
	struct report *report = opaque;
	uint64_t first = (addr - report->iova) >> report->shift;
	uint64_t last = (addr - report->iova + (len - 1)) >> report->shift;

	for (uint64_t n = first; n <= last; n++) {
		if (!(n % 64) && last - n >= 63) {
			report->bitmap[n / 64] = UINT64_MAX;
			n += 63;
			continue;
		}
		report->bitmap[n / 64] |= 1ull << n % 64;
	}
	return 0;
}

/* What was written in [@from, @last], into the bitmap of a report. */
static int add(struct vfmig_dirty *map, uint64_t from, uint64_t last, void *report)
{
	struct report *to = report;
	uint64_t bits = (from - to->iova) >> to->shift;

	/* Where they begin on a word of it a word is taken at a time, else a run of pages. */
	if (bits % 64 || bits << to->shift != from - to->iova)
		dirty_read_clear(map, from, last - from + 1, set_bits, to);
	else
		dirty_read_clear_bitmap(map, from, last - from + 1, 1ull << to->shift,
					to->bitmap + bits / 64);
	return 0;
}

/* All of [@iova, @last] that is logged, range by range. Not 0: @take has stopped it. */
static int over_ranges(struct page_log *log, uint64_t iova, uint64_t last,
		       int (*take)(struct vfmig_dirty *map, uint64_t from, uint64_t last, void *to),
		       void *to)
{
	int ret = 0;

	if (!log->ranges)
		return take(log->map, iova, last, to);
	for (uint32_t i = 0; i < log->ranges && !ret; i++) {
		uint64_t from = log->range[i].iova;
		uint64_t to_last = from + (log->range[i].length - 1);

		if (from < iova)
			from = iova;
		if (to_last > last)
			to_last = last;
		if (from <= to_last)
			ret = take(log->map, from, to_last, to);
	}
	return ret;
}

static int is_off(struct vfmig_error *err)
{
	return vfmig_err(err, -EINVAL,
			 "DMA logging is not started; start it before requesting a report");
}

/* The caller has checked that the range does not wrap. */
static int report(struct logger *logger, uint64_t iova, uint64_t length, uint64_t page_size,
		  uint64_t *bitmap, struct vfmig_error *err)
{
	struct page_log *log = log_of(logger);
	struct report to = {
		.iova = iova, .shift = (unsigned)__builtin_ctzll(page_size), .bitmap = bitmap};
	bool on;

	pthread_mutex_lock(&log->lock);
	on = log->on;
	if (on)
		over_ranges(log, iova, iova + (length - 1), add, &to);
	pthread_mutex_unlock(&log->lock);
	return on ? 0 : is_off(err);
}

/* ---- as runs ---- */

struct telling {
	struct vfmig_page_runs *runs;
	uint64_t iova, reported; /* pages from @iova on */
};

static int tell_run(void *opaque, uint64_t addr, uint64_t len)
{
	struct telling *telling = opaque;
	struct vfmig_page_runs *runs = telling->runs;
	uint64_t first = (addr - telling->iova) / DIRTY_PAGE_MIN;
	uint64_t last = (addr - telling->iova + (len - 1)) / DIRTY_PAGE_MIN;
	/* Ranges need not begin and end with our pages: a part is a page. */
	uint32_t pages = (uint32_t)(last - first + 1);

	/*
	 * Ranges of another page size are reported as bits, and so are runs that exceed the
	 * capacity of the report.
	 */
	if (first < telling->reported)
		return 1;
	if (runs->count && first == telling->reported) {
		runs->run[runs->count - 1].pages += pages;
	} else {
		if (runs->count == runs->capacity)
			return 1;
		runs->run[runs->count++] = (struct vfmig_page_run){
			.skip = (uint32_t)(first - telling->reported), .pages = pages};
	}
	telling->reported = first + pages;
	return 0;
}

static int tell(struct vfmig_dirty *map, uint64_t from, uint64_t last, void *to)
{
	return dirty_read_clear(map, from, last - from + 1, tell_run, to);
}

/* Convert the runs that were reported to bits. */
static void take_back(struct vfmig_page_runs *runs, struct report *to)
{
	uint64_t addr = to->iova;

	for (uint32_t i = 0; i < runs->count; i++) {
		uint64_t len = runs->run[i].pages * DIRTY_PAGE_MIN;

		addr += runs->run[i].skip * DIRTY_PAGE_MIN;
		set_bits(to, addr, len);
		addr += len;
	}
	runs->count = 0;
}

static int report_runs(struct logger *logger, uint64_t iova, uint64_t length, uint64_t page_size,
		       struct vfmig_page_runs *runs, uint64_t *bitmap, struct vfmig_error *err)
{
	struct page_log *log = log_of(logger);
	struct telling telling = {.runs = runs, .iova = iova};
	struct report to = {.iova = iova, .shift = PAGE_SHIFT, .bitmap = bitmap};
	uint64_t last = iova + (length - 1);
	bool on;

	runs->count = 0;
	runs->reported = false;
	if (page_size != DIRTY_PAGE_MIN)
		return report(logger, iova, length, page_size, bitmap, err);
	pthread_mutex_lock(&log->lock);
	on = log->on;
	if (on) {
		runs->reported = !over_ranges(log, iova, last, tell, &telling);
		if (!runs->reported) {
			take_back(runs, &to);
			over_ranges(log, iova, last, add, &to);
		}
	}
	pthread_mutex_unlock(&log->lock);
	return on ? 0 : is_off(err);
}

static const struct logger_ops ops = {
	.start = start, .stop = stop, .report = report, .runs = report_runs};

int page_log_init(struct page_log *log, struct vfmig_error *err)
{
	int ret;

	memset(log, 0, sizeof(*log));
	ret = dirty_create(&log->map, NULL);
	if (ret)
		return vfmig_err(err, ret, "no memory for the DMA log");
	log->logger.ops = &ops;
	pthread_mutex_init(&log->lock, NULL);
	return 0;
}

void page_log_fini(struct page_log *log)
{
	if (!log->logger.ops)
		return;
	dirty_free(log->map);
	free(log->range);
	pthread_mutex_destroy(&log->lock);
}
