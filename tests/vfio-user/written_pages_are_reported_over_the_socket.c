/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the device writes is told, once, whatever way it went: by descriptor, by message, and shortly before its map
 * was taken away. Both to a client with the extension, which asks what it likes, and to a plain one, which asks
 * only what every server can answer.
 */
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "abi/feature.h"
#include "tests/lib/server_client.h"

#define SIZE	 (16u << 20)
#define FD_IOVA	 0x40000000ull
#define MSG_IOVA (FD_IOVA + SIZE)
#define PAGES	 (2 * SIZE / 4096)

static struct {
	uint64_t iova;
	uint64_t len;
	atomic_bool done;
} dma;

static void ring(struct fake_device *f)
{
	uint8_t *buf = calloc(1, dma.len);

	CHECK_EQ(fake_device_dma(f, dma.iova, buf, dma.len, true), 0);
	free(buf);
	atomic_store(&dma.done, true);
}

static bool is_done(void *context)
{
	return atomic_load(&dma.done);
}

static bool truth[PAGES], seen[PAGES];

static void device_writes(struct server_client *p, uint64_t iova, uint64_t len)
{
	uint32_t one = 1;

	dma.iova = iova;
	dma.len = len;
	atomic_store(&dma.done, false);
	CHECK_EQ(vfmig_device_region_write(p->client, 0, FAKE_DEVICE_DOORBELL, &one, 4, NULL), 0);
	while (!is_done(NULL))
		vfmig_device_wait(p->client, is_done, NULL, device_now() + 1000000);
	for (uint64_t at = iova & ~4095ull; at < iova + len; at += 4096)
		truth[(at - FD_IOVA) / 4096] = true;
}

static int see(void *context, uint64_t iova, uint64_t size)
{
	CHECK(iova >= FD_IOVA && iova + size <= MSG_IOVA + SIZE);
	for (uint64_t at = iova; at < iova + size; at += 4096)
		seen[(at - FD_IOVA) / 4096] = true;
	return 0;
}

static void compare(struct vfmig_cursor *cursor, bool exact)
{
	struct vfmig_error err = {0};

	memset(seen, 0, sizeof(seen));
	CHECKF(!vfmig_cursor_merge(cursor, &err), "%s", err.text);
	vfmig_cursor_read_clear(cursor, 0, UINT64_MAX, see, NULL);
	for (unsigned i = 0; i < PAGES; i++) {
		CHECKF(!truth[i] || seen[i], "page %u was written, and is not told", i);
		CHECKF(!exact || truth[i] || !seen[i], "page %u was not written", i);
	}
	memset(truth, 0, sizeof(truth));
}

/* A report in the middle of a region, and one over two, at other page sizes than the log's. */
static void any_range(struct server_client *p)
{
	uint64_t bitmap[4] = {0};
	struct vfmig_feature_dma_logging_report r = {
		.iova = MSG_IOVA - 0x10000,
		.length = 0x20000,
		.page_size = 0x8000,
		.bitmap = (uintptr_t)bitmap,
	};
	uint32_t flags = VFMIG_FEATURE_DMA_LOGGING_REPORT | VFMIG_FEATURE_GET;

	device_writes(p, MSG_IOVA - 0x8000, 1);
	device_writes(p, MSG_IOVA + 0x9000, 1);
	device_writes(p, FD_IOVA + 0x3000, 1);
	bitmap[0] = 1;
	CHECK_EQ(vfmig_device_call_feature(p->client, flags, &r, sizeof(r), NULL), 0);
	/* The first bit was set before, and no bit is ever cleared. */
	CHECK_EQ(bitmap[0], 1 | 2 | 8);
	CHECK_EQ(bitmap[1], 0);
	bitmap[0] = 0;
	CHECK_EQ(vfmig_device_call_feature(p->client, flags, &r, sizeof(r), NULL), 0);
	CHECK_EQ(bitmap[0], 0);
	/* What was outside of it is still to be told. */
	r.iova = FD_IOVA + 0x3000;
	r.length = r.page_size = 0x1000;
	CHECK_EQ(vfmig_device_call_feature(p->client, flags, &r, sizeof(r), NULL), 0);
	CHECK_EQ(bitmap[0], 1);
	r.page_size = 0x800;
	CHECK_EQ(vfmig_device_call_feature(p->client, flags, &r, sizeof(r), NULL), -EINVAL);
	memset(truth, 0, sizeof(truth));
}

