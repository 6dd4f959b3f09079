/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The user's side of a type1 container.
 *
 * The container refuses a query about a part of a map, so maps are queried whole, as they were
 * mapped. The result of an unmap is kept here until the space collects it, which it does when its
 * devices have released the map: the container has no record of it by then. If the container
 * cannot report, everything counts as written.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "abi/feature.h"
#include "device/ranges.h"
#include "dirty/map.h"
#include "protocol/type1/user.h"

/* More than Linux ever reports. */
#define INFO_MAX 65536u

/*
 * @last: what was written in maps that are gone, and not collected
 * @logs: START succeeded
 */
struct type1_user {
	type1_ask_fn ask;
	void *context;
	struct abi_type1_says says;
	struct vfmig_type1_iova_range ranges[ABI_TYPE1_RANGES_MAX];
	uint64_t pgsize;
	struct vfmig_tracker tracker;

	pthread_mutex_t lock;
	struct ranges maps;
	struct vfmig_dirty *last;
	bool logs;
};

/* ---- the container's information ---- */

static int ask_info(struct type1_user *d, struct vfmig_error *err)
{
	struct vfmig_type1_info first = {.argsz = sizeof(first)}, *info;
	const char *why;
	int ret = d->ask(d->context, VFMIG_IOCTL_IOMMU_GET_INFO, &first);

	if (ret)
		return vfmig_err(err, ret, "the container rejected GET_INFO: %s", strerror(-ret));
	if (first.argsz < sizeof(first))
		first.argsz = sizeof(first);
	if (first.argsz > INFO_MAX)
		return vfmig_err(
			err, -EPROTO,
			"the container's information has %u bytes, which is above the limit",
			first.argsz);
	info = calloc(1, first.argsz);
	if (!info)
		return vfmig_err(err, -ENOMEM, "no memory for a container");
	info->argsz = first.argsz;
	ret = d->ask(d->context, VFMIG_IOCTL_IOMMU_GET_INFO, info);
	why = ret ? strerror(-ret)
		  : abi_type1_get_info(info, first.argsz, &d->says, ABI_TYPE1_RANGES_MAX);
	free(info);
	if (why)
		return vfmig_err(err, ret ? ret : -EPROTO, "the container: %s", why);
	/* Only the smallest page size is certain to be accepted. */
	d->pgsize = d->says.pgsize_bitmap & -d->says.pgsize_bitmap;
	return 0;
}

int type1_user_new(type1_ask_fn ask, void *context, struct type1_user **user,
		   struct vfmig_error *err)
{
	struct type1_user *d = calloc(1, sizeof(*d));
	int ret;

	if (!d || dirty_create(&d->last, NULL)) {
		free(d);
		return vfmig_err(err, -ENOMEM, "no memory for a container");
	}
	d->ask = ask;
	d->context = context;
	d->says.ranges = d->ranges;
	pthread_mutex_init(&d->lock, NULL);
	ret = ask_info(d, err);
	if (ret)
		type1_user_free(d);
	else
		*user = d;
	return ret;
}

static void forget(struct type1_user *d, struct ranges_node *map)
{
	ranges_remove(&d->maps, map);
	free(map);
}

void type1_user_free(struct type1_user *d)
{
	if (!d)
		return;
	pthread_mutex_destroy(&d->lock);
	dirty_free(d->last);
	while (d->maps.root)
		forget(d, d->maps.root);
	free(d);
}

const struct abi_type1_says *type1_user_reported(const struct type1_user *d)
{
	return &d->says;
}

/* ---- maps ---- */

static int refused(int ret, const char *what, uint64_t iova, uint64_t size, struct vfmig_error *err)
{
	return vfmig_err(err, ret, "the container rejected %s of 0x%llx bytes at IOVA 0x%llx: %s",
			 what, (unsigned long long)size, (unsigned long long)iova, strerror(-ret));
}

int type1_user_map(struct type1_user *d, const struct vfmig_map *map, struct vfmig_error *err)
{
	struct vfmig_type1_dma_map m = {
		.argsz = sizeof(m),
		.flags = map->prot, /* the same bits */
		.vaddr = (uintptr_t)map->ptr,
		.iova = map->iova,
		.size = map->size,
	};
	struct ranges_node *range;
	int ret;

	if (map->kind != VFMIG_MAP_MEMORY)
		return vfmig_err(
			err, -EOPNOTSUPP,
			"map at IOVA 0x%llx: a container can map memory of this process only",
			(unsigned long long)map->iova);
	range = calloc(1, sizeof(*range));
	if (!range)
		return vfmig_err(err, -ENOMEM, "no memory for a map");
	range->first = map->iova;
	range->last = map->iova + (map->size - 1);
	pthread_mutex_lock(&d->lock);
	ret = d->ask(d->context, VFMIG_IOCTL_IOMMU_MAP_DMA, &m);
	if (ret)
		free(range);
	else
		ranges_add(&d->maps, range);
	pthread_mutex_unlock(&d->lock);
	return ret ? refused(ret, "a map", map->iova, map->size, err) : 0;
}

/* A bitmap for this many bytes, or NULL if there cannot be one. */
static uint64_t *bitmap_for(const struct type1_user *d, uint64_t size, uint64_t *bytes)
{
	*bytes = abi_bitmap_bytes(size, d->pgsize);
	if (!*bytes || *bytes > d->says.max_dirty_bitmap_size ||
	    *bytes > VFMIG_TYPE1_BITMAP_BYTES_MAX)
		return NULL;
	return calloc(1, *bytes);
}

