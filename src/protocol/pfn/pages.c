/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pfn's written pages: start_pfn, page_size, total_pfns, copied_pfns, and the bitmap.
 *
 * The user writes a range and reads copied_pfns. The value means: none of (the rest of) the range
 * was written, all of it was, or the bitmap covers that many pages. Then the user reads
 * data_offset once, for the position of the bitmap. It continues the range by writing what is left
 * of it, or just by reading copied_pfns again.
 *
 * Reporting a page clears it. Three rules prevent the loss of a page. An answer stands until its
 * bitmap was fetched. Pages of a bitmap that was never fetched stay pending, and the next report
 * of any of them reports all pages of its range. A user that writes the same range again in the
 * middle of it may mean to go on or to start over; only "all" is right for both.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "abi/feature.h"
#include "abi/range.h"
#include "protocol/region/driver.h"

enum { START, PAGE_SIZE, TOTAL };

int region_pages_open(struct region_driver *driver, struct vfmig_error *err)
{
	struct region_pages *pages = &driver->pages;

	pages->bitmap = malloc(pages->size);
	pages->ranges = calloc(REGION_LOG_RANGES, sizeof(*pages->ranges));
	return pages->bitmap && pages->ranges ? 0
					      : vfmig_err(err, -ENOMEM, "no memory for a bitmap");
}

/* The most pages that a bitmap covers. Some users read one word more than there is. */
static uint64_t most(const struct region_pages *pages)
{
	return (pages->size - 8) / 8 * 64;
}

/* ---- logging follows _SAVING ---- */

static void forget(struct region_pages *pages)
{
	bool stale = pages->stale;

	memset(pages, 0, offsetof(struct region_pages, at));
	pages->stale = stale;
}

static ssize_t ask_log(struct region_driver *driver, uint32_t flags, void *data, size_t size,
		       step_fn then)
{
	struct vfmig_request *inner = &driver->steps.inner.request;

	inner->op = VFMIG_OP_FEATURE;
	inner->feature.flags = flags;
	inner->feature.data = data;
	inner->feature.size = size;
	if (driver->log.session_tells)
		return steps_ask(&driver->steps, then);
	return steps_ask_device(&driver->steps, then);
}

static ssize_t start_logger(struct steps *steps)
{
	struct region_driver *driver = region_driver_of(steps);
	struct logger *logger = driver->log.logger;
	uint64_t page_size = ABI_LOGGING_PAGE_MIN;

	return logger->ops->start(logger, &page_size, NULL, 0, &steps->err);
}

static ssize_t stop_logger(struct steps *steps)
{
	struct region_driver *driver = region_driver_of(steps);

	driver->log.logger->ops->stop(driver->log.logger, NULL);
	return 0;
}

static ssize_t stopped(struct steps *steps, ssize_t result)
{
	struct region_driver *driver = region_driver_of(steps);

	driver->pages.stale = result < 0;
	return driver->pages.then(steps, 0);
}

static ssize_t started(struct steps *steps, ssize_t result)
{
	struct region_driver *driver = region_driver_of(steps);
	bool late = driver->began != driver->resets;

	driver->pages.logs = result >= 0 && !late;
	driver->pages.stale = result >= 0 && late;
	if (driver->pages.stale && driver->log.logger)
		return steps_work(steps, stop_logger, stopped);
	/* If the device has no log, all pages count as written. */
	if (result == -ENOTTY || result == -EOPNOTSUPP)
		result = 0;
	return driver->pages.then(steps, result);
}

static ssize_t start_device(struct region_driver *driver)
{
	struct region_pages *pages = &driver->pages;
	uint32_t n = 0;

	if (!driver->log.session_tells) {
		n = driver->log.ranges(driver->log.context, pages->ranges, REGION_LOG_RANGES);
		/* Unmapped pages cannot be written. */
		if (!n)
			return started(&driver->steps, 0);
	}
	memset(&pages->ask, 0, sizeof(pages->ask));
	pages->ask.control.page_size = ABI_LOGGING_PAGE_MIN;
	pages->ask.control.num_ranges = n;
	pages->ask.control.ranges = (uintptr_t)pages->ranges;
	return ask_log(driver, VFMIG_FEATURE_SET | VFMIG_FEATURE_DMA_LOGGING_START,
		       &pages->ask.control, sizeof(pages->ask.control), started);
}

/* From now on the log may be on, even if the user does not get the answer. */
static ssize_t start_log(struct region_driver *driver)
{
	driver->pages.stale = true;
	if (driver->log.logger)
		return steps_work(&driver->steps, start_logger, started);
	return start_device(driver);
}

static ssize_t not_stale(struct steps *steps, ssize_t result)
{
	return start_log(region_driver_of(steps));
}

