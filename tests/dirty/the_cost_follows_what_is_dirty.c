/* SPDX-License-Identifier: BSD-3-Clause */
/* What a harvest looks at, counted, and what a map needs in memory: by what is dirty, not by size. */
#include <sys/resource.h>

#include "dirty/map.h"
#include "tests/lib/check.h"

#define GIB (1ull << 30)
#define TIB (1ull << 40)

static struct vfmig_dirty *map;
static uint64_t pages;

static int count(void *opaque, uint64_t addr, uint64_t len)
{
	pages += len / 4096;
	return 0;
}

/* Harvests all, and says how many summary words and how many words of pages it read. */
static void harvest(uint64_t *summaries, uint64_t *words)
{
	struct dirty_stats before, after;

	pages = 0;
	dirty_get_stats(map, &before);
	dirty_read_clear(map, 0, UINT64_MAX, count, NULL);
	dirty_get_stats(map, &after);
	*summaries = after.summaries_visited - before.summaries_visited;
	*words = after.words_visited - before.words_visited;
}

static void create(uint64_t size)
{
	struct dirty_config config = {.size = size};

	CHECK_EQ(dirty_create(&map, &config), 0);
}

static long resident(void)
{
	long size, pages_resident;
	FILE *f = fopen("/proc/self/statm", "r");

	CHECK(f && fscanf(f, "%ld %ld", &size, &pages_resident) == 2);
	fclose(f);
	return pages_resident * 4;
}

int main(void)
{
	struct dirty_stats stats;
	uint64_t summaries, words;
	long before;

	/* A clean TiB: a bit for each 128 MiB, whether it was ever dirty or not. */
	create(TIB);
	harvest(&summaries, &words);
	CHECK(words == 0 && summaries <= 130 && pages == 0);
	vfmig_dirty_mark(map, TIB / 2, 1);
	dirty_clear(map, 0, UINT64_MAX);
	dirty_get_stats(map, &stats);
	CHECK(stats.bytes < 1 << 20 && stats.leaves == 1);
	CHECK_EQ(dirty_reserve(map, 0, TIB), 0);
	harvest(&summaries, &words);
	CHECK(words == 0 && summaries <= 130 && pages == 0);
	/* The control: full of memory now, it is no longer under a MiB. */
	dirty_get_stats(map, &stats);
	CHECK(stats.bytes > 1 << 20 && stats.leaves == 8192);

	/* One page, and the second harvest finds nothing left to look at. */
	vfmig_dirty_mark(map, 5 * GIB, 1);
	harvest(&summaries, &words);
	CHECK(pages == 1 && words == 8 && summaries <= 132);
	harvest(&summaries, &words);
	CHECK(pages == 0 && words == 0 && summaries <= 130);

	/* A thousand pages a GiB apart: a line each. In one row: as few lines as hold them. */
	for (uint64_t i = 0; i < 1000; i++)
		vfmig_dirty_mark(map, i * GIB, 1);
	harvest(&summaries, &words);
	CHECK(pages == 1000 && words == 8000);
	vfmig_dirty_mark(map, 0, 1024 * 4096);
	harvest(&summaries, &words);
	CHECK(pages == 1024 && words == 16);

	/* Everything at once: marked and taken by whole leaves or more, not by words. */
	dirty_mark_all(map);
	harvest(&summaries, &words);
	CHECK(pages == TIB / 4096 && words == 0);

	/* A harvest of one page looks at no other line, however much is dirty around it. */
	vfmig_dirty_mark(map, 0, 1000 * 4096);
	dirty_get_stats(map, &stats);
	words = stats.words_visited;
	CHECK(dirty_test(map, 4096, 4096));
	dirty_get_stats(map, &stats);
	CHECK_EQ(stats.words_visited - words, 8);
	dirty_free(map);

	/* A map that begins and ends within a line is as clean after a harvest as any. */
	CHECK_EQ(dirty_create(&map, &(struct dirty_config){5000, 9 << 20, 0, 0}), 0);
	vfmig_dirty_mark(map, 5000, 1);
	vfmig_dirty_mark(map, 9 << 20, 1);
	harvest(&summaries, &words);
	CHECK(words == 16);
	harvest(&summaries, &words);
	CHECK(words == 0);
	dirty_free(map);

	/* All of 2^64 with memory at 0 and a window at 2^40 and one at the very end. */
	before = resident();
	create(0);
	vfmig_dirty_mark(map, 0, 1);
	vfmig_dirty_mark(map, TIB, 1);
	vfmig_dirty_mark(map, UINT64_MAX, 1);
	harvest(&summaries, &words);
	CHECK(pages == 3 && words == 24);
	CHECK(summaries < 20000);
	dirty_get_stats(map, &stats);
	CHECK(stats.bytes < 1 << 20);
	CHECKF(resident() - before < 1024, "%ld KiB", resident() - before);
	dirty_free(map);
	return 0;
}
