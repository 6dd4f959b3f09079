/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Marking. The order of the steps ensures that no mark is lost; tree.h explains it.
 */
#include <errno.h>
#include <string.h>

#include "dirty/tree.h"

/*
 * The child of a slot, to mark beneath it. NULL: the slot itself marks everything beneath as dirty.
 */
static void *child_to_mark(struct vfmig_dirty *map, enum dirty_level level, _Atomic uintptr_t *slot,
			   struct dirty_dir *dir, uint64_t start)
{
	uintptr_t seen = atomic_load(slot);
	void *child;

	/* The swap is this mark's read-modify-write, see tree.h. */
	if (seen == DIRTY_FULL && atomic_compare_exchange_strong(slot, &seen, DIRTY_FULL))
		return NULL;
	child = dirty_ensure(map, level, slot, dir, start);
	if (!child)
		atomic_fetch_or(slot, DIRTY_FULL);
	return child;
}

/* Mark pages first..last of a leaf that begins at page start. */
static void mark_in_leaf(_Atomic uint64_t *leaf, struct dirty_dir *dir, uint64_t start,
			 uint64_t first, uint64_t last)
{
	unsigned int lo = (unsigned int)(first - start), hi = (unsigned int)(last - start);
	unsigned int i = (start >> DIRTY_LEAF) % DIRTY_DIR_LEAVES;

	for (unsigned int w = lo / 64; w <= hi / 64; w++)
		atomic_fetch_or(&leaf[w], dirty_bits(w == lo / 64 ? lo % 64 : 0,
						     w == hi / 64 ? hi % 64 : 63));
	dirty_raise(dir, i, dirty_bits(lo / DIRTY_LINE_PAGES, hi / DIRTY_LINE_PAGES));
}

/* Mark pages first..last, all beneath the slot, whose first page is start. */
static void mark_slot(struct vfmig_dirty *map, enum dirty_level level, _Atomic uintptr_t *slot,
		      struct dirty_dir *dir, uint64_t start, uint64_t first, uint64_t last)
{
	enum dirty_level below = level == DIRTY_GROUP ? DIRTY_DIR : DIRTY_LEAF;
	unsigned int i = (start >> DIRTY_LEAF) % DIRTY_DIR_LEAVES;
	void *child = NULL;

	if (first == dirty_first_beneath(map, start) &&
	    last == dirty_last_beneath(map, level, start))
		atomic_fetch_or(slot, DIRTY_FULL);
	else
		child = child_to_mark(map, level, slot, dir, start);

	if (level == DIRTY_LEAF) {
		if (child)
			mark_in_leaf(child, dir, start, first, last);
		else
			dirty_raise(dir, i, 0);
		return;
	}
	while (child) {
		uint64_t n = (first - start) >> below, at = start + (n << below);
		uint64_t end = dirty_last_beneath(map, below, at);

		if (end > last)
			end = last;
		if (below == DIRTY_DIR)
			mark_slot(map, below, &((struct dirty_group *)child)->dir[n], NULL, at,
				  first, end);
		else
			mark_slot(map, below, &((struct dirty_dir *)child)->slot[n].leaf, child, at,
				  first, end);
		if (end == last)
			return;
		first = end + 1;
	}
}

void dirty_mark_pages(struct vfmig_dirty *map, uint64_t first, uint64_t last)
{
	for (;;) {
		uint64_t g = first >> DIRTY_GROUP, start = g << DIRTY_GROUP;
		uint64_t end = dirty_last_beneath(map, DIRTY_GROUP, start);

		if (end > last)
			end = last;
		mark_slot(map, DIRTY_GROUP, &map->group[g], NULL, start, first, end);
		if (end == last)
			return;
		first = end + 1;
	}
}

