/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * In pre-copy a block goes once, zero pages as runs, and then only the pages that were marked; the bytes are
 * counted. What is left is told in advance, and never less than what then comes. The end for now is -ENOMSG,
 * the end of all is 0.
 *
 * The control: a write that is not marked is lost. That it can be seen to be lost is what makes the rest
 * of this test worth something.
 *
 * Rules: V2-35, V2-55, V2-61, V2-62, V2-63, V2-65, V2-67, V2-68, V2-69.
 */
#include "tests/lib/test_device.h"

#define MEMORY	 (4u << 20)
#define PAGE	 4096u
#define PAGES	 (MEMORY / PAGE)
#define OVERHEAD 4096 /* the schema, and the heads of frames */

static struct vfmig_device *device;
static struct vfmig_session *session;
static struct test_device_stream stream;

static struct vfmig_precopy_info info(void)
{
	struct vfmig_precopy_info now;

	CHECK_OK(vfmig_session_get_precopy_info(session, &now, &test_err));
	CHECK_EQ(now.argsz, sizeof(now));
	return now;
}

/* Pull, and see that what was promised held. */
static size_t pull(size_t piece)
{
	struct vfmig_precopy_info before = info(), after;
	uint64_t size;
	size_t n;

	CHECK_OK(vfmig_session_get_data_size(session, &size, &test_err));
	n = test_device_pull(session, &stream, piece);
	CHECKF(n <= before.initial_bytes + before.dirty_bytes + OVERHEAD, "%zu bytes", n);
	CHECKF(n <= size, "%zu bytes of %" PRIu64, n, size);
	after = info();
	CHECK_EQ(after.initial_bytes + after.dirty_bytes, 0);
	return n;
}

static void begin(const char *options)
{
	device = test_device_open(options);
	session = test_device_session(device);
	stream = (struct test_device_stream){NULL, 0};
}

static void end(void)
{
	free(stream.bytes);
	vfmig_session_close(session);
	vfmig_device_close(device);
}

static void counts(size_t piece)
{
	uint64_t size;
	size_t n;

	begin("memory=4M");
	/* Nothing was ever written: a few bytes say so. */
	test_device_go(session, VFMIG_STATE_PRE_COPY);
	CHECK(info().initial_bytes);
	CHECK(pull(piece) < OVERHEAD);
	CHECK_EQ(vfmig_session_read(session, &n, 8, NULL), -ENOMSG);
	test_device_go(session, VFMIG_STATE_RUNNING);
	stream.len = 0;

	for (unsigned i = 0; i < PAGES; i += 2)
		test_device_poke(device, i * PAGE + 9, 1);
	test_device_go(session, VFMIG_STATE_PRE_COPY);
	n = pull(piece);
	CHECKF(n >= MEMORY / 2 && n < MEMORY / 2 + PAGES * 40 + OVERHEAD, "%zu", n);
	CHECK_EQ(pull(piece), 0);
	/* One page, whatever was written in it, and a page that became zero. */
	test_device_poke(device, 8 * PAGE, 7);
	test_device_poke(device, 8 * PAGE + 4095, 7);
	CHECK_EQ(info().dirty_bytes, PAGE);
	n = pull(piece);
	CHECKF(n >= PAGE && n < PAGE + 64, "%zu", n);
	test_device_poke(device, 8 * PAGE + 9, 0);
	test_device_poke(device, 8 * PAGE, 0);
	test_device_poke(device, 8 * PAGE + 4095, 0);
	CHECK(pull(piece) < 64);
	/* Three pages, two of them together. */
	test_device_poke(device, 100 * PAGE, 7);
	test_device_poke(device, 101 * PAGE, 7);
	test_device_poke(device, 7 * PAGE, 7);
	n = pull(piece);
	CHECKF(n >= 3 * PAGE && n < 3 * PAGE + 64, "%zu", n);
	/* At the stop: one page, and the fields. */
	test_device_poke(device, 55 * PAGE, 7);
	CHECK_OK(vfmig_session_get_data_size(session, &size, &test_err));
	test_device_go(session, VFMIG_STATE_STOP_COPY);
	n = test_device_pull(session, &stream, piece);
	CHECKF(n >= PAGE && n < PAGE + 2 * OVERHEAD, "%zu", n);
	CHECK(n <= size);
	CHECK_EQ(vfmig_session_read(session, &n, 8, NULL), 0);
	CHECK_EQ(vfmig_session_read(session, &n, 8, NULL), 0);
	CHECK_OK(vfmig_session_get_data_size(session, &size, &test_err));
	CHECK_EQ(size, 0);
	end();
}

