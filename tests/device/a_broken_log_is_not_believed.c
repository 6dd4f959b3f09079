/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * No write is lost where a log begins, ends or breaks: a device that comes or goes while it writes, a log that
 * fails to report, one that does not begin again, a tracker that spoke for a device and leaves. After a
 * failure the log is begun anew, and exact again.
 *
 * Rules: DMA-19.
 */
#include <vfmig/space.h>

#include "tests/lib/scripted_device.h"

#define PAGE 4096u
#define BASE 0x10000u

/* What the device has in its log. As some do, it forgets all when a report fails, and logs no more. */
static uint64_t log_bits;
static bool log_on;
static int start_fails, report_fails;

/* The device writes pages when it is told something, as it might at any time. */
static enum vfmig_op writes_on = VFMIG_OP_COUNT;

static void device_writes(unsigned page)
{
	if (log_on)
		log_bits |= 1ull << page;
}

static ssize_t feature(struct vfmig_request *request)
{
	struct vfmig_feature_dma_logging_report *report = request->feature.data;

	if (request->feature.flags & VFMIG_FEATURE_PROBE)
		return 0;
	switch (request->feature.flags & VFMIG_FEATURE_MASK) {
	case VFMIG_FEATURE_DMA_LOGGING_START:
		if (log_on || start_fails)
			return -EINVAL;
		log_on = true;
		log_bits = 0;
		return 0;
	case VFMIG_FEATURE_DMA_LOGGING_STOP:
		log_on = false;
		return 0;
	default:
		if (!log_on)
			return -EINVAL;
		if (report_fails) {
			log_on = false;
			log_bits = 0;
			return -EIO;
		}
		if (report->iova != BASE)
			return 0;
		*(uint64_t *)(uintptr_t)report->bitmap |= log_bits;
		log_bits = 0;
		return 0;
	}
}

static ssize_t device(struct scripted_device *fake, struct vfmig_request *request)
{
	if (request->op == writes_on)
		device_writes(4);
	return request->op == VFMIG_OP_FEATURE ? feature(request) : 0;
}

static int sum(void *context, uint64_t iova, uint64_t size)
{
	for (; size && iova < BASE + 16 * PAGE; size -= PAGE, iova += PAGE)
		*(uint64_t *)context |= 1ull << ((iova - BASE) / PAGE);
	return 0;
}

static uint64_t take(struct vfmig_cursor *cursor)
{
	uint64_t pages = 0;

	CHECK_EQ(vfmig_cursor_read_clear(cursor, 0, UINT64_MAX, sum, &pages), 0);
	return pages;
}

static uint64_t collect(struct vfmig_cursor *cursor)
{
	CHECK_EQ(vfmig_cursor_merge(cursor, NULL), 0);
	return take(cursor);
}

static struct vfmig_map map_at(uint64_t iova)
{
	static char memory[16 * PAGE];

	return (struct vfmig_map){.iova = iova,
				  .size = sizeof(memory),
				  .prot = VFMIG_PROT_READ | VFMIG_PROT_WRITE,
				  .ptr = memory,
				  .fd = -1};
}

static void a_report_fails(struct vfmig_cursor *cursor)
{
	report_fails = 1;
	CHECK_EQ(vfmig_cursor_merge(cursor, NULL), -EIO);
	report_fails = 0;
	device_writes(1);
	CHECK_EQ(take(cursor), 0xffff);
	CHECK_EQ(collect(cursor), 1 << 1);
}

static void a_log_does_not_begin_again(struct vfmig_space *space, struct vfmig_cursor *cursor)
{
	struct vfmig_map later = map_at(0x100000);

	start_fails = 1;
	CHECK_EQ(vfmig_space_map(space, &later, NULL), 0);
	CHECK_EQ(take(cursor), 0xffff);
	device_writes(2);
	CHECK(vfmig_cursor_merge(cursor, NULL) < 0);
	CHECK_EQ(take(cursor), 0xffff);
	start_fails = 0;
	CHECK(vfmig_cursor_merge(cursor, NULL) < 0);
	device_writes(3);
	CHECK_EQ(take(cursor), 0xffff);
	CHECK_EQ(collect(cursor), 1 << 3);

	/* What the log had of other maps is gone with it. */
	device_writes(5);
	report_fails = 1;
	CHECK_EQ(vfmig_space_unmap(space, later.iova, later.size, NULL), 0);
	report_fails = 0;
	CHECK_EQ(take(cursor), 0xffff);
	device_writes(6);
	CHECK_EQ(collect(cursor), 1 << 6);
}

