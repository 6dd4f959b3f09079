/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Several readers of one space: two containers and a cursor, each told every page once, whatever the others ask. And a
 * question costs what it asks about: maps outside of its range are not looked at.
 */
#include "tests/type1/setup.h"

static int sum(void *context, uint64_t iova, uint64_t size)
{
	for (; size; size -= PAGE, iova += PAGE)
		*(uint64_t *)context |= 1ull << ((iova - 0x8000) / PAGE);
	return 0;
}

int main(void)
{
	struct setup setup, second = {0};
	struct vfmig_cursor *cursor;
	uint64_t taken = 0;

	setup_open(&setup, NULL);
	second.space = setup.space;
	CHECK_EQ(vfmig_type1_new(setup.space, NULL, &second.type1, NULL), 0);
	CHECK_EQ(setup_map(&setup, 0x8000, 8), 0);
	CHECK_EQ(setup_map(&second, 0x100000, 16), 0);
	CHECK_EQ(setup_map(&second, 0x8000, 8), -EEXIST);

	CHECK_EQ(setup_start(&setup), 0);
	setup_write(&setup, 0x8000);
	CHECK_EQ(setup_start(&second), 0); /* what was before is the first's */
	CHECK_EQ(vfmig_cursor_open(setup.space, &cursor, NULL), 0);
	setup_write(&setup, 0x9000);
	CHECK_EQ(setup_pages(&second, 0x8000, 8), 2);
	setup_write(&setup, 0xa000);
	CHECK_EQ(setup_pages(&setup, 0x8000, 8), 7);
	CHECK_EQ(setup_pages(&setup, 0x8000, 8), 0);
	CHECK_EQ(setup_pages(&second, 0x8000, 8), 4);
	CHECK_EQ(vfmig_cursor_read_clear(cursor, 0, UINT64_MAX, sum, &taken), 0);
	CHECK_EQ(taken, 6);

	setup.writer.reported = 0;
	CHECK_EQ(setup_pages(&setup, 0x8000, 8), 0);
	CHECK_EQ(setup.writer.reported, 8 * PAGE);
	CHECK_EQ(setup_pages(&setup, 0, 0x200), 0);
	CHECK_EQ(setup.writer.reported, 32 * PAGE);

	/* One stops, the other goes on. */
	CHECK_EQ(setup_stop(&setup), 0);
	setup_write(&setup, 0xb000);
	CHECK_EQ(setup_pages(&second, 0x8000, 8), 8);
	/* One unmaps; the other is told of it all the same, when it asks for what is there again. */
	setup_write(&setup, 0x8000);
	CHECK_EQ(setup_unmap(&setup, 0x8000, 8), 8 * PAGE);
	CHECK_EQ(setup_pages(&second, 0x8000, 8), 1);

	vfmig_cursor_close(cursor);
	vfmig_type1_free(second.type1);
	setup_close(&setup);
	return 0;
}
