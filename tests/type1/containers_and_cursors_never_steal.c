/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Several readers of one space: two containers and a cursor, each told every page once, whatever the others ask. And a
 * question costs what it asks about: maps outside of its range are not looked at.
 */
#include "tests/type1/rig.h"

static int sum(void *context, uint64_t iova, uint64_t size)
{
	for (; size; size -= PAGE, iova += PAGE)
		*(uint64_t *)context |= 1ull << ((iova - 0x8000) / PAGE);
	return 0;
}

int main(void)
{
	struct rig rig, second = {0};
	struct vfmig_cursor *cursor;
	uint64_t taken = 0;

	rig_open(&rig, NULL);
	second.space = rig.space;
	CHECK_EQ(vfmig_type1_new(rig.space, NULL, &second.type1, NULL), 0);
	CHECK_EQ(rig_map(&rig, 0x8000, 8), 0);
	CHECK_EQ(rig_map(&second, 0x100000, 16), 0);
	CHECK_EQ(rig_map(&second, 0x8000, 8), -EEXIST);

	CHECK_EQ(rig_start(&rig), 0);
	rig_write(&rig, 0x8000);
	CHECK_EQ(rig_start(&second), 0); /* what was before is the first's */
	CHECK_EQ(vfmig_cursor_open(rig.space, &cursor, NULL), 0);
	rig_write(&rig, 0x9000);
	CHECK_EQ(rig_pages(&second, 0x8000, 8), 2);
	rig_write(&rig, 0xa000);
	CHECK_EQ(rig_pages(&rig, 0x8000, 8), 7);
	CHECK_EQ(rig_pages(&rig, 0x8000, 8), 0);
	CHECK_EQ(rig_pages(&second, 0x8000, 8), 4);
	CHECK_EQ(vfmig_cursor_take(cursor, 0, UINT64_MAX, sum, &taken), 0);
	CHECK_EQ(taken, 6);

	rig.writer.reported = 0;
	CHECK_EQ(rig_pages(&rig, 0x8000, 8), 0);
	CHECK_EQ(rig.writer.reported, 8 * PAGE);
	CHECK_EQ(rig_pages(&rig, 0, 0x200), 0);
	CHECK_EQ(rig.writer.reported, 32 * PAGE);

	/* One stops, the other goes on. */
	CHECK_EQ(rig_stop(&rig), 0);
	rig_write(&rig, 0xb000);
	CHECK_EQ(rig_pages(&second, 0x8000, 8), 8);
	/* One unmaps; the other is told of it all the same, when it asks for what is there again. */
	rig_write(&rig, 0x8000);
	CHECK_EQ(rig_unmap(&rig, 0x8000, 8), 8 * PAGE);
	CHECK_EQ(rig_pages(&second, 0x8000, 8), 1);

	vfmig_cursor_close(cursor);
	vfmig_type1_free(second.type1);
	rig_close(&rig);
	return 0;
}
