/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Logging as a user of the container sees it: what a device writes between START and STOP is told, each page as a bit that is
 * counted from the beginning of the range; once, either to a question or with the unmap. As in Linux START and STOP may
 * be repeated.
 *
 * Rules: T1-10, T1-13, T1-14, T1-15, T1-16, T1-20, T1-22.
 */
#include "tests/type1/rig.h"

int main(void)
{
	struct rig rig;

	rig_open(&rig, NULL);
	CHECK_EQ(rig_map(&rig, 0x100000, 32), 0);
	CHECK_EQ(rig_map(&rig, 0x200000, 32), 0);
	rig_write(&rig, 0x100000); /* before START: not told */
	CHECK_EQ(rig_start(&rig), 0);
	CHECK_EQ(rig_pages(&rig, 0x100000, 32), 0);

	rig_write(&rig, 0x100000 + 3 * PAGE);
	rig_write(&rig, 0x100000 + 31 * PAGE + 4095);
	rig_write(&rig, 0x200000);
	CHECK_EQ(rig_pages(&rig, 0x100000, 32), 0x80000008);
	CHECK_EQ(rig_pages(&rig, 0x100000, 32), 0);
	/* Bit 0 is the first page of the range that is asked for, mapped or not. */
	CHECK_EQ(rig_get(&rig, 0x100000 - 8 * PAGE, 300), 0);
	for (unsigned i = 0; i < WORDS; i++)
		CHECK_EQ(rig.words[i], i == 4 ? 1ull << 8 : 0);

	/* START again changes nothing. */
	rig_write(&rig, 0x100000);
	CHECK_EQ(rig_start(&rig), 0);
	CHECK_EQ(rig_pages(&rig, 0x100000, 32), 1);

	/* With an unmap comes what was not told yet, to the last moment. */
	rig_write(&rig, 0x200000 + PAGE);
	CHECK_EQ(rig_unmap_told(&rig, 0x200000, 32), 32 * PAGE);
	CHECK_EQ(rig.words[0], 2);
	/* Where nothing is mapped nothing is written. */
	CHECK_EQ(rig_pages(&rig, 0x200000, 32), 0);

	/* STOP forgets. */
	rig_write(&rig, 0x100000);
	CHECK_EQ(rig_stop(&rig), 0);
	CHECK_EQ(rig_stop(&rig), 0);
	CHECK_EQ(rig_start(&rig), 0);
	CHECK_EQ(rig_pages(&rig, 0x100000, 32), 0);

	/* Bits are only set. */
	memset(rig.words, 0, sizeof(rig.words));
	rig.words[0] = 1ull << 40 | 1;
	rig_write(&rig, 0x100000 + PAGE);
	CHECK_EQ(rig_dirty_as(&rig, rig_get_request(&rig, 0x100000, 32)), 0);
	CHECK_EQ(rig.words[0], 1ull << 40 | 3);
	rig_close(&rig);
	return 0;
}