/* Writes in the middle of the first pass, before it and behind it; the far side has the last of each. */
static void overtaken(bool marked)
{
	struct vfmig_device *to = test_device_open("memory=4M");
	struct vfmig_session *target = test_device_session(to);
	uint64_t poke = marked ? TEST_DEVICE_POKE : TEST_DEVICE_POKE_SILENT;

	begin("memory=4M");
	for (unsigned i = 0; i < PAGES; i++)
		test_device_poke(device, i * PAGE + 9, 1);
	test_device_go(session, VFMIG_STATE_PRE_COPY);
	stream.bytes = malloc(MEMORY / 2);
	stream.len = (size_t)vfmig_session_read(session, stream.bytes, MEMORY / 2, &test_err);
	CHECKF(stream.len > MEMORY / 2 - PAGE && stream.len <= MEMORY / 2, "%zu", stream.len);
	test_device_set(device, poke, (uint64_t)(5 * PAGE) << 8 | 5);
	test_device_set(device, poke, (uint64_t)(900 * PAGE) << 8 | 6);
	test_device_go(session, VFMIG_STATE_PRE_COPY_P2P);
	test_device_pull(session, &stream, 10000);
	test_device_set(device, poke, (uint64_t)(5 * PAGE + 1) << 8 | 7);
	test_device_go(session, VFMIG_STATE_STOP_COPY);
	test_device_pull(session, &stream, 10000);
	CHECK_OK(test_device_load(target, stream.bytes, stream.len, 5000, &test_err));
	CHECK_EQ(test_device_peek(to, 900 * PAGE), 6);
	if (marked) {
		CHECK_EQ(test_device_peek(to, 5 * PAGE), 5);
		CHECK_EQ(test_device_peek(to, 5 * PAGE + 1), 7);
	} else {
		CHECK_EQ(test_device_peek(to, 5 * PAGE), 0);
		CHECK_EQ(test_device_peek(to, 5 * PAGE + 1), 0);
	}
	end();
	vfmig_session_close(target);
	vfmig_device_close(to);
}

/* What comes in by DMA is marked without the model doing anything for it. */
static void fetched(void)
{
	struct vfmig_space *space = vfmig_space_new();
	uint8_t *bytes = test_device_memory(space, 0, PAGE);
	size_t n;

	memset(bytes, 0x42, PAGE);
	begin("memory=4M");
	CHECK_OK(vfmig_space_attach(space, device, &test_err));
	test_device_set(device, TEST_DEVICE_SRC, 0);
	test_device_set(device, TEST_DEVICE_LEN, 100);
	test_device_go(session, VFMIG_STATE_PRE_COPY);
	pull(65536);
	test_device_set(device, TEST_DEVICE_FETCH, 10 * PAGE - 50);
	CHECK_OK(vfmig_device_process(device, &test_err));
	CHECK_EQ(test_device_peek(device, 10 * PAGE - 50), 0x42);
	CHECK_EQ(info().dirty_bytes, 2 * PAGE);
	n = pull(65536);
	CHECKF(n >= 2 * PAGE && n < 2 * PAGE + 64, "%zu", n);
	end();
	vfmig_space_free(space);
	munmap(bytes, PAGE);
}

