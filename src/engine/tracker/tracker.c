/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The tracker of the CPU's writes: the memory that it watches, and the choice between the two
 * methods.
 *
 * The same page may be watched through several mappings, and a write through any of them is
 * reported.
 */
#include <errno.h>
#include <stdlib.h>

#include "device/space_map.h"
#include "engine/tracker/uffd.h"
#include "engine/vma.h"

static int add(struct vfmig_cpu_tracker *t, void *ptr, uint64_t iova, uint64_t size)
{
	struct tracker_watched *ranges = realloc(t->ranges, (t->count + 1) * sizeof(*ranges));

	if (!ranges)
		return -ENOMEM;
	t->ranges = ranges;
	t->ranges[t->count++] = (struct tracker_watched){.ptr = ptr, .iova = iova, .size = size};
	return 0;
}

/* The maps, under the lock that DMA finds them by: the space may be holding its other one. */
static int add_maps(struct vfmig_cpu_tracker *t, struct vfmig_space *space)
{
	int ret = 0;

	t->count = t->given;
	pthread_rwlock_rdlock(&space->table);
	SPACE_FOR_EACH (entry, space) {
		const struct vfmig_map *map = &entry->map;

		if (map->kind == VFMIG_MAP_MEMORY && !ret)
			ret = add(t, map->ptr, map->iova, map->size);
	}
	pthread_rwlock_unlock(&space->table);
	return ret;
}

/* ---- which pages they are in ---- */

static int look_at_vma(void *context, const struct engine_vma *vma)
{
	struct vfmig_cpu_tracker *t = context;

	for (size_t i = 0; i < t->count; i++) {
		struct tracker_watched *range = &t->ranges[i];
		uint64_t start = (uintptr_t)range->ptr, first = start + range->covered;

		if (range->covered == range->size || vma->start > first || vma->end <= first)
			continue;
		if (range->covered && vma->page != range->page)
			continue;
		range->page = vma->page;
		range->covered = vma->end - start < range->size ? vma->end - start : range->size;
	}
	return 0;
}

static int by_address(const void *a, const void *b)
{
	const struct tracker_watched *x = *(const struct tracker_watched *const *)a;
	const struct tracker_watched *y = *(const struct tracker_watched *const *)b;

	return x->ptr < y->ptr ? -1 : x->ptr > y->ptr;
}

static int find_shared(struct vfmig_cpu_tracker *t)
{
	const struct tracker_watched **order = calloc(t->count + 1, sizeof(*order));
	uint64_t start, end, last = 0;

	if (!order)
		return -ENOMEM;
	for (size_t i = 0; i < t->count; i++)
		order[i] = &t->ranges[i];
	qsort(order, t->count, sizeof(*order), by_address);
	t->shared = false;
	for (size_t i = 0; i < t->count; i++) {
		tracker_watched_pages(order[i], &start, &end);
		t->shared |= start < last;
		last = end > last ? end : last;
	}
	free(order);
	return 0;
}

static int find_pages(struct vfmig_cpu_tracker *t, struct vfmig_error *err)
{
	int ret;

	for (size_t i = 0; i < t->count; i++)
		t->ranges[i].covered = 0;
	ret = engine_vmas_each(look_at_vma, t, err);
	for (size_t i = 0; i < t->count && !ret; i++) {
		const struct tracker_watched *range = &t->ranges[i];

		if (range->covered < range->size)
			ret = vfmig_err(err, -EOPNOTSUPP,
					"memory at %p (0x%llx bytes, IOVA 0x%llx) cannot be "
					"watched for writes: at %p it is not mapped, or its pages "
					"are of another size",
					(void *)range->ptr, (unsigned long long)range->size,
					(unsigned long long)range->iova,
					(void *)(range->ptr + range->covered));
	}
	return ret ? ret : find_shared(t);
}

/* ---- the tracker ---- */

