/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A space as a type1 container: what a user of /dev/vfio/vfio finds after VFIO_SET_IOMMU(VFIO_TYPE1v2_IOMMU).
 *
 * A struct vfmig_type1 stands over a struct vfmig_space and answers what the kernel's container answers, with its
 * rules and its errnos: information with the capabilities MIGRATION, DMA_AVAIL and IOVA_RANGE, maps, and which pages
 * the devices wrote. Two ways lead in: vfmig_type1_ioctl() takes the ioctls' own structures, for an export that
 * is a /dev/vfio; the functions after it take numbers and buffers, for one that has messages of its own.
 *
 * Differences from Linux that a user can see, each on the safe side: a map that is made while pages are logged
 * makes all pages count as written once; what a device that cannot tell may have written counts as written at each
 * question, as Linux has it for devices behind an IOMMU; and bits of a bitmap are only set, where Linux overwrites
 * the words of each map (the text asks for a zeroed bitmap, where both are the same).
 *
 * All functions may be called from any thread, and at the same time, but for vfmig_type1_free(). Errors are those
 * of Linux: -EINVAL what the rules do not allow, -EEXIST, -ENOSPC, -ENOMEM, -EFAULT, -ENOTTY, or what a
 * device or a callback said.
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
 * struct vfmig_type1_user - how to get at the memory of who calls
 * @read: copy @len bytes from its address @addr; 0 or a negative errno (-EFAULT)
 * @write: the other way
 * @map: what is behind a map that is asked for. @map comes filled in: its range, its protection, and as memory of
 *	this process at the address that was given. May make something else of it (another process's
 *	memory, with its fd; a region of a device), or refuse. NULL: it is as it comes. The map may fail all the
 *	same, which the ioctl then says: what belongs to it is its maker's to let go of
 * @context: their argument
 *
 * All may be NULL: the user is this process, and its addresses are good. Called without locks.
 */
struct vfmig_type1_user {
	int (*read)(void *context, uint64_t addr, void *buf, size_t len);
	int (*write)(void *context, uint64_t addr, const void *buf, size_t len);
	int (*map)(void *context, struct vfmig_map *map, struct vfmig_error *err);
	void *context;
};

/**
 * struct vfmig_type1_options - what a container is to say of itself, and to enforce
 * @dma_limit: most maps that the space may have; 0 or above VFMIG_SPACE_MAX_MAPS: that
 * @range_count: how many @ranges; 0: one, all of the 64-bit space; at most 512
 * @ranges: where maps may lie: in order, apart from each other; copied
 * @v1: answer as VFIO_TYPE1_IOMMU, the older one: an unmap that begins within a map unmaps nothing, with a size of 0,
 *	one that ends within a map unmaps all of it, and DIRTY_PAGES is -EACCES
 * @user: copied
 *
 * All zeros is a good choice.
 */
struct vfmig_type1_options {
	uint32_t dma_limit;
	uint32_t range_count;
	const struct vfmig_type1_iova_range *ranges;
	struct vfmig_type1_user user;
	bool v1;
};

/**
 * vfmig_type1_new() - show a space as a container
 * @space: which; must outlive it. It may have other users, whose maps count and can be unmapped here, too
 * @options: or NULL
 * @container: to be freed by the caller
 *
 * Return: 0; -EINVAL for ranges that are none, overlap or are out of order; -ENOMEM.
 */
int vfmig_type1_new(struct vfmig_space *space, const struct vfmig_type1_options *options,
		    struct vfmig_type1 **container, struct vfmig_error *err);

/** vfmig_type1_free() - stop logging and free; maps stay in the space; NULL is fine */
void vfmig_type1_free(struct vfmig_type1 *container);

/** vfmig_type1_extension() - VFIO_CHECK_EXTENSION: 1 for TYPE1V2, UNMAP_ALL and CC_IOMMU, else 0 */
int vfmig_type1_extension(const struct vfmig_type1 *container, uint32_t extension);

/**
 * vfmig_type1_ioctl() - one ioctl, as the kernel would answer it
 * @container: of which
 * @number: VFMIG_IOCTL_IOMMU_GET_INFO, _MAP_DMA, _UNMAP_DMA or _DIRTY_PAGES
 * @arg: the structure, in place: answers are written into it. Addresses in it are the user's (see struct
 *	vfmig_type1_user)
 * @capacity: how many bytes there are at @arg; SIZE_MAX if argsz is to be trusted
 * @err: a sentence, beside the errno
 *
 * Return: 0; -EFAULT if the structure or the answer does not fit in @capacity; -ENOTTY for other numbers; or what is
 * said at the functions below.
 */
