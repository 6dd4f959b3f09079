/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The rules and the information of a type1 container. A user of the kernel's must not find a
 * difference, so the rules are the kernel's even if they are odd: a bitmap may cover only up to
 * the last byte but one of the address space, while maps reach the end.
 */
#include "abi/type1.h"
#include "abi/caps.h"
#include "abi/feature.h"
#include "abi/le.h"
#include "abi/range.h"

#include <string.h>

_Static_assert(sizeof(struct vfmig_type1_info) == 24, "packed");
_Static_assert(sizeof(struct vfmig_type1_cap_migration) == 32, "packed");
_Static_assert(sizeof(struct vfmig_type1_cap_iova_range) == 16, "packed");
_Static_assert(sizeof(struct vfmig_type1_dma_unmap) == 24, "packed");
_Static_assert(sizeof(struct vfmig_type1_dirty_get) == 40, "packed");

/* Capabilities begin on multiples of this: newer kernels require it, the text does not. */
#define ALIGN 8U

/* ---- GET_INFO, written ---- */

static size_t chain_size(const struct abi_type1_says *says)
{
	size_t size = 0;

	size += says->has_migration ? sizeof(struct vfmig_type1_cap_migration) : 0;
	size += says->has_dma_avail ? 2 * ALIGN : 0;
	if (says->range_count)
		size += sizeof(struct vfmig_type1_cap_iova_range) +
			(size_t)says->range_count * sizeof(*says->ranges);
	return size;
}

static void put_chain(uint8_t *buf, const struct abi_type1_says *says)
{
	const size_t header = sizeof(struct vfmig_info_cap_header);
	size_t at = sizeof(struct vfmig_type1_info);
	size_t link = offsetof(struct vfmig_type1_info, cap_offset);
	struct vfmig_type1_cap_migration migration = {
		.pgsize_bitmap = says->pgsize_bitmap,
		.max_dirty_bitmap_size = says->max_dirty_bitmap_size,
	};
	size_t ranges = (size_t)says->range_count * sizeof(*says->ranges);
	uint8_t *cap;

	if (says->has_migration) {
		cap = abi_caps_put(buf, &at, &link, VFMIG_TYPE1_CAP_MIGRATION, 1,
				   sizeof(migration));
		memcpy(cap + header, (uint8_t *)&migration + header, sizeof(migration) - header);
	}
	if (says->has_dma_avail) {
		cap = abi_caps_put(buf, &at, &link, VFMIG_TYPE1_CAP_DMA_AVAIL, 1,
				   sizeof(struct vfmig_type1_cap_dma_avail));
		abi_put32(cap + header, says->dma_avail);
	}
	if (says->range_count) {
		cap = abi_caps_put(buf, &at, &link, VFMIG_TYPE1_CAP_IOVA_RANGE, 1,
				   sizeof(struct vfmig_type1_cap_iova_range) + ranges);
		abi_put32(cap + header, says->range_count);
		memcpy(cap + sizeof(struct vfmig_type1_cap_iova_range), says->ranges, ranges);
	}
}

size_t abi_type1_put_info(void *buf, size_t cap, uint32_t argsz, const struct abi_type1_says *says)
{
	struct vfmig_type1_info info = {.argsz = argsz,
					.flags = VFMIG_TYPE1_INFO_PGSIZES,
					.iova_pgsizes = says->iova_pgsizes};
	size_t chain = chain_size(says), fixed = argsz < sizeof(info) ? argsz : sizeof(info);
	size_t need = fixed;

	if (argsz < VFMIG_TYPE1_INFO_MIN || says->range_count > ABI_TYPE1_RANGES_MAX)
		return 0;
	if (chain) {
		info.flags |= VFMIG_TYPE1_INFO_CAPS;
		if (argsz < sizeof(info) + chain)
			info.argsz = (uint32_t)(sizeof(info) + chain);
		else
			need += chain;
	}
	if (cap < need)
		return 0;
	memset(buf, 0, need);
	memcpy(buf, &info, fixed);
	if (need > fixed)
		put_chain(buf, says);
	return need;
}

/* ---- GET_INFO, read ---- */

