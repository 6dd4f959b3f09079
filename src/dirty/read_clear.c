/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reading, clearing and merging: sinks that turn a walk's pages into runs, a count, and marks in other maps. (Bitmaps:
 * bitmap.c.)
 */
#include "dirty/walk.h"

/* A run is reported when the next one is not adjacent. */
struct runs {
	struct dirty_walk walk;
	dirty_run_fn fn;
	void *opaque;
	uint64_t first, last; /* pages */
	bool any;
};

static void runs_end(struct runs *runs)
{
	struct dirty_walk *walk = &runs->walk;
	uint64_t first, last;
	int ret;

	if (!runs->any)
		return;
	runs->any = false;
	first = dirty_page_first(walk->map, runs->first);
	last = dirty_page_last(walk->map, runs->last);
	first = first < walk->addr ? walk->addr : first;
	last = last > walk->last_addr ? walk->last_addr : last;

	/* In pieces, since the length 2^64 does not fit. */
	for (uint64_t piece = 1ull << 63;; first += piece) {
		bool more = last - first >= piece;

		ret = runs->fn(runs->opaque, first, more ? piece : last - first + 1);
		if (ret) {
			dirty_walk_mark_again(walk, dirty_page(walk->map, first), runs->last);
			dirty_walk_stop(walk, ret);
			return;
		}
		if (!more)
			return;
	}
}

static void runs_pages(struct dirty_walk *walk, uint64_t first, uint64_t last)
{
	struct runs *runs = (struct runs *)walk;

	if (runs->any && first == runs->last + 1) {
		runs->last = last;
		return;
	}
	runs_end(runs);
	if (walk->stopped) {
		dirty_walk_mark_again(walk, first, last);
		return;
	}
	runs->first = first;
	runs->last = last;
	runs->any = true;
}

static int walk_runs(struct vfmig_dirty *map, uint64_t addr, uint64_t len, bool keep,
		     dirty_run_fn fn, void *opaque)
{
	static const struct dirty_sink sink = {.pages = runs_pages};
	struct runs runs = {
		.walk = {.map = map, .sink = &sink, .keep = keep}, .fn = fn, .opaque = opaque};

	dirty_walk_range(&runs.walk, addr, len);
	runs_end(&runs);
	return runs.walk.stopped;
}

int dirty_read_clear(struct vfmig_dirty *map, uint64_t addr, uint64_t len, dirty_run_fn fn,
		     void *opaque)
{
	return walk_runs(map, addr, len, false, fn, opaque);
}

int dirty_read(struct vfmig_dirty *map, uint64_t addr, uint64_t len, dirty_run_fn fn, void *opaque)
{
	return walk_runs(map, addr, len, true, fn, opaque);
}

static void drop_pages(struct dirty_walk *walk, uint64_t first, uint64_t last)
{
}

static void drop_line(struct dirty_walk *walk, uint64_t page, const uint64_t *words,
		      unsigned int dirty)
{
}

void dirty_clear(struct vfmig_dirty *map, uint64_t addr, uint64_t len)
{
	static const struct dirty_sink sink = {drop_pages, drop_line};
	struct dirty_walk walk = {.map = map, .sink = &sink};

	dirty_walk_range(&walk, addr, len);
}

static void test_pages(struct dirty_walk *walk, uint64_t first, uint64_t last)
{
	dirty_walk_stop(walk, 1);
}

bool dirty_test(struct vfmig_dirty *map, uint64_t addr, uint64_t len)
{
	static const struct dirty_sink sink = {.pages = test_pages};
	struct dirty_walk walk = {.map = map, .sink = &sink, .keep = true};

	return dirty_walk_range(&walk, addr, len);
}

struct count {
	struct dirty_walk walk;
	uint64_t pages;
};

static void count_pages(struct dirty_walk *walk, uint64_t first, uint64_t last)
{
	((struct count *)walk)->pages += last - first + 1;
}

static void count_line(struct dirty_walk *walk, uint64_t page, const uint64_t *words,
		       unsigned int dirty)
{
	for (unsigned int w = 0; w < DIRTY_LINE_WORDS; w++)
		((struct count *)walk)->pages += (unsigned int)__builtin_popcountll(words[w]);
}

uint64_t dirty_count(struct vfmig_dirty *map, uint64_t addr, uint64_t len)
{
	static const struct dirty_sink sink = {count_pages, count_line};
	struct count count = {.walk = {.map = map, .sink = &sink, .keep = true}};

	dirty_walk_range(&count.walk, addr, len);
	return count.pages;
}

struct merge {
	struct dirty_walk walk;
	struct vfmig_dirty *const *into;
	size_t count;
};

static void merge_pages(struct dirty_walk *walk, uint64_t first, uint64_t last)
{
	struct merge *merge = (struct merge *)walk;
	uint64_t addr = dirty_page_first(walk->map, first);
	uint64_t end = dirty_page_last(walk->map, last);

	addr = addr < walk->addr ? walk->addr : addr;
	end = end > walk->last_addr ? walk->last_addr : end;
	for (size_t i = 0; i < merge->count; i++)
		vfmig_dirty_mark(merge->into[i], addr, dirty_len(addr, end));
}

static void merge_line(struct dirty_walk *walk, uint64_t page, const uint64_t *words,
		       unsigned int dirty)
{
	struct merge *merge = (struct merge *)walk;
	uint64_t addr = walk->map->origin + (page << walk->map->shift);

	for (size_t i = 0; i < merge->count; i++) {
		struct vfmig_dirty *into = merge->into[i];
		uint64_t at = addr >= into->origin ? dirty_page(into, addr) : 0;

		/* Word by word if page sizes are equal and the whole line is in the other map. */
		if (into->shift == walk->map->shift && addr >= into->origin &&
		    at >= into->first_page && at + DIRTY_LINE_PAGES - 1 <= into->last_page) {
			dirty_mark_words(into, at, words, DIRTY_LINE_WORDS);
			continue;
		}
		for (unsigned int w = 0; w < DIRTY_LINE_WORDS; w++) {
			struct merge one = *merge;
			uint64_t bits = words[w];
			unsigned int lo, hi;

			one.into = &merge->into[i];
			one.count = 1;
			while (dirty_run(&bits, &lo, &hi))
				merge_pages(&one.walk, page + w * 64 + lo, page + w * 64 + hi);
		}
	}
}

void dirty_merge(struct vfmig_dirty *map, uint64_t addr, uint64_t len,
		 struct vfmig_dirty *const *into, size_t count)
{
	static const struct dirty_sink sink = {merge_pages, merge_line};
	struct merge merge = {.walk = {.map = map, .sink = &sink}, .into = into, .count = count};

	dirty_walk_range(&merge.walk, addr, len);
}
