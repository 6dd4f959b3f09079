/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A transition that fails says so; then the state from before is read back, or the error state, and nothing in
 * between; if it is the state from before, the device can be used on, data included; if it is the error
 * state, all is refused until a reset, which helps.
 *
 * Rules: V1-05, V1-07, V1-08, V1-16, V1-56, TLK-01, PFN-03.
 */
#include "tests/v1/shown.h"

/* Every transition, with every arc on its way failing, softly and hard. */
static void fail(uint64_t flags, uint32_t from, uint32_t to, enum vfmig_state into, bool hard)
{
	struct region_options options = {.transaction = 64};
	struct shown *shown = shown_new(VFMIG_REGION_V1, flags, NULL, &options);
	uint32_t after;
	uint64_t value;
	int ret;

	fake_session_give(&shown->fake, 50, 1, false);
	fake_session_give(&shown->fake, 60, 2, false);
	CHECK_EQ(put_state(shown, from), 0);
	if (from & 2)
		CHECK_EQ(get64(shown, PENDING, &value), 0);
	shown->fake.fail_into = into;
	shown->fake.fail_hard = hard;
	ret = put_state(shown, to);
	after = state(shown);
	if (shown->fake.fail_into == into) { /* that arc was not on the way */
		CHECK_EQ(ret, 0);
		CHECK_EQ(after, to);
		vfmig_device_close(&shown->device);
		return;
	}
	CHECK_EQ(ret, -EREMOTEIO);
	CHECKF(after == from || after == 6, "%u to %u by %s%s: %u", from, to,
	       vfmig_state_name(into), hard ? ", hard" : "", after);
	if (hard)
		CHECK_EQ(after, 6);
	if (after == 6) {
		for (uint32_t value32 = 0; value32 < 8; value32++)
			CHECK_EQ(put_state(shown, value32), -EINVAL);
		CHECK_EQ(get64(shown, PENDING, &value), -EIO);
		CHECK_EQ(get64(shown, DATA_OFFSET, &value), -EIO);
		CHECK_EQ(get64(shown, DATA_SIZE, &value), -EIO);
		CHECK_EQ(put64(shown, DATA_SIZE, 1), -EIO);
		CHECK_EQ(state(shown), 6);
		CHECK_EQ(vfmig_device_reset(&shown->device, NULL), 0);
		CHECK_EQ(state(shown), 1);
		CHECK_EQ(put_state(shown, to), 0);
	} else {
		if (from == 3 && flags & VFMIG_MIGRATION_PRE_COPY) {
			CHECK_EQ(reg64(shown, PENDING), 110);
			fetch_chunk(shown, 50, 1);
		}
		CHECK_EQ(put_state(shown, to), 0); /* it failed once only */
		CHECK_EQ(state(shown), to);
	}
	vfmig_device_close(&shown->device);
}

/* What must not become an error state: where nothing was lost. */
static void is_led_back(void)
{
	struct region_options options = {.transaction = 64};
	struct shown *shown = shown_new(VFMIG_REGION_V1, FAKE_ALL, NULL, &options);

	/* RUNNING, RUNNING_P2P, STOP, and then no STOP_COPY: run again. */
	shown->fake.fail_into = VFMIG_STATE_STOP_COPY;
	CHECK_EQ(put_state(shown, 2), -EREMOTEIO);
	CHECK_EQ(state(shown), 1);
	CHECK_EQ(shown->fake.state, VFMIG_STATE_RUNNING);
	/* Pre-copy that cannot stop goes on. */
	CHECK_EQ(put_state(shown, 3), 0);
	shown->fake.fail_into = VFMIG_STATE_STOP_COPY;
	CHECK_EQ(put_state(shown, 2), -EREMOTEIO);
	CHECK_EQ(state(shown), 3);
	CHECK_EQ(shown->fake.state, VFMIG_STATE_PRE_COPY);
	vfmig_device_close(&shown->device);
}

/* A device that cannot be led back is in the error state, though it does not say so itself. */
static void is_lost(void)
{
	struct region_options options = {.transaction = 64};
	struct shown *shown = shown_new(VFMIG_REGION_V1, FAKE_ALL, NULL, &options);

	/* Loaded, checked, stopped, and then it does not run: what was loaded cannot be loaded again. */
	CHECK_EQ(put_state(shown, 4), 0);
	shown->fake.fail_into = VFMIG_STATE_RUNNING_P2P;
	CHECK_EQ(put_state(shown, 1), -EREMOTEIO);
	CHECK_EQ(shown->fake.state, VFMIG_STATE_STOP);
	CHECK_EQ(state(shown), 6);
	CHECK_EQ(put_state(shown, 1), -EINVAL);
	CHECK_EQ(vfmig_device_reset(&shown->device, NULL), 0);
	CHECK_EQ(state(shown), 1);
	vfmig_device_close(&shown->device);
}

int main(void)
{
	static const uint64_t kinds[] = {
		VFMIG_MIGRATION_STOP_COPY,
		VFMIG_MIGRATION_STOP_COPY | VFMIG_MIGRATION_P2P,
		VFMIG_MIGRATION_STOP_COPY | VFMIG_MIGRATION_PRE_COPY,
		FAKE_ALL,
	};

	for (size_t kind = 0; kind < 4; kind++)
		for (uint32_t from = 0; from < 5; from++)
			for (uint32_t to = 0; to < 5; to++)
				for (unsigned into = 1; into < VFMIG_STATE_COUNT; into++)
					for (int hard = 0; hard < 2; hard++)
						if (from != to && !(from == 2 && to == 3))
							fail(kinds[kind], from, to,
							     (enum vfmig_state)into, hard);
	is_led_back();
	is_lost();
	return 0;
}
