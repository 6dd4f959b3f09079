/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * DMA_UNMAP with the bitmap of what was written, in pages so large that a rounded size wraps around: a page that was
 * written is never reported as clean.
 */
#include <unistd.h>

#include "dirty/map.h"
#include "tests/lib/server_client.h"
#include "tests/lib/raw_messages.h"

#define HALF (1ull << 63)

static uint64_t unmapped(uint64_t size, uint64_t page, uint64_t written)
{
	struct {
		struct vfmig_user_dma_unmap u;
		struct vfmig_user_bitmap b;
		uint64_t bits[2];
	} m = {
		.u = {.argsz = sizeof(m), .flags = VFMIG_DMA_UNMAP_GET_DIRTY_BITMAP, .size = size},
		.b = {.pgsize = page, .size = 16},
	};
	uint64_t start[2] = {4096};
	struct server_client p;
	int fd = server_client_serve(&p, SERVER_CLIENT_ALL_FLAGS, NULL);
	size_t got;

	CHECK_EQ(raw_hello(fd, NULL), 0);
	CHECK_EQ(raw_map(fd, 0, size, 0, 3, -1), 0);
	CHECK_EQ(raw_feature(fd, VFMIG_FEATURE_DMA_LOGGING_START | VFMIG_FEATURE_SET, start, 16, 0),
		 0);
	vfmig_dirty_mark(p.fake->dirty, written, 4096);
	CHECK_EQ(raw_call(fd, VFMIG_USER_DMA_UNMAP, &m, sizeof(m) - 16, NULL, 0, &m, sizeof(m),
			  &got),
		 0);
	CHECK_EQ(got, sizeof(m));
	close(fd);
	server_client_close(&p);
	return m.bits[0];
}

int main(void)
{
	CHECK_EQ(unmapped(0x200000, 0x100000, 0x100000), 2);
	CHECK_EQ(unmapped(HALF, HALF, 0x100000), 1);
	/* Two such pages are 2^64 bytes, which no report can ask for: all of it counts as written. */
	CHECK_EQ(unmapped(HALF + 4096, HALF, HALF), 3);
	CHECK_EQ(unmapped(HALF + 4096, HALF, 0x100000) & 1, 1);
	return 0;
}
