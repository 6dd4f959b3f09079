/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Memory runs out at each point in turn (a limit of n bytes, for growing n): whatever was marked is
 * reported, and where memory does suffice nothing else is.
 */
#include <errno.h>

#include "dirty/map.h"
#include "tests/lib/check.h"

#define PAGE  4096ull
#define MARKS 6u

static const uint64_t mark[MARKS] = {0, 77 * PAGE, 1ull << 30, 3ull << 40, 1ull << 52, 0 - PAGE};
static bool seen[MARKS];
static uint64_t bytes;

static int run(void *opaque, uint64_t addr, uint64_t len)
{
	for (unsigned int i = 0; i < MARKS; i++)
		seen[i] |= mark[i] >= addr && mark[i] - addr < len;
	bytes += len;
	return 0;
}

/* Returns whether the map reported no more than was marked. */
static bool play(size_t max_bytes, bool in_parts)
{
	struct dirty_config config = {.max_bytes = max_bytes};
	struct dirty_stats stats;
	struct vfmig_dirty *map;

	CHECK_EQ(dirty_create(&map, &config), 0);
	for (unsigned int i = 0; i < MARKS; i++)
		vfmig_dirty_mark(map, mark[i], PAGE);
	for (unsigned int i = 0; i < MARKS; i++) {
		CHECK(dirty_test(map, mark[i], PAGE));
		seen[i] = false;
	}
	bytes = 0;
	if (in_parts) { /* each part leaves the rest */
		for (unsigned int i = 0; i < MARKS; i++) {
			CHECK(!seen[i]);
			CHECK_EQ(dirty_read_clear(map, mark[i], PAGE, run, NULL), 0);
			CHECK(seen[i]);
		}
	} else {
		CHECK_EQ(dirty_read_clear(map, 0, UINT64_MAX, run, NULL), 0);
		for (unsigned int i = 0; i < MARKS; i++)
			CHECK(seen[i]);
		/* Once taken as a whole it is clean, memory or not. */
		CHECK(!dirty_test(map, 0, UINT64_MAX));
	}
	dirty_get_stats(map, &stats);
	if (max_bytes && max_bytes >= 33000) /* the root of 2^64 is there in any case */
		CHECK(stats.bytes <= max_bytes);
	dirty_free(map);
	return bytes == MARKS * PAGE;
}

int main(void)
{
	struct dirty_config config = {.size = 1ull << 30, .max_bytes = 3000};
	struct vfmig_dirty *map;
	unsigned int exact = 0, wide = 0;

	for (size_t max = 1; max < 1 << 20; max += 1500)
		if (play(max, false))
			exact++;
		else
			wide++;
	CHECK(exact && wide); /* the limit was felt, and it ended */
	for (size_t max = 1; max < 1 << 20; max += 30000)
		play(max, true);
	CHECK(play(0, false));
	CHECK(play(0, true));

	/* It is said when memory is asked for, and nothing breaks. */
	CHECK_EQ(dirty_create(&map, &config), 0);
	CHECK_EQ(dirty_reserve(map, 0, UINT64_MAX), -ENOMEM);
	vfmig_dirty_mark(map, 5 * PAGE, 1);
	CHECK_EQ(dirty_count(map, 0, UINT64_MAX), 32768);
	/* With no memory for the rest, a part that is taken stays dirty with all else. */
	dirty_clear(map, 0, PAGE);
	CHECK_EQ(dirty_count(map, 0, UINT64_MAX), 32768);
	dirty_clear(map, 0, UINT64_MAX);
	CHECK_EQ(dirty_count(map, 0, UINT64_MAX), 0);
	dirty_free(map);
	return 0;
}