/* The directory of a page, if it exists. */
static __attribute__((noinline)) struct dirty_dir *find_dir(struct vfmig_dirty *map, uint64_t page)
{
	struct dirty_group *group = dirty_child(
		atomic_load_explicit(&map->group[page >> DIRTY_GROUP], memory_order_acquire));

	if (!group)
		return NULL;
	return dirty_child(atomic_load_explicit(&group->dir[(page >> DIRTY_DIR) % DIRTY_GROUP_DIRS],
						memory_order_acquire));
}

/* The word of a page, if its leaf may be used. */
static inline _Atomic uint64_t *find_word(struct vfmig_dirty *map, uint64_t page,
					  struct dirty_dir **where, unsigned int *slot)
{
	struct dirty_dir *dir;

	if (page >> DIRTY_DIR == atomic_load_explicit(&map->hot_index, memory_order_acquire))
		dir = atomic_load_explicit(&map->hot_dir, memory_order_relaxed);
	else
		dir = find_dir(map, page);
	*slot = (page >> DIRTY_LEAF) % DIRTY_DIR_LEAVES;
	*where = dir;
	if (!dir ||
	    atomic_load_explicit(&dir->slot[*slot].leaf, memory_order_acquire) <= DIRTY_FULL)
		return NULL;
	return &dir->word[page / 64 % (DIRTY_DIR_LEAVES * DIRTY_LEAF_WORDS)];
}

/* The uncommon cases of vfmig_dirty_mark(). Not inlined, so that the common case saves no registers. */
static __attribute__((noinline)) void mark_far(struct vfmig_dirty *map, uint64_t addr, uint64_t len)
{
	struct dirty_dir *dir;
	uint64_t last, page, end;
	_Atomic uint64_t *word;
	unsigned int i;

	if (!dirty_clip(map, &addr, len, &last))
		return;
	page = dirty_page(map, addr);
	end = dirty_page(map, last);
	if (page != end || !(word = find_word(map, page, &dir, &i))) {
		dirty_mark_pages(map, page, end);
		return;
	}
	atomic_fetch_or(word, 1ull << page % 64);
	dirty_raise(dir, i, 1ull << page / DIRTY_LINE_PAGES % DIRTY_LEAF_LINES);
}

/*
 * The common case: one page, in a leaf that exists, in the first directory.
 */
void vfmig_dirty_mark(struct vfmig_dirty *map, uint64_t addr, uint64_t len)
{
	uint64_t hot = atomic_load_explicit(&map->hot_index, memory_order_acquire);
	struct dirty_dir *dir = atomic_load_explicit(&map->hot_dir, memory_order_relaxed);
	uint64_t page = dirty_page(map, addr), in_dir = page & ((1ull << DIRTY_DIR) - 1);
	uint64_t last = addr + (len - 1);
	unsigned int i = (unsigned int)(in_dir >> DIRTY_LEAF);

	if (addr < map->base || last > map->last || last < addr || !len ||
	    dirty_page(map, last) != page || page >> DIRTY_DIR != hot ||
	    atomic_load_explicit(&dir->slot[i].leaf, memory_order_acquire) <= DIRTY_FULL) {
		mark_far(map, addr, len);
		return;
	}
	atomic_fetch_or(&dir->word[in_dir / 64], 1ull << page % 64);
	dirty_raise(dir, i, 1ull << page / DIRTY_LINE_PAGES % DIRTY_LEAF_LINES);
}

void dirty_mark_all(struct vfmig_dirty *map)
{
	dirty_mark_pages(map, map->first_page, map->last_page);
}

void dirty_mark_words(struct vfmig_dirty *map, uint64_t page, const uint64_t *words,
		      unsigned int count)
{
	struct dirty_dir *dir;
	unsigned int i, lo, hi;
	_Atomic uint64_t *word = find_word(map, page, &dir, &i);

	for (unsigned int n = 0; n < count; n++) {
		if (word && words[n])
			atomic_fetch_or(&word[n], words[n]);
		for (uint64_t bits = words[n]; !word && dirty_run(&bits, &lo, &hi);)
			dirty_mark_pages(map, page + n * 64 + lo, page + n * 64 + hi);
	}
	if (word)
		dirty_raise(dir, i, 1ull << page / DIRTY_LINE_PAGES % DIRTY_LEAF_LINES);
}

