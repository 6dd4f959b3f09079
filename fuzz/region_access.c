/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Accesses to a migration region, any offset, any width, any order, in both revisions, with a session and a log that
 * fail now and then, accesses that are taken back, and resets: what is read of device_state is always a state,
 * data_size never more than there is room, and nothing is touched that is not there.
 */
#include "tests/pfn/fake_logger.h"

struct input {
	const uint8_t *at;
	size_t left;
};

static uint64_t take(struct input *in, size_t bytes)
{
	uint64_t value = 0;

	bytes = bytes < in->left ? bytes : in->left;
	memcpy(&value, in->at, bytes);
	in->at += bytes;
	in->left -= bytes;
	return value;
}

static void done(struct vfmig_request *request)
{
}

static void access(struct shown *shown, struct input *in, uint8_t what, uint8_t *buf,
		   size_t capacity)
{
	static const uint8_t widths[] = {4, 8, 1, 2, 3, 16, 64, 200};
	struct vfmig_request request = {.done = done};
	uint64_t offset = take(in, 1) * 4;

	if (what & 8)
		offset = shown->data + take(in, 2);
	if (what & 16)
		offset += take(in, 8);
	request.op = what & 32 ? VFMIG_OP_REGION_WRITE : VFMIG_OP_REGION_READ;
	request.region.index = SHOWN_INDEX;
	request.region.offset = offset;
	request.region.len = widths[what & 7];
	request.region.buf = buf;
	CHECK(request.region.len <= capacity);
	if (what & 32) {
		uint64_t value = take(in, what & 64 ? 8 : 1);

		memcpy(buf, &value, sizeof(value));
	}
	shown->fake.hold = what & 128;
	vfmig_submit(&shown->device, &request);
	if (what & 128) {
		for (unsigned steps = take(in, 1) % 4; steps; steps--)
			fake_let_go(&shown->fake);
		vfmig_cancel(&shown->device, &request);
		shown->fake.hold = false;
		while (fake_let_go(&shown->fake))
			;
	}
}

static void check(struct shown *shown)
{
	uint64_t size = 0;
	uint32_t bits = state(shown);

	CHECK(bits < 5 || bits == 6);
	if (!get64(shown, DATA_SIZE, &size))
		CHECK(size <= 300);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};
	uint8_t head = (uint8_t)take(&in, 1), buf[256];
	struct region_options options = {
		.data = (enum region_data)(head % 3),
		.transaction = 300,
		.bitmap_apart = head & 4,
	};
	struct fake_logger log;
	struct shown *shown;

	memset(&log, 0, sizeof(log));
	log.logger.ops = &fake_logger_ops;
	shown = shown_new(head & 8 ? VFMIG_REGION_PFN : VFMIG_REGION_V1,
			  head & 16 ? FAKE_ALL : VFMIG_MIGRATION_STOP_COPY,
			  head & 32 ? &log.logger : NULL, &options);
	for (unsigned i = 0; i < 6; i++)
		fake_session_give(&shown->fake, 300 - 50 * i, (uint8_t)i, i > 3);
	while (in.left) {
		uint8_t what = (uint8_t)take(&in, 1);

		if (what == 0xff) {
			uint8_t fault = (uint8_t)take(&in, 1);

			if (fault & 128)
				vfmig_device_reset(&shown->device, NULL);
			shown->fake.fail_into = (enum vfmig_state)(fault & 7);
			shown->fake.fail_hard = fault & 8;
			shown->fake.fail_read = fault & 16 ? -EIO : 0;
			shown->fake.fail_write = fault & 32 ? -EIO : 0;
			log.fail_report = fault & 64 ? -EIO : 0;
		} else {
			access(shown, &in, what, buf, sizeof(buf));
		}
		if (shown->fake.takes > FAKE_CHUNKS - 4)
			break;
		check(shown);
	}
	vfmig_device_close(&shown->device);
	CHECK(!log.on);
	return 0;
}