int vfmig_type1_ioctl(struct vfmig_type1 *container, uint32_t number, void *arg, size_t capacity,
		      struct vfmig_error *err);

/* ---- the same in numbers and buffers ---- */

/**
 * vfmig_type1_get_info() - VFIO_IOMMU_GET_INFO
 * @container: whose
 * @argsz: how much the user has room for
 * @buf: where the answer goes
 * @len: bytes at @buf; at least @argsz, or enough for all capabilities
 *
 * Return: bytes written (argsz in the answer is larger where they were too few for the capabilities); -EINVAL if
 * @argsz is below VFMIG_TYPE1_INFO_MIN; -EFAULT if @len is too small.
 */
ssize_t vfmig_type1_get_info(struct vfmig_type1 *container, uint32_t argsz, void *buf, size_t len);

/**
 * vfmig_type1_map() - VFIO_IOMMU_MAP_DMA
 * @container: where
 * @map: what; copied
 *
 * Return: 0; -EINVAL if misaligned, empty, past the end, outside of the IOVA ranges, without protection, or, while
 * pages are logged, of more pages than a bitmap can have; -EEXIST if it overlaps; -ENOSPC if no map is available;
 * or what a device said.
 */
int vfmig_type1_map(struct vfmig_type1 *container, const struct vfmig_map *map,
		    struct vfmig_error *err);

/**
 * vfmig_type1_unmap() - VFIO_IOMMU_UNMAP_DMA
 * @container: where
 * @iova: of the range
 * @size: of the range; out: how many bytes of it were mapped, which may be none
 * @bitmap: where the pages that were written and not told yet are set; NULL if it is not wanted (then they are
 *	forgotten). As for vfmig_type1_dirty()
 * @bytes: of it
 *
 * The pages are looked at when no device reaches them any more, so that none is lost.
 *
 * Return: 0; -EINVAL if misaligned, empty, past the end, if the range cuts a map in two, or if there is a bitmap and
 * pages are not logged or the bitmap is too small (nothing is unmapped then); or what a device said: the
 * maps are gone all the same, and @size and @bitmap are right.
 */
int vfmig_type1_unmap(struct vfmig_type1 *container, uint64_t iova, uint64_t *size, void *bitmap,
		      size_t bytes, struct vfmig_error *err);

/** vfmig_type1_unmap_all() - VFIO_DMA_UNMAP_FLAG_ALL; @size: how many bytes were mapped; NULL is fine */
int vfmig_type1_unmap_all(struct vfmig_type1 *container, uint64_t *size, struct vfmig_error *err);

/**
 * vfmig_type1_start() - VFIO_IOMMU_DIRTY_PAGES_FLAG_START: log what devices write from now on
 *
 * Fine if it is done already: nothing changes. A device that cannot tell is no failure: all counts as written.
 * Return: 0; -EINVAL if a map has more pages than a bitmap can have; -ENOMEM.
 */
int vfmig_type1_start(struct vfmig_type1 *container, struct vfmig_error *err);

/** vfmig_type1_stop() - VFIO_IOMMU_DIRTY_PAGES_FLAG_STOP; what was not asked for is forgotten; fine if it is done */
void vfmig_type1_stop(struct vfmig_type1 *container);

/**
 * vfmig_type1_dirty() - VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP
 * @container: of which
 * @iova: of the range
 * @size: of the range
 * @pgsize: VFMIG_PAGE_SIZE
 * @bitmap: page n of the range is bit n % 64 of word n / 64; bits are only set. Of any alignment
 * @bytes: at @bitmap: at least one word for each 64 pages, or part of them
 *
 * Each page that a device wrote is told once. Where a device's log fails, all pages are told.
 *
 * Return: 0; -EINVAL if pages are not logged, if the page size is another, if the range is misaligned, empty, reaches
 * 2^64 or cuts a map in two, or if the bitmap is too small or over VFMIG_TYPE1_BITMAP_BYTES_MAX; -ENOMEM.
 */
int vfmig_type1_dirty(struct vfmig_type1 *container, uint64_t iova, uint64_t size, uint64_t pgsize,
		      void *bitmap, size_t bytes, struct vfmig_error *err);

#ifdef __cplusplus
}
#endif
#endif
