/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A space as a type1 container: /dev/vfio/vfio after VFIO_SET_IOMMU(VFIO_TYPE1v2_IOMMU).
 *
 * A struct vfmig_type1 is based on a struct vfmig_space and answers as the kernel's container does, with its
 * rules and errnos: information with the capabilities MIGRATION, DMA_AVAIL and IOVA_RANGE, maps, and dirty pages.
 * There are two interfaces: vfmig_type1_ioctl() uses the structures of the ioctls, for an export that emulates
 * /dev/vfio; the other functions use numbers and buffers, for an export with messages of its own.
 *
 * Differences from Linux that a user can see, each of them safe: a map that is added while pages are logged makes all
 * pages count as written once; pages that a device without a log can write count as written in each report, as in Linux for
 * devices behind an IOMMU; bits of a bitmap are only set, while Linux overwrites the words of each map (the specification
 * requires a zeroed bitmap, with which both are the same).
 *
 * All functions may be called from any thread and concurrently, except vfmig_type1_free(). The errors are those
 * of Linux: -EINVAL for a violation of the rules, -EEXIST, -ENOSPC, -ENOMEM, -EFAULT, -ENOTTY, or the error of a
 * device or a callback.
 */
#ifndef VFMIG_TYPE1_H
#define VFMIG_TYPE1_H

#include <sys/types.h>

#include <vfmig/abi_type1.h>
#include <vfmig/space.h>

