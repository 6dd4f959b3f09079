/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * MAP_DMA and UNMAP_DMA: each rule an assertion with Linux's errno. An unmap says how much there was; it takes several maps at
 * once, none in part, or all; with the flag for it the bitmap comes along. (What is about numbers alone is in
 * tests/abi/type1_refuses_what_is_not_right.c.)
 *
 * Rules: T1-07, T1-08, T1-09, T1-10, T1-11, T1-26.
 */
#include "tests/type1/setup.h"

static void maps(struct setup *setup)
{
	struct vfmig_type1_dma_map good = {.argsz = sizeof(good),
					   .flags = 3,
					   .vaddr = 0x40000,
					   .iova = 0x8000,
					   .size = 0x4000};
	struct vfmig_type1_dma_map m;

#define MAP(change, ret)                                                                           \
	do {                                                                                       \
		m = good;                                                                          \
		change;                                                                            \
		CHECK_EQ(setup_map_as(setup, m), ret);                                             \
	} while (0)
	MAP(m.argsz--, -EINVAL);
	MAP(m.flags = 0, -EINVAL);
	MAP(m.flags |= 16, -EINVAL);
	MAP(m.size = 0, -EINVAL);
	MAP(m.size += 8, -EINVAL);
	MAP(m.vaddr += 8, -EINVAL);
	MAP(m.iova = 0 - PAGE, -EINVAL);
	CHECK_EQ(setup_ioctl(setup, VFMIG_IOCTL_IOMMU_MAP_DMA, &good, 31), -EFAULT);
	MAP(, 0);
	MAP(, -EEXIST); /* also where it is the same */
	MAP((m.iova -= PAGE, m.size = 2 * PAGE), -EEXIST);
	MAP(m.iova += 3 * PAGE, -EEXIST);
	MAP((m.iova = 0, m.size = 1ull << 32), -EEXIST);
	MAP(m.iova += 4 * PAGE, 0); /* a neighbour is none of its business */

	/* No vaddr is ever taken away, so that none can be given back. */
	MAP(m.flags = VFMIG_DMA_MAP_VADDR, -EINVAL);
	MAP((m.flags = VFMIG_DMA_MAP_VADDR, m.iova = 0x100000), -ENOENT);
}

static void unmaps(struct setup *setup)
{
	struct dma_unmap u;

	/* 0x8000 and 0xc000, four pages each. */
	CHECK_EQ(setup_unmap(setup, 0x8000, 3), -EINVAL);
	CHECK_EQ(setup_unmap(setup, 0x9000, 3), -EINVAL);
	CHECK_EQ(setup_unmap(setup, 0x9000, 1), -EINVAL);
	CHECK_EQ(setup_unmap(setup, 0x7000, 2), -EINVAL);
	CHECK_EQ(setup_unmap(setup, 0x0, 10), -EINVAL);
	CHECK_EQ(setup_unmap(setup, 0x8000, 0), -EINVAL);
	/* Where nothing is mapped nothing is unmapped, which is no error. */
	CHECK_EQ(setup_unmap(setup, 0x20000, 4), 0);
	/* With what is around it, and how much of that there was. */
	CHECK_EQ(setup_unmap(setup, 0x7000, 5), 4 * PAGE);
	CHECK_EQ(setup_map(setup, 0x8000, 2), 0);
	CHECK_EQ(setup_unmap(setup, 0x0, 0x100), 6 * PAGE);
	CHECK_EQ(setup_unmap(setup, 0x0, 0x100), 0);

	/* All. */
	CHECK_EQ(setup_map(setup, 0, 1), 0);
	CHECK_EQ(setup_map(setup, 0x5000, 2), 0);
	CHECK_EQ(setup_map(setup, 0 - PAGE, 1), 0);
	u = (struct dma_unmap){.unmap = {.argsz = 24, .flags = VFMIG_DMA_UNMAP_ALL, .size = PAGE}};
	CHECK_EQ(setup_unmap_as(setup, &u), -EINVAL);
	u.unmap.size = 0;
	CHECK_EQ(setup_unmap_as(setup, &u), 0);
	CHECK_EQ(u.unmap.size, 4 * PAGE);
	CHECK_EQ(setup_map(setup, 0, 4096), 0);
	CHECK_EQ(setup_unmap(setup, 0, 4096), 4096 * PAGE);

	/* As Linux says it where there is an mdev. */
	u.unmap = (struct vfmig_type1_dma_unmap){
		.argsz = 24, .flags = VFMIG_DMA_UNMAP_VADDR, .size = PAGE};
	CHECK_EQ(setup_unmap_as(setup, &u), -EBUSY);
	CHECK_EQ(setup_ioctl(setup, VFMIG_IOCTL_IOMMU_UNMAP_DMA, &u, 23), -EFAULT);
}

