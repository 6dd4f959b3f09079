/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Watched memory: which part of it, which of its pages, and where in the spaces it is.
 */
#include "engine/tracker/uffd.h"

bool tracker_watched_part(const struct tracker_watched *range, uint64_t iova, uint64_t size,
			  struct tracker_watched *part)
{
	uint64_t first = range->iova > iova ? range->iova : iova;
	uint64_t a = range->iova + (range->size - 1), b = iova + (size - 1);
	uint64_t last = a < b ? a : b;

	if (!size || first > last)
		return false;
	*part = (struct tracker_watched){.ptr = range->ptr + (first - range->iova),
					 .iova = first,
					 .size = last - first + 1,
					 .page = range->page};
	return true;
}

void tracker_watched_pages(const struct tracker_watched *range, uint64_t *start, uint64_t *end)
{
	uint64_t at = (uintptr_t)range->ptr;

	*start = at & ~(range->page - 1);
	*end = (at + range->size + range->page - 1) & ~(range->page - 1);
}

void tracker_watched_mark(const struct vfmig_cpu_tracker *t, uint64_t start, uint64_t end,
			  struct vfmig_dirty *into)
{
	for (size_t i = 0; i < t->count; i++) {
		const struct tracker_watched *range = &t->ranges[i];
		uint64_t at = (uintptr_t)range->ptr;
		uint64_t first = start > at ? start - at : 0;
		uint64_t last = end > at ? end - at : 0;

		last = last < range->size ? last : range->size;
		if (first >= last)
			continue;
		vfmig_dirty_mark(into, range->iova + first, last - first);
		if (!t->shared)
			return;
	}
}
