/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Devices and trackers that do not know what was written: everything was, at each question, as Linux has it for a device behind
 * an IOMMU: what may have been written counts. The control is the same device while its log works.
 *
 * Rules: T1-13.
 */
#include "tests/type1/setup.h"

#define ALL 0xffu

static int tells_not(void *context, uint64_t iova, uint64_t size, struct vfmig_dirty *into,
		     struct vfmig_error *err)
{
	return -EIO;
}

static int starts_not(void *context, struct vfmig_space *space, struct vfmig_error *err)
{
	return -EPERM;
}

int main(void)
{
	struct vfmig_tracker broken = {.name = "broken", .read_clear = tells_not};
	struct vfmig_tracker stuck = {
		.name = "stuck", .start = starts_not, .read_clear = tells_not};
	struct writer mute = {.no_log = true};
	struct scripted_device *fake = writer_new(&mute);
	struct vfmig_cursor *strict, *other;
	struct setup setup;

	setup_open(&setup, NULL);
	CHECK_EQ(setup_map(&setup, 0x8000, 8), 0);
	CHECK_EQ(setup_start(&setup), 0);
	CHECK_EQ(setup_pages(&setup, 0x8000, 8), 0); /* the control */

	/* A report fails: everything, once; then it is begun anew. */
	setup.writer.report_fails = true;
	CHECK_EQ(setup_pages(&setup, 0x8000, 8), ALL);
	setup.writer.report_fails = false;
	CHECK_EQ(setup_pages(&setup, 0x8000, 8), 0);
	/* So in an unmap. */
	setup.writer.report_fails = true;
	CHECK_EQ(setup_unmap_told(&setup, 0x8000, 8), 8 * PAGE);
	CHECK_EQ(setup.words[0], ALL);
	setup.writer.report_fails = false;
	CHECK_EQ(setup_map(&setup, 0x8000, 8), 0);
	CHECK_EQ(setup_pages(&setup, 0x8000, 8), ALL);
	CHECK_EQ(setup_pages(&setup, 0x8000, 8), 0);

	/* A device without a log comes: from now on everything, always. */
	CHECK_EQ(vfmig_space_attach(setup.space, &fake->device, NULL), 0);
	for (unsigned i = 0; i < 3; i++)
		CHECK_EQ(setup_pages(&setup, 0x8000, 8), ALL);
	CHECK_EQ(setup_unmap_told(&setup, 0x8000, 8), 8 * PAGE);
	CHECK_EQ(setup.words[0], ALL);
	CHECK_EQ(setup_map(&setup, 0x8000, 8), 0);
	/* Who will have the truth or nothing is refused meanwhile. */
	CHECK_EQ(vfmig_cursor_open(setup.space, &strict, NULL), -EOPNOTSUPP);
	/* It goes: its last words are everything. */
	CHECK_EQ(vfmig_space_detach(setup.space, &fake->device, NULL), 0);
	CHECK_EQ(setup_pages(&setup, 0x8000, 8), ALL);
	CHECK_EQ(setup_pages(&setup, 0x8000, 8), 0);
	/* And with such a reader there it cannot come. */
	CHECK_EQ(vfmig_cursor_open(setup.space, &strict, NULL), 0);
	CHECK_EQ(vfmig_cursor_open(setup.space, &other, NULL), 0);
	vfmig_cursor_close(other);
	CHECK_EQ(vfmig_space_attach(setup.space, &fake->device, NULL), -EOPNOTSUPP);
	vfmig_cursor_close(strict);
	CHECK_EQ(vfmig_space_attach(setup.space, &fake->device, NULL), 0);
	CHECK_EQ(setup_pages(&setup, 0x8000, 8), ALL);

	/* It is there from the beginning; or its log does not start. */
	CHECK_EQ(setup_stop(&setup), 0);
	CHECK_EQ(setup_start(&setup), 0);
	CHECK_EQ(setup_pages(&setup, 0x8000, 8), ALL);
	CHECK_EQ(setup_stop(&setup), 0);
	mute.no_log = false;
	mute.start_fails = true;
	CHECK_EQ(setup_start(&setup), 0);
	CHECK_EQ(setup_pages(&setup, 0x8000, 8), ALL);
	/* It has thought better of it: begun anew, and exact from then on. */
	mute.start_fails = false;
	CHECK_EQ(setup_pages(&setup, 0x8000, 8), ALL);
	CHECK_EQ(setup_pages(&setup, 0x8000, 8), 0);

	/* Trackers. */
	CHECK_EQ(vfmig_space_add_tracker(setup.space, &broken, NULL), 0);
	CHECK_EQ(setup_pages(&setup, 0x8000, 8), ALL);
	CHECK_EQ(setup_pages(&setup, 0x8000, 8), ALL);
	vfmig_space_remove_tracker(setup.space, &broken);
	CHECK_EQ(setup_pages(&setup, 0x8000, 8), ALL);
	CHECK_EQ(setup_pages(&setup, 0x8000, 8), 0);
	CHECK_EQ(vfmig_space_add_tracker(setup.space, &stuck, NULL), 0);
	CHECK_EQ(setup_pages(&setup, 0x8000, 8), ALL);
	CHECK_EQ(setup_pages(&setup, 0x8000, 8), ALL);
	vfmig_space_remove_tracker(setup.space, &stuck);

	setup_close(&setup);
	writer_free(fake);
	return 0;
}
