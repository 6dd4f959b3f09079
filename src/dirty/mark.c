/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Marking. The order of the steps is what keeps marks from getting lost; tree.h explains it.
 */
#include <errno.h>
#include <string.h>

#include "dirty/tree.h"

/*
 * The child behind a slot, for a mark to go on beneath it. NULL: there is none and there need not
 * be one, everything beneath is marked dirty by the slot itself.
 */
static void *child_to_mark(struct vfmig_dirty *map, enum vfmig_dirty_level level,
			   _Atomic uintptr_t *slot, struct vfmig_dirty_dir *dir, uint64_t start)
{
	uintptr_t seen = atomic_load(slot);
	void *child;

	/* Not just a look: the swap is this mark's read-modify-write, see tree.h. */
	if (seen == VFMIG_DIRTY_FULL &&
	    atomic_compare_exchange_strong(slot, &seen, VFMIG_DIRTY_FULL))
		return NULL;
	child = vfmig_dirty_ensure(map, level, slot, dir, start);
	if (!child)
		atomic_fetch_or(slot, VFMIG_DIRTY_FULL);
	return child;
}

/* Marks pages first..last of a leaf, which begins at page start. */
static void mark_in_leaf(_Atomic uint64_t *leaf, struct vfmig_dirty_dir *dir, uint64_t start,
			 uint64_t first, uint64_t last)
{
	unsigned int lo = (unsigned int)(first - start), hi = (unsigned int)(last - start);
	unsigned int i = (start >> VFMIG_DIRTY_LEAF) % VFMIG_DIRTY_DIR_LEAVES;

	for (unsigned int w = lo / 64; w <= hi / 64; w++)
		atomic_fetch_or(&leaf[w], vfmig_dirty_bits(w == lo / 64 ? lo % 64 : 0,
							   w == hi / 64 ? hi % 64 : 63));
	vfmig_dirty_raise(
		dir, i, vfmig_dirty_bits(lo / VFMIG_DIRTY_LINE_PAGES, hi / VFMIG_DIRTY_LINE_PAGES));
}

/* Marks pages first..last, all beneath the slot, which stands for the pages from start on. */
static void mark_slot(struct vfmig_dirty *map, enum vfmig_dirty_level level,
		      _Atomic uintptr_t *slot, struct vfmig_dirty_dir *dir, uint64_t start,
		      uint64_t first, uint64_t last)
{
	enum vfmig_dirty_level below =
		level == VFMIG_DIRTY_GROUP ? VFMIG_DIRTY_DIR : VFMIG_DIRTY_LEAF;
	unsigned int i = (start >> VFMIG_DIRTY_LEAF) % VFMIG_DIRTY_DIR_LEAVES;
	void *child = NULL;

	if (first == vfmig_dirty_first_beneath(map, start) &&
	    last == vfmig_dirty_last_beneath(map, level, start))
		atomic_fetch_or(slot, VFMIG_DIRTY_FULL);
	else
		child = child_to_mark(map, level, slot, dir, start);

	if (level == VFMIG_DIRTY_LEAF) {
		if (child)
			mark_in_leaf(child, dir, start, first, last);
		else
			vfmig_dirty_raise(dir, i, 0);
		return;
	}
	while (child) {
		uint64_t n = (first - start) >> below, at = start + (n << below);
		uint64_t end = vfmig_dirty_last_beneath(map, below, at);

		if (end > last)
			end = last;
		if (below == VFMIG_DIRTY_DIR)
			mark_slot(map, below, &((struct vfmig_dirty_group *)child)->dir[n], NULL,
				  at, first, end);
		else
			mark_slot(map, below, &((struct vfmig_dirty_dir *)child)->slot[n].leaf,
				  child, at, first, end);
		if (end == last)
			return;
		first = end + 1;
	}
}

void vfmig_dirty_mark_pages(struct vfmig_dirty *map, uint64_t first, uint64_t last)
{
	for (;;) {
		uint64_t g = first >> VFMIG_DIRTY_GROUP, start = g << VFMIG_DIRTY_GROUP;
		uint64_t end = vfmig_dirty_last_beneath(map, VFMIG_DIRTY_GROUP, start);

		if (end > last)
			end = last;
		mark_slot(map, VFMIG_DIRTY_GROUP, &map->group[g], NULL, start, first, end);
		if (end == last)
			return;
		first = end + 1;
	}
}

