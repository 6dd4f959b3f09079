/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a container's IOMMU answers is protocol/type1's to say. Here the caller's structures are fetched and given back, and
 * what a map needs is looked up and kept with it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "export/dev-vfio/priv.h"

/* No structure of these is larger; GET_INFO returns no more than that. */
#define ROOM_MAX 4096u

static int read_theirs(void *context, uint64_t addr, void *buf, size_t len)
{
	return dev_vfio_copy_in(buf, (const void *)(uintptr_t)addr, len);
}

static int write_theirs(void *context, uint64_t addr, const void *buf, size_t len)
{
	return dev_vfio_copy_out((void *)(uintptr_t)addr, buf, len);
}

/* In the call of MAP_DMA, which holds the ioas's lock. */
static int find_memory(void *context, struct vfmig_map *map, struct vfmig_error *err)
{
	struct dev_vfio_ioas *ioas = context;

	return dev_vfio_ioas_look(ioas, map, &ioas->looked_up, err);
}

int dev_vfio_type1_new(struct dev_vfio_ioas *ioas, bool v1)
{
	/* All that x86 would map: not the window of its interrupts. */
	static const struct vfmig_type1_iova_range ranges[] = {{0, 0xfedfffff},
							       {0xfef00000, UINT64_MAX >> 8}};
	struct vfmig_type1_options options = {
		.range_count = 2,
		.ranges = ranges,
		.v1 = v1,
		.user = {read_theirs, write_theirs, find_memory, ioas},
	};

	return vfmig_type1_new(ioas->space, &options, &ioas->type1, NULL);
}

static long map_dma(struct dev_vfio_ioas *ioas, struct vfmig_type1_dma_map *m, size_t capacity,
		    struct vfmig_error *err)
{
	struct dev_vfio_map *entry = calloc(1, sizeof(*entry));
	long ret;

	if (!entry)
		return -ENOMEM;
	pthread_mutex_lock(&ioas->lock);
	ioas->looked_up = NULL;
	ret = vfmig_type1_ioctl(ioas->type1, VFMIG_IOCTL_IOMMU_MAP_DMA, m, capacity, err);
	entry->backing = ioas->looked_up;
	if (!ret)
		dev_vfio_ioas_keep(ioas, entry, m->iova, m->size);
	pthread_mutex_unlock(&ioas->lock);
	if (ret)
		dev_vfio_ioas_drop(entry);
	return ret;
}

static long unmap_dma(struct dev_vfio_ioas *ioas, struct vfmig_type1_dma_unmap *u, size_t capacity,
		      struct vfmig_error *err)
{
	uint64_t iova = u->iova, size = u->size, bytes = 0;
	bool all = u->flags & VFMIG_DMA_UNMAP_ALL;
	long ret;

	pthread_mutex_lock(&ioas->lock);
	ret = vfmig_type1_ioctl(ioas->type1, VFMIG_IOCTL_IOMMU_UNMAP_DMA, u, capacity, err);
	if (all || (size && size - 1 <= UINT64_MAX - iova))
		bytes = dev_vfio_ioas_forget(ioas, all ? 0 : iova,
					     all ? UINT64_MAX : iova + (size - 1));
	pthread_mutex_unlock(&ioas->lock);
	/* In Linux no device has a say in it: what is unmapped is unmapped. */
	if (ret && bytes) {
		dev_vfio_say(ioas->view, "unmap: %s", err->text);
		ret = 0;
	}
	return ret;
}

long dev_vfio_type1_ioctl(struct dev_vfio_ioas *ioas, uint32_t nr, void *arg)
{
	union {
		struct vfmig_type1_dma_map map;
		struct vfmig_type1_dma_unmap unmap;
		uint32_t argsz;
		uint64_t words[ROOM_MAX / 8];
	} s = {.words = {0}};
	struct vfmig_error err = {0};
	uint32_t capacity;
	long ret;

	switch (nr) {
	case VFMIG_IOCTL_IOMMU_GET_INFO:
	case VFMIG_IOCTL_IOMMU_MAP_DMA:
	case VFMIG_IOCTL_IOMMU_UNMAP_DMA:
	case VFMIG_IOCTL_IOMMU_DIRTY_PAGES:
		break;
	default:
		return -ENOTTY;
	}
	if (dev_vfio_copy_in(&capacity, arg, sizeof(capacity)))
		return -EFAULT;
	if (capacity < 8)
		return -EINVAL;
	capacity = capacity < ROOM_MAX ? capacity : ROOM_MAX;
	if (dev_vfio_copy_in(&s, arg, capacity))
		return -EFAULT;
	/* Another thread may change it meanwhile: only the copy that was checked counts. */
	if (s.argsz > capacity && capacity < ROOM_MAX)
		s.argsz = capacity;
	if (nr == VFMIG_IOCTL_IOMMU_MAP_DMA && capacity >= sizeof(s.map))
		ret = map_dma(ioas, &s.map, capacity, &err);
	else if (nr == VFMIG_IOCTL_IOMMU_UNMAP_DMA && capacity >= sizeof(s.unmap))
		ret = unmap_dma(ioas, &s.unmap, capacity, &err);
	else if (nr == VFMIG_IOCTL_IOMMU_MAP_DMA || nr == VFMIG_IOCTL_IOMMU_UNMAP_DMA)
		ret = -EINVAL;
	else
		ret = vfmig_type1_ioctl(ioas->type1, nr, &s, capacity, &err);
	if (ret && nr == VFMIG_IOCTL_IOMMU_DIRTY_PAGES)
		dev_vfio_say(ioas->view, "dirty page tracking: %s", err.text);
	return ret ? ret : dev_vfio_copy_out(arg, &s, capacity);
}
