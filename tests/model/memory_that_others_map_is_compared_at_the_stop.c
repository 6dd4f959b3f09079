/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A block that somebody has mapped can change with no mark: it is compared at the stop with what was sent, so
 * that nothing is lost, and not sent whole. One that nobody has mapped is not compared: there, a write
 * without a mark is lost (see the control of pre_copy_sends_again_only_what_changed).
 */
#include "tests/lib/test_device.h"

#define MEMORY (4u << 20)
#define PAGE   4096u

static size_t move(bool early, size_t piece)
{
	struct vfmig_device *from = test_device_open("memory=4M"),
			    *to = test_device_open("memory=4M");
	struct vfmig_session *source = test_device_session(from), *target = test_device_session(to);
	struct test_device_stream stream = {NULL, 0};
	struct vfmig_region region;
	uint8_t *bytes = NULL, *copy;
	uint64_t size;
	size_t last;

	CHECK_OK(vfmig_device_get_region_info(from, 2, &region, &test_err));
	CHECK(region.flags & VFMIG_REGION_FLAG_MMAP);
	CHECK_EQ(region.size, 8u << 20); /* the next power of two */
	CHECK_EQ(region.areas, 1);
	CHECK_EQ(region.area[0].offset, TEST_DEVICE_MEMORY_AT);
	CHECK_EQ(region.area[0].size, MEMORY);
	for (unsigned i = 0; i < MEMORY; i += 2 * PAGE)
		test_device_poke(from, i + 1, 1);
	if (early)
		CHECK_OK(vfmig_device_region_map(from, 2, TEST_DEVICE_MEMORY_AT, MEMORY,
						 (void **)&bytes, &test_err));
	test_device_go(source, VFMIG_STATE_PRE_COPY);
	test_device_pull(source, &stream, piece);
	if (!early)
		CHECK_OK(vfmig_device_region_map(from, 2, TEST_DEVICE_MEMORY_AT, MEMORY,
						 (void **)&bytes, &test_err));
	CHECK_EQ(bytes[1], 1);
	bytes[0] = 10;				/* a page of data */
	bytes[PAGE] = 11;			/* a page that was a hole */
	bytes[2 * PAGE + 1] = 0;		/* one that becomes zero */
	bytes[MEMORY - 1] = 12;			/* the last */
	test_device_poke(from, 100 * PAGE, 13); /* and one that is marked */
	CHECK_OK(vfmig_session_get_data_size(source, &size, &test_err));
	CHECK(size >= MEMORY); /* who knows? */
	test_device_go(source, VFMIG_STATE_STOP_COPY);
	last = test_device_pull(source, &stream, piece);
	CHECK(last <= size);
	CHECK_OK(test_device_load(target, stream.bytes, stream.len, 65536, &test_err));
	CHECK_OK(vfmig_device_region_map(to, 2, TEST_DEVICE_MEMORY_AT, MEMORY, (void **)&copy,
					 &test_err));
	CHECK(!memcmp(bytes, copy, MEMORY));
	CHECK_EQ(copy[MEMORY - 1], 12);

	/* Without a descriptor in the way it cannot be made smaller under us. */
	munmap(bytes, MEMORY);
	munmap(copy, MEMORY);
	free(stream.bytes);
	vfmig_session_close(source);
	vfmig_session_close(target);
	vfmig_device_close(from);
	vfmig_device_close(to);
	return last;
}

static void a_client_cannot_shrink_it(void)
{
	struct vfmig_device *device = test_device_open(NULL);
	struct vfmig_request request = {.op = VFMIG_OP_REGION_FD, .err = &test_err};

	request.region_fd.index = 2;
	CHECK_OK(vfmig_call(device, &request));
	CHECK_EQ(request.region_fd.file_offset, 0);
	CHECK(ftruncate(request.region_fd.fd, 0));
	close(request.region_fd.fd);
	/* Registers are not for mapping, nor is what is not there. */
	for (uint32_t i = 0; i < 12; i++) {
		if (i == 2)
			continue;
		request.region_fd.index = i;
		CHECK_EQ(vfmig_call(device, &request), -ENODEV);
	}
	vfmig_device_close(device);
}

int main(void)
{
	size_t n = move(true, 1 << 20);

	/* Four that differ, one of them zero, and one that is marked. */
	CHECKF(n >= 4 * PAGE && n < 6 * PAGE + 8192, "%zu bytes at the stop", n);
	n = move(true, 100000);
	CHECKF(n >= 4 * PAGE && n < 6 * PAGE + 8192, "%zu bytes at the stop", n);
	/* What was sent before anybody mapped it, nobody remembers: all that is not zero goes again. */
	n = move(false, 1 << 20);
	CHECKF(n >= MEMORY / 2 && n < MEMORY, "%zu bytes at the stop", n);
	a_client_cannot_shrink_it();
	return 0;
}
