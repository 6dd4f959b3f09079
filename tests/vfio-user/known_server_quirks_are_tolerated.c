/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The source gets through with a server that has the quirks of the one in the field, and with those who read the
 * specification otherwise; and its user sees an ordinary device.
 */
#include <errno.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "abi/feature.h"
#include "source/vfio_user.h"
#include "tests/lib/server_client.h"
#include "tests/lib/misbehaving_server.h"

#define SIZE (1u << 20)

static struct misbehaving_server q;
static struct vfmig_device *device;

/* What a test wants otherwise is set between these two. */
static int prepare(void)
{
	return misbehaving_new(&q);
}

static void go(int fd, const char *options)
{
	misbehaving_start(&q);
	CHECK_EQ(vfio_user_adopt(fd, "quirk", options, &device, NULL), 0);
}

static void begin(const char *options)
{
	go(prepare(), options);
}

static void end(void)
{
	vfmig_device_close(device);
	misbehaving_end(&q);
	CHECKF(!q.crash[0], "the server met %s", q.crash);
}

static int feature(uint32_t flags, void *payload, size_t size)
{
	return vfmig_device_call_feature(device, flags, payload, size, NULL);
}

static int set_state(enum vfmig_state state)
{
	struct vfmig_feature_mig_state s = {state, -1};

	return feature(VFMIG_FEATURE_MIG_STATE | VFMIG_FEATURE_SET, &s, sizeof(s));
}

static enum vfmig_state get_state(void)
{
	struct vfmig_feature_mig_state s = {99, 99};

	CHECK_EQ(feature(VFMIG_FEATURE_MIG_STATE | VFMIG_FEATURE_GET, &s, sizeof(s)), 0);
	return s.device_state;
}

static ssize_t data(enum vfmig_op op, void *buf, size_t len)
{
	struct vfmig_request r = {.op = op, .data = {buf, len}};

	return vfmig_call(device, &r);
}

/* ---- features and states ---- */

static void features(void)
{
	int fd = prepare();
	uint64_t flags = 0, size;

	q.says_p2p = true;
	go(fd, NULL);
	CHECK_EQ(feature(VFMIG_FEATURE_MIGRATION | VFMIG_FEATURE_GET, &flags, 8), 0);
	CHECK_EQ(flags, VFMIG_MIGRATION_STOP_COPY | VFMIG_MIGRATION_PRE_COPY);
	CHECK_EQ(feature(VFMIG_FEATURE_MIG_DATA_SIZE | VFMIG_FEATURE_GET, &size, 8), -ENOTTY);
	CHECK_EQ(feature(VFMIG_FEATURE_MIG_DATA_SIZE | VFMIG_FEATURE_PROBE, NULL, 0), -ENOTTY);
	CHECK_EQ(feature(VFMIG_FEATURE_DMA_LOGGING_START | VFMIG_FEATURE_PROBE, NULL, 0), 0);
	CHECK_EQ(set_state(VFMIG_STATE_RUNNING_P2P), -EINVAL);
	CHECK_EQ(set_state(VFMIG_STATE_PRE_COPY_P2P), -EINVAL);
	CHECK_EQ(set_state(8), -EINVAL);
	CHECK_EQ(set_state(VFMIG_STATE_ERROR), -EINVAL);
	CHECK_EQ(get_state(), VFMIG_STATE_RUNNING);
	end();
}

/* What it does not tell while it is stopped it has told before. */
static void information(void)
{
	struct vfmig_device_info info;
	struct vfmig_region region;
	struct vfmig_irq_info irq;

	begin(NULL);
	CHECK_EQ(vfmig_device_get_info(device, &info, NULL), 0);
	CHECK_EQ(vfmig_device_get_region_info(device, 0, &region, NULL), 0);
	CHECK_EQ(vfmig_device_get_irq_info(device, 2, &irq, NULL), 0);
	CHECK_EQ(set_state(VFMIG_STATE_STOP), 0);
	memset(&info, 0, sizeof(info));
	CHECK_EQ(vfmig_device_get_info(device, &info, NULL), 0);
	CHECK_EQ(info.num_regions, 9);
	CHECK_EQ(vfmig_device_get_region_info(device, 0, &region, NULL), 0);
	CHECK_EQ(region.size, 65536);
	CHECK_EQ(vfmig_device_get_irq_info(device, 2, &irq, NULL), 0);
	CHECK_EQ(irq.count, MISBEHAVING_VECTORS);
	CHECK_EQ(vfmig_device_get_irq_info(device, 1, &irq, NULL), -EINVAL);
	end();
}

