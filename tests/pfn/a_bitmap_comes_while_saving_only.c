/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pfn's log runs while the device is _SAVING and not a moment longer; outside of it, for ranges that cannot be, and
 * with nobody to log, the answers are refusals or "all"; a bitmap and the device's data do not get into each
 * other's way, whether they share a place or not.
 *
 * Rules: PFN-09, PFN-21, PFN-22, PFN-27, PFN-36.
 */
#include "tests/pfn/fake_logger.h"

static void follows_saving(void)
{
	struct region_options options = {.transaction = 64};
	struct fake_logger log;
	struct shown *shown = shown_pages(&log, &options);
	uint64_t value;

	put_range(shown, 0, 4096, 64);
	CHECK_EQ(get64(shown, COPIED_PFNS, &value), -EINVAL);
	CHECK(!log.on);
	CHECK_EQ(put_state(shown, 3), 0);
	CHECK(log.on);
	log.dirty[1] = true;
	CHECK_EQ(put_state(shown, 2), 0);
	CHECK_EQ(log.starts, 1); /* goes on */
	CHECK_EQ(reg64(shown, COPIED_PFNS), 64);
	CHECK_EQ(put_state(shown, 0), 0);
	CHECK(!log.on);
	CHECK_EQ(get64(shown, COPIED_PFNS, &value), -EINVAL);
	CHECK_EQ(put_state(shown, 4), 0);
	CHECK_EQ(get64(shown, COPIED_PFNS, &value), -EINVAL);
	CHECK(!log.on);
	/* A device that cannot log cannot save; it stays where it was. */
	CHECK_EQ(put_state(shown, 1), 0);
	log.fail_start = -ENOSPC;
	CHECK_EQ(put_state(shown, 3), -ENOSPC);
	CHECK_EQ(state(shown), 1);
	CHECK_EQ(shown->fake.state, VFMIG_STATE_RUNNING);
	log.fail_start = 0;
	/* Nor does a log stay on where saving failed. */
	shown->fake.fail_into = VFMIG_STATE_PRE_COPY;
	CHECK_EQ(put_state(shown, 3), -EREMOTEIO);
	CHECK_EQ(state(shown), 1);
	CHECK(!log.on);
	/* Or after a reset, or where the device goes away. */
	CHECK_EQ(put_state(shown, 2), 0);
	CHECK(log.on);
	CHECK_EQ(vfmig_device_reset(&shown->device, NULL), 0);
	CHECK(!log.on);
	CHECK_EQ(put_state(shown, 2), 0);
	vfmig_device_close(&shown->device);
	CHECK(!log.on);
	CHECK_EQ(log.starts, log.stops);
}

static void ranges(void)
{
	static const uint64_t bad[][3] = {
		{0, 0, 1},
		{0, 2048, 1},
		{0, 4097, 1},
		{1ull << 52, 4096, 1},
		{0, 4096, 1ull << 52},
		{(1ull << 52) - 1, 4096, 2},
		{UINT64_MAX, 4096, 1},
		{0, 1ull << 63, 2},
		{1, 4096, UINT64_MAX},
	};
	struct region_options options = {.transaction = 64};
	struct fake_logger log;
	struct shown *shown = shown_pages(&log, &options);
	uint64_t value;

	CHECK_EQ(put_state(shown, 3), 0);
	CHECK_EQ(get64(shown, COPIED_PFNS, &value), -EINVAL); /* nothing was written yet */
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		put_range(shown, bad[i][0], bad[i][1], bad[i][2]);
		CHECKF(get64(shown, COPIED_PFNS, &value) == -EINVAL, "range %zu", i);
	}
	put_range(shown, 5, 4096, 0);
	CHECK_EQ(reg64(shown, COPIED_PFNS), VFMIG_PFN_DIRTY_NONE);
	put_range(shown, 0, 4096, 50);
	CHECK_EQ(reg64(shown, COPIED_PFNS), VFMIG_PFN_DIRTY_NONE);
	memset(log.dirty, true, sizeof(log.dirty));
	put_range(shown, 0, 4096, 50);
	CHECK_EQ(reg64(shown, COPIED_PFNS), VFMIG_PFN_DIRTY_ALL);
	CHECK_EQ(reg64(shown, COPIED_PFNS), VFMIG_PFN_DIRTY_NONE); /* the rest of it is nothing */
	/* A log that fails: who knows? */
	log.fail_report = -EIO;
	put_range(shown, 50, 4096, 1000);
	CHECK_EQ(reg64(shown, COPIED_PFNS), VFMIG_PFN_DIRTY_ALL);
	vfmig_device_close(&shown->device);
}

static void without_a_log(void)
{
	struct region_options options = {.transaction = 64};
	struct shown *shown = shown_new(VFMIG_REGION_PFN, FAKE_ALL, NULL, &options);

	CHECK_EQ(put_state(shown, 3), 0);
	put_range(shown, 0, 4096, 50);
	CHECK_EQ(reg64(shown, COPIED_PFNS), VFMIG_PFN_DIRTY_ALL);
	vfmig_device_close(&shown->device);
}

/* The bitmap is asked for in the middle of an iteration, at each place of it, as VMMs did. */
static void beside_the_data(const struct region_options *options, unsigned when)
{
	struct fake_logger log;
	struct shown *shown = shown_pages(&log, options);
	uint64_t at, bits;

	fake_session_give(&shown->fake, 60, 9, false);
	fake_session_give(&shown->fake, 61, 10, false);
	CHECK_EQ(put_state(shown, 3), 0);
	for (unsigned step = 0; step < 4; step++) {
		if (step == when) {
			log.dirty[3] = true;
			put_range(shown, 0, 4096, 64);
			CHECK_EQ(reg64(shown, COPIED_PFNS), 64);
			at = reg64(shown, DATA_OFFSET);
			CHECK_EQ(at == shown->data, !options->bitmap_apart);
			CHECK_EQ(reg64(shown, at), 8);
			/* A word more than there is, as some read. */
			CHECK_EQ(vfmig_device_region_read(&shown->device, SHOWN_INDEX, at + 8,
							  &bits, 8, NULL),
				 0);
		}
		switch (step) {
		case 0:
			CHECK_EQ(reg64(shown, PENDING), 121);
			break;
		case 1:
			fetch_chunk(shown, 60, 9);
			break;
		case 2:
			CHECK_EQ(reg64(shown, PENDING), 61);
			break;
		default:
			fetch_chunk(shown, 61, 10);
		}
	}
	CHECK_EQ(reg64(shown, PENDING), 0);
	vfmig_device_close(&shown->device);
}

int main(void)
{
	static const struct region_options options[] = {
		{.transaction = 64},
		{.transaction = 64, .bitmap_apart = true},
		{.transaction = 64, .data = REGION_DATA_MAPPED},
		{.transaction = 64, .data = REGION_DATA_MAPPED, .bitmap_apart = true},
	};

	follows_saving();
	ranges();
	without_a_log();
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		for (unsigned when = 0; when < 5; when++)
			beside_the_data(&options[i], when);
	return 0;
}
