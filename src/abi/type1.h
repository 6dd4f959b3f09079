/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The requests and the information of a type1 container, as rules on numbers and as bytes. The
 * conventions are those of abi/feature.h: a sentence why something is refused, or NULL. The kernel
 * refuses the same requests with EINVAL.
 *
 * The structures are in memory, in the byte order of the machine; only the vfio-user messages that
 * carried them for a time are encoded (abi/vfio_user.h).
 */
#ifndef ABI_TYPE1_H
#define ABI_TYPE1_H

#include <vfmig/abi_type1.h>

/* ---- GET_INFO ------------------------------------------------------------------------------- */

/* A container's information. */
struct abi_type1_says {
	uint64_t iova_pgsizes;
	bool has_migration;
	uint64_t pgsize_bitmap;
	uint64_t max_dirty_bitmap_size;
	bool has_dma_avail;
	uint32_t dma_avail;
	uint32_t range_count; /* 0: not reported, so that everything may be mapped */
	struct vfmig_type1_iova_range *ranges;
};

#define ABI_TYPE1_RANGES_MAX 512U

/*
 * Write the answer to GET_INFO into buf, which has cap bytes; the user claims argsz bytes. The
 * answer is the fixed part, cut to argsz, and the chain if it fits; if it does not, argsz in the
 * answer is the size needed. Returns the bytes written, 0 if argsz is below VFMIG_TYPE1_INFO_MIN
 * or cap too small.
 */
size_t abi_type1_put_info(void *buf, size_t cap, uint32_t argsz, const struct abi_type1_says *says);

/*
 * Read such an answer, of len bytes. says->ranges has max elements; more ranges are refused.
 * Unknown capabilities are skipped; a chain that leaves the buffer, overlaps itself or loops is
 * refused.
 */
const char *abi_type1_get_info(const void *buf, size_t len, struct abi_type1_says *says,
			       uint32_t max);

/* ---- the others ----------------------------------------------------------------------------- */

/* pgsize: the smallest page, on multiples of which maps begin and end. */
const char *abi_type1_check_map(const struct vfmig_type1_dma_map *m, uint64_t pgsize);

/* bitmap: what follows, or NULL if the flags do not request it (or it is not read yet). */
const char *abi_type1_check_unmap(const struct vfmig_type1_dma_unmap *u,
				  const struct vfmig_type1_bitmap *bitmap, uint64_t pgsize);

/* The fixed part: exactly one operation, and an argsz that is large enough for its data. */
const char *abi_type1_check_dirty(const struct vfmig_type1_dirty_pages *d);
const char *abi_type1_check_dirty_get(const struct vfmig_type1_dirty_get *g, uint64_t pgsize);

/* Whether size bytes at iova may be mapped by these ranges; an empty list allows everything. */
bool abi_type1_may_map(const struct vfmig_type1_iova_range *ranges, uint32_t n, uint64_t iova,
		       uint64_t size);

#endif
