/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * DIRTY_PAGES: each rule an assertion with Linux's errno. One operation at a time; no bitmap unless pages are logged; pages of
 * the smallest size only; room in argsz for what is asked, though not for the bitmap itself, which must be large
 * enough; a range in whole pages, which cuts no map in two. One with holes, or with nothing in it, is fine.
 *
 * Rules: T1-06, T1-12, T1-15, T1-16, T1-17, T1-18, T1-19, T1-20, T1-21, T1-23, T1-24, T1-25.
 */
#include "tests/type1/setup.h"

int main(void)
{
	struct dirty_pages good, d;
	struct setup setup;

	setup_open(&setup, NULL);
	CHECK_EQ(setup_map(&setup, 0x8000, 65), 0);
	CHECK_EQ(setup_map(&setup, 0x100000, 2), 0);
	good = setup_get_request(&setup, 0x8000, 65);
	good.get.bitmap.size = 16;

#define DIRTY(change, ret)                                                                         \
	do {                                                                                       \
		d = good;                                                                          \
		change;                                                                            \
		CHECK_EQ(setup_dirty_as(&setup, d), ret);                                          \
	} while (0)
	DIRTY(, -EINVAL); /* not started */
	CHECK_EQ(setup_stop(&setup), 0);
	CHECK_EQ(setup_start(&setup), 0);
	DIRTY(, 0);
	DIRTY(d.dirty.argsz += 100, 0);
	for (uint32_t argsz = 0; argsz < 48; argsz++)
		DIRTY(d.dirty.argsz = argsz, -EINVAL);
	for (uint32_t flags = 0; flags < 32; flags++)
		if (flags != 1 && flags != 2 && flags != 4)
			DIRTY(d.dirty.flags = flags, -EINVAL);
	for (size_t capacity = 0; capacity < 48; capacity++)
		CHECK_EQ(setup_ioctl(&setup, VFMIG_IOCTL_IOMMU_DIRTY_PAGES, &good, capacity),
			 -EFAULT);
	/* START and STOP are 8 bytes, and nothing behind them is looked at. */
	d.dirty = (struct vfmig_type1_dirty_pages){.argsz = 7, .flags = VFMIG_TYPE1_DIRTY_START};
	CHECK_EQ(setup_dirty_as(&setup, d), -EINVAL);
	d.dirty.argsz = 8;
	CHECK_EQ(setup_ioctl(&setup, VFMIG_IOCTL_IOMMU_DIRTY_PAGES, &d.dirty, 8), 0);

	DIRTY(d.get.bitmap.pgsize = 0, -EINVAL);
	DIRTY(d.get.bitmap.pgsize = 2048, -EINVAL);
	DIRTY(d.get.bitmap.pgsize = 2 * PAGE, -EINVAL);
	DIRTY(d.get.bitmap.pgsize = 0x200000, -EINVAL);
	DIRTY(d.get.bitmap.size = 0, -EINVAL);
	DIRTY(d.get.bitmap.size = 8, -EINVAL);
	DIRTY(d.get.bitmap.size = 15, -EINVAL);
	DIRTY(d.get.bitmap.size = VFMIG_TYPE1_BITMAP_BYTES_MAX + 1, -EINVAL);
	DIRTY(d.get.bitmap.data = 0, -EFAULT);
	/* What could not be handed over is told again, as all of the range. */
	CHECK_EQ(setup_get(&setup, 0x8000, 65), 0);
	CHECK(setup.words[0] == UINT64_MAX && setup.words[1] == 1);
	DIRTY(d.get.bitmap.data = 0 - 8ull, -EINVAL);
	DIRTY(d.get.size = 0, -EINVAL);
	DIRTY(d.get.size--, -EINVAL);
	DIRTY(d.get.iova += 8, -EINVAL);
	DIRTY((d.get.iova = 0 - PAGE, d.get.size = PAGE), -EINVAL); /* in Linux, too */
	DIRTY((d.get.iova = 0 - PAGE, d.get.size = 2 * PAGE), -EINVAL);

	/* In the middle of a map, at either end. */
	DIRTY(d.get.size -= PAGE, -EINVAL);
	DIRTY((d.get.iova += PAGE, d.get.size -= PAGE), -EINVAL);
	DIRTY((d.get.iova += PAGE, d.get.size = PAGE), -EINVAL);
	CHECK_EQ(setup_get(&setup, 0x0, 0x101), -EINVAL);
	/* Several, and holes. */
	setup_write(&setup, 0x101000);
	setup_write(&setup, 0x8000);
	CHECK_EQ(setup_get(&setup, 0x0, 0x200), 0);
	CHECK_EQ(setup.words[0], 0x100);
	CHECK_EQ(setup.words[4], 2);
	/* None at all. */
	CHECK_EQ(setup_pages(&setup, 0x400000, 10), 0);
	CHECK_EQ(setup_stop(&setup), 0);
	DIRTY(, -EINVAL);

	/* More pages than a bitmap can have cannot be logged, and cannot be mapped while others are. */
	CHECK_EQ(setup_map(&setup, 1ull << 45, VFMIG_TYPE1_BITMAP_PAGES_MAX + 1), 0);
	CHECK_EQ(setup_start(&setup), -EINVAL);
	CHECK_EQ(setup_unmap(&setup, 1ull << 45, VFMIG_TYPE1_BITMAP_PAGES_MAX + 1),
		 0x80000000 * PAGE);
	CHECK_EQ(setup_start(&setup), 0);
	CHECK_EQ(setup_map(&setup, 1ull << 45, VFMIG_TYPE1_BITMAP_PAGES_MAX + 1), -EINVAL);
	CHECK_EQ(setup_map(&setup, 1ull << 45, VFMIG_TYPE1_BITMAP_PAGES_MAX), 0);

	/* The same by numbers and buffers, also where a bitmap is not aligned. */
	CHECK_EQ(vfmig_type1_get_dirty_bitmap(setup.type1, 0x8000, 65 * PAGE, PAGE, setup.words, 15,
					      NULL),
		 -EINVAL);
	memset(setup.words, 0, sizeof(setup.words));
	CHECK_EQ(setup_get(&setup, 0x8000, 65), 0); /* new maps make all dirty, once */
	CHECK_EQ(setup.words[0], UINT64_MAX);
	setup_write(&setup, 0x8000 + 8 * PAGE);
	memset(setup.words, 0, sizeof(setup.words));
	CHECK_EQ(vfmig_type1_get_dirty_bitmap(setup.type1, 0x8000, 65 * PAGE, PAGE,
					      (uint8_t *)setup.words + 1, 16, NULL),
		 0);
	CHECK_EQ(((uint8_t *)setup.words)[2], 1);
	CHECK_EQ(vfmig_type1_get_dirty_bitmap(setup.type1, 0x8000, 65 * PAGE, PAGE, NULL, 16, NULL),
		 -EFAULT);
	setup_close(&setup);
	return 0;
}
