/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * DMA logging: which START and REPORT are valid, and how large a bitmap is.
 *
 * All arithmetic is on untrusted numbers. The end of a range is only computed after a check that
 * it is below 2^64; pages are counted by shifting, which cannot overflow.
 */
#include "abi/feature.h"
#include "abi/le.h"
#include "abi/range.h"

_Static_assert(sizeof(struct abi_logging_report) == ABI_LOGGING_REPORT_SIZE, "packed");
_Static_assert(sizeof(struct vfmig_dma_logging_range) == 16, "packed");

/* What stands before the ranges in vfio-user. */
struct start_head {
	uint64_t page_size;
	uint32_t num_ranges;
	uint32_t reserved;
};
_Static_assert(sizeof(struct start_head) == ABI_LOGGING_START_SIZE, "packed");

static bool overlap(const struct vfmig_dma_logging_range *a,
		    const struct vfmig_dma_logging_range *b)
{
	return a->iova < abi_sum(b->iova, b->length) && b->iova < abi_sum(a->iova, a->length);
}

const char *abi_logging_start_check(uint64_t page_size,
				    const struct vfmig_dma_logging_range *ranges, uint32_t n,
				    bool none_is_all)
{
	if (!abi_power_of_two(page_size))
		return "DMA logging: the page size is not a power of two";
	if (!n && !none_is_all)
		return "DMA logging: no ranges to log";
	if (n > ABI_LOGGING_RANGES_MAX)
		return "DMA logging: more than 256 ranges";
	for (uint32_t i = 0; i < n; i++) {
		const struct vfmig_dma_logging_range *r = &ranges[i];

		if (!r->length)
			return "DMA logging: a range is empty";
		if ((r->iova | r->length) & (page_size - 1))
			return "DMA logging: a range is not aligned to the page size";
		if (abi_passes_the_end(r->iova, r->length))
			return "DMA logging: a range passes the end of the address space";
		/* With so few ranges, comparing all pairs costs less than sorting. */
		for (uint32_t j = 0; j < i; j++)
			if (overlap(r, &ranges[j]))
				return "DMA logging: two ranges overlap";
	}
	return NULL;
}

size_t abi_logging_put_start(void *buf, size_t cap, uint64_t page_size,
			     const struct vfmig_dma_logging_range *ranges, uint32_t n)
{
	struct start_head head = {.page_size = page_size, .num_ranges = n};
	size_t at = sizeof(head);

	if (n > ABI_LOGGING_RANGES_MAX || cap < sizeof(head) + n * sizeof(*ranges))
		return 0;
	abi_pack(buf, cap, "844", &head);
	for (uint32_t i = 0; i < n; i++)
		at += abi_pack((uint8_t *)buf + at, cap - at, "88", &ranges[i]);
	return at;
}

const char *abi_logging_get_start(const void *buf, size_t len, uint64_t *page_size,
				  struct vfmig_dma_logging_range *ranges, uint32_t max, uint32_t *n)
{
	const uint8_t *bytes = buf;
	struct start_head head;

	if (!abi_unpack(buf, len, "844", &head))
		return "DMA_LOGGING_START needs 16 bytes";
	if (head.reserved)
		return "DMA_LOGGING_START has a reserved word that is not zero";
	if (head.num_ranges > max || head.num_ranges > ABI_LOGGING_RANGES_MAX)
		return "DMA_LOGGING_START has more ranges than are allowed";
	if ((len - sizeof(head)) / sizeof(*ranges) < head.num_ranges)
		return "DMA_LOGGING_START is too short for its ranges";
	for (uint32_t i = 0; i < head.num_ranges; i++)
		abi_unpack(bytes + sizeof(head) + i * sizeof(*ranges), sizeof(*ranges), "88",
			   &ranges[i]);
	*page_size = head.page_size;
	*n = head.num_ranges;
	return abi_logging_start_check(head.page_size, ranges, head.num_ranges, true);
}

uint64_t abi_bitmap_bytes(uint64_t length, uint64_t page_size)
{
	if (!abi_power_of_two(page_size))
		return 0;
	return abi_product(abi_pages(abi_pages(length, page_size), 64), 8);
}

const char *abi_logging_report_check(const struct abi_logging_report *r, uint64_t *bitmap_bytes)
{
	uint64_t bytes = abi_bitmap_bytes(r->length, r->page_size);

	if (!abi_power_of_two(r->page_size))
		return "dirty report: the page size is not a power of two";
	if (r->page_size < ABI_LOGGING_PAGE_MIN)
		return "dirty report: the page size is below 4 KiB";
	if (r->iova % ABI_LOGGING_PAGE_MIN)
		return "dirty report: the address is not a multiple of 4 KiB";
	if (!r->length)
		return "dirty report: the range is empty";
	if (r->length % r->page_size)
		return "dirty report: the length is not a multiple of the page size";
	if (abi_passes_the_end(r->iova, r->length))
		return "dirty report: the range passes the end of the address space";
	if (bytes > ABI_BITMAP_BYTES_MAX)
		return "dirty report: the bitmap would be over 256 MiB";
	if (bitmap_bytes)
		*bitmap_bytes = bytes;
	return NULL;
}

size_t abi_logging_put_report(void *buf, size_t cap, const struct abi_logging_report *r)
{
	return abi_pack(buf, cap, "888", r);
}

const char *abi_logging_get_report(const void *buf, size_t len, struct abi_logging_report *r,
				   uint64_t *bitmap_bytes)
{
	if (!abi_unpack(buf, len, "888", r))
		return "DMA_LOGGING_REPORT needs 24 bytes";
	return abi_logging_report_check(r, bitmap_bytes);
}
