/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Many more descriptors than the ring has entries, put in by as many as there is room for, with the ring full
 * again and again: each is done once, in order, and completed in its slot.
 */
#include <errno.h>

#include "rig.h"

static void many(uint32_t entries, uint64_t total)
{
	uint64_t in = 0, out = 0, seed = entries;
	struct cp_completion c;
	uint64_t counter;
	struct rig rig;

	rig_open(&rig, "size=64K", 8u << 20, entries);
	((uint64_t *)rig.data)[0] = 1;
	while (out < total) {
		uint64_t burst = rig_random(&seed) % (2 * entries) + 1;

		while (burst-- && in < total && cp_room(&rig.driver))
			rig_put(&rig, (struct cp_descriptor){.operation = CP_ADD,
							     .flags = CP_TO_BOARD,
							     .source = rig.data_iova,
							     .destination = 8,
							     .length = 8,
							     .cookie = in++});
		if (!cp_room(&rig.driver))
			CHECK_EQ(cp_put(&rig.driver, &(struct cp_descriptor){0}), -ENOSPC);
		GOOD(&rig, cp_ring(&rig.driver, &rig.err));
		GOOD(&rig, cp_wait(&rig.driver, 0, &rig.err));
		while (cp_take(&rig.driver, &c)) {
			CHECK_EQ(c.sequence, out + 1);
			CHECK_EQ(c.cookie, out);
			CHECK_EQ(c.index, out);
			CHECK_EQ(c.status, CP_OK);
			out++;
		}
	}
	GOOD(&rig, vfmig_device_region_read(rig.device, CP_BAR_WINDOW, 8, &counter, 8, &rig.err));
	CHECK_EQ(counter, total);
	CHECK_EQ(rig_reg(&rig, CP_REG_ADDS), total);
	CHECK_EQ(rig_reg(&rig, CP_REG_HEAD), rig_reg(&rig, CP_REG_TAIL));
	rig_close(&rig);
}

int main(void)
{
	many(2, 301);
	many(8, 1003);
	many(256, 2001);
	many(32768, 40000);
	return 0;
}
