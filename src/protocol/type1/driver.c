/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A space as a type1 container: its information, and maps.
 *
 * The container enforces what it reports: it checks the limit on maps and the ranges against the
 * maps that the space has at that moment, including those made elsewhere.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/type1/driver.h"

static const struct vfmig_type1_iova_range everything = {.start = 0, .end = UINT64_MAX};

static int take_ranges(struct vfmig_type1 *t, const struct vfmig_type1_options *options,
		       struct vfmig_error *err)
{
	const struct vfmig_type1_iova_range *from = &everything;
	uint32_t n = 1;

	if (options && options->range_count) {
		from = options->ranges;
		n = options->range_count;
	}
	if (n > ABI_TYPE1_RANGES_MAX)
		return vfmig_err(err, -EINVAL, "container: %u IOVA ranges; the limit is %u", n,
				 ABI_TYPE1_RANGES_MAX);
	for (uint32_t i = 0; i < n; i++)
		if (from[i].start > from[i].end || (i && from[i].start <= from[i - 1].end))
			return vfmig_err(
				err, -EINVAL,
				"container: IOVA range %u is empty, or not in ascending order", i);
	t->ranges = malloc(n * sizeof(*from));
	if (!t->ranges)
		return vfmig_err(err, -ENOMEM, "no memory for a container");
	memcpy(t->ranges, from, n * sizeof(*from));
	t->range_count = n;
	return 0;
}

int vfmig_type1_new(struct vfmig_space *space, const struct vfmig_type1_options *options,
		    struct vfmig_type1 **container, struct vfmig_error *err)
{
	struct vfmig_type1 *t = calloc(1, sizeof(*t));
	int ret = t ? take_ranges(t, options, err)
		    : vfmig_err(err, -ENOMEM, "no memory for a container");

	if (ret) {
		free(t);
		return ret;
	}
	t->space = space;
	t->dma_limit = VFMIG_SPACE_MAX_MAPS;
	if (options) {
		t->user = options->user;
		t->v1 = options->v1;
		if (options->dma_limit && options->dma_limit < t->dma_limit)
			t->dma_limit = options->dma_limit;
	}
	pthread_mutex_init(&t->lock, NULL);
	*container = t;
	return 0;
}

void vfmig_type1_free(struct vfmig_type1 *t)
{
	if (!t)
		return;
	vfmig_cursor_close(t->cursor);
	pthread_mutex_destroy(&t->lock);
	free(t->ranges);
	free(t);
}

int vfmig_type1_check_extension(const struct vfmig_type1 *t, uint32_t extension)
{
	(void)t;
	return extension == VFMIG_EXTENSION_TYPE1V2 || extension == VFMIG_EXTENSION_UNMAP_ALL ||
	       extension == VFMIG_EXTENSION_CC_IOMMU;
}

static int look_at(void *context, const struct vfmig_map *map)
{
	struct type1_look *look = context;
	uint64_t last = map->iova + (map->size - 1), pages = map->size / VFMIG_PAGE_SIZE;

	look->largest = pages > look->largest ? pages : look->largest;
	if (!look->touches)
		look->start = map->iova;
	look->end = last;
	look->touches = true;
	look->covered += map->size;
	look->cut |= map->iova < look->iova || last > look->last;
	return 0;
}

void type1_get_state(struct vfmig_type1 *t, struct type1_look *look)
{
	space_each_in(t->space, look->iova, look->last, look_at, look);
}

ssize_t vfmig_type1_get_info(struct vfmig_type1 *t, uint32_t argsz, void *buf, size_t len)
{
	size_t count = space_count(t->space);
	struct abi_type1_says says = {
		.iova_pgsizes = ~(uint64_t)(VFMIG_PAGE_SIZE - 1),
		.has_migration = true,
		.pgsize_bitmap = VFMIG_PAGE_SIZE,
		.max_dirty_bitmap_size = VFMIG_TYPE1_BITMAP_BYTES_MAX,
		.has_dma_avail = true,
		.range_count = t->range_count,
		.ranges = t->ranges,
	};
	size_t written;

	if (argsz < VFMIG_TYPE1_INFO_MIN)
		return -EINVAL;
	says.dma_avail = count < t->dma_limit ? t->dma_limit - (uint32_t)count : 0;
	written = abi_type1_put_info(buf, len, argsz, &says);
	return written ? (ssize_t)written : -EFAULT;
}

/* In the order in which Linux checks. */
static int check(struct vfmig_type1 *t, const struct vfmig_map *map, struct vfmig_error *err)
{
	struct type1_look look = {.iova = map->iova, .last = map->iova + (map->size - 1)};
	unsigned long long iova = map->iova, size = map->size;
	size_t count = space_count(t->space);

	type1_get_state(t, &look);
	if (look.touches)
		return vfmig_err(err, -EEXIST,
				 "map of 0x%llx bytes at IOVA 0x%llx overlaps the one at 0x%llx",
				 size, iova, (unsigned long long)look.start);
	if (count >= t->dma_limit)
		return vfmig_err(err, -ENOSPC, "the container has %zu maps, which is the limit",
				 count);
	if (!abi_type1_may_map(t->ranges, t->range_count, map->iova, map->size))
		return vfmig_err(
			err, -EINVAL,
			"map of 0x%llx bytes at IOVA 0x%llx: not in the IOVA ranges of the container",
			size, iova);
	if (t->cursor && map->size / VFMIG_PAGE_SIZE > VFMIG_TYPE1_BITMAP_PAGES_MAX)
		return vfmig_err(
			err, -EINVAL,
			"map of 0x%llx bytes at IOVA 0x%llx: more pages than the log supports",
			size, iova);
	return 0;
}

int type1_do_map(struct vfmig_type1 *t, const struct vfmig_map *asked, bool ask,
		 struct vfmig_error *err)
{
	struct vfmig_map map = *asked;
	int ret = 0;

	if (ask) {
		pthread_mutex_lock(&t->lock);
		ret = check(t, &map, err);
		pthread_mutex_unlock(&t->lock);
		if (ret)
			return ret;
		ret = t->user.map(t->user.context, &map, err);
		if (ret)
			return vfmig_err_at(err, ret, "map of 0x%llx bytes at IOVA 0x%llx",
					    (unsigned long long)asked->size,
					    (unsigned long long)asked->iova);
	}
	/* The callback chooses the memory of a map, and not its range. */
	map.iova = asked->iova;
	map.size = asked->size;
	pthread_mutex_lock(&t->lock);
	ret = check(t, &map, err);
	if (!ret)
		ret = vfmig_space_map(t->space, &map, err);
	pthread_mutex_unlock(&t->lock);
	return ret;
}

int vfmig_type1_map(struct vfmig_type1 *t, const struct vfmig_map *map, struct vfmig_error *err)
{
	struct vfmig_type1_dma_map numbers = {
		.argsz = sizeof(numbers), .flags = map->prot, .iova = map->iova, .size = map->size};
	const char *why = map->prot & ~(VFMIG_PROT_READ | VFMIG_PROT_WRITE)
				  ? "MAP_DMA: unknown flags"
				  : abi_type1_check_map(&numbers, VFMIG_PAGE_SIZE);

	if (why)
		return vfmig_err(err, -EINVAL, "%s", why);
	return type1_do_map(t, map, false, err);
}