static void with_bitmap(struct setup *setup)
{
	struct dma_unmap u = {
		.unmap = {.argsz = sizeof(u),
			  .flags = VFMIG_DMA_UNMAP_GET_DIRTY_BITMAP,
			  .iova = 0x8000,
			  .size = 65 * PAGE},
		.bitmap = {.pgsize = PAGE, .size = 16, .data = (uintptr_t)setup->words},
	};
	struct dma_unmap bad;

	CHECK_EQ(setup_map(setup, 0x8000, 65), 0);
	/* Only while logging; nothing is unmapped by what is refused. */
	CHECK_EQ(setup_unmap_told(setup, 0x8000, 65), -EINVAL);
	CHECK_EQ(setup_start(setup), 0);
#define UNMAP(change, ret)                                                                         \
	do {                                                                                       \
		bad = u;                                                                           \
		change;                                                                            \
		CHECK_EQ(setup_unmap_as(setup, &bad), ret);                                        \
		CHECK_EQ(bad.unmap.size, 65 * PAGE);                                               \
	} while (0)
	UNMAP(bad.bitmap.pgsize = 2 * PAGE, -EINVAL);
	UNMAP(bad.bitmap.pgsize = 0, -EINVAL);
	UNMAP(bad.bitmap.size = 15, -EINVAL);
	UNMAP(bad.bitmap.size = 0, -EINVAL);
	UNMAP(bad.bitmap.size = VFMIG_TYPE1_BITMAP_BYTES_MAX + 8, -EINVAL);
	UNMAP(bad.unmap.argsz--, -EINVAL);
	UNMAP(bad.unmap.flags |= VFMIG_DMA_UNMAP_ALL, -EINVAL);
	UNMAP(bad.unmap.flags |= VFMIG_DMA_UNMAP_VADDR, -EINVAL);
	UNMAP(bad.bitmap.data = 0, -EFAULT);
	CHECK_EQ(setup_ioctl(setup, VFMIG_IOCTL_IOMMU_UNMAP_DMA, &u, 47), -EFAULT);
	setup_write(setup, 0x8000 + 64 * PAGE);
	UNMAP(, 0);
	CHECK_EQ(setup->words[0], 0);
	CHECK_EQ(setup->words[1], 1);

	/* Two maps and what is between them. */
	CHECK_EQ(setup_map(setup, 0x8000, 2), 0);
	CHECK_EQ(setup_map(setup, 0xb000, 1), 0);
	CHECK_EQ(setup_pages(setup, 0x8000, 4),
		 0xb); /* new while it is logged: counts as written */
	setup_write(setup, 0x9000);
	setup_write(setup, 0xb000);
	CHECK_EQ(setup_unmap_told(setup, 0x7000, 5), 3 * PAGE);
	CHECK_EQ(setup->words[0], 0x14);

	/* Without the flag what was written goes with the map. */
	CHECK_EQ(setup_map(setup, 0x8000, 2), 0);
	CHECK_EQ(setup_pages(setup, 0x8000, 2), 3);
	setup_write(setup, 0x8000);
	CHECK_EQ(setup_unmap(setup, 0x8000, 2), 2 * PAGE);
	CHECK_EQ(setup_pages(setup, 0x8000, 2), 0);
}

/* What a device says when it is told: the map is gone all the same, and what was written is told. */
static void a_device_objects(struct setup *setup)
{
	struct dma_unmap u = {
		.unmap = {.argsz = sizeof(u),
			  .flags = VFMIG_DMA_UNMAP_GET_DIRTY_BITMAP,
			  .iova = 0x8000,
			  .size = 2 * PAGE},
		.bitmap = {.pgsize = PAGE, .size = 8, .data = (uintptr_t)setup->words},
	};

	CHECK_EQ(setup_map(setup, 0x8000, 2), 0);
	CHECK_EQ(setup_pages(setup, 0x8000, 2), 3);
	setup_write(setup, 0x9000);
	setup->writer.unmap_fails = true;
	memset(setup->words, 0, sizeof(setup->words));
	CHECK_EQ(setup_unmap_as(setup, &u), -EIO);
	CHECK_EQ(u.unmap.size, 2 * PAGE);
	CHECK_EQ(setup->words[0], 2);
	setup->writer.unmap_fails = false;
	CHECK_EQ(setup_unmap(setup, 0x8000, 2), 0);
}

int main(void)
{
	struct setup setup;

	setup_open(&setup, NULL);
	maps(&setup);
	unmaps(&setup);
	with_bitmap(&setup);
	a_device_objects(&setup);
	setup_close(&setup);
	return 0;
}
