/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Resuming: each write of data_size is one transaction to the device, of that size and with those bytes, and returns
 * only when the device has taken it. What does not fit, or comes in another state, is refused.
 *
 * Rules: V1-12, V1-25, V1-30, V1-47, V1-48, V1-49, V1-57, TLK-03, PFN-10, PFN-33.
 */
#include "tests/v1/shown.h"

static const enum region_data places[] = {REGION_DATA_TRAPPED, REGION_DATA_MAPPED,
					  REGION_DATA_PARTLY};

static void put_chunk(struct shown *shown, size_t len, uint8_t fill, size_t piece)
{
	uint8_t *buf = malloc(len);
	uint64_t at = reg64(shown, DATA_OFFSET);

	CHECK(buf);
	for (size_t i = 0; i < len; i++)
		buf[i] = (uint8_t)(fill + i);
	for (size_t done = 0; done < len; done += piece)
		CHECK_EQ(vfmig_device_region_write(
				 &shown->device, SHOWN_INDEX, at + done, buf + done,
				 (uint32_t)(piece < len - done ? piece : len - done), NULL),
			 0);
	CHECK_EQ(put64(shown, DATA_SIZE, len), 0);
	free(buf);
}

static void sizes_are_kept(enum region_data place)
{
	static const size_t sizes[] = {1, 9000, 8, 4096, 3, 3, 8999, 1};
	struct region_options options = {.data = place, .transaction = 9000};
	struct shown *shown = shown_new(VFMIG_REGION_V1, FAKE_ALL, NULL, &options);
	size_t at = 0;

	CHECK_EQ(put_state(shown, 4), 0);
	for (unsigned i = 0; i < 8; i++)
		put_chunk(shown, sizes[i], (uint8_t)i, i % 2 ? 8 : 100000);
	CHECK_EQ(put64(shown, DATA_SIZE, 0), 0); /* of nothing there is no transaction */
	CHECK_EQ(shown->fake.takes, 8);
	for (unsigned i = 0; i < 8; i++) {
		CHECK_EQ(shown->fake.took[i], sizes[i]);
		CHECK(fake_is_chunk(shown->fake.bytes + at, sizes[i], (uint8_t)i));
		at += sizes[i];
	}
	CHECK_EQ(put64(shown, DATA_SIZE, 9001), -EINVAL);
	CHECK_EQ(put64(shown, DATA_SIZE, UINT64_MAX), -EINVAL);
	CHECK_EQ(shown->fake.takes, 8);
	vfmig_device_close(&shown->device);
}

static void only_in_resuming(void)
{
	struct region_options options = {.transaction = 64};
	struct shown *shown = shown_new(VFMIG_REGION_V1, FAKE_ALL, NULL, &options);

	for (uint32_t bits = 0; bits < 4; bits++) {
		CHECK_EQ(vfmig_device_reset(&shown->device, NULL), 0);
		CHECK_EQ(put_state(shown, bits), 0);
		CHECK_EQ(put64(shown, DATA_SIZE, 8), -EINVAL);
		CHECK_EQ(state(shown), bits);
	}
	CHECK_EQ(shown->fake.takes, 0);
	vfmig_device_close(&shown->device);
}

static void done_now(struct vfmig_request *request)
{
	*(bool *)request->user = true;
}

/* The write is done when the data is, not before. */
static void returns_when_it_is_taken(void)
{
	struct region_options options = {.transaction = 64};
	struct shown *shown = shown_new(VFMIG_REGION_V1, FAKE_ALL, NULL, &options);
	uint64_t size = 40;
	bool done = false;
	struct vfmig_request write = {
		.op = VFMIG_OP_REGION_WRITE,
		.region = {.index = SHOWN_INDEX, .offset = DATA_SIZE, .len = 8, .buf = &size},
		.done = done_now,
		.user = &done,
	};

	CHECK_EQ(put_state(shown, 4), 0);
	shown->fake.hold = true;
	vfmig_submit(&shown->device, &write);
	CHECK(!done);
	CHECK_EQ(shown->fake.takes, 0);
	CHECK(fake_let_go(&shown->fake));
	CHECK(done);
	CHECK_EQ(write.result, 8);
	CHECK_EQ(shown->fake.takes, 1);
	shown->fake.hold = false;
	/* What it does not take is an error of that write, and the next one can be right. */
	shown->fake.fail_write = -EBADMSG;
	CHECK_EQ(put64(shown, DATA_SIZE, 8), -EBADMSG);
	CHECK_EQ(state(shown), 4);
	CHECK_EQ(put64(shown, DATA_SIZE, 8), 0);
	vfmig_device_close(&shown->device);
}

int main(void)
{
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		sizes_are_kept(places[i]);
	only_in_resuming();
	returns_when_it_is_taken();
	return 0;
}
