/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two cards and the memory that they write move from one place to another in the same process, with work
 * half done, and go on there. What the events say adds up.
 */
#include "tests/engine/rig.h"

int main(void)
{
	struct vfmig_migration_result result;
	struct rig rig;
	uint64_t first;

	rig_init(&rig, 2, NULL);
	rig_work(&rig.from);
	rig_ready(&rig);
	card_set(rig.from.card[0], CARD_GO, 1000);
	card_work(rig.from.card[0], 100);
	CHECKF(!rig_run(&rig), "%s", rig.from.err.text);
	if (getenv("VERBOSE"))
		printf("%s%s", rig.from.log, rig.to.log);
	rig_moved(&rig);
	result = rig_result(&rig.from);
	CHECK(result.rounds >= 1);
	CHECK(result.downtime.total > 0);
	CHECK_EQ(result.downtime.total, result.downtime.pause + result.downtime.quiesce +
						result.downtime.stop + result.downtime.memory +
						result.downtime.state + result.downtime.load +
						result.downtime.run);
	CHECK_EQ(rig_result(&rig.to).bytes, result.bytes);
	CHECK_EQ(rig_result(&rig.to).memory_bytes, result.memory_bytes);
	CHECK_EQ(rig_result(&rig.to).device_bytes, result.device_bytes);
	CHECK_EQ(rig_result(&rig.to).zero_pages, result.zero_pages);
	CHECK(result.memory_bytes >= RIG_MEMORY / 4);
	CHECK(result.memory_bytes < RIG_MEMORY); /* two thirds are zero */
	card_work(rig.to.card[0], 1000);
	memcpy(&first, rig.to.memory, sizeof(first));
	CHECK_EQ((uint8_t)first, (uint8_t)(1 + 1000)); /* begun at a byte of 1s */
	rig_free(&rig);
	return 0;
}
