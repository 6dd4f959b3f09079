/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The letter of the specification: a reply is never longer than argsz allows; the reply to SET and PROBE is the request; a
 * report takes any page size that is a power of two; the count of GET_REGION_IO_FDS is 0; and the descriptor of a region
 * comes with the reply that has its capabilities.
 */
#include <errno.h>
#include <unistd.h>

#include "dirty/map.h"
#include "tests/lib/server_client.h"
#include "tests/lib/raw_messages.h"

#define SET_STATE (VFMIG_FEATURE_MIG_STATE | VFMIG_FEATURE_SET)
#define REPORT	  (VFMIG_FEATURE_DMA_LOGGING_REPORT | VFMIG_FEATURE_GET)

static int fd;

static int call_feature(const uint32_t *words, size_t len, uint32_t *reply, size_t *got)
{
	return raw_call(fd, VFMIG_USER_DEVICE_FEATURE, words, len, NULL, 0, reply, 64, got);
}

static void argsz(void)
{
	uint32_t set[4] = {8, SET_STATE, VFMIG_STATE_STOP, UINT32_MAX}, reply[16];
	uint32_t probe[2] = {8, VFMIG_FEATURE_MIG_STATE | VFMIG_FEATURE_PROBE | VFMIG_FEATURE_GET};
	size_t got;

	CHECK_EQ(call_feature(set, 16, reply, &got), -EINVAL);
	for (set[0] = 16; set[0] <= 4096; set[0] *= 16) {
		CHECK_EQ(call_feature(set, 16, reply, &got), 0);
		CHECK_EQ(got, 16);
		CHECK(!memcmp(reply, set, 16));
	}
	for (probe[0] = 8; probe[0] <= 4096; probe[0] *= 8) {
		CHECK_EQ(call_feature(probe, 8, reply, &got), 0);
		CHECK_EQ(got, 8);
		CHECK(!memcmp(reply, probe, 8));
	}
}

static uint64_t report(uint64_t length, uint64_t page, uint64_t *more)
{
	uint64_t words[8] = {0x1000, length, page};

	CHECK_EQ(raw_feature(fd, REPORT, words, 24, more ? 24 + 16 : 24 + 8), 0);
	if (more)
		*more = words[4];
	return words[3];
}

static void small_pages(struct fake_device *f)
{
	uint64_t start[2] = {4096}, more, words[8] = {0x1800, 0x1000, 2048};

	CHECK_EQ(raw_feature(fd, VFMIG_FEATURE_DMA_LOGGING_START | VFMIG_FEATURE_SET, start, 16, 0),
		 0);
	vfmig_dirty_mark(f->dirty, 0x2000, 0x1000);
	CHECK_EQ(report(0x3000, 2048, NULL), 4 | 8);
	CHECK_EQ(report(0x3000, 2048, NULL), 0);
	/* Of the last page only a part is asked for; and two words of bits. */
	vfmig_dirty_mark(f->dirty, 0x2000, 0x1000);
	CHECK_EQ(report(0x1800, 2048, NULL), 4);
	vfmig_dirty_mark(f->dirty, 0x5000, 0x1000);
	CHECK_EQ(report(0x5000, 256, &more), 0);
	CHECK_EQ(more, 0xffff);
	CHECK_EQ(raw_feature(fd, REPORT, words, 24, 32), -EINVAL);
	words[0] = 0x1000;
	words[2] = 3000;
	CHECK_EQ(raw_feature(fd, REPORT, words, 24, 32), -EINVAL);
}

static void counts(void)
{
	uint32_t words[4] = {16, 0, 0, 1};

#define IO_FDS raw_call(fd, VFMIG_USER_DEVICE_GET_REGION_IO_FDS, words, 16, NULL, 0, NULL, 0, NULL)
	CHECK_EQ(IO_FDS, -EINVAL);
	words[3] = 0;
	CHECK_EQ(IO_FDS, 0);
}

static unsigned region_fds(uint32_t capacity)
{
	uint32_t words[64] = {capacity, 0, 2};
	struct vfmig_user_header h;
	unsigned nfds, n;
	int fds[RAW_FDS];

	CHECK(raw_send(fd, 1, VFMIG_USER_DEVICE_GET_REGION_INFO, 0, 0, words, 32, NULL, 0));
	CHECK(raw_recv(fd, &h, words, sizeof(words), fds, &nfds) >= 32);
	CHECK(words[1] & VFMIG_REGION_FLAG_MMAP);
	for (n = nfds; n; n--)
		close(fds[n - 1]);
	return nfds;
}

int main(void)
{
	struct server_client p;

	fd = server_client_serve(&p, SERVER_CLIENT_ALL_FLAGS, NULL);
	CHECK_EQ(raw_hello(fd, NULL), 0);
	argsz();
	small_pages(p.fake);
	counts();
	CHECK_EQ(region_fds(32), 0);
	CHECK_EQ(region_fds(256), 1);
	close(fd);
	server_client_close(&p);
	return 0;
}
