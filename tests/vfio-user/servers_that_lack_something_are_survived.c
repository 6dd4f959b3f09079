/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Servers without something that every client would ask for: without DMA, which do not survive START; of version 0.0, which
 * lose step at a command that they do not know; and those that do not describe a device which was left stopped.
 */
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include <vfmig/space.h>

#include "abi/feature.h"
#include "source/vfio_user.h"
#include "tests/lib/server_client.h"
#include "tests/lib/misbehaving_server.h"

#define SIZE (1u << 20)

static struct misbehaving_server q;
static struct vfmig_device *device;

static void go(int fd)
{
	misbehaving_start(&q);
	CHECK_EQ(vfio_user_adopt(fd, "quirk", NULL, &device, NULL), 0);
}

static void end(void)
{
	vfmig_device_close(device);
	misbehaving_end(&q);
	CHECKF(!q.crash[0], "the server met %s", q.crash);
}

static void no_dma(bool first)
{
	struct vfmig_map map = {.iova = (1ull << 63) - SIZE,
				.size = SIZE,
				.prot = VFMIG_PROT_READ | VFMIG_PROT_WRITE};
	struct vfmig_space *space = vfmig_space_new();
	struct vfmig_cursor *cursor;
	int fd = misbehaving_new(&q), mem;
	void *shared = shared_memory(SIZE, &mem);

	map.ptr = shared;
	map.fd = mem;
	q.no_dma = true;
	go(fd);
	CHECK_EQ(vfmig_space_attach(space, device, NULL), 0);
	if (first)
		CHECK_EQ(vfmig_space_map(space, &map, NULL), 0);
	if (first) {
		CHECK_EQ(vfmig_cursor_open(space, &cursor, NULL), -EOPNOTSUPP);
	} else {
		/* START waits for the first map; then it is the report that fails. */
		CHECK_EQ(vfmig_cursor_open(space, &cursor, NULL), 0);
		CHECK_EQ(vfmig_space_map(space, &map, NULL), 0);
		vfmig_cursor_close(cursor);
	}
	vfmig_space_detach(space, device, NULL);
	vfmig_space_free(space);
	munmap(shared, SIZE);
	close(mem);
	end();
}

static void old(void)
{
	uint64_t flags;
	struct vfmig_device_info info;
	int fd = misbehaving_new(&q);

	q.old = q.resets_properly = true;
	go(fd);
	CHECK_EQ(vfmig_device_get_info(device, &info, NULL), 0);
	CHECK_EQ(vfmig_device_call_feature(device, VFMIG_FEATURE_MIGRATION | VFMIG_FEATURE_GET,
					   &flags, 8, NULL),
		 -ENOTTY);
	CHECK_EQ(vfmig_device_call_feature(device,
					   VFMIG_FEATURE_DMA_LOGGING_START | VFMIG_FEATURE_PROBE,
					   NULL, 0, NULL),
		 -ENOTTY);
	CHECK_EQ(vfmig_device_reset(device, NULL), 0);
	end();
}

static void left_in(enum vfmig_state state)
{
	struct vfmig_device_info info;
	struct vfmig_error err = {0};
	int fd = misbehaving_new(&q);

	q.state = state;
	go(fd);
	CHECK_EQ(vfmig_device_get_info(device, &info, &err), -EBUSY);
	CHECKF(strstr(err.text, vfmig_state_name(state)) && strstr(err.text, "vfmig reset"), "%s",
	       err.text);
	/* Which is possible. */
	CHECK_EQ(vfmig_device_reset(device, NULL), 0);
	CHECK_EQ(vfmig_device_get_info(device, &info, NULL), 0);
	CHECK(!atomic_load(&q.ran_loaded));
	end();
}

int main(void)
{
	RUN(no_dma(true));
	RUN(no_dma(false));
	RUN(old());
	RUN(left_in(VFMIG_STATE_STOP));
	RUN(left_in(VFMIG_STATE_STOP_COPY));
	return 0;
}