/* The directory of a page, if it exists. */
static __attribute__((noinline)) struct vfmig_dirty_dir *find_dir(struct vfmig_dirty *map,
								  uint64_t page)
{
	struct vfmig_dirty_group *group = vfmig_dirty_child(
		atomic_load_explicit(&map->group[page >> VFMIG_DIRTY_GROUP], memory_order_acquire));

	if (!group)
		return NULL;
	return vfmig_dirty_child(atomic_load_explicit(
		&group->dir[(page >> VFMIG_DIRTY_DIR) % VFMIG_DIRTY_GROUP_DIRS],
		memory_order_acquire));
}

/* The word of a page, if its leaf may be used. */
static inline _Atomic uint64_t *find_word(struct vfmig_dirty *map, uint64_t page,
					  struct vfmig_dirty_dir **where, unsigned int *slot)
{
	struct vfmig_dirty_dir *dir;

	if (page >> VFMIG_DIRTY_DIR == atomic_load_explicit(&map->hot_index, memory_order_acquire))
		dir = atomic_load_explicit(&map->hot_dir, memory_order_relaxed);
	else
		dir = find_dir(map, page);
	*slot = (page >> VFMIG_DIRTY_LEAF) % VFMIG_DIRTY_DIR_LEAVES;
	*where = dir;
	if (!dir ||
	    atomic_load_explicit(&dir->slot[*slot].leaf, memory_order_acquire) <= VFMIG_DIRTY_FULL)
		return NULL;
	return &dir->word[page / 64 % (VFMIG_DIRTY_DIR_LEAVES * VFMIG_DIRTY_LEAF_WORDS)];
}

/* vfmig_dirty_mark where not all is as it mostly is. Apart, so that it saves no registers. */
static __attribute__((noinline)) void mark_far(struct vfmig_dirty *map, uint64_t addr, uint64_t len)
{
	struct vfmig_dirty_dir *dir;
	uint64_t last, page, end;
	_Atomic uint64_t *word;
	unsigned int i;

	if (!vfmig_dirty_clip(map, &addr, len, &last))
		return;
	page = vfmig_dirty_page(map, addr);
	end = vfmig_dirty_page(map, last);
	if (page != end || !(word = find_word(map, page, &dir, &i))) {
		vfmig_dirty_mark_pages(map, page, end);
		return;
	}
	atomic_fetch_or(word, 1ull << page % 64);
	vfmig_dirty_raise(dir, i, 1ull << page / VFMIG_DIRTY_LINE_PAGES % VFMIG_DIRTY_LEAF_LINES);
}

/*
 * The whole of it again for what is most: one page, a leaf that has been used, in the directory
 * that came first.
 */
void vfmig_dirty_mark(struct vfmig_dirty *map, uint64_t addr, uint64_t len)
{
	uint64_t hot = atomic_load_explicit(&map->hot_index, memory_order_acquire);
	struct vfmig_dirty_dir *dir = atomic_load_explicit(&map->hot_dir, memory_order_relaxed);
	uint64_t page = vfmig_dirty_page(map, addr),
		 in_dir = page & ((1ull << VFMIG_DIRTY_DIR) - 1);
	uint64_t last = addr + (len - 1);
	unsigned int i = (unsigned int)(in_dir >> VFMIG_DIRTY_LEAF);

	if (addr < map->base || last > map->last || last < addr || !len ||
	    vfmig_dirty_page(map, last) != page || page >> VFMIG_DIRTY_DIR != hot ||
	    atomic_load_explicit(&dir->slot[i].leaf, memory_order_acquire) <= VFMIG_DIRTY_FULL) {
		mark_far(map, addr, len);
		return;
	}
	atomic_fetch_or(&dir->word[in_dir / 64], 1ull << page % 64);
	vfmig_dirty_raise(dir, i, 1ull << page / VFMIG_DIRTY_LINE_PAGES % VFMIG_DIRTY_LEAF_LINES);
}

void vfmig_dirty_mark_all(struct vfmig_dirty *map)
{
	vfmig_dirty_mark_pages(map, map->first_page, map->last_page);
}