static void resets(bool properly, enum vfmig_state state, bool loaded)
{
	int fd = prepare();

	q.resets_properly = properly;
	go(fd, NULL);
	if (loaded) {
		CHECK_EQ(set_state(VFMIG_STATE_RESUMING), 0);
		CHECK_EQ(data(VFMIG_OP_DATA_WRITE, (char[]){"state"}, 5), 5);
	}
	if (state != VFMIG_STATE_RUNNING)
		CHECK_EQ(set_state(state), 0);
	CHECK_EQ(vfmig_device_reset(device, NULL), 0);
	CHECK_EQ(get_state(), VFMIG_STATE_RUNNING);
	CHECK_EQ(atomic_load(&q.resets), 1);
	/* It is not to run, not for a moment, with what it was loaded with. */
	CHECK(!atomic_load(&q.ran_loaded));
	end();
}

static void all_resets(void)
{
	static const enum vfmig_state states[] = {VFMIG_STATE_RUNNING, VFMIG_STATE_STOP,
						  VFMIG_STATE_STOP_COPY, VFMIG_STATE_PRE_COPY,
						  VFMIG_STATE_RESUMING};

	for (unsigned i = 0; i < 5; i++) {
		resets(false, states[i], false);
		resets(true, states[i], false);
	}
	resets(false, VFMIG_STATE_STOP, true);
	resets(false, VFMIG_STATE_RESUMING, true);
	resets(true, VFMIG_STATE_STOP, true);
}

/* ---- data ---- */

#define DATA ((3u << 20) + 12345)

static void reads(size_t piece, bool short_ends, size_t ask)
{
	uint8_t *in = malloc(DATA), *out = malloc(DATA + ask);
	size_t got = 0;
	ssize_t n;
	int fd = prepare();

	q.piece = piece;
	q.short_ends = short_ends;
	go(fd, NULL);
	/* Written in one go, which is many pieces for such a server. */
	for (unsigned i = 0; i < DATA; i++)
		in[i] = (uint8_t)(i * 31 + (i >> 12));
	CHECK_EQ(set_state(VFMIG_STATE_RESUMING), 0);
	CHECK_EQ(data(VFMIG_OP_DATA_WRITE, in, DATA), DATA);
	CHECK_EQ(q.data_len, DATA);
	CHECK(!memcmp(q.data, in, DATA));
	CHECK_EQ(set_state(VFMIG_STATE_STOP), 0);
	CHECK_EQ(set_state(VFMIG_STATE_STOP_COPY), 0);
	while ((n = data(VFMIG_OP_DATA_READ, out + got, ask)) > 0)
		got += (size_t)n;
	CHECK_EQ(n, 0);
	CHECK_EQ(got, DATA);
	CHECK(!memcmp(in, out, DATA));
	end();
	free(in);
	free(out);
}

/* An error that has nothing to do with an end is no end. */
static void read_errors(void)
{
	char buf[16];

	begin(NULL);
	CHECK_EQ(data(VFMIG_OP_DATA_READ, buf, sizeof(buf)), -EINVAL);
	CHECK_EQ(data(VFMIG_OP_DATA_WRITE, buf, sizeof(buf)), -EINVAL);
	end();
}

/* ---- interrupts ---- */

static void interrupts(void)
{
	int32_t fds[MISBEHAVING_VECTORS];
	uint64_t n = 1;

	begin(NULL);
	for (unsigned i = 0; i < MISBEHAVING_VECTORS; i++)
		fds[i] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	CHECK_EQ(vfmig_device_set_irq_eventfds(device, 2, 0, MISBEHAVING_VECTORS, fds, NULL), 0);
	CHECK_EQ(vfmig_device_set_irq_eventfds(device, 2, 3, 2, (const int32_t[]){-1, -1}, NULL),
		 0);
	for (unsigned i = 0; i < MISBEHAVING_VECTORS; i++) {
		bool there = i != 3 && i != 4;

		n = 1;
		if (q.irqs[i] >= 0)
			CHECK_EQ(write(q.irqs[i], &n, 8), 8);
		CHECK_EQ(read(fds[i], &n, 8), there ? 8 : -1);
		close(fds[i]);
	}
	end();
}

/* ---- memory ---- */

static uint8_t *shared, private[SIZE];
static struct vfmig_map by_fd = {.iova = 0x100000,
				 .size = SIZE,
				 .prot = VFMIG_PROT_READ | VFMIG_PROT_WRITE},
			by_message = {.iova = 0x200000,
				      .size = SIZE,
				      .prot = VFMIG_PROT_READ | VFMIG_PROT_WRITE,
				      .ptr = private,
				      .fd = -1};

static void server_writes(uint64_t iova, uint64_t len)
{
	struct misbehaving_dma d = {iova, len};
	struct vfmig_error err = {0};

	CHECKF(!vfmig_device_region_write(device, 0, MISBEHAVING_DOORBELL, &d, sizeof(d), &err),
	       "%s", err.text);
}

