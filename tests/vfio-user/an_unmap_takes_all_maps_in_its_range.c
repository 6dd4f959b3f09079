/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * DMA_UNMAP of a range takes all maps that lie in it, which may be none, as a client with a virtual IOMMU asks; a range
 * that cuts a map in two takes nothing. With the bitmap, by either way of logging, it tells of all of them.
 */
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/lib/server_client.h"
#include "tests/lib/raw_messages.h"

static struct server_client p;
static int fd, mem;

static void map_three(void)
{
	CHECK_EQ(raw_map(fd, 0x10000, 0x1000, 0, 3, mem), 0);
	CHECK_EQ(raw_map(fd, 0x12000, 0x2000, 0x1000, 3, mem), 0);
	CHECK_EQ(raw_map(fd, 0x20000, 0x1000, 0x3000, 3, -1), 0);
	CHECK_EQ(p.fake->maps, 3);
}

static void ranges(void)
{
	unsigned before = count_fds();

	map_three();
	CHECK_EQ(raw_unmap(fd, 0x12000, 0x1000), -EINVAL);
	CHECK_EQ(raw_unmap(fd, 0x13000, 0x10000), -EINVAL);
	CHECK_EQ(raw_unmap(fd, 0x13000, 0x1000), -EINVAL);
	CHECK_EQ(raw_unmap(fd, 0, 0x13000), -EINVAL);
	CHECK_EQ(p.fake->maps, 3);
	CHECK_EQ(raw_unmap(fd, 0x11000, 0x1000), 0);
	CHECK_EQ(raw_unmap(fd, 0, 0x10000), 0);
	CHECK_EQ(p.fake->maps, 3);
	CHECK_EQ(raw_unmap(fd, 0x10000, 0x8000), 0);
	CHECK_EQ(p.fake->maps, 1);
	CHECK_EQ(raw_unmap(fd, 0, 1ull << 63), 0);
	CHECK_EQ(raw_unmap(fd, 0, 1ull << 63), 0);
	CHECK_EQ(p.fake->maps, 0);
	CHECK_EQ(count_fds(), before);
	map_three();
	CHECK_EQ(raw_unmap(fd, 0, UINT64_MAX), 0);
	CHECK_EQ(p.fake->maps, 0);
}

static uint64_t with_bitmap(void)
{
	struct {
		struct vfmig_user_dma_unmap u;
		struct vfmig_user_bitmap b;
		uint64_t bits;
	} m = {
		.u = {.argsz = sizeof(m),
		      .flags = VFMIG_DMA_UNMAP_GET_DIRTY_BITMAP,
		      .addr = 0x10000,
		      .size = 0x8000},
		.b = {.pgsize = 4096, .size = 8},
	};

	CHECK_EQ(
		raw_call(fd, VFMIG_USER_DMA_UNMAP, &m, sizeof(m) - 8, NULL, 0, &m, sizeof(m), NULL),
		0);
	CHECK_EQ(p.fake->maps, 1);
	CHECK_EQ(raw_unmap(fd, 0x20000, 0x1000), 0);
	return m.bits;
}

static void reports(void)
{
	uint64_t start[2] = {4096};
	uint32_t dirty_pages[2] = {8, 1};
	uint8_t byte = 1;

	map_three();
	CHECK_EQ(raw_feature(fd, VFMIG_FEATURE_DMA_LOGGING_START | VFMIG_FEATURE_SET, start, 16, 0),
		 0);
	CHECK_EQ(fake_device_dma(p.fake, 0x10000, &byte, 1, true), 0);
	CHECK_EQ(fake_device_dma(p.fake, 0x13000, &byte, 1, true), 0);
	CHECK_EQ(with_bitmap(), 1 | 8);
	CHECK_EQ(raw_feature(fd, VFMIG_FEATURE_DMA_LOGGING_STOP | VFMIG_FEATURE_SET, NULL, 0, 0),
		 0);
	map_three();
	CHECK_EQ(raw_call(fd, VFMIG_USER_DIRTY_PAGES, dirty_pages, 8, NULL, 0, NULL, 0, NULL), 0);
	CHECK_EQ(fake_device_dma(p.fake, 0x12000, &byte, 1, true), 0);
	CHECK_EQ(with_bitmap(), 4);
}

int main(void)
{
	void *memory = shared_memory(0x3000, &mem);

	fd = server_client_serve(&p, SERVER_CLIENT_ALL_FLAGS, NULL);
	CHECK_EQ(raw_hello(fd, NULL), 0);
	RUN(ranges());
	RUN(reports());
	close(fd);
	server_client_close(&p);
	munmap(memory, 0x3000);
	close(mem);
	return 0;
}