ssize_t region_log_start(struct region_driver *driver, step_fn then)
{
	driver->pages.then = then;
	if (!driver->log.logger && !driver->log.device && !driver->log.session_tells)
		return then(&driver->steps, 0);
	if (!driver->pages.stale)
		return start_log(driver);
	if (driver->log.logger)
		return steps_work(&driver->steps, stop_logger, not_stale);
	return ask_log(driver, VFMIG_FEATURE_SET | VFMIG_FEATURE_DMA_LOGGING_STOP, NULL, 0,
		       not_stale);
}

ssize_t region_log_stop(struct region_driver *driver, step_fn then)
{
	forget(&driver->pages);
	driver->pages.stale = true;
	driver->pages.then = then;
	if (driver->log.logger)
		return steps_work(&driver->steps, stop_logger, stopped);
	return ask_log(driver, VFMIG_FEATURE_SET | VFMIG_FEATURE_DMA_LOGGING_STOP, NULL, 0,
		       stopped);
}

void region_log_end(struct region_driver *driver, bool reset)
{
	struct vfmig_request stop = {
		.op = VFMIG_OP_FEATURE,
		.feature.flags = VFMIG_FEATURE_SET | VFMIG_FEATURE_DMA_LOGGING_STOP,
	};
	bool logs, ask, logger = driver->log.logger;

	pthread_mutex_lock(&driver->steps.lock);
	logs = driver->pages.logs;
	ask = !reset && (logs || driver->pages.stale);
	forget(&driver->pages);
	/* A reset does not wait: the device's log is stopped before it is started again. */
	driver->pages.stale = driver->pages.stale || (logs && reset && !logger);
	pthread_mutex_unlock(&driver->steps.lock);
	if (logger && (logs || ask))
		driver->log.logger->ops->stop(driver->log.logger, NULL);
	if (ask && driver->log.device)
		vfmig_device_call_feature(driver->log.device, stop.feature.flags, NULL, 0, NULL);
	if (ask && driver->log.session_tells)
		vfmig_session_call(driver->steps.session, &stop);
}

/* ---- pending pages ---- */

/* @n of the range's pages, starting with page @done. */
static void owe(struct region_pages *pages, uint64_t done, uint64_t n)
{
	uint64_t size = pages->range[PAGE_SIZE];
	uint64_t start = (pages->range[START] + done) * size;
	uint64_t end = abi_sum(start, abi_product(n, size));

	if (pages->pending == pages->pending_end) {
		pages->pending = start;
		pages->pending_end = end;
		return;
	}
	pages->pending = start < pages->pending ? start : pages->pending;
	pages->pending_end = end > pages->pending_end ? end : pages->pending_end;
}

/*
 * A range is about to be reported as all written: take it out of the pending pages. Returns whether
 * it had any.
 */
static bool pay(struct region_pages *pages, uint64_t start, uint64_t end)
{
	if (pages->pending == pages->pending_end || start >= pages->pending_end ||
	    end <= pages->pending)
		return false;
	if (start <= pages->pending)
		pages->pending = end < pages->pending_end ? end : pages->pending_end;
	else if (end >= pages->pending_end)
		pages->pending_end = start;
	return true;
}

/* ---- registers ---- */

ssize_t region_write_range(struct region_driver *driver)
{
	driver->pages.reg[driver->reg - ABI_REG_START_PFN] = region_taken(driver);
	driver->pages.written = true;
	return (ssize_t)sizeof(uint64_t);
}

static const char *bad_range(const uint64_t *range)
{
	uint64_t start, size;

	if (!abi_power_of_two(range[PAGE_SIZE]) || range[PAGE_SIZE] < ABI_LOGGING_PAGE_MIN)
		return "page_size must be a power of two of at least 4096";
	if (__builtin_mul_overflow(range[START], range[PAGE_SIZE], &start) ||
	    __builtin_mul_overflow(range[TOTAL], range[PAGE_SIZE], &size) ||
	    abi_passes_the_end(start, size))
		return "the range exceeds the address space";
	return NULL;
}

/* The rest of the range is reported in one word. */
static ssize_t the_rest(struct region_driver *driver, uint64_t word)
{
	struct region_pages *pages = &driver->pages;

	pages->done = pages->range[TOTAL];
	pages->answered = pages->current = false;
	return region_give(driver, word);
}

/* How many of the first @n pages of a bitmap are set: none (0), all (n), or some. */
static uint64_t weigh(const uint64_t *bitmap, uint64_t n)
{
	uint64_t count = 0;

	for (uint64_t i = 0; i < n; i += 64) {
		uint64_t word = bitmap[i / 64];

		if (n - i < 64)
			word &= (1ull << (n - i)) - 1;
		count += (uint64_t)__builtin_popcountll(word);
	}
	return count;
}

