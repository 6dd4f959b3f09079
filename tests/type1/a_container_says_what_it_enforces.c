/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * VFIO_IOMMU_GET_INFO, and that each thing it says is so: that it logs, in which pages, with bitmaps up to which size; how many
 * maps may still be made, and where. As in Linux (6.1 to 7.2) a short argsz is answered with the size needed, the flag
 * CAPS and no offset.
 *
 * Rules: T1-01, T1-02, T1-03, T1-04, T1-05, T1-18, T1-21.
 */
#include "abi/type1.h"
#include "tests/type1/setup.h"

static const struct vfmig_type1_iova_range ranges[] = {{0, 0xfedfffff}, {0xfef00000, 0xffffffffff}};
static struct vfmig_type1_iova_range capacity[8];

union info {
	struct vfmig_type1_info info;
	uint8_t bytes[256];
};

static struct abi_type1_says ask(struct setup *setup)
{
	struct abi_type1_says says = {.ranges = capacity};
	union info buf = {.info.argsz = sizeof(buf)};

	CHECK_EQ(setup_ioctl(setup, VFMIG_IOCTL_IOMMU_GET_INFO, &buf, sizeof(buf)), 0);
	CHECK(!abi_type1_get_info(&buf, sizeof(buf), &says, 8));
	return says;
}

static void the_sizes(struct setup *setup)
{
	const uint32_t whole = 24 + 32 + 16 + 16 + 2 * 16;
	union info buf;

	for (uint32_t argsz = 0; argsz < sizeof(buf); argsz++) {
		memset(&buf, 0xee, sizeof(buf));
		buf.info.argsz = argsz;
		if (argsz < 16) {
			CHECK_EQ(setup_ioctl(setup, VFMIG_IOCTL_IOMMU_GET_INFO, &buf, sizeof(buf)),
				 -EINVAL);
			continue;
		}
		CHECK_EQ(setup_ioctl(setup, VFMIG_IOCTL_IOMMU_GET_INFO, &buf, sizeof(buf)), 0);
		CHECK_EQ(buf.info.flags, VFMIG_TYPE1_INFO_PGSIZES | VFMIG_TYPE1_INFO_CAPS);
		CHECK_EQ(buf.info.iova_pgsizes, 0 - PAGE);
		CHECK_EQ(buf.info.argsz, argsz < whole ? whole : argsz);
		/* Nothing is written behind argsz. */
		CHECK_EQ(buf.bytes[argsz < whole ? argsz < 24 ? argsz : 24 : whole], 0xee);
		if (argsz >= 24)
			CHECK_EQ(buf.info.cap_offset, argsz < whole ? 0 : 24);
	}
	/* A structure that is not there, or not all of it. */
	buf.info.argsz = sizeof(buf);
	CHECK_EQ(setup_ioctl(setup, VFMIG_IOCTL_IOMMU_GET_INFO, &buf, 15), -EFAULT);
	CHECK_EQ(setup_ioctl(setup, VFMIG_IOCTL_IOMMU_GET_INFO, &buf, whole - 1), -EFAULT);
	CHECK_EQ(setup_ioctl(setup, VFMIG_IOCTL_IOMMU_GET_INFO, &buf, whole), 0);
}

int main(void)
{
	struct vfmig_type1_options options = {.dma_limit = 3, .range_count = 2, .ranges = ranges};
	struct vfmig_type1_iova_range bad[] = {{0x2000, 0x2fff}, {0x2fff, 0x5fff}};
	struct vfmig_type1 *none;
	struct abi_type1_says says;
	struct dirty_pages get;
	struct setup setup;

	setup_open(&setup, &options);
	the_sizes(&setup);

	/* The ranges are those that can be mapped. */
	says = ask(&setup);
	CHECK_EQ(says.range_count, 2);
	CHECK_EQ(memcmp(capacity, ranges, sizeof(ranges)), 0);
	CHECK_EQ(setup_map(&setup, 0xfee00000, 1), -EINVAL);
	CHECK_EQ(setup_map(&setup, 0xfedff000, 2), -EINVAL);
	CHECK_EQ(setup_map(&setup, 0x10000000000, 1), -EINVAL);
	CHECK_EQ(setup_map(&setup, 0xfedff000, 1), 0);
	CHECK_EQ(setup_map(&setup, 0xfffffff000, 1), 0);

	/* So many maps can be made, and no more; others' maps count, and come back. */
	says = ask(&setup);
	CHECK(says.has_dma_avail);
	CHECK_EQ(says.dma_avail, 1);
	CHECK_EQ(setup_map(&setup, 0, 1), 0);
	CHECK_EQ(ask(&setup).dma_avail, 0);
	CHECK_EQ(setup_map(&setup, 0x1000, 1), -ENOSPC);
	CHECK_EQ(vfmig_space_unmap(setup.space, 0xfffffff000, PAGE, NULL), 0);
	CHECK_EQ(ask(&setup).dma_avail, 1);
	CHECK_EQ(setup_map(&setup, 0x1000, 1), 0);

	/* Each page size that is said can be asked for, no other; and each bitmap up to the size that is said. */
	says = ask(&setup);
	CHECK(says.has_migration);
	CHECK_EQ(says.pgsize_bitmap, PAGE);
	CHECK_EQ(setup_start(&setup), 0);
	for (unsigned bit = 0; bit < 64; bit++) {
		get = setup_get_request(&setup, 0, 1);
		get.get.bitmap.pgsize = 1ull << bit;
		CHECK_EQ(setup_dirty_as(&setup, get),
			 says.pgsize_bitmap & 1ull << bit ? 0 : -EINVAL);
	}
	get = setup_get_request(&setup, 0, 1);
	get.get.bitmap.size = says.max_dirty_bitmap_size;
	CHECK_EQ(setup_dirty_as(&setup, get), 0);
	get.get.bitmap.size++;
	CHECK_EQ(setup_dirty_as(&setup, get), -EINVAL);
	setup_close(&setup);

	/* Without options: everything, and as much as Linux lets a container have. */
	setup_open(&setup, NULL);
	says = ask(&setup);
	CHECK_EQ(says.dma_avail, 65535);
	CHECK_EQ(says.range_count, 1);
	CHECK(capacity[0].start == 0 && capacity[0].end == UINT64_MAX);
	CHECK_EQ(setup_map(&setup, 0 - PAGE, 1), 0);
	CHECK_EQ(vfmig_type1_check_extension(setup.type1, VFMIG_EXTENSION_TYPE1V2), 1);
	CHECK_EQ(vfmig_type1_check_extension(setup.type1, VFMIG_EXTENSION_UNMAP_ALL), 1);
	CHECK_EQ(vfmig_type1_check_extension(setup.type1, VFMIG_EXTENSION_UPDATE_VADDR), 0);
	CHECK_EQ(vfmig_type1_check_extension(setup.type1, 12345), 0);
	CHECK_EQ(setup_ioctl(&setup, 999, &says, sizeof(says)), -ENOTTY);

	/* Ranges that are none. */
	options.ranges = bad;
	CHECK_EQ(vfmig_type1_new(setup.space, &options, &none, NULL), -EINVAL);
	bad[1].start = 0x7000;
	CHECK_EQ(vfmig_type1_new(setup.space, &options, &none, NULL), -EINVAL);
	options.range_count = 513;
	CHECK_EQ(vfmig_type1_new(setup.space, &options, &none, NULL), -EINVAL);
	setup_close(&setup);
	return 0;
}