#ifdef __cplusplus
extern "C" {
#endif

struct vfmig_type1;

/**
 * struct vfmig_type1_user - access to the memory of the process that uses the container
 * @read: copy @len bytes from its address @addr; 0 or a negative errno (-EFAULT)
 * @write: copy @len bytes to its address @addr, likewise
 * @map: modify a map before it is added. @map describes the range, its protection, and memory of this process at the
 *	address that the user gave. The callback may replace it (by another process's memory with its fd, or by
 *	a region of a device) or fail. NULL: maps stay as they are. If adding the map fails afterwards, the
 *	ioctl fails; the callback's owner frees what belongs to the map
 * @context: passed to the callbacks
 *
 * All may be NULL: the user is this process. Called without locks.
 */
struct vfmig_type1_user {
	int (*read)(void *context, uint64_t addr, void *buf, size_t len);
	int (*write)(void *context, uint64_t addr, const void *buf, size_t len);
	int (*map)(void *context, struct vfmig_map *map, struct vfmig_error *err);
	void *context;
};

/**
 * struct vfmig_type1_options - properties and limits of a container
 * @dma_limit: maximum number of maps of the space; 0 or above VFMIG_SPACE_MAX_MAPS: VFMIG_SPACE_MAX_MAPS
 * @range_count: number of @ranges, at most 512; 0: one range, the whole 64-bit space
 * @ranges: where maps may be: sorted and disjoint; copied
 * @user: copied
 * @v1: behave as VFIO_TYPE1_IOMMU, the older one: an unmap that begins within a map unmaps nothing, with a size of 0,
 *	an unmap that ends within a map unmaps all of it, and DIRTY_PAGES fails with -EACCES
 *
 * Zeros are valid defaults.
 */
struct vfmig_type1_options {
	uint32_t dma_limit;
	uint32_t range_count;
	const struct vfmig_type1_iova_range *ranges;
	struct vfmig_type1_user user;
	bool v1;
};

/**
 * vfmig_type1_new() - create a container based on a space
 * @space: must outlive the container. It may have other users, whose maps count and can be unmapped by the container
 * @options: or NULL
 * @container: the caller calls vfmig_type1_free()
 *
 * Return: 0; -EINVAL for ranges that are empty, overlap or are not sorted; -ENOMEM.
 */
int vfmig_type1_new(struct vfmig_space *space, const struct vfmig_type1_options *options,
		    struct vfmig_type1 **container, struct vfmig_error *err);

/**
 * vfmig_type1_free() - stop logging and free a container; its maps stay in the space; NULL is allowed
 */
void vfmig_type1_free(struct vfmig_type1 *container);

/** vfmig_type1_check_extension() - VFIO_CHECK_EXTENSION: 1 for TYPE1V2, UNMAP_ALL and CC_IOMMU, else 0 */
int vfmig_type1_check_extension(const struct vfmig_type1 *container, uint32_t extension);

/**
 * vfmig_type1_ioctl() - perform an ioctl as the kernel would
 * @container: the container
 * @number: VFMIG_IOCTL_IOMMU_GET_INFO, _MAP_DMA, _UNMAP_DMA or _DIRTY_PAGES
 * @arg: the structure; answers are written into it. Addresses in it belong to the user (see struct vfmig_type1_user)
 * @capacity: number of bytes at @arg; SIZE_MAX if argsz can be trusted
 *
 * Return: 0; -EFAULT if the structure or the answer does not fit into @capacity; -ENOTTY for other numbers; or the errors
 * of the functions below.
 */
int vfmig_type1_ioctl(struct vfmig_type1 *container, uint32_t number, void *arg, size_t capacity,
		      struct vfmig_error *err);

/* ---- the same with numbers and buffers ---- */

/**
 * vfmig_type1_get_info() - VFIO_IOMMU_GET_INFO
 * @container: the container
 * @argsz: the size that the user provides
 * @buf: receives the answer
 * @len: of @buf, in bytes; at least @argsz, or enough for all capabilities
 *
 * Return: the number of bytes written (argsz in the answer is larger if they did not suffice for the capabilities);
 * -EINVAL if @argsz is below VFMIG_TYPE1_INFO_MIN; -EFAULT if @len is too small.
 */
ssize_t vfmig_type1_get_info(struct vfmig_type1 *container, uint32_t argsz, void *buf, size_t len);

/**
 * vfmig_type1_map() - VFIO_IOMMU_MAP_DMA
 * @container: the container
 * @map: the map; copied
 *
 * Return: 0; -EINVAL if misaligned, empty, past the end, outside of the IOVA ranges, without protection, or, while
 * pages are logged, with more pages than a bitmap can have; -EEXIST if it overlaps; -ENOSPC at the limit of maps;
 * or the error of a device.
 */
int vfmig_type1_map(struct vfmig_type1 *container, const struct vfmig_map *map,
		    struct vfmig_error *err);

/**
 * vfmig_type1_unmap() - VFIO_IOMMU_UNMAP_DMA
 * @container: the container
 * @iova: start of the range
 * @size: of the range, in bytes; out: the number of bytes that were mapped, which may be 0
 * @bitmap: receives the dirty pages that were not reported yet, as for vfmig_type1_get_dirty_bitmap(); NULL to discard them
 * @bytes: of @bitmap
 *
 * The pages are read after the last access of the devices, so none is lost.
 *
 * Return: 0; -EINVAL if misaligned, empty, past the end, if the range splits a map, or if there is a bitmap and
 * pages are not logged or the bitmap is too small (nothing is unmapped then); or the error of a device: the
 * maps are removed all the same, and @size and @bitmap are valid.
 */
int vfmig_type1_unmap(struct vfmig_type1 *container, uint64_t iova, uint64_t *size, void *bitmap,
		      size_t bytes, struct vfmig_error *err);

/**
 * vfmig_type1_unmap_all() - VFIO_DMA_UNMAP_FLAG_ALL; @size: number of bytes that were mapped; may be NULL
 */
int vfmig_type1_unmap_all(struct vfmig_type1 *container, uint64_t *size, struct vfmig_error *err);

/**
 * vfmig_type1_start_logging() - VFIO_IOMMU_DIRTY_PAGES_FLAG_START: log pages that devices write from now on
 *
 * No effect if pages are logged already. A device without a log does not make it fail: all its pages count as written.
 *
 * Return: 0; -EINVAL if a map has more pages than a bitmap can have; -ENOMEM.
 */
int vfmig_type1_start_logging(struct vfmig_type1 *container, struct vfmig_error *err);

/** vfmig_type1_stop_logging() - VFIO_IOMMU_DIRTY_PAGES_FLAG_STOP; discards pages that were not reported */
void vfmig_type1_stop_logging(struct vfmig_type1 *container);

/**
 * vfmig_type1_get_dirty_bitmap() - VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP
 * @container: the container
 * @iova: start of the range
 * @size: of the range, in bytes
 * @pgsize: VFMIG_PAGE_SIZE
 * @bitmap: page n of the range is bit n % 64 of word n / 64; bits are only set. Needs no alignment
 * @bytes: of @bitmap: at least one word for each 64 pages, or part of them
 *
 * Each page that a device wrote is reported once. If a device's log fails, all pages are reported.
 *
 * Return: 0; -EINVAL if pages are not logged, if the page size differs, if the range is misaligned, empty, reaches
 * 2^64 or splits a map, or if the bitmap is too small or over VFMIG_TYPE1_BITMAP_BYTES_MAX; -ENOMEM.
 */
int vfmig_type1_get_dirty_bitmap(struct vfmig_type1 *container, uint64_t iova, uint64_t size,
				 uint64_t pgsize, void *bitmap, size_t bytes,
				 struct vfmig_error *err);

#ifdef __cplusplus
}
#endif
#endif
