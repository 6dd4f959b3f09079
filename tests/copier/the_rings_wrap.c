/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Many more descriptors than the ring has entries, put in by as many as there is room for, with the ring full
 * again and again: each is done once, in order, and completed in its slot.
 */
#include <errno.h>

#include "tests/copier/setup.h"

static void many(uint32_t entries, uint64_t total)
{
	uint64_t in = 0, out = 0, seed = entries;
	struct cp_completion c;
	uint64_t counter;
	struct setup setup;

	setup_open(&setup, "size=64K", 8u << 20, entries);
	((uint64_t *)setup.data)[0] = 1;
	while (out < total) {
		uint64_t burst = setup_random(&seed) % (2 * entries) + 1;

		while (burst-- && in < total && cp_room(&setup.driver))
			setup_put(&setup, (struct cp_descriptor){.operation = CP_ADD,
								 .flags = CP_TO_BOARD,
								 .source = setup.data_iova,
								 .destination = 8,
								 .length = 8,
								 .cookie = in++});
		if (!cp_room(&setup.driver))
			CHECK_EQ(cp_put(&setup.driver, &(struct cp_descriptor){0}), -ENOSPC);
		GOOD(&setup, cp_ring(&setup.driver, &setup.err));
		GOOD(&setup, cp_wait(&setup.driver, 0, &setup.err));
		while (cp_take(&setup.driver, &c)) {
			CHECK_EQ(c.sequence, out + 1);
			CHECK_EQ(c.cookie, out);
			CHECK_EQ(c.index, out);
			CHECK_EQ(c.status, CP_OK);
			out++;
		}
	}
	GOOD(&setup,
	     vfmig_device_region_read(setup.device, CP_BAR_WINDOW, 8, &counter, 8, &setup.err));
	CHECK_EQ(counter, total);
	CHECK_EQ(setup_reg(&setup, CP_REG_ADDS), total);
	CHECK_EQ(setup_reg(&setup, CP_REG_HEAD), setup_reg(&setup, CP_REG_TAIL));
	setup_close(&setup);
}

int main(void)
{
	many(2, 301);
	many(8, 1003);
	many(256, 2001);
	many(32768, 40000);
	return 0;
}
