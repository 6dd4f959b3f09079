/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two cards and the memory that they write move from one place to another in the same process, with work
 * half done, and go on there. What the events say adds up.
 */
#include "tests/lib/migration_pair.h"

int main(void)
{
	struct vfmig_migration_result result;
	struct migration_pair pair;
	uint64_t first;

	migration_pair_init(&pair, 2, NULL);
	migration_pair_work(&pair.from);
	migration_pair_ready(&pair);
	test_device_set(pair.from.card[0], TEST_DEVICE_GO, 1000);
	test_device_work(pair.from.card[0], 100);
	CHECKF(!migration_pair_run(&pair), "%s", pair.from.err.text);
	if (getenv("VERBOSE"))
		printf("%s%s", pair.from.log, pair.to.log);
	migration_pair_moved(&pair);
	result = migration_pair_result(&pair.from);
	CHECK(result.rounds >= 1);
	CHECK(result.downtime.total > 0);
	CHECK_EQ(result.downtime.total, result.downtime.pause + result.downtime.quiesce +
						result.downtime.stop + result.downtime.memory +
						result.downtime.state + result.downtime.load +
						result.downtime.run);
	CHECK_EQ(migration_pair_result(&pair.to).bytes, result.bytes);
	CHECK_EQ(migration_pair_result(&pair.to).memory_bytes, result.memory_bytes);
	CHECK_EQ(migration_pair_result(&pair.to).device_bytes, result.device_bytes);
	CHECK_EQ(migration_pair_result(&pair.to).zero_pages, result.zero_pages);
	CHECK(result.memory_bytes >= MIGRATION_PAIR_MEMORY / 4);
	CHECK(result.memory_bytes < MIGRATION_PAIR_MEMORY); /* two thirds are zero */
	test_device_work(pair.to.card[0], 1000);
	memcpy(&first, pair.to.memory, sizeof(first));
	CHECK_EQ((uint8_t)first, (uint8_t)(1 + 1000)); /* begun at a byte of 1s */
	migration_pair_free(&pair);
	return 0;
}