/* A session that has begun to read a frame reads the rest of it after the stop. */
static void cut_in_a_frame(void)
{
	struct vfmig_device *to = test_device_open("memory=4M");
	struct vfmig_session *target = test_device_session(to);

	begin("memory=4M");
	for (unsigned i = 0; i < PAGES; i++)
		test_device_poke(device, i * PAGE + 9, 1);
	test_device_go(session, VFMIG_STATE_PRE_COPY);
	stream.bytes = malloc(12345);
	stream.len = (size_t)vfmig_session_read(session, stream.bytes, 12345, &test_err);
	test_device_poke(device, 3 * PAGE, 33);
	test_device_go(session, VFMIG_STATE_STOP_COPY);
	test_device_pull(session, &stream, 54321);
	CHECK_OK(test_device_load(target, stream.bytes, stream.len, 9999, &test_err));
	for (unsigned i = 0; i < PAGES; i++)
		CHECK_EQ(test_device_peek(to, i * PAGE + 9), 1);
	CHECK_EQ(test_device_peek(to, 3 * PAGE), 33);
	end();
	vfmig_session_close(target);
	vfmig_device_close(to);
}

/* The device became another: who understands is told that the beginning begins again. */
static void reinit(void)
{
	struct vfmig_precopy_info now;
	size_t n;

	begin("memory=4M");
	for (unsigned i = 0; i < PAGES; i++)
		test_device_poke(device, i * PAGE + 9, 1);
	test_device_go(session, VFMIG_STATE_PRE_COPY);
	CHECK_EQ(info().flags, 0);
	pull(65536);
	test_device_set(device, TEST_DEVICE_REINIT, 1);
	now = info();
	CHECK_EQ(now.flags, VFMIG_PRECOPY_INFO_REINIT);
	CHECK(now.initial_bytes >= MEMORY);
	CHECK_EQ(now.dirty_bytes, 0);
	CHECK_EQ(info().flags, 0);
	n = pull(65536);
	CHECK(n >= MEMORY);
	end();
}

static void only_where_it_makes_sense(void)
{
	struct vfmig_precopy_info now;
	uint64_t size;
	char byte;

	begin("memory=4M,migration=p2p");
	CHECK_EQ(vfmig_session_get_precopy_info(session, &now, NULL), -ENOTTY);
	CHECK_EQ(vfmig_session_set_state(session, VFMIG_STATE_PRE_COPY, NULL), -EINVAL);
	end();
	begin("memory=4M");
	CHECK_EQ(vfmig_session_get_precopy_info(session, &now, NULL), -EINVAL);
	CHECK_EQ(vfmig_session_read(session, &byte, 1, NULL), -EINVAL);
	CHECK_EQ(vfmig_session_write(session, &byte, 1, NULL), -EINVAL);
	CHECK_OK(vfmig_session_get_data_size(session, &size, &test_err));
	CHECK(size < OVERHEAD * 3);
	for (unsigned i = 0; i < PAGES; i++)
		test_device_poke(device, i * PAGE + 9, 1);
	CHECK_OK(vfmig_session_get_data_size(session, &size, &test_err));
	CHECK(size >= MEMORY);
	test_device_go(session, VFMIG_STATE_STOP);
	CHECK_EQ(vfmig_session_read(session, &byte, 1, NULL), -EINVAL);
	test_device_go(session, VFMIG_STATE_STOP_COPY);
	CHECK_EQ(vfmig_session_get_precopy_info(session, &now, NULL), -EINVAL);
	CHECK_EQ(vfmig_session_write(session, &byte, 1, NULL), -EINVAL);
	CHECK(test_device_pull(session, &stream, 77777) <= size);
	test_device_go(session, VFMIG_STATE_RESUMING);
	CHECK_EQ(vfmig_session_read(session, &byte, 1, NULL), -EINVAL);
	end();
}

int main(void)
{
	counts(1 << 20);
	counts(50000);
	overtaken(true);
	overtaken(false);
	fetched();
	cut_in_a_frame();
	reinit();
	only_where_it_makes_sense();
	return 0;
}
