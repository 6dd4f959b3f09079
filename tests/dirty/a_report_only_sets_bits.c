/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Bitmaps of the uAPI, out and in, at page sizes that are not the map's; bits are only ever set.
 *
 * Rules: DMA-16, DMA-17, DMA-18.
 */
#include <errno.h>

#include "dirty/map.h"
#include "tests/lib/check.h"

#define PAGE 4096ull

static struct vfmig_dirty *create(uint64_t page_size)
{
	struct dirty_config config = {.page_size = page_size};
	struct vfmig_dirty *map;

	CHECK_EQ(dirty_create(&map, &config), 0);
	return map;
}

int main(void)
{
	struct vfmig_dirty *map = create(0), *big = create(16 * PAGE);
	uint64_t bitmap[4] = {0};
	unsigned char odd[9];

	/* Like for like, beginning within a word; two reports gather in one bitmap. */
	vfmig_dirty_mark(map, 1000 * PAGE, PAGE);
	vfmig_dirty_mark(map, 1063 * PAGE, 2 * PAGE);
	CHECK_EQ(dirty_read_clear_bitmap(map, 1000 * PAGE, 128 * PAGE, PAGE, bitmap), 0);
	CHECK(bitmap[0] == (1ull << 63 | 1) && bitmap[1] == 1 && !bitmap[2]);
	vfmig_dirty_mark(map, 1002 * PAGE, PAGE);
	CHECK_EQ(dirty_read_clear_bitmap(map, 1000 * PAGE, 128 * PAGE, PAGE, bitmap), 0);
	CHECK(bitmap[0] == (1ull << 63 | 5) && bitmap[1] == 1);
	CHECK_EQ(dirty_read_clear_bitmap(map, 1000 * PAGE, 128 * PAGE, PAGE, bitmap), 0);
	CHECK(bitmap[0] == (1ull << 63 | 5) && bitmap[1] == 1);

	/* Larger: one page sets the bit, and all beneath it are taken, but none beside. */
	memset(bitmap, 0, sizeof(bitmap));
	vfmig_dirty_mark(map, 3 * PAGE, 40 * PAGE);
	CHECK_EQ(dirty_read_clear_bitmap(map, 0, 32 * PAGE, 16 * PAGE, bitmap), 0);
	CHECK(bitmap[0] == 3 && !bitmap[1]);
	CHECK_EQ(dirty_count(map, 0, UINT64_MAX), 11);
	CHECK_EQ(dirty_read_clear_bitmap(map, 0, UINT64_MAX, 1ull << 63, bitmap), 0);
	CHECK(bitmap[0] == 3 && !dirty_test(map, 0, UINT64_MAX));

	/* Smaller: a page sets all its bits. In part, it stays. */
	memset(bitmap, 0, sizeof(bitmap));
	vfmig_dirty_mark(big, 16 * PAGE, 1);
	CHECK_EQ(dirty_read_clear_bitmap(big, 0, 20 * PAGE, PAGE, bitmap), 0);
	CHECK_EQ(bitmap[0], 0xf0000);
	CHECK(dirty_test(big, 0, UINT64_MAX));
	CHECK_EQ(dirty_read_clear_bitmap(big, 0, 64 * PAGE, PAGE, bitmap), 0);
	CHECK_EQ(bitmap[0], 0xffff0000);
	CHECK(!dirty_test(big, 0, UINT64_MAX));

	/* The other way: a device's bitmap into a map, from any address, its excess not looked at. */
	memset(odd, 0xff, sizeof(odd));
	CHECK_EQ(dirty_mark_bitmap(map, 64 * PAGE, 3 * PAGE, PAGE, odd + 1), 0);
	CHECK_EQ(dirty_count(map, 0, UINT64_MAX), 3);
	dirty_clear(map, 0, UINT64_MAX);
	CHECK_EQ(dirty_mark_bitmap(map, 64 * PAGE, 100, 1, (uint64_t[]){0, 1ull << 40}), 0);
	CHECK(!dirty_test(map, 0, UINT64_MAX));
	CHECK_EQ(dirty_mark_bitmap(map, 0 - PAGE, UINT64_MAX, PAGE, odd + 1), 0);
	CHECK_EQ(dirty_count(map, 0, UINT64_MAX), 1);

	CHECK_EQ(dirty_read_clear_bitmap(map, 0, PAGE, 0, bitmap), -EINVAL);
	CHECK_EQ(dirty_read_clear_bitmap(map, 0, PAGE, 3 * PAGE, bitmap), -EINVAL);
	CHECK_EQ(dirty_mark_bitmap(map, 0, PAGE, 48, odd), -EINVAL);
	CHECK_EQ(dirty_bitmap_bytes(0, PAGE), 0);
	CHECK_EQ(dirty_bitmap_bytes(64 * PAGE, PAGE), 8);
	CHECK_EQ(dirty_bitmap_bytes(64 * PAGE + 1, PAGE), 16);
	CHECK_EQ(dirty_bitmap_bytes(UINT64_MAX, 1), 1ull << 61);
	dirty_free(map);
	dirty_free(big);
	return 0;
}
