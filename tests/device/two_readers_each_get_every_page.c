/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Cursors: each reader gets every write since it began, whatever the others take; a tracker that fails makes
 * everything dirty, and a device that cannot tell is refused.
 */
#include <vfmig/space.h>

#include "tests/lib/scripted_device.h"

#define PAGE 4096u

/* A device with a log of one word: bit n is page n from 0x10000. */
static uint64_t device_log;
static int starts, stops, report_fails;
static bool has_log = true;

static ssize_t logger(struct scripted_device *fake, struct vfmig_request *request)
{
	uint32_t index = request->feature.flags & VFMIG_FEATURE_MASK;

	if (request->op != VFMIG_OP_FEATURE)
		return 0;
	if (!has_log)
		return -ENOTTY;
	if (request->feature.flags & VFMIG_FEATURE_PROBE)
		return 0;
	if (index == VFMIG_FEATURE_DMA_LOGGING_START) {
		starts++;
		device_log = 0;
	} else if (index == VFMIG_FEATURE_DMA_LOGGING_STOP) {
		stops++;
	} else if (index == VFMIG_FEATURE_DMA_LOGGING_REPORT) {
		struct vfmig_feature_dma_logging_report *report = request->feature.data;

		if (report_fails)
			return -EIO;
		if (report->iova == 0x10000) {
			*(uint64_t *)(uintptr_t)report->bitmap |= device_log;
			device_log = 0;
		}
	}
	return 0;
}

static int reported;

static int tell_one(void *context, uint64_t iova, uint64_t size, struct vfmig_dirty *into,
		    struct vfmig_error *err)
{
	if (reported && iova == 0x10000)
		vfmig_dirty_mark(into, 0x10000 + 5 * PAGE, 1);
	reported = 0;
	return 0;
}

static int sum(void *context, uint64_t iova, uint64_t size)
{
	for (; size; size -= PAGE, iova += PAGE)
		*(uint64_t *)context |= 1ull << ((iova - 0x10000) / PAGE);
	return 0;
}

static uint64_t take(struct vfmig_cursor *cursor)
{
	uint64_t pages = 0;

	CHECK_EQ(vfmig_cursor_read_clear(cursor, 0x10000, 16 * PAGE, sum, &pages), 0);
	CHECK_EQ(vfmig_cursor_pages(cursor), 0);
	return pages;
}

int main(void)
{
	static char memory[16 * PAGE];
	struct vfmig_map map = {.iova = 0x10000,
				.size = sizeof(memory),
				.prot = VFMIG_PROT_READ | VFMIG_PROT_WRITE,
				.ptr = memory,
				.fd = -1};
	struct vfmig_map later = map;
	struct vfmig_tracker cpu = {.name = "cpu", .read_clear = tell_one};
	struct vfmig_space *space = vfmig_space_new();
	struct scripted_device *fake = scripted_new(logger);
	struct vfmig_cursor *a, *b, *c;
	struct vfmig_error err = {0};

	CHECK_EQ(vfmig_space_map(space, &map, NULL), 0);
	CHECK_EQ(vfmig_space_attach(space, &fake->device, NULL), 0);

	has_log = false;
	CHECK_EQ(vfmig_cursor_open(space, &a, &err), -EOPNOTSUPP);
	CHECKF(strstr(err.text, "fake"), "%s", err.text);
	has_log = true;

	CHECK_EQ(vfmig_cursor_open(space, &a, NULL), 0);
	CHECK_EQ(starts, 1);
	CHECK_EQ(take(a), 0);
	device_log = 0x3;
	CHECK_EQ(vfmig_cursor_open(space, &b, NULL), 0); /* what was before is a's only */
	device_log |= 0x100;
	CHECK_EQ(vfmig_cursor_merge(a, NULL), 0);
	CHECK_EQ(take(a), 0x103);
	CHECK_EQ(take(a), 0);
	device_log = 0x8;
	CHECK_EQ(vfmig_cursor_merge(a, NULL), 0);
	CHECK_EQ(take(b), 0x108);
	CHECK_EQ(take(a), 0x8);

	/* A second tracker: from now on both count. */
	CHECK_EQ(vfmig_space_add_tracker(space, &cpu, NULL), 0);
	CHECK_EQ(take(a), 0xffff);
	CHECK_EQ(take(b), 0xffff);
	reported = 1;
	device_log = 1;
	CHECK_EQ(vfmig_cursor_merge(b, NULL), 0);
	CHECK_EQ(take(a), 0x21);
	CHECK_EQ(take(b), 0x21);

	/* A report that fails is everybody's. */
	report_fails = 1;
	CHECK_EQ(vfmig_cursor_merge(a, &err), -EIO);
	report_fails = 0;
	CHECK_EQ(take(a), 0xffff);
	CHECK_EQ(take(b), 0xffff);
	CHECK_EQ(starts, 2);

	/* A map that comes while it is tracked is dirty, and logged anew with the rest. */
	later.iova = 0x100000;
	CHECK_EQ(vfmig_space_map(space, &later, NULL), 0);
	CHECK_EQ(starts, 3);
	CHECK_EQ(vfmig_cursor_pages(a), 32);
	/* One that goes leaves what was written. */
	CHECK_EQ(vfmig_space_unmap(space, 0x100000, sizeof(memory), NULL), 0);
	CHECK_EQ(vfmig_cursor_pages(a), 32);

	vfmig_cursor_mark(b, 0, PAGE);
	vfmig_space_remove_tracker(space, &cpu);
	vfmig_cursor_close(a);
	CHECK_EQ(stops, 2);
	vfmig_cursor_close(b);
	CHECK_EQ(stops, 3);

	/* Detached in the middle: its last words are kept. */
	CHECK_EQ(vfmig_cursor_open(space, &c, NULL), 0);
	device_log = 0x40;
	CHECK_EQ(vfmig_space_detach(space, &fake->device, NULL), 0);
	CHECK_EQ(take(c), 0x40);
	vfmig_cursor_close(c);

	vfmig_space_free(space);
	vfmig_device_close(&fake->device);
	return 0;
}
