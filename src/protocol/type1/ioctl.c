/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A space as a type1 container: the ioctls' structures, as they lie in the user's memory.
 *
 * Linux reads no further than the structures that it supports, and checks argsz before it reads
 * what follows. So each structure is copied first, then checked, then used.
 */
#include <errno.h>
#include <string.h>

#include "protocol/type1/driver.h"

static int no_room(struct vfmig_error *err)
{
	return vfmig_err(err, -EFAULT, "argsz exceeds the buffer");
}

static int refuse(const char *why, struct vfmig_error *err)
{
	return vfmig_err(err, -EINVAL, "%s", why);
}

/* Copy in what follows the first @at bytes. */
static int fetch(void *to, size_t size, const void *arg, size_t capacity, size_t at,
		 struct vfmig_error *err)
{
	if (at > capacity || capacity - at < size)
		return no_room(err);
	memcpy(to, (const char *)arg + at, size);
	return 0;
}

static int get_info(struct vfmig_type1 *t, void *arg, size_t capacity, struct vfmig_error *err)
{
	uint32_t argsz;
	ssize_t ret;

	if (capacity < VFMIG_TYPE1_INFO_MIN)
		return no_room(err);
	memcpy(&argsz, arg, sizeof(argsz));
	ret = vfmig_type1_get_info(t, argsz, arg, capacity);
	if (ret == -EINVAL)
		return refuse("GET_INFO: argsz is less than 16", err);
	return ret < 0 ? no_room(err) : 0;
}

/* Nothing that is mapped has lost its vaddr: UNMAP_DMA refuses to take it away. */
static int new_vaddr(struct vfmig_type1 *t, const struct vfmig_type1_dma_map *m,
		     struct vfmig_error *err)
{
	struct type1_look look = {.iova = m->iova, .last = m->iova + (m->size - 1)};

	type1_get_state(t, &look);
	if (!look.touches)
		return vfmig_err(err, -ENOENT, "MAP_DMA: VADDR for a range that is not mapped");
	return refuse("MAP_DMA: VADDR for a map whose vaddr is valid", err);
}

static int map_dma(struct vfmig_type1 *t, const void *arg, size_t capacity, struct vfmig_error *err)
{
	struct vfmig_type1_dma_map m;
	struct vfmig_map map;
	const char *why;
	int ret = fetch(&m, sizeof(m), arg, capacity, 0, err);

	if (ret)
		return ret;
	why = abi_type1_check_map(&m, VFMIG_PAGE_SIZE);
	if (why)
		return refuse(why, err);
	if (m.flags & VFMIG_DMA_MAP_VADDR)
		return new_vaddr(t, &m, err);
	map = (struct vfmig_map){.iova = m.iova,
				 .size = m.size,
				 .prot = m.flags, /* the same bits */
				 .kind = VFMIG_MAP_MEMORY,
				 .ptr = (void *)(uintptr_t)m.vaddr,
				 .fd = -1};
	return type1_do_map(t, &map, t->user.map != NULL, err);
}

static int unmap_dma(struct vfmig_type1 *t, void *arg, size_t capacity, struct vfmig_error *err)
{
	struct type1_sink sink = {.user = &t->user};
	struct vfmig_type1_bitmap bitmap;
	struct vfmig_type1_dma_unmap u;
	const char *why;
	bool get;
	int ret = fetch(&u, sizeof(u), arg, capacity, 0, err);

	if (ret)
		return ret;
	why = abi_type1_check_unmap(&u, NULL, VFMIG_PAGE_SIZE);
	if (why)
		return refuse(why, err);
	/*
	 * Devices here are not notified when a vaddr goes, so it cannot go. Linux returns the same
	 * for an mdev.
	 */
	if (u.flags & VFMIG_DMA_UNMAP_VADDR)
		return vfmig_err(err, -EBUSY, "UNMAP_DMA: the flag VADDR is not supported");
	get = u.flags & VFMIG_DMA_UNMAP_GET_DIRTY_BITMAP;
	if (get) {
		ret = fetch(&bitmap, sizeof(bitmap), arg, capacity, sizeof(u), err);
		if (ret)
			return ret;
		why = abi_type1_check_unmap(&u, &bitmap, VFMIG_PAGE_SIZE);
		if (why)
			return refuse(why, err);
		sink.data = bitmap.data;
	}
	if (u.flags & VFMIG_DMA_UNMAP_ALL)
		ret = vfmig_type1_unmap_all(t, &u.size, err);
	else
		ret = type1_do_unmap(t, u.iova, &u.size, get ? &sink : NULL, err);
	memcpy(arg, &u, sizeof(u));
	return ret;
}

static int get_bitmap(struct vfmig_type1 *t, const void *arg, size_t capacity,
		      struct vfmig_error *err)
{
	struct type1_sink sink = {.user = &t->user};
	struct vfmig_type1_dirty_get get;
	const char *why;
	int ret = fetch(&get, sizeof(get), arg, capacity, sizeof(struct vfmig_type1_dirty_pages),
			err);

	if (ret)
		return ret;
	why = abi_type1_check_dirty_get(&get, VFMIG_PAGE_SIZE);
	if (why)
		return refuse(why, err);
	sink.data = get.bitmap.data;
	return type1_do_dirty(t, get.iova, get.size, &sink, err);
}

static int dirty_pages(struct vfmig_type1 *t, const void *arg, size_t capacity,
		       struct vfmig_error *err)
{
	struct vfmig_type1_dirty_pages d;
	const char *why;
	int ret = fetch(&d, sizeof(d), arg, capacity, 0, err);

	if (ret)
		return ret;
	if (t->v1)
		return vfmig_err(
			err, -EACCES,
			"DIRTY_PAGES is not supported by VFIO_TYPE1_IOMMU; set VFIO_TYPE1v2_IOMMU");
	why = abi_type1_check_dirty(&d);
	if (why)
		return refuse(why, err);
	switch (d.flags) {
	case VFMIG_TYPE1_DIRTY_START:
		return vfmig_type1_start_logging(t, err);
	case VFMIG_TYPE1_DIRTY_STOP:
		vfmig_type1_stop_logging(t);
		return 0;
	default:
		return get_bitmap(t, arg, capacity, err);
	}
}

int vfmig_type1_ioctl(struct vfmig_type1 *t, uint32_t number, void *arg, size_t capacity,
		      struct vfmig_error *err)
{
	switch (number) {
	case VFMIG_IOCTL_IOMMU_GET_INFO:
		return get_info(t, arg, capacity, err);
	case VFMIG_IOCTL_IOMMU_MAP_DMA:
		return map_dma(t, arg, capacity, err);
	case VFMIG_IOCTL_IOMMU_UNMAP_DMA:
		return unmap_dma(t, arg, capacity, err);
	case VFMIG_IOCTL_IOMMU_DIRTY_PAGES:
		return dirty_pages(t, arg, capacity, err);
	default:
		return vfmig_err(err, -ENOTTY, "ioctl %u is not supported by a type1 container",
				 number);
	}
}
