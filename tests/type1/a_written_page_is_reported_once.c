/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Logging as a user of the container sees it: what a device writes between START and STOP is told, each page as a bit that is
 * counted from the beginning of the range; once, either to a question or with the unmap. As in Linux START and STOP may
 * be repeated.
 *
 * Rules: T1-10, T1-13, T1-14, T1-15, T1-16, T1-20, T1-22.
 */
#include "tests/type1/setup.h"

int main(void)
{
	struct setup setup;

	setup_open(&setup, NULL);
	CHECK_EQ(setup_map(&setup, 0x100000, 32), 0);
	CHECK_EQ(setup_map(&setup, 0x200000, 32), 0);
	setup_write(&setup, 0x100000); /* before START: not told */
	CHECK_EQ(setup_start(&setup), 0);
	CHECK_EQ(setup_pages(&setup, 0x100000, 32), 0);

	setup_write(&setup, 0x100000 + 3 * PAGE);
	setup_write(&setup, 0x100000 + 31 * PAGE + 4095);
	setup_write(&setup, 0x200000);
	CHECK_EQ(setup_pages(&setup, 0x100000, 32), 0x80000008);
	CHECK_EQ(setup_pages(&setup, 0x100000, 32), 0);
	/* Bit 0 is the first page of the range that is asked for, mapped or not. */
	CHECK_EQ(setup_get(&setup, 0x100000 - 8 * PAGE, 300), 0);
	for (unsigned i = 0; i < WORDS; i++)
		CHECK_EQ(setup.words[i], i == 4 ? 1ull << 8 : 0);

	/* START again changes nothing. */
	setup_write(&setup, 0x100000);
	CHECK_EQ(setup_start(&setup), 0);
	CHECK_EQ(setup_pages(&setup, 0x100000, 32), 1);

	/* With an unmap comes what was not told yet, to the last moment. */
	setup_write(&setup, 0x200000 + PAGE);
	CHECK_EQ(setup_unmap_told(&setup, 0x200000, 32), 32 * PAGE);
	CHECK_EQ(setup.words[0], 2);
	/* Where nothing is mapped nothing is written. */
	CHECK_EQ(setup_pages(&setup, 0x200000, 32), 0);

	/* STOP forgets. */
	setup_write(&setup, 0x100000);
	CHECK_EQ(setup_stop(&setup), 0);
	CHECK_EQ(setup_stop(&setup), 0);
	CHECK_EQ(setup_start(&setup), 0);
	CHECK_EQ(setup_pages(&setup, 0x100000, 32), 0);

	/* Bits are only set. */
	memset(setup.words, 0, sizeof(setup.words));
	setup.words[0] = 1ull << 40 | 1;
	setup_write(&setup, 0x100000 + PAGE);
	CHECK_EQ(setup_dirty_as(&setup, setup_get_request(&setup, 0x100000, 32)), 0);
	CHECK_EQ(setup.words[0], 1ull << 40 | 3);
	setup_close(&setup);
	return 0;
}