static uint64_t pages;

static int count(void *context, uint64_t iova, uint64_t size)
{
	pages += size / 4096;
	return 0;
}

static uint64_t collected(struct vfmig_cursor *cursor, uint64_t iova, uint64_t size)
{
	struct vfmig_error err = {0};

	CHECKF(!vfmig_cursor_merge(cursor, &err), "%s", err.text);
	pages = 0;
	vfmig_cursor_read_clear(cursor, iova, size, count, NULL);
	return pages;
}

static void logging(const char *options, bool early)
{
	struct vfmig_space *space = vfmig_space_new();
	struct vfmig_cursor *cursor;
	int fd = prepare();

	/* Of a client that is gone, at a page size that is nobody's. */
	q.log_page = 65536;
	q.early = early;
	go(fd, options);
	CHECK_EQ(vfmig_space_map(space, &by_fd, NULL), 0);
	CHECK_EQ(vfmig_space_map(space, &by_message, NULL), 0);
	CHECK_EQ(vfmig_space_attach(space, device, NULL), 0);
	CHECK_EQ(vfmig_cursor_open(space, &cursor, NULL), 0);
	CHECK_EQ(q.log_page, 4096);
	CHECK_EQ(atomic_load(&q.asked_early) > 0, early);
	server_writes(0x100000 + 4095, 2);
	server_writes(0x200000 + 8192, 1);
	CHECK_EQ(shared[4095], 0x5a);
	CHECK_EQ(private[8192], 0x5a);
	CHECK_EQ(collected(cursor, 0, UINT64_MAX), 3);
	CHECK_EQ(collected(cursor, 0, UINT64_MAX), 0);
	server_writes(0x100000 + 0x10000, 8192);
	server_writes(0x200000 + 0x10000, 8192);
	CHECK_EQ(vfmig_space_unmap(space, 0x100000, 2 * SIZE, NULL), 0);
	CHECK_EQ(collected(cursor, 0, UINT64_MAX), 4);
	vfmig_cursor_close(cursor);
	vfmig_space_detach(space, device, NULL);
	vfmig_space_free(space);
	end();
}

/* Straight to the feature, as somebody who has no space to hide behind: ranges and page sizes of all kinds. */
static void any_report(bool early)
{
	struct vfmig_space *space = vfmig_space_new();
	struct vfmig_dma_logging_range range = {0x100000, SIZE};
	struct vfmig_feature_dma_logging_control c = {
		.page_size = 2 << 20, .num_ranges = 1, .ranges = (uintptr_t)&range};
	uint64_t bits = 0;
	struct vfmig_feature_dma_logging_report r = {.iova = 0x100000,
						     .length = 0x40000,
						     .page_size = 0x1000,
						     .bitmap = (uintptr_t)&bits};
	uint32_t get = VFMIG_FEATURE_DMA_LOGGING_REPORT | VFMIG_FEATURE_GET;
	int fd = prepare();

	q.early = early;
	go(fd, NULL);
	CHECK_EQ(vfmig_space_attach(space, device, NULL), 0);
	/* Before there is a region, which such a server does not survive. */
	range.length = 4 << 20;
	range.iova = 0;
	CHECK_EQ(feature(VFMIG_FEATURE_DMA_LOGGING_START | VFMIG_FEATURE_SET, &c, sizeof(c)), 0);
	CHECK_EQ(c.page_size, 4096);
	CHECK_EQ(atomic_load(&q.starts), 0);
	CHECK_EQ(feature(get, &r, sizeof(r)), 0);
	CHECK_EQ(bits, 0);
	/* The first one starts it, and counts as written. */
	CHECK_EQ(vfmig_space_map(space, &by_fd, NULL), 0);
	CHECK_EQ(atomic_load(&q.starts), 1);
	CHECK_EQ(feature(get, &r, sizeof(r)), 0);
	CHECK_EQ(bits, UINT64_MAX);
	r.iova = 0x140000;
	r.length = SIZE - 0x40000;
	r.page_size = 0x40000;
	bits = 0;
	CHECK_EQ(feature(get, &r, sizeof(r)), 0);
	CHECK_EQ(bits, 7);
	/* In the middle of a region, at a larger page size; the rest of it stays to be told. */
	server_writes(0x100000 + 0x21000, 1);
	server_writes(0x100000 + 0x81000, 1);
	r.iova = 0x110000;
	r.length = 0x20000;
	r.page_size = 0x10000;
	bits = 0;
	CHECK_EQ(feature(get, &r, sizeof(r)), 0);
	CHECK_EQ(bits, 2);
	/* Beyond all regions as well. */
	r.iova = 0x100000;
	r.length = 4 << 20;
	r.page_size = 0x80000;
	bits = 0;
	CHECK_EQ(feature(get, &r, sizeof(r)), 0);
	CHECK_EQ(bits, 2);
	CHECK_EQ(feature(VFMIG_FEATURE_DMA_LOGGING_START | VFMIG_FEATURE_SET, &c, sizeof(c)),
		 -EINVAL);
	CHECK_EQ(feature(VFMIG_FEATURE_DMA_LOGGING_STOP | VFMIG_FEATURE_SET, NULL, 0), 0);
	CHECK_EQ(feature(get, &r, sizeof(r)), -EINVAL);
	vfmig_space_detach(space, device, NULL);
	vfmig_space_free(space);
	end();
}

