/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tracking by PAGEMAP_SCAN: the kernel records writes in its page tables, and reports them and
 * protects the pages again in one step. The tracker needs no thread of its own.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "engine/tracker/uffd.h"

#define RUNS 256
#define HUGE (2u << 20)

#define FEATURES (TRACKER_UFFD_WP_SHARED | TRACKER_UFFD_WP_UNPOPULATED | TRACKER_UFFD_WP_ASYNC)

/* The kernel protects huge pages of this size alone. */
static int can_scan(const struct tracker_watched *range, struct vfmig_error *err)
{
	if (range->page == VFMIG_PAGE_SIZE || range->page == HUGE)
		return 0;
	return vfmig_err(
		err, -EOPNOTSUPP,
		"memory at %p (IOVA 0x%llx) has pages of %llu KiB, whose writes "
		"PAGEMAP_SCAN does not tell; a tracker of kind VFMIG_CPU_TRACKER_FAULTS does",
		(void *)range->ptr, (unsigned long long)range->iova,
		(unsigned long long)range->page >> 10);
}

int tracker_pagemap_start(struct vfmig_cpu_tracker *t, struct vfmig_error *err)
{
	int ret = 0;

	t->uffd = tracker_uffd_open(FEATURES, false, err);
	if (t->uffd < 0)
		return t->uffd;
	t->pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	if (t->pagemap < 0)
		ret = vfmig_err(err, -errno, "/proc/self/pagemap cannot be opened: %s",
				strerror(errno));
	for (size_t i = 0; i < t->count && !ret; i++) {
		ret = can_scan(&t->ranges[i], err);
		if (!ret)
			ret = tracker_uffd_watch(t->uffd, &t->ranges[i], err);
	}
	if (ret)
		tracker_pagemap_stop(t);
	return ret;
}

static int scan_one(struct vfmig_cpu_tracker *t, const struct tracker_watched *range,
		    struct vfmig_dirty *into, struct vfmig_error *err)
{
	struct tracker_pm_region runs[RUNS];
	struct tracker_pm_scan scan = {
		.size = sizeof(scan),
		.flags = TRACKER_PM_WP_MATCHING | TRACKER_PM_CHECK_WPASYNC,
		.vec = (uintptr_t)runs,
		.vec_len = RUNS,
		.category_mask = TRACKER_PM_PAGE_IS_WRITTEN,
		.return_mask = TRACKER_PM_PAGE_IS_WRITTEN,
	};

	tracker_watched_pages(range, &scan.start, &scan.end);
	while (scan.start < scan.end) {
		int n = ioctl(t->pagemap, TRACKER_PAGEMAP_SCAN, &scan);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return vfmig_err(err, -errno, "PAGEMAP_SCAN of memory at %p: %s",
					 (void *)range->ptr, strerror(errno));
		for (int i = 0; i < n; i++)
			tracker_watched_mark(t, runs[i].start, runs[i].end, into);
		if (scan.walk_end <= scan.start)
			return vfmig_err(err, -EIO, "PAGEMAP_SCAN does not get on");
		scan.start = scan.walk_end;
	}
	return 0;
}

int tracker_pagemap_read_clear(struct vfmig_cpu_tracker *t, uint64_t iova, uint64_t size,
			       struct vfmig_dirty *into, struct vfmig_error *err)
{
	struct tracker_watched part;
	int ret = 0;

	for (size_t i = 0; i < t->count && !ret; i++)
		if (tracker_watched_part(&t->ranges[i], iova, size, &part))
			ret = scan_one(t, &part, into, err);
	return ret;
}

void tracker_pagemap_stop(struct vfmig_cpu_tracker *t)
{
	if (t->uffd >= 0)
		close(t->uffd); /* which ends all that was registered */
	if (t->pagemap >= 0)
		close(t->pagemap);
	t->uffd = t->pagemap = -1;
}
