/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A client of the time before DMA logging: it proposes migration.pgsize, and asks for written pages by DIRTY_PAGES,
 * type1's request with the bitmap in line. Each rule that libvfio-user kept then (its tests of 2021 are the measure):
 * START and STOP may be repeated; exactly one operation; an argsz below the fixed part, a bitmap of another page
 * size or too small, a range that cuts a map are EINVAL; a reply that does not fit is its fixed part with the
 * argsz that it takes; DMA_UNMAP brings the last pages. The control is a device that does not log.
 */
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "dirty/map.h"
#include "tests/lib/server_client.h"
#include "tests/lib/raw_messages.h"

#define IOVA 0x10000ull
#define SIZE 0x10000ull

struct message {
	struct vfmig_type1_dirty_pages d;
	struct vfmig_user_dirty_range range;
	uint64_t bits[4];
};

static struct server_client pair;
static int fd;

static int ask(const struct message *m, size_t len, struct message *reply, size_t *got)
{
	return raw_call(fd, VFMIG_USER_DIRTY_PAGES, m, len, NULL, 0, reply, sizeof(*reply), got);
}

static int operation(uint32_t flags)
{
	struct message m = {.d = {.argsz = 8, .flags = flags}}, reply;
	size_t got;
	int ret = ask(&m, 8, &reply, &got);

	if (!ret) {
		CHECK_EQ(got, 8);
		CHECK_EQ(reply.d.flags, flags);
	}
	return ret;
}

static const struct message good = {
	.d = {.argsz = 8 + 32 + 8, .flags = VFMIG_TYPE1_DIRTY_GET_BITMAP},
	.range = {.iova = IOVA, .size = SIZE, .bitmap = {.pgsize = 4096, .size = 8}},
};

static uint64_t pages(void)
{
	struct message reply;
	size_t got;

	CHECK_EQ(ask(&good, 40, &reply, &got), 0);
	CHECK_EQ(got, 48);
	CHECK(!memcmp(&reply, &good, 40));
	return reply.bits[0];
}

static void device_writes(uint64_t iova)
{
	uint32_t value = 1;

	CHECK_EQ(fake_device_dma(pair.fake, iova, &value, sizeof(value), true), 0);
}

static void rules(void)
{
	struct message m, reply;
	size_t got;

#define WRONG(change, len, ret)                                                                    \
	do {                                                                                       \
		m = good;                                                                          \
		change;                                                                            \
		CHECK_EQ(ask(&m, len, &reply, &got), ret);                                         \
	} while (0)
	WRONG(, 40, -EINVAL); /* before START */
	CHECK_EQ(operation(VFMIG_TYPE1_DIRTY_STOP), 0);
	CHECK_EQ(operation(VFMIG_TYPE1_DIRTY_START), 0);
	CHECK_EQ(operation(VFMIG_TYPE1_DIRTY_START), 0);
	CHECK(pair.fake->logs);
	for (size_t len = 0; len < 8; len++)
		WRONG(, len, -EINVAL);
	for (size_t len = 8; len < 40; len++)
		WRONG(, len, -EINVAL);
	WRONG(m.d.argsz = 4, 40, -EINVAL);
	for (uint32_t flags = 0; flags < 16; flags++)
		if (flags != 1 && flags != 2 && flags != 4)
			CHECK_EQ(operation(flags), -EINVAL);
	WRONG(m.range.bitmap.pgsize = 8192, 40, -EINVAL);
	WRONG(m.range.bitmap.pgsize = 0, 40, -EINVAL);
	WRONG(m.range.bitmap.size = 1, 40, -EINVAL);
	WRONG(m.range.bitmap.size = 0, 40, -EINVAL);
	WRONG(m.range.bitmap.size = (256 << 20) + 8, 40, -EINVAL);
	WRONG(m.range.size = 4096, 40, -EINVAL);
	WRONG(m.range.iova += 4096, 40, -EINVAL);
	WRONG(m.range.iova = 0 - SIZE, 40, -EINVAL);
	WRONG(m.range.size = UINT64_MAX, 40, -EINVAL);
	/* Too small for the reply: how large it is. */
	for (uint32_t argsz = 8; argsz < 48; argsz++) {
		WRONG(m.d.argsz = argsz, 40, 0);
		CHECK_EQ(got, 8);
		CHECK_EQ(reply.d.argsz, 48);
		CHECK_EQ(reply.d.flags, VFMIG_TYPE1_DIRTY_GET_BITMAP);
	}
	WRONG((m.d.argsz = 8 + 32 + 24, m.range.bitmap.size = 24), 40, 0);
	CHECK_EQ(got, 64);
}