static const char *get_ranges(const uint8_t *cap, size_t capacity, struct abi_type1_says *says,
			      uint32_t max, size_t *size)
{
	struct vfmig_type1_cap_iova_range head;

	if (says->range_count)
		return "IOMMU info: two lists of IOVA ranges";
	if (capacity < sizeof(head))
		return "IOMMU info: a capability leaves the answer";
	memcpy(&head, cap, sizeof(head));
	if (head.nr_iovas > max || head.nr_iovas > ABI_TYPE1_RANGES_MAX)
		return "IOMMU info: more IOVA ranges than are allowed";
	if ((capacity - sizeof(head)) / sizeof(*says->ranges) < head.nr_iovas)
		return "IOMMU info: a list of IOVA ranges leaves the answer";
	*size = sizeof(head) + head.nr_iovas * sizeof(*says->ranges);
	memcpy(says->ranges, cap + sizeof(head), head.nr_iovas * sizeof(*says->ranges));
	for (uint32_t i = 0; i < head.nr_iovas; i++)
		if (says->ranges[i].start > says->ranges[i].end)
			return "IOMMU info: an IOVA range ends before it begins";
	says->range_count = head.nr_iovas;
	return NULL;
}

struct type1_walk {
	struct abi_type1_says *says;
	uint32_t max;
};

static const char *get_cap(void *context, uint32_t id, uint32_t version, const uint8_t *cap,
			   size_t capacity, size_t *size)
{
	struct type1_walk *walk = context;
	struct abi_type1_says *says = walk->says;
	struct vfmig_type1_cap_migration migration;
	struct vfmig_type1_cap_dma_avail avail;

	/* Another version of a capability is another capability. */
	switch (version == 1 ? id : 0) {
	case VFMIG_TYPE1_CAP_IOVA_RANGE:
		return get_ranges(cap, capacity, says, walk->max, size);
	case VFMIG_TYPE1_CAP_MIGRATION:
		*size = sizeof(migration);
		if (capacity < sizeof(migration))
			return "IOMMU info: a capability leaves the answer";
		memcpy(&migration, cap, sizeof(migration));
		says->has_migration = true;
		says->pgsize_bitmap = migration.pgsize_bitmap;
		says->max_dirty_bitmap_size = migration.max_dirty_bitmap_size;
		return NULL;
	case VFMIG_TYPE1_CAP_DMA_AVAIL:
		*size = sizeof(avail);
		if (capacity < sizeof(avail))
			return "IOMMU info: a capability leaves the answer";
		memcpy(&avail, cap, sizeof(avail));
		says->has_dma_avail = true;
		says->dma_avail = avail.avail;
		return NULL;
	default:
		return NULL;
	}
}

const char *abi_type1_get_info(const void *buf, size_t len, struct abi_type1_says *says,
			       uint32_t max)
{
	static const struct abi_caps_words words = {
		"IOMMU info: more than 16 capabilities",
		"IOMMU info: a capability lies inside the fixed part",
		"IOMMU info: a capability leaves the answer",
		"IOMMU info: capabilities overlap, or the chain loops",
	};
	struct vfmig_type1_iova_range *ranges = says->ranges;
	struct type1_walk walk = {.says = says, .max = max};
	struct vfmig_type1_info info = {0};

	memset(says, 0, sizeof(*says));
	says->ranges = ranges;
	if (len < VFMIG_TYPE1_INFO_MIN)
		return "IOMMU info needs 16 bytes";
	memcpy(&info, buf, len < sizeof(info) ? len : sizeof(info));
	/* Kernels that do not report page sizes support only the smallest. */
	says->iova_pgsizes =
		info.flags & VFMIG_TYPE1_INFO_PGSIZES ? info.iova_pgsizes : ABI_LOGGING_PAGE_MIN;
	return abi_caps_walk(buf, len, sizeof(info),
			     info.flags & VFMIG_TYPE1_INFO_CAPS ? info.cap_offset : 0, &words,
			     get_cap, &walk);
}

/* ---- MAP_DMA, UNMAP_DMA ---- */

/* Whether the last byte is there; the caller has checked that the range is not empty. */
static bool wraps(uint64_t start, uint64_t size)
{
	return size - 1 > UINT64_MAX - start;
}

const char *abi_type1_check_map(const struct vfmig_type1_dma_map *m, uint64_t pgsize)
{
	uint32_t prot = m->flags & (VFMIG_DMA_MAP_READ | VFMIG_DMA_MAP_WRITE);

	if (m->argsz < sizeof(*m))
		return "MAP_DMA: argsz is below its 32 bytes";
	if (m->flags & ~(VFMIG_DMA_MAP_READ | VFMIG_DMA_MAP_WRITE | VFMIG_DMA_MAP_VADDR))
		return "MAP_DMA: unknown flags";
	if (m->flags & VFMIG_DMA_MAP_VADDR && prot)
		return "MAP_DMA: a new vaddr leaves the protection as it is";
	if (!(m->flags & VFMIG_DMA_MAP_VADDR) && !prot)
		return "MAP_DMA: neither READ nor WRITE";
	if (!m->size)
		return "MAP_DMA: the range is empty";
	if ((m->size | m->iova | m->vaddr) & (pgsize - 1))
		return "MAP_DMA: iova, size or vaddr is not a multiple of the page";
	if (wraps(m->iova, m->size))
		return "MAP_DMA: the range passes the end of the address space";
	if (wraps(m->vaddr, m->size))
		return "MAP_DMA: the memory passes the end of the address space";
	return NULL;
}