static ssize_t reported(struct steps *steps, ssize_t result)
{
	struct region_driver *driver = region_driver_of(steps);
	struct region_pages *pages = &driver->pages;
	uint64_t n = driver->value, set;

	if (region_driver_void(driver))
		return -ECANCELED;
	pages->asking = false;
	if (result < 0) /* the written pages are unknown */
		return the_rest(driver, VFMIG_PFN_DIRTY_ALL);
	set = weigh(pages->bitmap, n);
	if (n == pages->range[TOTAL] - pages->done && (!set || set == n))
		return the_rest(driver, set ? VFMIG_PFN_DIRTY_ALL : VFMIG_PFN_DIRTY_NONE);
	pages->done += n;
	pages->reported = n;
	pages->answered = pages->current = true;
	pages->fetched = false;
	return region_give(driver, n);
}

static ssize_t report_logger(struct steps *steps)
{
	struct region_driver *driver = region_driver_of(steps);
	const struct region_pages *pages = &driver->pages;
	uint64_t size = pages->range[PAGE_SIZE];

	return driver->log.logger->ops->report(driver->log.logger,
					       (pages->range[START] + pages->done) * size,
					       driver->value * size, size, pages->bitmap, NULL);
}

static ssize_t report(struct region_driver *driver)
{
	struct region_pages *pages = &driver->pages;
	uint64_t size = pages->range[PAGE_SIZE];

	memset(pages->bitmap, 0, pages->size);
	pages->asking = true;
	if (driver->log.logger)
		return steps_work(&driver->steps, report_logger, reported);
	pages->ask.report = (struct vfmig_feature_dma_logging_report){
		.iova = (pages->range[START] + pages->done) * size,
		.length = driver->value * size,
		.page_size = size,
		.bitmap = (uintptr_t)pages->bitmap,
	};
	return ask_log(driver, VFMIG_FEATURE_GET | VFMIG_FEATURE_DMA_LOGGING_REPORT,
		       &pages->ask.report, sizeof(pages->ask.report), reported);
}

/* Whether the log covers everything that can be written. */
static bool knows(const struct region_driver *driver)
{
	const struct region_log *log = &driver->log;

	return driver->pages.logs && (!log->device || log->covered(log->context));
}

ssize_t region_read_copied(struct region_driver *driver)
{
	struct region_pages *pages = &driver->pages;
	uint64_t start, end, left;
	const char *why = NULL;
	bool again = false;

	if (!(driver->bits & VFMIG_V1_SAVING) || driver->bits == VFMIG_V1_STATE_ERROR)
		why = "dirty pages are reported in _SAVING only";
	else
		why = bad_range(pages->reg);
	if (why)
		return vfmig_err(&driver->steps.err, -EINVAL, "copied_pfns: %s", why);
	if (pages->written) {
		again = pages->done && pages->done < pages->range[TOTAL] &&
			!memcmp(pages->reg, pages->range, sizeof(pages->reg));
		if (pages->answered && !pages->fetched)
			owe(pages, pages->done - pages->reported, pages->reported);
		memcpy(pages->range, pages->reg, sizeof(pages->range));
		pages->done = 0;
		pages->written = pages->answered = pages->current = false;
	}
	if (pages->answered && !pages->fetched) {
		pages->current = true;
		return region_give(driver, pages->reported);
	}
	left = pages->range[TOTAL] - pages->done;
	if (!left)
		return the_rest(driver, VFMIG_PFN_DIRTY_NONE);
	start = (pages->range[START] + pages->done) * pages->range[PAGE_SIZE];
	end = abi_sum(start, abi_product(left, pages->range[PAGE_SIZE]));
	if (pay(pages, start, end) || again || !knows(driver))
		return the_rest(driver, VFMIG_PFN_DIRTY_ALL);
	driver->value = left < most(pages) ? left : most(pages);
	return report(driver);
}

void region_pages_dropped(struct region_driver *driver)
{
	struct region_pages *pages = &driver->pages;

	pages->asking = false;
	owe(pages, pages->done, driver->value);
}

ssize_t region_expose_bitmap(struct region_driver *driver)
{
	struct region_pages *pages = &driver->pages;

	/*
	 * The bitmap takes the place of the device's data, which waits elsewhere; see hand_over().
	 */
	if (pages->at == driver->layout.data_start && driver->staged && !driver->aside) {
		memcpy(driver->own, driver->bytes + pages->at, driver->staged);
		driver->aside = true;
	}
	memcpy(driver->bytes + pages->at, pages->bitmap, (pages->reported + 63) / 64 * 8);
	pages->current = false;
	pages->fetched = true;
	return region_give(driver, pages->at);
}