static int start(void *context, struct vfmig_space *space, struct vfmig_error *err)
{
	struct vfmig_cpu_tracker *t = context;
	int ret = add_maps(t, space);

	if (ret)
		return vfmig_err(err, ret, "no memory for a tracker");
	ret = find_pages(t, err);
	if (ret)
		return ret;
	ret = t->kind == VFMIG_CPU_TRACKER_PAGEMAP ? tracker_pagemap_start(t, err)
						   : tracker_faults_start(t, err);
	t->runs = !ret;
	return ret;
}

static int read_clear(void *context, uint64_t iova, uint64_t size, struct vfmig_dirty *into,
		      struct vfmig_error *err)
{
	struct vfmig_cpu_tracker *t = context;

	return t->kind == VFMIG_CPU_TRACKER_PAGEMAP
		       ? tracker_pagemap_read_clear(t, iova, size, into, err)
		       : tracker_faults_read_clear(t, iova, size, into, err);
}

static void stop(void *context)
{
	struct vfmig_cpu_tracker *t = context;

	if (t->kind == VFMIG_CPU_TRACKER_PAGEMAP)
		tracker_pagemap_stop(t);
	else
		tracker_faults_stop(t);
	t->runs = false;
	t->count = t->given;
}

/* Whether the method works here: tried on no memory. */
static int try(struct vfmig_cpu_tracker *t, enum vfmig_cpu_tracker_kind kind,
	       struct vfmig_error *err)
{
	int ret;

	t->kind = kind;
	ret = kind == VFMIG_CPU_TRACKER_PAGEMAP ? tracker_pagemap_start(t, err)
						: tracker_faults_start(t, err);
	if (!ret)
		stop(t);
	return ret;
}

int vfmig_cpu_tracker_new(enum vfmig_cpu_tracker_kind kind, struct vfmig_cpu_tracker **tracker,
			  struct vfmig_error *err)
{
	struct vfmig_cpu_tracker *t = calloc(1, sizeof(*t));
	int ret = -EOPNOTSUPP;

	if (!t)
		return vfmig_err(err, -ENOMEM, "no memory for a tracker");
	t->uffd = t->pagemap = t->stop = -1;
	pthread_mutex_init(&t->lock, NULL);
	if (kind != VFMIG_CPU_TRACKER_FAULTS)
		ret = try(t, VFMIG_CPU_TRACKER_PAGEMAP, kind == VFMIG_CPU_TRACKER_ANY ? NULL : err);
	if (ret && kind != VFMIG_CPU_TRACKER_PAGEMAP)
		ret = try(t, VFMIG_CPU_TRACKER_FAULTS, err);
	if (ret) {
		vfmig_cpu_tracker_free(t);
		return ret;
	}
	t->face = (struct vfmig_tracker){
		.name = t->kind == VFMIG_CPU_TRACKER_PAGEMAP ? "cpu (pagemap)" : "cpu (faults)",
		.start = start,
		.read_clear = read_clear,
		.stop = stop,
		.context = t,
	};
	*tracker = t;
	return 0;
}

void vfmig_cpu_tracker_free(struct vfmig_cpu_tracker *tracker)
{
	if (!tracker)
		return;
	if (tracker->runs)
		stop(tracker);
	free(tracker->ranges);
	pthread_mutex_destroy(&tracker->lock);
	free(tracker);
}

enum vfmig_cpu_tracker_kind vfmig_cpu_tracker_get_kind(const struct vfmig_cpu_tracker *tracker)
{
	return tracker->kind;
}

int vfmig_cpu_tracker_watch(struct vfmig_cpu_tracker *tracker, void *ptr, uint64_t iova,
			    uint64_t size, struct vfmig_error *err)
{
	if (tracker->runs)
		return vfmig_err(err, -EBUSY, "the tracker runs already");
	if (!size || ((uintptr_t)ptr | iova | size) % VFMIG_PAGE_SIZE ||
	    size - 1 > UINT64_MAX - iova)
		return vfmig_err(err, -EINVAL, "memory to watch must be whole pages");
	if (add(tracker, ptr, iova, size))
		return vfmig_err(err, -ENOMEM, "no memory for a tracker");
	tracker->given = tracker->count;
	return 0;
}

const struct vfmig_tracker *vfmig_cpu_tracker_get_tracker(struct vfmig_cpu_tracker *tracker)
{
	return &tracker->face;
}
