/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A log of written pages that is an array of flags, and fails when it is told to.
 */
#ifndef TESTS_PFN_FAKE_LOGGER_H
#define TESTS_PFN_FAKE_LOGGER_H

#include "tests/v1/shown.h"

#define FAKE_PAGES 5000

struct fake_logger {
	struct logger logger; /* first */
	bool on;
	unsigned starts, stops;
	bool dirty[FAKE_PAGES]; /* of 4 KiB each */
	int fail_start, fail_report;
};

static inline int fake_start(struct logger *logger, uint64_t *page_size,
			     const struct vfmig_dma_logging_range *ranges, uint32_t count,
			     struct vfmig_error *err)
{
	struct fake_logger *fake = (struct fake_logger *)logger;

	CHECK(!fake->on && !count);
	if (fake->fail_start)
		return vfmig_err(err, fake->fail_start, "fake: told not to log");
	memset(fake->dirty, 0, sizeof(fake->dirty));
	fake->on = true;
	fake->starts++;
	return 0;
}

static inline int fake_stop(struct logger *logger, struct vfmig_error *err)
{
	struct fake_logger *fake = (struct fake_logger *)logger;

	CHECK(fake->on);
	fake->on = false;
	fake->stops++;
	return 0;
}

static inline int fake_report(struct logger *logger, uint64_t iova, uint64_t length,
			      uint64_t page_size, uint64_t *bitmap, struct vfmig_error *err)
{
	struct fake_logger *fake = (struct fake_logger *)logger;

	CHECK(fake->on && iova % page_size == 0 && length % page_size == 0);
	if (fake->fail_report)
		return vfmig_err(err, fake->fail_report, "fake: told not to report");
	for (uint64_t at = iova; at < iova + length; at += 4096) {
		uint64_t bit = (at - iova) / page_size;

		if (at / 4096 >= FAKE_PAGES || !fake->dirty[at / 4096])
			continue;
		fake->dirty[at / 4096] = false;
		bitmap[bit / 64] |= 1ull << bit % 64;
	}
	return 0;
}

static const struct logger_ops fake_logger_ops = {
	.start = fake_start,
	.stop = fake_stop,
	.report = fake_report,
};

static inline struct shown *shown_pages(struct fake_logger *fake,
					const struct region_options *options)
{
	memset(fake, 0, sizeof(*fake));
	fake->logger.ops = &fake_logger_ops;
	return shown_new(VFMIG_REGION_PFN, FAKE_ALL, &fake->logger, options);
}

static inline void put_range(struct shown *shown, uint64_t start, uint64_t size, uint64_t total)
{
	CHECK_EQ(put64(shown, START_PFN, start), 0);
	CHECK_EQ(put64(shown, PAGE_SIZE, size), 0);
	CHECK_EQ(put64(shown, TOTAL_PFNS, total), 0);
}

#endif
