/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A device need not take more ranges at the start of its log than fit a page of the kernel's. A space with more maps
 * than that asks for no more: neighbours are one range, and the last range goes on over all the rest. So the
 * first and the last page of each map is logged, whatever their number.
 *
 * Rules: DMA-10.
 */
#include <vfmig/space.h>

#include "dirty/map.h"
#include "tests/lib/scripted_device.h"

#define PAGE   4096ull
#define BASE   0x100000ull
#define LENGTH 4u  /* pages of a map */
#define STRIDE 16u /* pages from one map to the next, where they are no neighbours */
#define MOST   256u

static struct vfmig_dirty *wrote;
static struct vfmig_dma_logging_range ranges[MOST];
static uint32_t range_count;

static int start(const struct vfmig_feature_dma_logging_control *control)
{
	if (control->num_ranges > MOST)
		return -E2BIG;
	range_count = control->num_ranges;
	memcpy(ranges, (void *)(uintptr_t)control->ranges, range_count * sizeof(ranges[0]));
	for (uint32_t i = 1; i < range_count; i++)
		if (ranges[i].iova < ranges[i - 1].iova + ranges[i - 1].length)
			return -EINVAL;
	return 0;
}

static ssize_t answer(struct scripted_device *fake, struct vfmig_request *request)
{
	struct vfmig_feature_dma_logging_report *report = request->feature.data;

	if (request->op != VFMIG_OP_FEATURE || (request->feature.flags & VFMIG_FEATURE_PROBE))
		return 0;
	switch (request->feature.flags & VFMIG_FEATURE_MASK) {
	case VFMIG_FEATURE_DMA_LOGGING_START:
		return start(request->feature.data);
	case VFMIG_FEATURE_DMA_LOGGING_REPORT:
		return dirty_read_clear_bitmap(wrote, report->iova, report->length,
					       report->page_size,
					       (uint64_t *)(uintptr_t)report->bitmap);
	default:
		return 0;
	}
}

/* The device writes to a page, which it notes if it is in one of the ranges. */
static void device_writes(uint64_t iova)
{
	for (uint32_t i = 0; i < range_count; i++)
		if (iova >= ranges[i].iova && iova - ranges[i].iova < ranges[i].length)
			vfmig_dirty_mark(wrote, iova, 1);
}

struct reported {
	uint64_t pages;
	bool wrong;
};

static int tell(void *context, uint64_t iova, uint64_t size)
{
	struct reported *reported = context;

	for (; size; size -= PAGE, iova += PAGE) {
		unsigned page = (iova - BASE) / PAGE % STRIDE;

		reported->pages++;
		reported->wrong |= page % LENGTH != 0 && page % LENGTH != LENGTH - 1;
	}
	return 0;
}

static struct reported take(struct vfmig_cursor *cursor)
{
	struct reported reported = {0};

	CHECK_EQ(vfmig_cursor_merge(cursor, NULL), 0);
	CHECK_EQ(vfmig_cursor_read_clear(cursor, 0, UINT64_MAX, tell, &reported), 0);
	return reported;
}

/* So many maps, each of @together of them neighbours; so many ranges come of it. */
static void maps(unsigned count, unsigned together, uint32_t expected)
{
	struct scripted_device *fake = scripted_new(answer);
	struct vfmig_space *space = vfmig_space_new();
	struct vfmig_cursor *cursor;
	struct vfmig_error err = {0};
	struct reported reported;

	for (unsigned i = 0; i < count; i++) {
		struct vfmig_map map = {
			.iova = BASE + (i / together * STRIDE + i % together * LENGTH) * PAGE,
			.size = LENGTH * PAGE,
			.prot = VFMIG_PROT_READ | VFMIG_PROT_WRITE,
			.ptr = (void *)0x10000000,
			.fd = -1,
		};

		CHECK_EQ(vfmig_space_map(space, &map, NULL), 0);
	}
	CHECK_EQ(dirty_create(&wrote, NULL), 0);
	CHECK_EQ(vfmig_space_attach(space, &fake->device, NULL), 0);
	CHECKF(!vfmig_cursor_open(space, &cursor, &err), "%u maps: %s", count, err.text);
	CHECK_EQ(range_count, expected);
	take(cursor);
	for (unsigned i = 0; i < count; i++) {
		uint64_t first = BASE + (i / together * STRIDE + i % together * LENGTH) * PAGE;

		device_writes(first);
		device_writes(first + LENGTH * PAGE - 1);
	}
	reported = take(cursor);
	CHECK_EQ(reported.pages, 2 * count);
	CHECK(!reported.wrong);
	CHECK_EQ(take(cursor).pages, 0);
	vfmig_cursor_close(cursor);
	vfmig_space_detach(space, &fake->device, NULL);
	vfmig_space_free(space);
	vfmig_device_close(&fake->device);
	dirty_free(wrote);
}

int main(void)
{
	maps(1, 1, 1);
	maps(3, 3, 1);
	maps(MOST - 1, 1, MOST - 1);
	maps(MOST, 1, MOST);
	maps(MOST + 1, 1, MOST);
	maps(3 * MOST, 3, MOST);
	maps(1000, 1, MOST);
	maps(1000, 2, MOST);
	return 0;
}
