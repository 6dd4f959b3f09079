/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The numbers and layouts of a type1 container (VFIO_TYPE1v2_IOMMU), in names of our own, as <vfmig/abi.h> has
 * those of devices. A test compares them with the <linux/vfio.h> of the build machine.
 */
#ifndef VFMIG_ABI_TYPE1_H
#define VFMIG_ABI_TYPE1_H

#include <vfmig/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- ioctls: n of _IO(';', n) --------------------------------------------------------------- */

#define VFMIG_IOCTL_GET_API_VERSION 100
#define VFMIG_IOCTL_CHECK_EXTENSION 101
#define VFMIG_IOCTL_SET_IOMMU	    102

#define VFMIG_IOCTL_IOMMU_GET_INFO    112
#define VFMIG_IOCTL_IOMMU_MAP_DMA     113
#define VFMIG_IOCTL_IOMMU_UNMAP_DMA   114
#define VFMIG_IOCTL_IOMMU_DIRTY_PAGES 117

/* What VFIO_CHECK_EXTENSION asks for, and VFIO_SET_IOMMU sets. */
#define VFMIG_EXTENSION_TYPE1	     1U
#define VFMIG_EXTENSION_TYPE1V2	     3U
#define VFMIG_EXTENSION_CC_IOMMU     4U
#define VFMIG_EXTENSION_NESTING	     6U
#define VFMIG_EXTENSION_NOIOMMU	     8U
#define VFMIG_EXTENSION_UNMAP_ALL    9U
#define VFMIG_EXTENSION_UPDATE_VADDR 10U

/* ---- VFIO_IOMMU_GET_INFO -------------------------------------------------------------------- */

/* The kernel asks for an argsz of at least VFMIG_TYPE1_INFO_MIN, and writes no more than argsz. */
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

/* What may be mapped: both ends belong to it. */
struct vfmig_type1_iova_range {
	uint64_t start;
	uint64_t end;
};

/* struct vfmig_type1_iova_range[nr_iovas] follows. */
struct vfmig_type1_cap_iova_range {
	struct vfmig_info_cap_header header;
	uint32_t nr_iovas;
	uint32_t reserved;
};

/* That it is there says that the container logs written pages. */
struct vfmig_type1_cap_migration {
	struct vfmig_info_cap_header header;
	uint32_t flags;
	uint32_t pad;
	uint64_t pgsize_bitmap; /* sizes of page that a bitmap may be asked for in */
	uint64_t max_dirty_bitmap_size;
};

struct vfmig_type1_cap_dma_avail {
	struct vfmig_info_cap_header header;
	uint32_t avail; /* maps that may still be made */
};

/* ---- VFIO_IOMMU_MAP_DMA, VFIO_IOMMU_UNMAP_DMA ----------------------------------------------- */

struct vfmig_type1_dma_map {
	uint32_t argsz;
	uint32_t flags; /* VFMIG_DMA_MAP_ */
	uint64_t vaddr;
	uint64_t iova;
	uint64_t size;
};
#define VFMIG_DMA_MAP_READ  (1U << 0)
#define VFMIG_DMA_MAP_WRITE (1U << 1)
#define VFMIG_DMA_MAP_VADDR (1U << 2) /* a new vaddr for what has lost its own */

/* A bitmap as the uAPI passes it: page n is bit n % 64 of 64-bit word n / 64. */
struct vfmig_type1_bitmap {
	uint64_t pgsize;
	uint64_t size; /* bytes */
	uint64_t data; /* its address */
};

/* With GET_DIRTY_BITMAP a struct vfmig_type1_bitmap follows. */
struct vfmig_type1_dma_unmap {
	uint32_t argsz;
	uint32_t flags; /* VFMIG_DMA_UNMAP_; the others are in <vfmig/abi.h>, which shares them */
	uint64_t iova;
	uint64_t size; /* out: what was unmapped */
};
#define VFMIG_DMA_UNMAP_VADDR (1U << 2) /* only forget the vaddr */

/* ---- VFIO_IOMMU_DIRTY_PAGES ----------------------------------------------------------------- */

/* With GET_BITMAP a struct vfmig_type1_dirty_get follows. */
struct vfmig_type1_dirty_pages {
	uint32_t argsz;
	uint32_t flags; /* one of VFMIG_TYPE1_DIRTY_ */
};
#define VFMIG_TYPE1_DIRTY_START	     (1U << 0)
#define VFMIG_TYPE1_DIRTY_STOP	     (1U << 1)
#define VFMIG_TYPE1_DIRTY_GET_BITMAP (1U << 2)

struct vfmig_type1_dirty_get {
	uint64_t iova;
	uint64_t size;
	struct vfmig_type1_bitmap bitmap;
};

/* Linux counts at most 2^31 - 1 pages in a bitmap, and so reads and writes at most 256 MiB of it. */
#define VFMIG_TYPE1_BITMAP_PAGES_MAX 0x7fffffffULL
#define VFMIG_TYPE1_BITMAP_BYTES_MAX (256ULL << 20)

/*
 * ---- vfio-user's DIRTY_PAGES (VFMIG_USER_DIRTY_PAGES) -----------------------------------------
 *
 * Withdrawn when it got DMA logging. A struct vfmig_type1_dirty_pages, and for GET_BITMAP this behind it; in the
 * reply the bitmap follows.
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