static void it_goes_and_comes(struct vfmig_space *space, struct scripted_device *fake,
			      struct vfmig_cursor *cursor)
{
	writes_on = VFMIG_OP_DETACH;
	CHECK_EQ(vfmig_space_detach(space, &fake->device, NULL), 0);
	CHECK_EQ(take(cursor), 1 << 4);
	CHECK(!log_on);

	/* Its log begins after its maps have come. */
	writes_on = VFMIG_OP_SPACE_MAP;
	CHECK_EQ(vfmig_space_attach(space, &fake->device, NULL), 0);
	CHECK(log_on);
	CHECK(collect(cursor) & 1 << 4);
	writes_on = VFMIG_OP_COUNT;
}

static int tell_nothing(void *context, uint64_t iova, uint64_t size, struct vfmig_dirty *into,
			struct vfmig_error *err)
{
	return 0;
}

static void who_spoke_for_it_leaves(struct vfmig_space *space, struct scripted_device *fake)
{
	struct vfmig_tracker spokesman = {
		.name = "spokesman", .device = &fake->device, .read_clear = tell_nothing};
	struct vfmig_cursor *cursor;

	CHECK_EQ(vfmig_space_add_tracker(space, &spokesman, NULL), 0);
	CHECK_EQ(vfmig_cursor_open(space, &cursor, NULL), 0);
	CHECK(!log_on);
	vfmig_space_remove_tracker(space, &spokesman);
	CHECK(log_on);
	CHECK_EQ(take(cursor), 0xffff);
	device_writes(7);
	CHECK_EQ(collect(cursor), 1 << 7);
	vfmig_cursor_close(cursor);
	CHECK(!log_on);
}

/* A tracker finds the maps when it begins: so it begins anew with each, or is not believed. */
static unsigned begun;
static int begin_fails;

static int begin(void *context, struct vfmig_space *space, struct vfmig_error *err)
{
	begun++;
	return begin_fails;
}

static void a_tracker_learns_of_maps(struct vfmig_space *space)
{
	struct vfmig_tracker cpu = {.name = "cpu", .start = begin, .read_clear = tell_nothing};
	struct vfmig_map later = map_at(0x100000);
	struct vfmig_cursor *cursor;

	CHECK_EQ(vfmig_space_add_tracker(space, &cpu, NULL), 0);
	CHECK_EQ(vfmig_cursor_open(space, &cursor, NULL), 0);
	CHECK_EQ(begun, 1);
	begin_fails = -EIO;
	CHECK_EQ(vfmig_space_map(space, &later, NULL), 0);
	CHECK_EQ(begun, 2);
	CHECK_EQ(take(cursor), 0xffff);
	begin_fails = 0;
	CHECK(vfmig_cursor_merge(cursor, NULL) < 0);
	CHECK_EQ(begun, 3);
	CHECK_EQ(take(cursor), 0xffff);
	CHECK_EQ(collect(cursor), 0);
	vfmig_cursor_close(cursor);
	vfmig_space_remove_tracker(space, &cpu);
}

int main(void)
{
	struct vfmig_space *space = vfmig_space_new();
	struct vfmig_map map = map_at(BASE);
	struct scripted_device *fake = scripted_new(device);
	struct vfmig_cursor *cursor;

	CHECK_EQ(vfmig_space_map(space, &map, NULL), 0);
	CHECK_EQ(vfmig_space_attach(space, &fake->device, NULL), 0);
	CHECK_EQ(vfmig_cursor_open(space, &cursor, NULL), 0);
	device_writes(0);
	CHECK_EQ(collect(cursor), 1 << 0);

	a_report_fails(cursor);
	a_log_does_not_begin_again(space, cursor);
	it_goes_and_comes(space, fake, cursor);
	vfmig_cursor_close(cursor);
	CHECK(!log_on);
	who_spoke_for_it_leaves(space, fake);
	a_tracker_learns_of_maps(space);

	vfmig_space_free(space);
	vfmig_device_close(&fake->device);
	return 0;
}
