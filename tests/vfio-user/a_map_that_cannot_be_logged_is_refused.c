/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * By DIRTY_PAGES a map has at most as many pages as one reply can tell of: a larger one is refused, and so is START where
 * there is one, at once. And the server announces no more maps than the kernel lets it make.
 */
#include <errno.h>
#include <unistd.h>

#include "tests/lib/server_client.h"
#include "tests/lib/raw_messages.h"

#define MOST (8ull << 40)

static int dirty_pages(int fd, uint32_t flags)
{
	uint32_t words[2] = {8, flags};

	return raw_call(fd, VFMIG_USER_DIRTY_PAGES, words, 8, NULL, 0, NULL, 0, NULL);
}

static void announced(int fd)
{
	unsigned long long limit = 0, maps = 0;
	FILE *file = fopen("/proc/sys/vm/max_map_count", "re");
	char reply[1024] = "", version[4] = {0, 0, 1, 0}, *at;

	CHECK(file && fscanf(file, "%llu", &limit) == 1);
	fclose(file);
	CHECK_EQ(raw_call(fd, VFMIG_USER_VERSION, version, 4, NULL, 0, reply, sizeof(reply) - 1,
			  NULL),
		 0);
	at = strstr(reply + 4, "\"max_dma_maps\":");
	CHECK(at && sscanf(at + 15, "%llu", &maps) == 1);
	CHECKF(maps && maps <= 65535 && maps <= limit / 4 * 3, "%llu maps of %llu", maps, limit);
}

int main(void)
{
	struct server_client p;
	int fd = server_client_serve(&p, SERVER_CLIENT_ALL_FLAGS, NULL);

	announced(fd);
	CHECK_EQ(raw_map(fd, 0, 1ull << 63, 0, 3, -1), 0);
	CHECK_EQ(dirty_pages(fd, 1), -EINVAL);
	CHECK_EQ(raw_unmap(fd, 0, 1ull << 63), 0);
	CHECK_EQ(dirty_pages(fd, 1), 0);
	CHECK_EQ(raw_map(fd, 0, 1ull << 63, 0, 3, -1), -EINVAL);
	CHECK_EQ(raw_map(fd, 0, MOST + 4096, 0, 3, -1), -EINVAL);
	CHECK_EQ(p.fake->maps, 0);
	CHECK_EQ(raw_map(fd, 0, MOST, 0, 3, -1), 0);
	CHECK_EQ(dirty_pages(fd, 2), 0);
	close(fd);
	server_client_close(&p);
	return 0;
}