/* Called with the lock held. Without a bitmap, or if that fails, all of it counts as written. */
static int take_out(struct type1_user *d, const struct vfmig_map *map)
{
	struct {
		struct vfmig_type1_dma_unmap u;
		struct vfmig_type1_bitmap bitmap;
	} arg = {.u = {.argsz = sizeof(arg.u), .iova = map->iova, .size = map->size}};
	uint64_t bytes, *bits = d->logs ? bitmap_for(d, map->size, &bytes) : NULL;
	int ret = -ENOMEM;

	if (bits) {
		arg.u.argsz = sizeof(arg);
		arg.u.flags = VFMIG_DMA_UNMAP_GET_DIRTY_BITMAP;
		arg.bitmap = (struct vfmig_type1_bitmap){
			.pgsize = d->pgsize, .size = bytes, .data = (uintptr_t)bits};
		ret = d->ask(d->context, VFMIG_IOCTL_IOMMU_UNMAP_DMA, &arg);
		if (!ret)
			dirty_mark_bitmap(d->last, map->iova, map->size, d->pgsize, bits);
		free(bits);
	}
	if (!ret)
		return 0;
	if (d->logs)
		vfmig_dirty_mark(d->last, map->iova, map->size);
	arg.u = (struct vfmig_type1_dma_unmap){
		.argsz = sizeof(arg.u), .iova = map->iova, .size = map->size};
	return d->ask(d->context, VFMIG_IOCTL_IOMMU_UNMAP_DMA, &arg);
}

int type1_user_unmap(struct type1_user *d, const struct vfmig_map *map, struct vfmig_error *err)
{
	struct ranges_node *range;
	int ret = 0;

	pthread_mutex_lock(&d->lock);
	range = ranges_find(&d->maps, map->iova);
	if (range && range->first == map->iova && range->last == map->iova + (map->size - 1)) {
		forget(d, range);
		ret = take_out(d, map);
	}
	pthread_mutex_unlock(&d->lock);
	return ret ? refused(ret, "an unmap", map->iova, map->size, err) : 0;
}

/* ---- the tracker ---- */

static int operation(struct type1_user *d, uint32_t flags)
{
	struct vfmig_type1_dirty_pages arg = {.argsz = sizeof(arg), .flags = flags};

	return d->ask(d->context, VFMIG_IOCTL_IOMMU_DIRTY_PAGES, &arg);
}

static int start(void *context, struct vfmig_space *space, struct vfmig_error *err)
{
	struct type1_user *d = context;
	int ret;

	if (!d->says.has_migration || !d->pgsize)
		return vfmig_err(err, -EOPNOTSUPP,
				 "the container does not support dirty page logging");
	pthread_mutex_lock(&d->lock);
	dirty_clear(d->last, 0, UINT64_MAX);
	ret = operation(d, VFMIG_TYPE1_DIRTY_START);
	d->logs = !ret;
	pthread_mutex_unlock(&d->lock);
	return ret ? vfmig_err(err, ret, "the container could not start dirty page logging: %s",
			       strerror(-ret))
		   : 0;
}

static void stop(void *context)
{
	struct type1_user *d = context;

	pthread_mutex_lock(&d->lock);
	operation(d, VFMIG_TYPE1_DIRTY_STOP);
	d->logs = false;
	pthread_mutex_unlock(&d->lock);
}

/* One whole map, whichever part of it the query is about. */
static int ask_about(struct type1_user *d, const struct ranges_node *map, struct vfmig_dirty *into)
{
	uint64_t size = map->last - map->first + 1, bytes;
	uint64_t *bits = bitmap_for(d, size, &bytes);
	struct {
		struct vfmig_type1_dirty_pages d;
		struct vfmig_type1_dirty_get get;
	} arg = {
		.d = {.argsz = sizeof(arg), .flags = VFMIG_TYPE1_DIRTY_GET_BITMAP},
		.get = {.iova = map->first,
			.size = size,
			.bitmap = {.pgsize = d->pgsize, .size = bytes, .data = (uintptr_t)bits}},
	};
	int ret;

	if (!bits)
		return -ENOMEM;
	ret = d->ask(d->context, VFMIG_IOCTL_IOMMU_DIRTY_PAGES, &arg);
	if (!ret)
		dirty_mark_bitmap(into, map->first, size, d->pgsize, bits);
	free(bits);
	return ret;
}

static int read_clear(void *context, uint64_t iova, uint64_t size, struct vfmig_dirty *into,
		      struct vfmig_error *err)
{
	struct type1_user *d = context;
	uint64_t last = iova + (size - 1);
	const struct ranges_node *map;
	int ret = 0;

	pthread_mutex_lock(&d->lock);
	dirty_merge(d->last, iova, size, &into, 1);
	for (map = ranges_find(&d->maps, iova); map && map->first <= last && !ret;
	     map = ranges_next(&d->maps, map))
		ret = ask_about(d, map, into);
	pthread_mutex_unlock(&d->lock);
	return ret ? refused(ret, "a bitmap", iova, size, err) : 0;
}

const struct vfmig_tracker *type1_user_tracker(struct type1_user *d, struct vfmig_device *device)
{
	d->tracker = (struct vfmig_tracker){.name = "type1",
					    .device = device,
					    .start = start,
					    .read_clear = read_clear,
					    .stop = stop,
					    .context = d};
	return &d->tracker;
}