static void all(const char *options)
{
	struct vfmig_space *space = vfmig_space_new();
	struct vfmig_cursor *cursor;
	struct vfmig_error err = {0};
	uint8_t *private = malloc(SIZE), *shared;
	struct server_client p;
	int fd;

	shared = shared_memory(SIZE, &fd);
	struct vfmig_map by_fd = {.iova = FD_IOVA,
				  .size = SIZE,
				  .prot = VFMIG_PROT_READ | VFMIG_PROT_WRITE,
				  .ptr = shared,
				  .fd = fd};
	struct vfmig_map by_message = {.iova = MSG_IOVA,
				       .size = SIZE,
				       .prot = VFMIG_PROT_READ | VFMIG_PROT_WRITE,
				       .ptr = private,
				       .fd = -1};

	server_client_open(&p, SERVER_CLIENT_ALL_FLAGS, NULL, options);
	p.fake->doorbell = ring;
	CHECK_EQ(vfmig_space_map(space, &by_fd, NULL), 0);
	CHECK_EQ(vfmig_space_map(space, &by_message, NULL), 0);
	CHECK_EQ(vfmig_space_attach(space, p.client, NULL), 0);
	device_writes(&p, FD_IOVA, 4096); /* before anybody looks */
	memset(truth, 0, sizeof(truth));
	CHECKF(!vfmig_cursor_open(space, &cursor, &err), "%s", err.text);
	CHECK(p.fake->logs);
	compare(cursor, true);
	device_writes(&p, FD_IOVA, 1);
	device_writes(&p, FD_IOVA + 4095, 2);
	device_writes(&p, MSG_IOVA - 1, 2);
	device_writes(&p, MSG_IOVA + SIZE - 1, 1);
	device_writes(&p, MSG_IOVA + 0x123456, 3 << 20);
	compare(cursor, true);
	compare(cursor, true); /* and nothing twice */
	any_range(&p);
	/* A map that goes takes nothing with it. */
	device_writes(&p, FD_IOVA + 0x5000, 4096);
	device_writes(&p, MSG_IOVA + 0x7000, 4096);
	CHECKF(!vfmig_space_unmap(space, FD_IOVA, 2 * SIZE, &err), "%s", err.text);
	compare(cursor, true);
	/* One that comes counts as written, and is logged. */
	CHECKF(!vfmig_space_map(space, &by_fd, &err), "%s", err.text);
	vfmig_cursor_merge(cursor, NULL);
	vfmig_cursor_read_clear(cursor, 0, UINT64_MAX, see, NULL);
	device_writes(&p, FD_IOVA + 0x9000, 4096);
	compare(cursor, true);
	/* The control: one whose writes are not logged is caught. */
	p.fake->logs = false;
	device_writes(&p, FD_IOVA + 0x9000, 4096);
	p.fake->logs = true;
	memset(seen, 0, sizeof(seen));
	vfmig_cursor_merge(cursor, NULL);
	vfmig_cursor_read_clear(cursor, 0, UINT64_MAX, see, NULL);
	CHECK(!seen[9] && truth[9]);
	memset(truth, 0, sizeof(truth));
	vfmig_cursor_close(cursor);
	CHECK(!p.fake->logs);
	vfmig_space_detach(space, p.client, NULL);
	vfmig_space_free(space);
	server_client_close(&p);
	munmap(shared, SIZE);
	close(fd);
	free(private);
}

int main(void)
{
	RUN(all(NULL));
	RUN(all("extensions=off"));
	return 0;
}
