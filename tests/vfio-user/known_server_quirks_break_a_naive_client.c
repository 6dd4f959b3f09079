/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The control of the tests with the server of quirks: a client that does what the specification allows, and no more
 * thinking, comes to grief there. So a client that gets through has lived with the quirks, and not without them.
 */
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/lib/server_client.h"
#include "tests/lib/misbehaving_server.h"

#define HELLO  "{\"capabilities\":{\"max_msg_fds\":8}}"
#define REPORT (VFMIG_FEATURE_DMA_LOGGING_REPORT | VFMIG_FEATURE_GET)
#define START  (VFMIG_FEATURE_DMA_LOGGING_START | VFMIG_FEATURE_SET)

static struct misbehaving_server q;
static int fd;

static void begin(bool memory)
{
	int mem;
	void *p;

	fd = misbehaving_new(&q);
	misbehaving_start(&q);
	CHECK_EQ(raw_hello(fd, HELLO), 0);
	if (!memory)
		return;
	p = shared_memory(0x200000, &mem);
	CHECK_EQ(raw_map(fd, 0x100000, 0x100000, 0, 3, mem), 0);
	CHECK_EQ(raw_map(fd, 0x200000, 0x100000, 0x100000, 3, mem), 0);
	munmap(p, 0x200000);
	close(mem);
}

/* NULL: it lives. */
static void end(const char *how)
{
	close(fd);
	misbehaving_end(&q);
	CHECKF(how ? !!strstr(q.crash, how) : !q.crash[0], "it ended with \"%s\"", q.crash);
}

static int start(uint64_t page)
{
	uint64_t payload[2] = {page};

	return raw_feature(fd, START, payload, 16, 0);
}

static int report(uint64_t iova, uint64_t len, uint64_t page, size_t out)
{
	uint64_t payload[64] = {iova, len, page};

	return raw_feature(fd, REPORT, payload, 24, out);
}

int main(void)
{
	uint8_t *big = calloc(1, 8 + 65536);
	struct vfmig_user_mig_data d = {.argsz = 8 + 65536, .size = 65536};
	uint32_t state[2] = {8, UINT32_MAX};

	begin(false);
	CHECK_EQ(start(4096), -ENOTCONN);
	end("START before any region");

	fd = misbehaving_new(&q);
	q.no_dma = true;
	misbehaving_start(&q);
	CHECK_EQ(raw_hello(fd, HELLO), 0);
	CHECK_EQ(raw_map(fd, 0x100000, 0x100000, 0, 3, -1), 0);
	CHECK_EQ(raw_unmap(fd, 0x900000, 0x1000), 0);
	CHECK_EQ(start(4096), -ENOTCONN);
	end("START before any region");

	fd = misbehaving_new(&q);
	q.old = true;
	misbehaving_start(&q);
	CHECK_EQ(raw_hello(fd, HELLO), 0);
	CHECK_EQ(start(4096), -ENOTCONN);
	end("does not know");

	begin(true);
	CHECK_EQ(start(65536), 0);
	CHECK_EQ(report(0x100000, 0x100000, 4096, 24 + 32), -ENOTCONN);
	end("smaller page size");

	begin(true);
	CHECK_EQ(start(4096), 0);
	CHECK_EQ(report(0x101000, 0x1000, 4096, 24 + 8), -ENOTSUP);
	/* Over two regions: no error, and no bitmap. */
	CHECK_EQ(report(0x100000, 0x200000, 4096, 0), 0);
	CHECK_EQ(raw_set_state(fd, VFMIG_STATE_RUNNING_P2P), -EINVAL);
	CHECK_EQ(raw_set_state(fd, VFMIG_STATE_STOP), 0);
	CHECK_EQ(raw_unmap(fd, 0x100000, 0x100000), -EINVAL);
	CHECK_EQ(raw_call(fd, VFMIG_USER_DEVICE_RESET, NULL, 0, NULL, 0, NULL, 0, NULL), -EINVAL);
	CHECK_EQ(raw_set_state(fd, VFMIG_STATE_RESUMING), 0);
	memcpy(big, &d, sizeof(d));
	CHECK_EQ(raw_call(fd, VFMIG_USER_MIG_DATA_WRITE, big, 8 + 65536, NULL, 0, NULL, 0, NULL),
		 -ENOTCONN);
	end("in pieces");

	begin(false);
	CHECK_EQ(raw_feature(fd, VFMIG_FEATURE_MIG_STATE | VFMIG_FEATURE_SET, state, 8, 0),
		 -ENOTCONN);
	end("beyond the table");

	begin(false);
	CHECK_EQ(raw_feature(fd, VFMIG_FEATURE_MIG_STATE | VFMIG_FEATURE_SET, state, 4, 0),
		 -ENOTCONN);
	end("too short");
	free(big);
	return 0;
}