void vfmig_dirty_mark_words(struct vfmig_dirty *map, uint64_t page, const uint64_t *words,
			    unsigned int count)
{
	struct vfmig_dirty_dir *dir;
	unsigned int i, lo, hi;
	_Atomic uint64_t *word = find_word(map, page, &dir, &i);

	for (unsigned int n = 0; n < count; n++) {
		if (word && words[n])
			atomic_fetch_or(&word[n], words[n]);
		for (uint64_t bits = words[n]; !word && vfmig_dirty_run(&bits, &lo, &hi);)
			vfmig_dirty_mark_pages(map, page + n * 64 + lo, page + n * 64 + hi);
	}
	if (word)
		vfmig_dirty_raise(dir, i,
				  1ull << page / VFMIG_DIRTY_LINE_PAGES % VFMIG_DIRTY_LEAF_LINES);
}

/* Marks the pages that the bits say, bit 0 being the page at; drops those outside of the map. */
static void mark_bits(struct vfmig_dirty *map, uint64_t page, uint64_t bits)
{
	unsigned int shift = page % 64;
	uint64_t part[2] = {bits << shift, shift ? bits >> (64 - shift) : 0};

	page -= shift;
	for (unsigned int n = 0; n < 2; n++, page += 64) {
		if (!part[n] || page > map->last_page || page + 63 < map->first_page)
			continue;
		if (map->first_page > page)
			part[n] &= vfmig_dirty_bits(map->first_page - page, 63);
		if (map->last_page - page < 63)
			part[n] &= vfmig_dirty_bits(0, map->last_page - page);
		if (part[n])
			vfmig_dirty_mark_words(map, page, &part[n], 1);
	}
}

int vfmig_dirty_mark_bitmap(struct vfmig_dirty *map, uint64_t iova, uint64_t len,
			    uint64_t page_size, const void *bitmap)
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
	bits_left = ((last - iova) >> shift) + 1; /* 2^64 of them, or 0, is a page size of 1 */
	same = shift == map->shift && !(iova & (page_size - 1)) && iova >= map->origin;

	for (uint64_t at = iova;; at += 64ull << shift, from += 8, bits_left -= 64) {
		uint64_t bits;

		memcpy(&bits, from, sizeof(bits));
		if (bits_left - 1 < 63)
			bits &= vfmig_dirty_bits(0, bits_left - 1);
		if (same && bits) {
			mark_bits(map, vfmig_dirty_page(map, at), bits);
			bits = 0;
		}
		while (vfmig_dirty_run(&bits, &lo, &hi)) {
			uint64_t first = at + ((uint64_t)lo << shift);
			uint64_t end = at + ((uint64_t)hi << shift) + (page_size - 1);

			if (end > last || end < first)
				end = last;
			vfmig_dirty_mark(map, first, vfmig_dirty_len(first, end));
		}
		if (bits_left - 1 < 64)
			return 0;
	}
}

bool vfmig_dirty_push_down(struct vfmig_dirty *map, enum vfmig_dirty_level level,
			   _Atomic uintptr_t *slot, struct vfmig_dirty_dir *dir, uint64_t start)
{
	uint64_t first = vfmig_dirty_first_beneath(map, start);
	uint64_t last = vfmig_dirty_last_beneath(map, level, start);
	void *child = vfmig_dirty_ensure(map, level, slot, dir, start);
	struct vfmig_dirty_group *group = child;
	struct vfmig_dirty_dir *below = child;

	if (!child)
		return false;
	/*
	 * First everything beneath, then the slot: in between all is said twice, which at worst
	 * reports a page twice. The other way round there would be a moment when it is not said.
	 */
	switch (level) {
	case VFMIG_DIRTY_GROUP:
		for (uint64_t i = (first - start) >> VFMIG_DIRTY_DIR;
		     i <= (last - start) >> VFMIG_DIRTY_DIR; i++)
			atomic_fetch_or(&group->dir[i], VFMIG_DIRTY_FULL);
		break;
	case VFMIG_DIRTY_DIR:
		for (uint64_t i = (first - start) >> VFMIG_DIRTY_LEAF;
		     i <= (last - start) >> VFMIG_DIRTY_LEAF; i++) {
			atomic_fetch_or(&below->slot[i].leaf, VFMIG_DIRTY_FULL);
			vfmig_dirty_raise(below, (unsigned int)i, 0);
		}
		break;
	case VFMIG_DIRTY_LEAF:
		mark_in_leaf(child, dir, start, first, last);
		break;
	}
	atomic_fetch_and(slot, ~VFMIG_DIRTY_FULL);
	return true;
}