/* Mark the pages of the bits, bit 0 being @page; ignore pages outside of the map. */
static void mark_bits(struct vfmig_dirty *map, uint64_t page, uint64_t bits)
{
	unsigned int shift = page % 64;
	uint64_t part[2] = {bits << shift, shift ? bits >> (64 - shift) : 0};

	page -= shift;
	for (unsigned int n = 0; n < 2; n++, page += 64) {
		if (!part[n] || page > map->last_page || page + 63 < map->first_page)
			continue;
		if (map->first_page > page)
			part[n] &= dirty_bits(map->first_page - page, 63);
		if (map->last_page - page < 63)
			part[n] &= dirty_bits(0, map->last_page - page);
		if (part[n])
			dirty_mark_words(map, page, &part[n], 1);
	}
}

int dirty_mark_bitmap(struct vfmig_dirty *map, uint64_t iova, uint64_t len, uint64_t page_size,
		      const void *bitmap)
{
	const unsigned char *from = bitmap;
	uint64_t last = iova + (len - 1), bits_left;
	unsigned int shift, lo, hi;
	bool same;

	if (!page_size || page_size & (page_size - 1))
		return -EINVAL;
	if (!len)
		return 0;
	if (last < iova || len == UINT64_MAX)
		last = UINT64_MAX;
	shift = (unsigned int)__builtin_ctzll(page_size);
	bits_left = ((last - iova) >> shift) + 1; /* 0, for 2^64, with a page size of 1 */
	same = shift == map->shift && !(iova & (page_size - 1)) && iova >= map->origin;

	for (uint64_t at = iova;; at += 64ull << shift, from += 8, bits_left -= 64) {
		uint64_t bits;

		memcpy(&bits, from, sizeof(bits));
		if (bits_left - 1 < 63)
			bits &= dirty_bits(0, bits_left - 1);
		if (same && bits) {
			mark_bits(map, dirty_page(map, at), bits);
			bits = 0;
		}
		while (dirty_run(&bits, &lo, &hi)) {
			uint64_t first = at + ((uint64_t)lo << shift);
			uint64_t end = at + ((uint64_t)hi << shift) + (page_size - 1);

			if (end > last || end < first)
				end = last;
			vfmig_dirty_mark(map, first, dirty_len(first, end));
		}
		if (bits_left - 1 < 64)
			return 0;
	}
}

bool dirty_push_down(struct vfmig_dirty *map, enum dirty_level level, _Atomic uintptr_t *slot,
		     struct dirty_dir *dir, uint64_t start)
{
	uint64_t first = dirty_first_beneath(map, start);
	uint64_t last = dirty_last_beneath(map, level, start);
	void *child = dirty_ensure(map, level, slot, dir, start);
	struct dirty_group *group = child;
	struct dirty_dir *below = child;

	if (!child)
		return false;
	/*
	 * First everything beneath, then the slot: meanwhile both mark the pages, which at worst reports a page
	 * twice. In the other order a concurrent read could miss them.
	 */
	switch (level) {
	case DIRTY_GROUP:
		for (uint64_t i = (first - start) >> DIRTY_DIR; i <= (last - start) >> DIRTY_DIR;
		     i++)
			atomic_fetch_or(&group->dir[i], DIRTY_FULL);
		break;
	case DIRTY_DIR:
		for (uint64_t i = (first - start) >> DIRTY_LEAF; i <= (last - start) >> DIRTY_LEAF;
		     i++) {
			atomic_fetch_or(&below->slot[i].leaf, DIRTY_FULL);
			dirty_raise(below, (unsigned int)i, 0);
		}
		break;
	case DIRTY_LEAF:
		mark_in_leaf(child, dir, start, first, last);
		break;
	}
	atomic_fetch_and(slot, ~DIRTY_FULL);
	return true;
}