static void logging_has_one_way(void)
{
	struct {
		uint64_t page;
		uint32_t n, zero;
	} start = {.page = 4096}, again;
	uint32_t by_feature = VFMIG_FEATURE_SET | VFMIG_FEATURE_DMA_LOGGING_START;
	uint32_t stop = VFMIG_FEATURE_SET | VFMIG_FEATURE_DMA_LOGGING_STOP;
	uint32_t report = VFMIG_FEATURE_GET | VFMIG_FEATURE_DMA_LOGGING_REPORT;
	struct {
		struct abi_logging_report asked;
		uint64_t bits;
	} range = {{0, 4096, 4096}, 0};

	again = start;
	CHECK_EQ(raw_feature(fd, by_feature, &again, 16, 16), -EBUSY);
	CHECK_EQ(raw_feature(fd, stop, NULL, 0, 0), -EBUSY);
	CHECK_EQ(raw_feature(fd, report, &range, sizeof(range), sizeof(range) + 8), -EBUSY);
	CHECK_EQ(operation(VFMIG_TYPE1_DIRTY_STOP), 0);
	CHECK(!pair.fake->logs);
	again = start;
	CHECK_EQ(raw_feature(fd, by_feature, &again, 16, 16), 0);
	CHECK_EQ(operation(VFMIG_TYPE1_DIRTY_START), -EBUSY);
	CHECK_EQ(raw_feature(fd, stop, NULL, 0, 0), 0);
	CHECK_EQ(operation(VFMIG_TYPE1_DIRTY_START), 0);
	CHECK(pair.fake->logs);
}

static void an_unmap_tells(void)
{
	struct {
		struct vfmig_user_dma_unmap u;
		struct vfmig_user_bitmap bitmap;
		uint64_t bits;
	} m = {.u = {.argsz = 24 + 16 + 8,
		     .flags = VFMIG_DMA_UNMAP_GET_DIRTY_BITMAP,
		     .addr = IOVA,
		     .size = SIZE},
	       .bitmap = {.pgsize = 8192, .size = 8}},
	  reply;
	size_t got;

#define UNMAP() raw_call(fd, VFMIG_USER_DMA_UNMAP, &m, 40, NULL, 0, &reply, sizeof(reply), &got)
	device_writes(IOVA + 0x5000);
	CHECK_EQ(UNMAP(), -EINVAL);
	m.bitmap.pgsize = 4096;
	CHECK_EQ(UNMAP(), 0);
	CHECK_EQ(got, sizeof(m));
	CHECK_EQ(reply.bits, 0x20);
	/* Nothing is left there. */
	CHECK_EQ(UNMAP(), 0);
	CHECK_EQ(reply.bits, 0);
}

int main(void)
{
	uint8_t *memory;
	int file;

	memory = shared_memory(SIZE, &file);
	fd = server_client_serve(&pair, SERVER_CLIENT_ALL_FLAGS, NULL);
	CHECK_EQ(raw_hello(fd, "{\"capabilities\":{\"migration\":{\"pgsize\":4096}}}"), 0);
	CHECK_EQ(raw_map(fd, IOVA, SIZE, 0, 3, file), 0);
	rules();
	CHECK_EQ(pages(), 0);
	device_writes(IOVA);
	device_writes(IOVA + 0xffff - 3);
	CHECK_EQ(pages(), 0x8001);
	CHECK_EQ(pages(), 0);
	/* A map that comes counts as written. */
	CHECK_EQ(raw_map(fd, IOVA + SIZE, SIZE, 0, 3, file), 0);
	CHECK_EQ(pages(), 0xffff);
	CHECK_EQ(pages(), 0);
	logging_has_one_way();
	CHECK_EQ(pages(), 0);
	/* The control. */
	pair.fake->logs = false;
	device_writes(IOVA);
	pair.fake->logs = true;
	CHECK_EQ(pages(), 0);
	an_unmap_tells();
	/* A client that goes leaves no log behind. */
	close(fd);
	vfmig_export_close(pair.server);
	CHECK(!pair.fake->logs);
	vfmig_device_close(&pair.fake->device);
	munmap(memory, SIZE);
	close(file);
	return 0;
}
