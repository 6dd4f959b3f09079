/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where both sides know of them, what was written is told as runs of pages, and as the bitmap where that is shorter; the
 * caller finds the same bits in every case. Who has not heard of them is not told so. A server that answers with
 * nonsense changes nothing.
 */
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dirty/map.h"
#include "source/vfio_user.h"
#include "tests/lib/server_client.h"
#include "tests/lib/raw_messages.h"

#define LENGTH (64ull << 20)
#define PAGE   4096ull
#define BYTES  (LENGTH / PAGE / 8)

static uint8_t message[ABI_LOGGING_RUNS_SIZE + BYTES + 8];

static void start(int fd)
{
	struct vfmig_dma_logging_range all = {0, LENGTH};

	memset(message, 0, sizeof(message));
	CHECK_EQ(abi_logging_put_start(message, sizeof(message), PAGE, &all, 1), 32);
	CHECK_EQ(raw_feature(fd, VFMIG_FEATURE_DMA_LOGGING_START | VFMIG_FEATURE_SET, message, 32,
			     32),
		 0);
}

/* Ask for @length bytes with room for @capacity; what comes is in message. */
static int ask(int fd, uint64_t length, uint32_t capacity, size_t *got)
{
	struct abi_logging_report r = {0, length, PAGE};
	struct vfmig_device_feature f = {
		.argsz = ABI_FEATURE_HEADER_SIZE + capacity,
		.flags = VFMIG_FEATURE_USER_REPORT_RUNS | VFMIG_FEATURE_GET,
	};
	uint8_t payload[32], reply[ABI_FEATURE_HEADER_SIZE + sizeof(message)];
	int ret;

	abi_feature_put(payload, 8, &f);
	abi_logging_put_report(payload + 8, 24, &r);
	ret = raw_call(fd, VFMIG_USER_DEVICE_FEATURE, payload, 32, NULL, 0, reply, sizeof(reply),
		       got);
	if (ret)
		return ret;
	CHECK(*got >= 8);
	*got -= 8;
	memcpy(message, reply + 8, *got);
	abi_feature_get(reply, 8, &f);
	CHECK_EQ(f.argsz, 8 + *got);
	return 0;
}

static void by_hand(void)
{
	struct abi_logging_runs r;
	struct server_client p;
	uint64_t bytes, bitmap[BYTES / 8] = {0};
	size_t got;
	int fd = server_client_serve(&p, SERVER_CLIENT_ALL_FLAGS, NULL);

	CHECK_EQ(raw_hello(fd, "{\"capabilities\":{\"vfmig\":{\"version\":2}}}"), 0);
	CHECK_EQ(ask(fd, LENGTH, 32 + BYTES, &got), -EINVAL); /* nothing is logged */
	start(fd);
	CHECK_EQ(ask(fd, LENGTH, 32 + BYTES - 1, &got), -EINVAL);
	CHECK_EQ(ask(fd, LENGTH + 1, 32 + BYTES, &got), -EINVAL);
	for (unsigned round = 0; round < 2; round++) {
		vfmig_dirty_mark(p.fake->dirty, 3 * PAGE, 5 * PAGE);
		vfmig_dirty_mark(p.fake->dirty, LENGTH - 1, 1);
		CHECK_EQ(ask(fd, LENGTH, 32 + BYTES, &got), 0);
		CHECK(!abi_logging_get_runs(message, got, &r, &bytes));
		CHECK_EQ(r.form, 0);
		CHECK_EQ(r.count, 2);
		CHECK(!abi_runs_check(message + 32, got - 32, r.count, LENGTH / PAGE));
		memset(bitmap, 0, sizeof(bitmap));
		abi_runs_set(message + 32, r.count, bitmap);
		CHECK_EQ(bitmap[0], 0xf8);
		CHECK_EQ(bitmap[BYTES / 8 - 1], 1ull << 63);
		/* Told once; and nothing of it is left in a buffer that is used again. */
		CHECK_EQ(ask(fd, LENGTH, 32 + BYTES, &got), 0);
		CHECK_EQ(got, 32);
	}
	for (uint64_t n = 0; n < LENGTH / PAGE; n += 2)
		vfmig_dirty_mark(p.fake->dirty, n * PAGE, 1);
	CHECK_EQ(ask(fd, LENGTH, 32 + BYTES, &got), 0);
	CHECK(!abi_logging_get_runs(message, got, &r, &bytes));
	CHECK_EQ(r.form, ABI_RUNS_ARE_BITS);
	CHECK_EQ(got, 32 + BYTES);
	for (size_t i = 0; i < BYTES; i++)
		CHECK_EQ(message[32 + i], 0x55);
	close(fd);
	p.client = NULL;
	server_client_close(&p);
}

