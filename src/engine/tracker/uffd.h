/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the kernel offers to see a process's own writes: userfaultfd's write protection, and PAGEMAP_SCAN.
 *
 * Debian 12's headers are older than the newer half of it, so its numbers and layouts stand here.
 */
#ifndef ENGINE_UFFD_H
#define ENGINE_UFFD_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vfmig/tracker.h>

#include "dirty/map.h"

/* userfaultfd, Linux 5.19 to 6.7 */
#define TRACKER_UFFD_WP_FAULTS	    (1ull << 0)	 /* UFFD_FEATURE_PAGEFAULT_FLAG_WP */
#define TRACKER_UFFD_WP_SHARED	    (1ull << 12) /* UFFD_FEATURE_WP_HUGETLBFS_SHMEM */
#define TRACKER_UFFD_WP_UNPOPULATED (1ull << 13) /* UFFD_FEATURE_WP_UNPOPULATED */
#define TRACKER_UFFD_WP_ASYNC	    (1ull << 15) /* UFFD_FEATURE_WP_ASYNC */

/* PAGEMAP_SCAN on /proc/self/pagemap, Linux 6.7: struct pm_scan_arg and struct page_region */
struct tracker_pm_scan {
	uint64_t size;
	uint64_t flags;
	uint64_t start, end;
	uint64_t walk_end;
	uint64_t vec, vec_len;
	uint64_t max_pages;
	uint64_t category_inverted, category_mask, category_anyof_mask, return_mask;
};
struct tracker_pm_region {
	uint64_t start, end;
	uint64_t categories;
};
#define TRACKER_PAGEMAP_SCAN	   _IOWR('f', 16, struct tracker_pm_scan)
#define TRACKER_PM_WP_MATCHING	   (1ull << 0)
#define TRACKER_PM_CHECK_WPASYNC   (1ull << 1)
#define TRACKER_PM_PAGE_IS_WRITTEN (1ull << 1)

/*
 * Memory that is watched.
 * @page: the size of its pages, which are protected whole; more than VFMIG_PAGE_SIZE if it is of hugetlbfs. From the
 *	start on
 * @covered: how many bytes from @ptr on were found to be mapped
 */
struct tracker_watched {
	uint8_t *ptr;
	uint64_t iova, size;
	uint64_t page, covered;
};

/* Get the part of it that is in [iova, iova + size); false if it has no such part. */
bool tracker_watched_part(const struct tracker_watched *range, uint64_t iova, uint64_t size,
			  struct tracker_watched *part);
/* The addresses of all pages that it is in, also in part. Its ends may lie within a huge page. */
void tracker_watched_pages(const struct tracker_watched *range, uint64_t *start, uint64_t *end);

/*
 * The inside of a tracker.
 * @given: of @ranges, those that the user added; the space's maps come behind them at the start
 * @uffd, @pagemap, @stop: descriptors; -1 while not in use
 * @lost: faults: a page could not be unprotected, and so its memory is no longer watched
 * @lock: faults: recording and unprotecting a page is one step for a collection
 */
struct vfmig_cpu_tracker {
	enum vfmig_cpu_tracker_kind kind;
	struct vfmig_tracker face;
	struct tracker_watched *ranges;
	size_t given, count;
	bool shared; /* a page may be of several ranges: one memory at two IOVAs, two maps in one huge page */
	bool runs, lost;
	int uffd, pagemap, stop;
	pthread_t thread;
	pthread_mutex_t lock;
	struct vfmig_dirty *noted;
};

/* Addresses [start, end) were written: mark all ranges that they are in. */
void tracker_watched_mark(const struct vfmig_cpu_tracker *t, uint64_t start, uint64_t end,
			  struct vfmig_dirty *into);

/* A descriptor with these features, or a negative errno. @kernel: faults inside the kernel must be seen. */
int tracker_uffd_open(uint64_t features, bool kernel, struct vfmig_error *err);
/* Register memory for write protection, and protect it. */
int tracker_uffd_watch(int uffd, const struct tracker_watched *range, struct vfmig_error *err);
int tracker_uffd_protect(int uffd, uint64_t start, uint64_t end, bool on);
void tracker_uffd_leave(int uffd, const struct tracker_watched *range);

/* The two ways; start and stop with @ranges complete. */
int tracker_pagemap_start(struct vfmig_cpu_tracker *t, struct vfmig_error *err);
int tracker_pagemap_read_clear(struct vfmig_cpu_tracker *t, uint64_t iova, uint64_t size,
			       struct vfmig_dirty *into, struct vfmig_error *err);
void tracker_pagemap_stop(struct vfmig_cpu_tracker *t);
int tracker_faults_start(struct vfmig_cpu_tracker *t, struct vfmig_error *err);
int tracker_faults_read_clear(struct vfmig_cpu_tracker *t, uint64_t iova, uint64_t size,
			      struct vfmig_dirty *into, struct vfmig_error *err);
void tracker_faults_stop(struct vfmig_cpu_tracker *t);

#endif
