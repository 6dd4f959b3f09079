/* SPDX-License-Identifier: BSD-3-Clause */
/* A callback that has had enough at its nth run: what it did not accept is dirty again, exactly. */
#include "dirty/map.h"
#include "tests/lib/check.h"

#define PAGE  4096ull
#define MARKS 300u

static unsigned int runs, stop_at;
static uint64_t next; /* mark that must come next */

static int run(void *opaque, uint64_t addr, uint64_t len)
{
	CHECK_EQ(addr, next * 1001 * PAGE);
	CHECK_EQ(len, PAGE);
	if (++runs == stop_at)
		return -5;
	next++;
	return 0;
}

int main(void)
{
	struct vfmig_dirty *map;

	CHECK_EQ(dirty_create(&map, NULL), 0);
	/* Some hundred lines in some leaves: more than a walk has in hand at a time. */
	for (stop_at = 1; stop_at < 40; stop_at++) {
		for (uint64_t n = 0; n < MARKS; n++)
			vfmig_dirty_mark(map, n * 1001 * PAGE, 1);
		for (next = 0; next < MARKS; runs = 0) {
			int ret = dirty_read_clear(map, 0, UINT64_MAX, run, NULL);

			CHECK_EQ(ret, next < MARKS ? -5 : 0);
			CHECK_EQ(dirty_count(map, 0, UINT64_MAX), MARKS - next);
			if (stop_at == 1) /* never accepts any: no use in asking again */
				break;
		}
		dirty_clear(map, 0, UINT64_MAX);
		runs = 0;
	}
	/* A long run, pieces of it marked in other ways, is put back as it was. */
	stop_at = 1;
	next = 0;
	dirty_mark_all(map);
	runs = 0;
	next = 0;
	dirty_clear(map, 0, 3 * 1001 * PAGE);
	dirty_clear(map, (3 * 1001 + 1) * PAGE, UINT64_MAX);
	next = 3;
	CHECK_EQ(dirty_read_clear(map, 0, UINT64_MAX, run, NULL), -5);
	CHECK_EQ(dirty_count(map, 0, UINT64_MAX), 1);
	dirty_free(map);
	return 0;
}
