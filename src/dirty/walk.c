/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Walking a map from the top down, with or without clearing it. The order of the steps ensures that no mark is lost;
 * tree.h explains it.
 *
 * A bit that stands for a stretch of pages is cleared only if the walk covers the whole stretch (within the map).
 * Otherwise it stays, even if nothing beneath it is dirty: a concurrent walk over other pages of the stretch
 * must always find it. This costs a read that finds nothing; the next walk over the whole stretch clears it.
 */
#include "dirty/walk.h"

static uint64_t max64(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static uint64_t min64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

void dirty_walk_stop(struct dirty_walk *walk, int why)
{
	walk->stopped = why;
}

void dirty_walk_mark_again(struct dirty_walk *walk, uint64_t first, uint64_t last)
{
	first = max64(first, walk->cleared_first);
	last = min64(last, walk->cleared_last);
	if (first <= last)
		dirty_mark_pages(walk->map, first, last);
}

/* The children beneath start, of 2^level pages each, that the walk touches. */
static bool children_touched(const struct dirty_walk *walk, unsigned int level, uint64_t start,
			     uint64_t pages, uint64_t *lo, uint64_t *hi)
{
	uint64_t first = max64(walk->first, start), last = min64(walk->last, start + (pages - 1));

	*lo = (first - start) >> level;
	*hi = (last - start) >> level;
	return first <= last;
}

/* As bits of a word: the children (of 64 beneath start) that the walk covers completely. */
static uint64_t children_whole(const struct dirty_walk *walk, unsigned int level, uint64_t start)
{
	uint64_t size = 1ull << level, lo = 0, hi = 64;

	/* Pages outside of the map do not make a stretch partial. */
	if (walk->first > walk->map->first_page && walk->first > start)
		lo = (walk->first - start + (size - 1)) >> level;
	if (walk->last < walk->map->last_page)
		hi = walk->last + 1 < start ? 0 : min64((walk->last + 1 - start) >> level, 64);
	return lo < hi ? dirty_bits(lo, hi - 1) : 0;
}

static void emit_pages(struct dirty_walk *walk, uint64_t first, uint64_t last)
{
	if (walk->stopped)
		dirty_walk_mark_again(walk, first, last);
	else
		walk->sink->pages(walk, first, last);
}

static void emit_line(struct dirty_walk *walk, uint64_t page, uint64_t *words, unsigned int dirty)
{
	unsigned int lo, hi;

	if (walk->sink->line && !walk->stopped) {
		walk->sink->line(walk, page, words, dirty);
		return;
	}
	for (; dirty; dirty &= dirty - 1) {
		unsigned int w = (unsigned int)__builtin_ctz(dirty);

		while (dirty_run(&words[w], &lo, &hi))
			emit_pages(walk, page + w * 64 + lo, page + w * 64 + hi);
	}
}

static void walk_line(struct dirty_walk *walk, const struct dirty_pending *line)
{
	_Atomic uint64_t *word = &line->leaf[line->page / 64 % DIRTY_LEAF_WORDS];
	uint64_t words[DIRTY_LINE_WORDS], page = line->page;
	uint64_t first = max64(walk->first, page);
	uint64_t last = min64(walk->last, page + (DIRTY_LINE_PAGES - 1));
	unsigned int lo = (unsigned int)(first - page), hi = (unsigned int)(last - page), dirty = 0;

	if (walk->stopped) {
		/* Not read yet: only the bits above it were cleared. */
		if (!walk->keep)
			dirty_raise(line->dir, (page >> DIRTY_LEAF) % DIRTY_DIR_LEAVES,
				    1ull << page / DIRTY_LINE_PAGES % DIRTY_LEAF_LINES);
		return;
	}
	/* No branches: which words are dirty is unpredictable. */
	for (unsigned int w = 0; w < DIRTY_LINE_WORDS; w++) {
		words[w] = atomic_load(&word[w]);
		dirty |= (unsigned int)(words[w] != 0) << w;
	}
	walk->words += DIRTY_LINE_WORDS;
	if (hi - lo + 1 < DIRTY_LINE_PAGES) {
		for (unsigned int w = 0; w < DIRTY_LINE_WORDS; w++) {
			uint64_t mask = 0;

			if (w >= lo / 64 && w <= hi / 64)
				mask = dirty_bits(w == lo / 64 ? lo % 64 : 0,
						  w == hi / 64 ? hi % 64 : 63);
			words[w] &= mask;
			if (words[w] && !walk->keep)
				words[w] &= atomic_fetch_and(&word[w], ~words[w]);
			dirty &= ~((unsigned int)(words[w] == 0) << w);
		}
	} else if (!walk->keep) {
		for (unsigned int left = dirty; left; left &= left - 1) {
			unsigned int w = (unsigned int)__builtin_ctz(left);

			words[w] = atomic_exchange(&word[w], 0);
		}
	}
	if (dirty && !walk->muted)
		emit_line(walk, page, words, dirty);
}

static void walk_pending(struct dirty_walk *walk, unsigned int but)
{
	while (walk->head - walk->tail > but)
		walk_line(walk, &walk->pending[walk->tail++ % DIRTY_AHEAD]);
}

static void walk_leaf(struct dirty_walk *walk, struct dirty_dir *dir, unsigned int i,
		      _Atomic uint64_t *leaf, uint64_t start)
{
	uint64_t lines = atomic_load(&dir->slot[i].lines), whole, lo, hi;

	walk->summaries++;
	if (!children_touched(walk, 9, start, 1ull << DIRTY_LEAF, &lo, &hi))
		return;
	lines &= dirty_bits(lo, hi);
	if (!lines)
		return;
	whole = children_whole(walk, 9, start) & lines;
	if (whole && !walk->keep)
		atomic_fetch_and(&dir->slot[i].lines, ~whole);
	for (; lines; lines &= lines - 1) {
		unsigned int line = (unsigned int)__builtin_ctzll(lines);

		__builtin_prefetch(&leaf[line * DIRTY_LINE_WORDS], 1);
		walk->pending[walk->head++ % DIRTY_AHEAD] =
			(struct dirty_pending){dir, leaf, start + line * DIRTY_LINE_PAGES};
		walk_pending(walk, DIRTY_AHEAD - 1);
	}
}

static void walk_slot(struct dirty_walk *walk, enum dirty_level level, _Atomic uintptr_t *slot,
		      struct dirty_dir *dir, uint64_t start);

static void walk_dir(struct dirty_walk *walk, struct dirty_dir *dir, uint64_t start)
{
	uint64_t lo, hi;

	if (!children_touched(walk, DIRTY_LEAF, start, 1ull << DIRTY_DIR, &lo, &hi))
		return;
	for (uint64_t w = lo / 64; w <= hi / 64; w++) {
		uint64_t at = start + (w * 64 << DIRTY_LEAF), bits, whole;

		walk->summaries++;
		bits = atomic_load(&dir->leaves[w]) &
		       dirty_bits(w == lo / 64 ? lo % 64 : 0, w == hi / 64 ? hi % 64 : 63);
		if (!bits)
			continue;
		whole = walk->keep ? 0 : children_whole(walk, DIRTY_LEAF, at) & bits;
		if (whole)
			atomic_fetch_and(&dir->leaves[w], ~whole);
		for (; bits && !walk->stopped; bits &= bits - 1) {
			unsigned int n = (unsigned int)__builtin_ctzll(bits);

			walk_slot(walk, DIRTY_LEAF, &dir->slot[w * 64 + n].leaf, dir,
				  at + ((uint64_t)n << DIRTY_LEAF));
		}
		if (bits & whole)
			atomic_fetch_or(&dir->leaves[w], bits & whole);
		if (walk->stopped)
			return;
	}
}

static void walk_group(struct dirty_walk *walk, struct dirty_group *group, uint64_t start)
{
	uint64_t lo, hi;

	if (!children_touched(walk, DIRTY_DIR, start, 1ull << DIRTY_GROUP, &lo, &hi))
		return;
	for (uint64_t i = lo; i <= hi && !walk->stopped; i++) {
		walk->summaries++;
		if (!atomic_load(&group->dir[i]))
			continue;
		walk_slot(walk, DIRTY_DIR, &group->dir[i], NULL, start + (i << DIRTY_DIR));
	}
}

static void walk_child(struct dirty_walk *walk, enum dirty_level level, void *child,
		       struct dirty_dir *dir, uint64_t start)
{
	if (!child)
		return;
	switch (level) {
	case DIRTY_LEAF:
		walk_leaf(walk, dir, (start >> DIRTY_LEAF) % DIRTY_DIR_LEAVES, child, start);
		break;
	case DIRTY_DIR:
		walk_dir(walk, child, start);
		break;
	case DIRTY_GROUP:
		walk_group(walk, child, start);
		break;
	}
}

/*
 * Handle a slot that was read as FULL. Returns true if it is done; false if its children must be walked as
 * usual.
 */
static bool walk_full(struct dirty_walk *walk, enum dirty_level level, _Atomic uintptr_t *slot,
		      struct dirty_dir *dir, uint64_t start)
{
	uint64_t first = dirty_first_beneath(walk->map, start);
	uint64_t last = dirty_last_beneath(walk->map, level, start);

	if (!walk->keep && walk->first <= first && last <= walk->last) {
		uintptr_t seen = atomic_fetch_and(slot, ~DIRTY_FULL);

		if (!(seen & DIRTY_FULL))
			return false; /* another walk has cleared it */
		walk_pending(walk, 0);
		if (walk->stopped) {
			dirty_walk_mark_again(walk, first, last);
			return true;
		}
		/* Clear the bits beneath before calling the sink: later marks count. */
		walk->muted = true;
		walk_child(walk, level, dirty_child(seen), dir, start);
		walk_pending(walk, 0);
		walk->muted = false;
	} else if (!walk->keep && dirty_push_down(walk->map, level, slot, dir, start)) {
		return false;
	} else {
		/* Reading without clearing; or no memory for the rest, so all stays dirty. */
		walk_pending(walk, 0);
	}
	emit_pages(walk, max64(first, walk->first), min64(last, walk->last));
	return true;
}

static void walk_slot(struct dirty_walk *walk, enum dirty_level level, _Atomic uintptr_t *slot,
		      struct dirty_dir *dir, uint64_t start)
{
	uintptr_t seen = atomic_load(slot);

	if (seen & DIRTY_FULL) {
		if (!walk->muted && walk_full(walk, level, slot, dir, start))
			return;
		if (walk->muted)
			atomic_fetch_and(slot, ~DIRTY_FULL);
		seen = atomic_load(slot);
	}
	walk_child(walk, level, dirty_child(seen), dir, start);
}

static void walk_pages(struct dirty_walk *walk, uint64_t first, uint64_t last)
{
	walk->first = first;
	walk->last = last;
	for (uint64_t g = first >> DIRTY_GROUP; g <= last >> DIRTY_GROUP && !walk->stopped; g++) {
		walk->summaries++;
		if (!atomic_load(&walk->map->group[g]))
			continue;
		walk_slot(walk, DIRTY_GROUP, &walk->map->group[g], NULL, g << DIRTY_GROUP);
	}
	walk_pending(walk, 0);
}

/* Walk a page that is only partly in the range. */
static void walk_edge(struct dirty_walk *walk, uint64_t page)
{
	if (walk->stopped)
		return;
	walk->keep = true;
	walk_pages(walk, page, page);
	walk->keep = false;
}

int dirty_walk_range(struct dirty_walk *walk, uint64_t addr, uint64_t len)
{
	struct vfmig_dirty *map = walk->map;
	uint64_t first, last, whole_first, whole_last;

	walk->cleared_first = 1;
	walk->cleared_last = 0;
	walk->addr = addr;
	if (!dirty_clip(map, &walk->addr, len, &walk->last_addr))
		return 0;
	first = dirty_page(map, walk->addr);
	last = dirty_page(map, walk->last_addr);

	if (walk->keep) {
		walk_pages(walk, first, last);
	} else {
		/* One past the last whole page, since there may be none. */
		whole_first = first + (walk->addr != dirty_page_first(map, first));
		whole_last = last + (walk->last_addr == dirty_page_last(map, last));
		if (whole_first < whole_last) {
			walk->cleared_first = whole_first;
			walk->cleared_last = whole_last - 1;
		}
		if (whole_first != first)
			walk_edge(walk, first);
		if (whole_first < whole_last && !walk->stopped)
			walk_pages(walk, whole_first, whole_last - 1);
		if (whole_last == last && (last != first || whole_first == first))
			walk_edge(walk, last);
	}
	atomic_fetch_add_explicit(&map->summaries_visited, walk->summaries, memory_order_relaxed);
	atomic_fetch_add_explicit(&map->words_visited, walk->words, memory_order_relaxed);
	return walk->stopped;
}
