/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A log of the pages that a device wrote, for devices whose writes are visible in this process: a
 * model's, or a mediated device's. DMA logging and pfn's bitmaps are built on it there.
 */
#ifndef DEVICE_PAGE_LOG_H
#define DEVICE_PAGE_LOG_H

#include "device/session.h"
#include "dirty/map.h"

/*
 * @logger: the log, for code that exposes it
 * @map: to be marked after each write, on or off
 * @on, @ranges, @range: private, under @lock. Without ranges, the log covers everything
 */
struct page_log {
	struct logger logger;
	pthread_mutex_t lock; /* START, STOP and REPORT take turns */
	bool on;
	uint32_t ranges;
	struct vfmig_dma_logging_range *range;
	struct vfmig_dirty *map;
};

/** page_log_init() - off and clean */
int page_log_init(struct page_log *log, struct vfmig_error *err);

/** page_log_fini() - nothing for a log of zeros, which was never made */
void page_log_fini(struct page_log *log);

#endif