/* To the version before, there is no such thing. */
static void not_agreed(void)
{
	struct server_client p;
	size_t got;
	int fd = server_client_serve(&p, SERVER_CLIENT_ALL_FLAGS, NULL);

	CHECK_EQ(raw_hello(fd, "{\"capabilities\":{\"vfmig\":{\"version\":1}}}"), 0);
	start(fd);
	CHECK_EQ(ask(fd, LENGTH, 32 + BYTES, &got), -ENOTTY);
	close(fd);
	p.client = NULL;
	server_client_close(&p);
}

/* ---- our client ---- */

static struct vfmig_dma_logging_range range = {0, LENGTH};
static uint64_t bits[BYTES / 8];

static int log_start(struct vfmig_device *device)
{
	struct vfmig_feature_dma_logging_control c = {
		.page_size = PAGE, .num_ranges = 1, .ranges = (uintptr_t)&range};

	return vfmig_device_call_feature(
		device, VFMIG_FEATURE_DMA_LOGGING_START | VFMIG_FEATURE_SET, &c, sizeof(c), NULL);
}

static void by_client(void)
{
	struct vfmig_feature_dma_logging_report r = {
		.length = LENGTH, .page_size = PAGE, .bitmap = (uintptr_t)bits};
	struct server_client p;

	server_client_open_chain(&p, SERVER_CLIENT_ALL_FLAGS, NULL, NULL);
	CHECK_EQ(log_start(p.client), 0);
	for (unsigned every = 1; every < 5000; every = every * 3 + 1) {
		memset(bits, 0, sizeof(bits));
		for (uint64_t n = 0; n < LENGTH / PAGE; n += every)
			vfmig_dirty_mark(p.fake->dirty, n * PAGE, 1);
		CHECK_EQ(vfmig_device_call_feature(
				 p.client, VFMIG_FEATURE_DMA_LOGGING_REPORT | VFMIG_FEATURE_GET, &r,
				 sizeof(r), NULL),
			 0);
		for (uint64_t n = 0; n < LENGTH / PAGE; n++)
			CHECK_EQ(abi_bitmap_test(bits, n), n % every == 0);
	}
	server_client_close(&p);
}

/* ---- a hostile server ---- */

static void done(struct vfmig_request *request)
{
	*(bool *)request->user = true;
}

static bool over(void *context)
{
	return *(bool *)context;
}

