/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Data that cannot be had or taken: the access that needs it fails with the device's own error and sentence, the
 * state can be read and changed, and nothing is handed over that is not there.
 *
 * Rules: V1-50.
 */
#include "tests/v1/shown.h"

static void reading(uint32_t bits, uint64_t reg)
{
	struct region_options options = {.transaction = 64};
	struct shown *shown = shown_new(VFMIG_REGION_V1, FAKE_ALL, NULL, &options);
	struct vfmig_error err = {0};
	uint64_t value;

	fake_session_give(&shown->fake, 33, 1, false);
	fake_session_give(&shown->fake, 44, 1, false);
	CHECK_EQ(put_state(shown, bits), 0);
	shown->fake.fail_read = -ENODATA;
	CHECK_EQ(vfmig_device_region_read(&shown->device, SHOWN_INDEX, reg, &value, 8, &err),
		 -ENODATA);
	CHECK_EQ(err.code, -ENODATA);
	CHECK_STR(err.text, "fake: told to fail a read");
	CHECK_EQ(state(shown), bits);
	/* It was the session's error: that it goes on is the session's affair, too. */
	CHECK_EQ(reg64(shown, PENDING), 77);
	fetch_chunk(shown, 33, 1);
	shown->fake.fail_read = -ENODATA;
	CHECK_EQ(get64(shown, PENDING, &value), -ENODATA);
	CHECK_EQ(put_state(shown, 1), 0);
	CHECK_EQ(state(shown), 1);
	vfmig_device_close(&shown->device);
}

int main(void)
{
	static const uint64_t regs[] = {PENDING, DATA_OFFSET, DATA_SIZE};

	for (size_t i = 0; i < 3; i++) {
		reading(2, regs[i]);
		reading(3, regs[i]);
	}
	return 0;
}