/* A server that has no way at all: it is asked once, and cannot be tracked. */
static void neither_way(void)
{
	struct vfmig_space *space = vfmig_space_new();
	struct vfmig_cursor *cursor;
	int fd = prepare();

	q.early = q.mute = true;
	go(fd, NULL);
	CHECK_EQ(vfmig_space_map(space, &by_fd, NULL), 0);
	CHECK_EQ(vfmig_space_attach(space, device, NULL), 0);
	for (unsigned i = 0; i < 2; i++) {
		CHECK_EQ(vfmig_cursor_open(space, &cursor, NULL), -EOPNOTSUPP);
		CHECK_EQ(atomic_load(&q.asked_early), 1);
	}
	vfmig_space_detach(space, device, NULL);
	vfmig_space_free(space);
	end();
}

/* What it does not let go of while it is stopped it lets go of when it runs. */
static void unmap_while_stopped(void)
{
	struct vfmig_space *space = vfmig_space_new();

	begin(NULL);
	CHECK_EQ(vfmig_space_attach(space, device, NULL), 0);
	CHECK_EQ(vfmig_space_map(space, &by_fd, NULL), 0);
	CHECK_EQ(set_state(VFMIG_STATE_STOP), 0);
	CHECK_EQ(vfmig_space_unmap(space, by_fd.iova, by_fd.size, NULL), 0);
	CHECK_EQ(atomic_load(&q.unmaps), 0);
	CHECK_EQ(set_state(VFMIG_STATE_RUNNING), 0);
	CHECK_EQ(atomic_load(&q.unmaps), 1);
	CHECK_EQ(vfmig_space_map(space, &by_fd, NULL), 0);
	vfmig_space_detach(space, device, NULL);
	CHECK_EQ(atomic_load(&q.unmaps), 2);
	vfmig_space_free(space);
	end();
}

#define WRITES 100

static unsigned ended;

static void done(struct vfmig_request *r)
{
	CHECK_EQ(r->result, sizeof(struct misbehaving_dma));
	ended++;
}

static bool all_ended(void *context)
{
	return ended == WRITES;
}

/* It takes a command for the answer to its DMA by message, so it does not get one. */
static void no_collision(bool twin)
{
	struct misbehaving_dma d = {0x200000, 64};
	struct vfmig_space *space = vfmig_space_new();
	struct vfmig_request requests[WRITES] = {{0}};
	int fd = prepare();

	q.twin_offered = twin;
	go(fd, NULL);
	CHECK_EQ(vfmig_space_attach(space, device, NULL), 0);
	CHECK_EQ(vfmig_space_map(space, &by_message, NULL), 0);
	ended = 0;
	for (unsigned i = 0; i < WRITES; i++) {
		requests[i].op = VFMIG_OP_REGION_WRITE;
		requests[i].region.offset = MISBEHAVING_DOORBELL;
		requests[i].region.buf = &d;
		requests[i].region.len = sizeof(d);
		requests[i].done = done;
		vfmig_submit(device, &requests[i]);
	}
	CHECK_EQ(vfmig_device_wait(device, all_ended, NULL, 0), 0);
	vfmig_space_detach(space, device, NULL);
	vfmig_space_free(space);
	end();
}

int main(void)
{
	unsigned before = count_fds();
	int fd;

	shared = shared_memory(SIZE, &fd);
	by_fd.ptr = shared;
	by_fd.fd = fd;
	features();
	information();
	all_resets();
	reads(0, false, 1 << 20);
	reads(0, true, 1 << 20);
	reads(0, true, 12345);
	reads(1000003, false, 1 << 20);
	reads(0, false, DATA + 1);
	read_errors();
	interrupts();
	for (int early = 0; early < 2; early++) {
		logging(NULL, early);
		logging("twin_socket=off", early);
		any_report(early);
	}
	neither_way();
	unmap_while_stopped();
	no_collision(true);
	no_collision(false);
	munmap(shared, SIZE);
	close(fd);
	CHECK_EQ(count_fds(), before);
	return 0;
}