static ssize_t answered_with(const struct abi_logging_runs *head, const uint32_t *runs, size_t len,
			     bool same)
{
	static const char version[] = "\0\0\1\0{\"capabilities\":{\"vfmig\":{\"version\":2}}}";
	struct vfmig_feature_dma_logging_control c = {
		.page_size = PAGE, .num_ranges = 1, .ranges = (uintptr_t)&range};
	struct vfmig_feature_dma_logging_report r = {
		.length = LENGTH, .page_size = PAGE, .bitmap = (uintptr_t)bits};
	struct vfmig_request request = {.op = VFMIG_OP_FEATURE, .done = done};
	uint8_t reply[8 + 32 + 64];
	struct vfmig_device *device;
	struct vfmig_user_header h;
	bool ended = false;
	int pair[2];

	CHECK(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
	raw_send(pair[0], 0, VFMIG_USER_VERSION, 1, 0, version, sizeof(version), NULL, 0);
	CHECK(!vfio_user_adopt(pair[1], "hostile", NULL, &device, NULL));
	raw_recv(pair[0], &h, NULL, 0, NULL, NULL);
	request.user = &ended;
	request.feature.flags = VFMIG_FEATURE_DMA_LOGGING_START | VFMIG_FEATURE_SET;
	request.feature.data = &c;
	request.feature.size = sizeof(c);
	vfmig_submit(device, &request);
	CHECK(raw_recv(pair[0], &h, message, sizeof(message), NULL, NULL) > 0);
	raw_send(pair[0], h.msg_id, h.cmd, 1, 0, message, 8 + 32, NULL, 0);
	vfmig_device_wait(device, over, &ended, device_now() + 120000000000);
	CHECK_EQ(request.result, 0);

	ended = false;
	request = (struct vfmig_request){.op = VFMIG_OP_FEATURE, .done = done, .user = &ended};
	request.feature.flags = VFMIG_FEATURE_DMA_LOGGING_REPORT | VFMIG_FEATURE_GET;
	request.feature.data = &r;
	request.feature.size = sizeof(r);
	memset(bits, 0, sizeof(bits));
	vfmig_submit(device, &request);
	CHECK_EQ(raw_recv(pair[0], &h, message, sizeof(message), NULL, NULL), 8 + 24);
	memcpy(reply, message, 8);
	abi_logging_put_runs(reply + 8, 32, head);
	memcpy(reply + 40, runs, len);
	raw_send(pair[0], h.msg_id, h.cmd, 1, 0, reply, 40 + len, NULL, 0);
	vfmig_device_wait(device, over, &ended, device_now() + 120000000000);
	CHECK(ended);
	for (size_t i = 0; !same && i < BYTES / 8; i++)
		CHECK_EQ(bits[i], 0);
	vfmig_device_close(device);
	close(pair[0]);
	return request.result;
}

static void hostile(void)
{
	static const uint32_t good[] = {3, 5, 1, 1}, empty[] = {3, 5, 1, 0};
	static const uint32_t far[] = {3, 5, LENGTH / PAGE, 1}, wraps[] = {3, 5, UINT32_MAX, 2};
	struct abi_logging_runs h = {0, LENGTH, PAGE, 0, 2};

	CHECK_EQ(answered_with(&h, good, 16, true), 0);
	CHECK_EQ(bits[0], 0x2f8);
	CHECK_EQ(answered_with(&h, empty, 16, false), -EPROTO);
	CHECK_EQ(answered_with(&h, far, 16, false), -EPROTO);
	CHECK_EQ(answered_with(&h, wraps, 16, false), -EPROTO);
	CHECK_EQ(answered_with(&h, good, 15, false), -EPROTO);
	CHECK_EQ(answered_with(&h, good, 0, false), -EPROTO);
	h.count = UINT32_MAX;
	CHECK_EQ(answered_with(&h, good, 16, false), -EPROTO);
	h.count = 2;
	h.form = ABI_RUNS_ARE_BITS;
	CHECK_EQ(answered_with(&h, good, 16, false), -EPROTO);
	h.form = 2;
	CHECK_EQ(answered_with(&h, good, 16, false), -EPROTO);
	h.form = 0;
	h.iova = PAGE;
	CHECK_EQ(answered_with(&h, good, 16, false), -EPROTO);
	h.iova = 0;
	h.length = LENGTH * 1024;
	CHECK_EQ(answered_with(&h, good, 16, false), -EPROTO);
}

int main(void)
{
	RUN(by_hand());
	RUN(not_agreed());
	RUN(by_client());
	RUN(hostile());
	return 0;
}
