/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Constants and layouts of a type1 container (VFIO_TYPE1v2_IOMMU), under names of this library, as in <vfmig/abi.h>.
 * A test compares them with the <linux/vfio.h> of the build machine.
 */
#ifndef VFMIG_ABI_TYPE1_H
#define VFMIG_ABI_TYPE1_H

#include <vfmig/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- ioctls: VFIO_GET_API_VERSION is _IO(';', 100) and so on ------------------------------- */

#define VFMIG_IOCTL_GET_API_VERSION 100
#define VFMIG_IOCTL_CHECK_EXTENSION 101
#define VFMIG_IOCTL_SET_IOMMU	    102

#define VFMIG_IOCTL_IOMMU_GET_INFO    112
#define VFMIG_IOCTL_IOMMU_MAP_DMA     113
#define VFMIG_IOCTL_IOMMU_UNMAP_DMA   114
#define VFMIG_IOCTL_IOMMU_DIRTY_PAGES 117

/* Arguments of VFIO_CHECK_EXTENSION and VFIO_SET_IOMMU. */
#define VFMIG_EXTENSION_TYPE1	     1U
#define VFMIG_EXTENSION_TYPE1V2	     3U
#define VFMIG_EXTENSION_CC_IOMMU     4U
#define VFMIG_EXTENSION_NESTING	     6U
#define VFMIG_EXTENSION_NOIOMMU	     8U
#define VFMIG_EXTENSION_UNMAP_ALL    9U
#define VFMIG_EXTENSION_UPDATE_VADDR 10U

/* ---- VFIO_IOMMU_GET_INFO -------------------------------------------------------------------- */

/* struct vfio_iommu_type1_info. The kernel requires an argsz of at least VFMIG_TYPE1_INFO_MIN and writes at most argsz. */
struct vfmig_type1_info {
	uint32_t argsz;
	uint32_t flags; /* VFMIG_TYPE1_INFO_ */
	uint64_t iova_pgsizes;
	uint32_t cap_offset; /* of the first capability from the start of this structure, or 0 */
	uint32_t pad;
};
#define VFMIG_TYPE1_INFO_MIN	 16U
#define VFMIG_TYPE1_INFO_PGSIZES (1U << 0)
#define VFMIG_TYPE1_INFO_CAPS	 (1U << 1)

/* Ids of its capabilities. All are of version 1. */
#define VFMIG_TYPE1_CAP_IOVA_RANGE 1U
#define VFMIG_TYPE1_CAP_MIGRATION  2U
#define VFMIG_TYPE1_CAP_DMA_AVAIL  3U

/* struct vfio_iova_range: addresses that may be mapped; start and end are inclusive. */
struct vfmig_type1_iova_range {
	uint64_t start;
	uint64_t end;
};

/* struct vfio_iommu_type1_info_cap_iova_range: struct vfmig_type1_iova_range[nr_iovas] follows. */
struct vfmig_type1_cap_iova_range {
	struct vfmig_info_cap_header header;
	uint32_t nr_iovas;
	uint32_t reserved;
};

/* struct vfio_iommu_type1_info_cap_migration: the container logs dirty pages. */
struct vfmig_type1_cap_migration {
	struct vfmig_info_cap_header header;
	uint32_t flags;
	uint32_t pad;
	uint64_t pgsize_bitmap; /* page sizes of a dirty bitmap */
	uint64_t max_dirty_bitmap_size;
};

/* struct vfio_iommu_type1_info_dma_avail. */
struct vfmig_type1_cap_dma_avail {
	struct vfmig_info_cap_header header;
	uint32_t avail; /* maps that can still be made */
};

/* ---- VFIO_IOMMU_MAP_DMA, VFIO_IOMMU_UNMAP_DMA ----------------------------------------------- */

/* struct vfio_iommu_type1_dma_map. */
struct vfmig_type1_dma_map {
	uint32_t argsz;
	uint32_t flags; /* VFMIG_DMA_MAP_ */
	uint64_t vaddr;
	uint64_t iova;
	uint64_t size;
};
#define VFMIG_DMA_MAP_READ  (1U << 0)
#define VFMIG_DMA_MAP_WRITE (1U << 1)
#define VFMIG_DMA_MAP_VADDR (1U << 2) /* a new vaddr for a map whose vaddr was removed */

/* struct vfio_bitmap: page n is bit n % 64 of 64-bit word n / 64. */
struct vfmig_type1_bitmap {
	uint64_t pgsize;
	uint64_t size; /* bytes */
	uint64_t data; /* its address */
};

/* struct vfio_iommu_type1_dma_unmap: with GET_DIRTY_BITMAP a struct vfmig_type1_bitmap follows. */
struct vfmig_type1_dma_unmap {
	uint32_t argsz;
	uint32_t flags; /* VFMIG_DMA_UNMAP_; the others are in <vfmig/abi.h>, which shares them */
	uint64_t iova;
	uint64_t size; /* out: bytes that were unmapped */
};
#define VFMIG_DMA_UNMAP_VADDR (1U << 2) /* remove the vaddr only */

/* ---- VFIO_IOMMU_DIRTY_PAGES ----------------------------------------------------------------- */

/* struct vfio_iommu_type1_dirty_bitmap: with GET_BITMAP a struct vfmig_type1_dirty_get follows. */
struct vfmig_type1_dirty_pages {
	uint32_t argsz;
	uint32_t flags; /* one of VFMIG_TYPE1_DIRTY_ */
};
#define VFMIG_TYPE1_DIRTY_START	     (1U << 0)
#define VFMIG_TYPE1_DIRTY_STOP	     (1U << 1)
#define VFMIG_TYPE1_DIRTY_GET_BITMAP (1U << 2)

/* struct vfio_iommu_type1_dirty_bitmap_get. */
struct vfmig_type1_dirty_get {
	uint64_t iova;
	uint64_t size;
	struct vfmig_type1_bitmap bitmap;
};

/* Limits of Linux: a bitmap has at most 2^31 - 1 pages, which are 256 MiB. */
#define VFMIG_TYPE1_BITMAP_PAGES_MAX 0x7fffffffULL
#define VFMIG_TYPE1_BITMAP_BYTES_MAX (256ULL << 20)

/*
 * ---- vfio-user's DIRTY_PAGES (VFMIG_USER_DIRTY_PAGES) -----------------------------------------
 *
 * Withdrawn when vfio-user got DMA logging. A struct vfmig_type1_dirty_pages, followed for GET_BITMAP by this
 * structure; in the reply the bitmap follows.
 */
struct vfmig_user_dirty_range {
	uint64_t iova;
	uint64_t size;
	struct vfmig_user_bitmap bitmap;
};

#ifdef __cplusplus
}
#endif
#endif
