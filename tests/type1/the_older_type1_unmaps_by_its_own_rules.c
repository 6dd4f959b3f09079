/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * VFIO_TYPE1_IOMMU, as programs like DPDK set it: an unmap that begins within a map unmaps nothing and reports 0 bytes,
 * one that ends within a map unmaps all of it, and no pages can be logged. In VFIO_TYPE1v2_IOMMU both are EINVAL.
 */
#include "tests/lib/check.h"

#include <errno.h>

#include <vfmig/type1.h>

#define PAGE 4096u

static struct vfmig_type1 *container;
static char memory[8 * PAGE];

static void map(uint64_t iova, uint64_t pages)
{
	const struct vfmig_map m = {.iova = iova,
				    .size = pages * PAGE,
				    .prot = VFMIG_PROT_READ,
				    .kind = VFMIG_MAP_MEMORY,
				    .ptr = memory,
				    .fd = -1};

	CHECK_EQ(vfmig_type1_map(container, &m, NULL), 0);
}

static long long unmap(uint64_t iova, uint64_t pages)
{
	uint64_t size = pages * PAGE;
	int ret = vfmig_type1_unmap(container, iova, &size, NULL, 0, NULL);

	return ret ? ret : (long long)size;
}

static void older(void)
{
	struct vfmig_type1_dirty_pages d = {.argsz = sizeof(d), .flags = VFMIG_TYPE1_DIRTY_START};

	map(0x10000, 4);
	map(0x14000, 4);
	/* From within the first. */
	CHECK_EQ(unmap(0x11000, 1), 0);
	CHECK_EQ(unmap(0x11000, 16), 0);
	/* To within the first: all of it goes, and the second stays. */
	CHECK_EQ(unmap(0xf000, 2), 4 * PAGE);
	CHECK_EQ(unmap(0x10000, 4), 0);
	CHECK_EQ(unmap(0x14000, 1), 4 * PAGE);
	map(0x10000, 4);
	map(0x14000, 4);
	CHECK_EQ(unmap(0x10000, 5), 8 * PAGE);
	CHECK_EQ(vfmig_type1_ioctl(container, VFMIG_IOCTL_IOMMU_DIRTY_PAGES, &d, sizeof(d), NULL),
		 -EACCES);
}

static void newer(void)
{
	map(0x10000, 4);
	CHECK_EQ(unmap(0x11000, 1), -EINVAL);
	CHECK_EQ(unmap(0xf000, 2), -EINVAL);
	CHECK_EQ(unmap(0x10000, 4), 4 * PAGE);
}

int main(void)
{
	struct vfmig_space *space = vfmig_space_new();
	const struct vfmig_type1_options v1 = {.v1 = true};

	CHECK_EQ(vfmig_type1_new(space, &v1, &container, NULL), 0);
	RUN(older());
	vfmig_type1_free(container);
	CHECK_EQ(vfmig_type1_new(space, NULL, &container, NULL), 0);
	RUN(newer());
	vfmig_type1_free(container);
	vfmig_space_free(space);
	return 0;
}
