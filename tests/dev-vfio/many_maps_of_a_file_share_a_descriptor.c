/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A VMM maps its memory's file in many pieces, and keeps its descriptors: all pieces of one file cost one. With few left to
 * be had, more pieces than descriptors can be mapped, by address and by file; when the last is unmapped it is given back.
 */
#include <sys/resource.h>

#include "tests/dev-vfio/setup.h"

#define PIECES 2000u
#define SPARE  16u

static unsigned descriptors(void)
{
	unsigned n = 0;

	for (int fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void by_container(uint8_t *memory)
{
	int container = setup_container(), group = setup_group(container, 0);
	struct vfmig_type1_dma_unmap all = {.argsz = sizeof(all), .flags = VFMIG_DMA_UNMAP_ALL};
	struct vfmig_type1_dma_unmap one = {.argsz = sizeof(one), .iova = SETUP_IOVA, .size = 4096};
	unsigned before;

	setup_iommu(container);
	before = descriptors();
	for (uint64_t i = 0; i < PIECES; i++)
		CHECK_EQ(setup_map(container, SETUP_IOVA + i * 8192, memory + i * 4096, 4096), 0);
	CHECK_EQ(descriptors(), before + 1);
	CHECK_EQ(setup_ioctl(container, VFMIG_IOCTL_IOMMU_UNMAP_DMA, &one), 0);
	CHECK_EQ(descriptors(), before + 1);
	CHECK_EQ(setup_ioctl(container, VFMIG_IOCTL_IOMMU_UNMAP_DMA, &all), 0);
	CHECK_EQ(all.size, (PIECES - 1) * 4096);
	CHECK_EQ(descriptors(), before);
	setup_close(group);
	setup_close(container);
}

static void by_iommufd(uint8_t *memory, int fd)
{
	int iommufd = setup_path("/dev/iommu");
	struct abi_iommufd_ioas_alloc alloc = {sizeof(alloc), 0, 0};
	struct abi_iommufd_unmap all = {sizeof(all), 0, 0, UINT64_MAX};
	unsigned before;

	CHECK_EQ(setup_ioctl(iommufd, ABI_IOMMUFD_IOAS_ALLOC, &alloc), 0);
	before = descriptors();
	for (uint64_t i = 0; i < PIECES; i++) {
		struct abi_iommufd_map m = {sizeof(m),
					    7,
					    alloc.out_ioas_id,
					    0,
					    (uintptr_t)memory + i * 4096,
					    4096,
					    SETUP_IOVA + i * 8192};
		struct abi_iommufd_map_file f = {sizeof(f), 7,	  alloc.out_ioas_id,	fd,
						 i * 4096,  4096, SETUP_IOVA + i * 8192};

		if (i % 2)
			CHECK_EQ(setup_ioctl(iommufd, ABI_IOMMUFD_IOAS_MAP, &m), 0);
		else
			CHECK_EQ(setup_ioctl(iommufd, ABI_IOMMUFD_IOAS_MAP_FILE, &f), 0);
	}
	CHECK_EQ(descriptors(), before + 1);
	all.ioas_id = alloc.out_ioas_id;
	CHECK_EQ(setup_ioctl(iommufd, ABI_IOMMUFD_IOAS_UNMAP, &all), 0);
	CHECK_EQ(all.length, PIECES * 4096);
	CHECK_EQ(descriptors(), before);
	setup_close(iommufd);
}

int main(void)
{
	struct rlimit limit;
	uint8_t *memory;
	int fd = memfd_create("memory", MFD_CLOEXEC);

	setup_begin();
	CHECK(fd >= 0 && !ftruncate(fd, PIECES * 4096));
	memory = mmap(NULL, PIECES * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CHECK(memory != MAP_FAILED);
	CHECK(!getrlimit(RLIMIT_NOFILE, &limit));
	limit.rlim_cur = (rlim_t)fd + SPARE;
	CHECK(!setrlimit(RLIMIT_NOFILE, &limit));
	by_container(memory);
	by_iommufd(memory, fd);
	dev_vfio_free(view);
	munmap(memory, PIECES * 4096);
	close(fd);
	return 0;
}
