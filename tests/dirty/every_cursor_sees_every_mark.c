/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two trackers (a log that is gathered, a bitmap), two consumers: each has a map of its own as its
 * cursor, and neither takes anything away from the other.
 */
#include "dirty/map.h"
#include "tests/lib/check.h"

#define PAGE 4096ull

static uint64_t pages(struct vfmig_dirty *map)
{
	return dirty_count(map, 0, UINT64_MAX);
}

int main(void)
{
	struct dirty_config small = {.base = 100 * PAGE + 1, .size = 50 * PAGE};
	struct dirty_config coarse = {.page_size = 2 << 20};
	struct vfmig_dirty *log, *cursor[3];
	uint64_t bitmap = 5;

	CHECK_EQ(dirty_create(&log, NULL), 0);
	CHECK_EQ(dirty_create(&cursor[0], NULL), 0);
	CHECK_EQ(dirty_create(&cursor[1], &coarse), 0);
	CHECK_EQ(dirty_create(&cursor[2], &small), 0);

	vfmig_dirty_mark(log, 0, 120 * PAGE);
	vfmig_dirty_mark(log, 1ull << 40, PAGE);
	dirty_merge(log, 0, UINT64_MAX, cursor, 3);
	for (int i = 0; i < 3; i++)
		dirty_mark_bitmap(cursor[i], 1000 * PAGE, 64 * PAGE, PAGE, &bitmap);
	CHECK_EQ(pages(log), 0);
	CHECK_EQ(pages(cursor[0]), 123);
	CHECK_EQ(pages(cursor[1]), 3);	/* 0, the one that holds page 1000 and 1002, 1 << 40 */
	CHECK_EQ(pages(cursor[2]), 20); /* pages 100 to 119 */

	dirty_clear(cursor[0], 0, UINT64_MAX);
	CHECK(pages(cursor[0]) == 0 && pages(cursor[1]) == 3);

	/* Gathered in part: the rest waits, and so does a page that was only touched. */
	vfmig_dirty_mark(log, 0, 10 * PAGE);
	dirty_merge(log, 2 * PAGE, 3 * PAGE + 1, cursor, 1);
	CHECK(pages(log) == 7 && pages(cursor[0]) == 4);

	/* A tracker that failed. */
	dirty_clear(cursor[2], 0, UINT64_MAX);
	dirty_mark_all(log);
	dirty_merge(log, 0, UINT64_MAX, cursor, 3);
	CHECK_EQ(pages(cursor[0]), 1ull << 52);
	CHECK_EQ(pages(cursor[1]), 1ull << 43);
	CHECK_EQ(pages(cursor[2]), 51);
	CHECK_EQ(pages(log), 0);

	dirty_free(log);
	for (int i = 0; i < 3; i++)
		dirty_free(cursor[i]);
	return 0;
}
