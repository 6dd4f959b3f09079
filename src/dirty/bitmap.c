/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reading and clearing into a bitmap of the uAPI. Bits are counted from iova, which need not be a multiple of either page
 * size: a page of the map sets each bit whose bytes it touches.
 */
#include <errno.h>

#include "dirty/walk.h"

struct bitmap {
	struct dirty_walk walk;
	uint64_t iova;
	uint64_t *bitmap;
	uint64_t page; /* if same: the page of bit 0 */
	unsigned int shift;
	bool same; /* bits and pages have the same size and alignment */
};

static void set_bits(uint64_t *bitmap, uint64_t first, uint64_t last)
{
	for (uint64_t w = first / 64; w <= last / 64; w++)
		bitmap[w] |= dirty_bits(w == first / 64 ? first % 64 : 0,
					w == last / 64 ? last % 64 : 63);
}

static void bitmap_pages(struct dirty_walk *walk, uint64_t first, uint64_t last)
{
	struct bitmap *out = (struct bitmap *)walk;
	uint64_t addr = dirty_page_first(walk->map, first);
	uint64_t end = dirty_page_last(walk->map, last);

	addr = addr < walk->addr ? walk->addr : addr;
	end = end > walk->last_addr ? walk->last_addr : end;
	set_bits(out->bitmap, (addr - out->iova) >> out->shift, (end - out->iova) >> out->shift);
}

static void bitmap_line(struct dirty_walk *walk, uint64_t page, const uint64_t *words,
			unsigned int dirty)
{
	struct bitmap *out = (struct bitmap *)walk;
	uint64_t bit = page - out->page; /* of words[0]; wraps if the range begins after it */
	unsigned int up = bit % 64, lo, hi;

	for (; dirty; dirty &= dirty - 1) {
		unsigned int w = (unsigned int)__builtin_ctz(dirty);
		uint64_t bits = words[w], *to;

		if (!out->same) {
			while (dirty_run(&bits, &lo, &hi))
				bitmap_pages(walk, page + w * 64 + lo, page + w * 64 + hi);
			continue;
		}
		if (page + w * 64 < out->page) { /* the range begins within this word */
			out->bitmap[0] |= bits >> (64 - up);
			continue;
		}
		to = out->bitmap + (bit + w * 64) / 64;
		to[0] |= bits << up;
		if (up && bits >> (64 - up))
			to[1] |= bits >> (64 - up);
	}
}

int dirty_read_clear_bitmap(struct vfmig_dirty *map, uint64_t iova, uint64_t len,
			    uint64_t page_size, uint64_t *bitmap)
{
	static const struct dirty_sink sink = {bitmap_pages, bitmap_line};
	struct bitmap out = {.walk = {.map = map, .sink = &sink}, .iova = iova, .bitmap = bitmap};

	if (!page_size || page_size & (page_size - 1))
		return -EINVAL;
	out.shift = (unsigned int)__builtin_ctzll(page_size);
	/* If iova is below the first page of the map, use the general case. */
	out.same = out.shift == map->shift && !(iova & (page_size - 1)) && iova >= map->origin;
	if (out.same)
		out.page = dirty_page(map, iova);
	dirty_walk_range(&out.walk, iova, len);
	return 0;
}

size_t dirty_bitmap_bytes(uint64_t len, uint64_t page_size)
{
	uint64_t bits = len ? (len - 1) / page_size : 0;

	return len ? (bits / 64 + 1) * 8 : 0;
}