/* The bitmap's own rules, for this many pages. */
static const char *check_bitmap(const struct vfmig_type1_bitmap *b, uint64_t size, uint64_t pgsize)
{
	if (b->pgsize != pgsize)
		return "dirty bitmap: only the smallest page can be asked for";
	if (size / pgsize > VFMIG_TYPE1_BITMAP_PAGES_MAX)
		return "dirty bitmap: more pages than one can have";
	if (!b->size || b->size > VFMIG_TYPE1_BITMAP_BYTES_MAX)
		return "dirty bitmap: empty, or over 256 MiB";
	if (b->size < abi_bitmap_bytes(size, pgsize))
		return "dirty bitmap: too small for its range";
	if (b->size > UINT64_MAX - b->data)
		return "dirty bitmap: it passes the end of the address space";
	return NULL;
}

const char *abi_type1_check_unmap(const struct vfmig_type1_dma_unmap *u,
				  const struct vfmig_type1_bitmap *bitmap, uint64_t pgsize)
{
	const uint32_t get = VFMIG_DMA_UNMAP_GET_DIRTY_BITMAP;
	const uint32_t others = VFMIG_DMA_UNMAP_ALL | VFMIG_DMA_UNMAP_VADDR;

	if (u->argsz < sizeof(*u))
		return "UNMAP_DMA: argsz is below its 24 bytes";
	if (u->flags & ~(get | others))
		return "UNMAP_DMA: unknown flags";
	if (u->flags & get && u->flags & others)
		return "UNMAP_DMA: a bitmap goes with a range of maps only";
	if (u->flags & get && u->argsz < sizeof(*u) + sizeof(struct vfmig_type1_bitmap))
		return "UNMAP_DMA: argsz leaves no room for the bitmap's description";
	if (u->flags & VFMIG_DMA_UNMAP_ALL)
		return u->iova || u->size ? "UNMAP_DMA: of all, with a range" : NULL;
	if (!u->size)
		return "UNMAP_DMA: the range is empty";
	if ((u->iova | u->size) & (pgsize - 1))
		return "UNMAP_DMA: iova or size is not a multiple of the page";
	if (wraps(u->iova, u->size))
		return "UNMAP_DMA: the range passes the end of the address space";
	return bitmap ? check_bitmap(bitmap, u->size, pgsize) : NULL;
}

/* ---- DIRTY_PAGES ---- */

const char *abi_type1_check_dirty(const struct vfmig_type1_dirty_pages *d)
{
	const uint32_t all =
		VFMIG_TYPE1_DIRTY_START | VFMIG_TYPE1_DIRTY_STOP | VFMIG_TYPE1_DIRTY_GET_BITMAP;

	if (d->argsz < sizeof(*d))
		return "DIRTY_PAGES: argsz is below its 8 bytes";
	if (d->flags & ~all)
		return "DIRTY_PAGES: unknown flags";
	if (!abi_power_of_two(d->flags))
		return "DIRTY_PAGES: not exactly one of START, STOP and GET_BITMAP";
	if (d->flags == VFMIG_TYPE1_DIRTY_GET_BITMAP &&
	    d->argsz - sizeof(*d) < sizeof(struct vfmig_type1_dirty_get))
		return "DIRTY_PAGES: argsz leaves no room for what GET_BITMAP asks";
	return NULL;
}

const char *abi_type1_check_dirty_get(const struct vfmig_type1_dirty_get *g, uint64_t pgsize)
{
	if (!g->size)
		return "GET_BITMAP: the range is empty";
	if ((g->iova | g->size) & (pgsize - 1))
		return "GET_BITMAP: iova or size is not a multiple of the page";
	if (abi_passes_the_end(g->iova, g->size))
		return "GET_BITMAP: the range passes the end of the address space";
	return check_bitmap(&g->bitmap, g->size, pgsize);
}

bool abi_type1_may_map(const struct vfmig_type1_iova_range *ranges, uint32_t n, uint64_t iova,
		       uint64_t size)
{
	for (uint32_t i = 0; i < n; i++)
		if (iova >= ranges[i].start && iova + (size - 1) <= ranges[i].end)
			return true;
	return !n;
}
