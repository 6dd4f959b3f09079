/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The data structure of a map, for the files of src/dirty only.
 *
 *     map -> group -> directory -> leaf
 *
 *     leaf        4 KiB of bits, one for each of 32768 pages: 64 lines of 8 words
 *     directory   8192 leaves (1 TiB at 4 KiB): for each the pointer and a word with a bit per line (in one
 *                 cache line, to make marks cheap), preceded by a bit per leaf
 *     group       4096 directories, so that a map of all 2^64 addresses stays small
 *
 * A leaf's pointer is set when the leaf may be used (it counts against max_bytes); its address follows from the
 * directory. Pages are counted from map->origin, which is a multiple of a leaf.
 *
 * A pointer to a child has DIRTY_FULL in its lowest bit if everything beneath is dirty, whether the child
 * exists or not. A whole range is marked by it in one step, and a mark falls back to it if there is no memory for
 * its bit.
 *
 * The race. Bits are set from the bottom up, and cleared from the top down:
 *
 *     mark:   write data; set the page's bit; line's bit, if clear; leaf's bit, if clear
 *     read:   clear the leaf's bit; clear the line's bit; clear the page's bit; read data
 *
 * A mark must not assume that a bit above is set because a bit below is: the mark that set the lower one may not have
 * set the upper one yet. Two marks in one line, M1 and M2:
 *
 *     M1 sets its page's bit                      M2 sets its page's bit
 *     M1 sets the line's bit                      M2 finds the line's bit set and skips it
 *     (M1 is preempted)                           M2 finds the leaf's bit clear and sets it
 *
 * So each mark checks every level. It may skip only the write of a bit that it finds set. This is safe because all
 * these operations are seq_cst and so have one order. The mark set its page's bit and then found the line's bit set: a
 * reader clears the line's bit later, reads the page's bit after that, and finds it. If the reader has cleared the
 * line's bit before, the mark finds it clear and sets it. (The same applies one level up.) A weaker order would allow
 * both sides to read old values:
 *
 *     mark:   page's bit = 1 (still in the store buffer);  reads line's bit: 1, done
 *     read:   line's bit cleared (1 -> 0);                 reads page's bit: 0, nothing here
 *
 * The page's bit is set by a read-modify-write even if it is set already. A mark that only
 * read it would need a full barrier after writing the data, otherwise:
 *
 *     mark:   data (still in the store buffer);  reads page's bit: 1, done
 *     read:   page's bit cleared (1 -> 0);       reads old data;  the new data is never sent
 *
 * and a barrier costs as much as the read-modify-write. The read-modify-write also releases the data to the reader that
 * clears the bit.
 */
#ifndef DIRTY_TREE_H
#define DIRTY_TREE_H

#include <stdatomic.h>

#include "dirty/map.h"

#define DIRTY_FULL ((uintptr_t)1)

#define DIRTY_LINE_WORDS 8u
#define DIRTY_LINE_PAGES 512u
#define DIRTY_LEAF_LINES 64u
#define DIRTY_LEAF_WORDS 512u
#define DIRTY_LEAF_BYTES 4096u
#define DIRTY_DIR_LEAVES 8192u
#define DIRTY_GROUP_DIRS 4096u

/* log2 of the pages beneath one child of that kind. */
enum dirty_level {
	DIRTY_LEAF = 15,
	DIRTY_DIR = 28,
	DIRTY_GROUP = 40,
};

struct dirty_slot {
	_Atomic uintptr_t leaf;
	_Atomic uint64_t lines; /* bit n: line n of the leaf may have a bit set */
};

/*
 * Mapped in one piece with its leaves, without reserving memory: an unused leaf costs address space only (32 MiB per
 * directory), and a page fault creates it. So a mark computes the address of its bit while it loads whether
 * the leaf may be used, instead of waiting for a pointer (a third of a mark's time, measured).
 */
struct dirty_dir {
	_Atomic uint64_t leaves[DIRTY_DIR_LEAVES / 64]; /* bit n: slot n may be dirty */
	struct dirty_slot slot[DIRTY_DIR_LEAVES];
	_Alignas(4096) _Atomic uint64_t word[]; /* the leaves, as many as the map needs */
};

struct dirty_group {
	_Atomic uintptr_t dir[DIRTY_GROUP_DIRS];
};

struct vfmig_dirty {
	uint64_t base, last; /* first and last byte */
	uint64_t origin;     /* address of page 0 */
	uint64_t first_page, last_page;
	unsigned int shift; /* log2 of the page size */

	/*
	 * The directory that was created first, which is the only one in most maps: found without walking
	 * through the group. hot_index is written last, once.
	 */
	_Atomic uint64_t hot_index;
	struct dirty_dir *_Atomic hot_dir;
	atomic_flag hot_claimed;

	size_t max_bytes;
	_Atomic size_t bytes;
	_Atomic uint64_t leaves;
	_Atomic uint64_t summaries_visited, words_visited;

	size_t group_count;
	_Atomic uintptr_t group[];
};

/* The bits lo..hi of a word, both included, 0 <= lo <= hi <= 63. */
static inline uint64_t dirty_bits(uint64_t lo, uint64_t hi)
{
	return (~0ull >> (63 - hi)) & (~0ull << lo);
}

/* Find and clear the lowest run of bits, lo..hi, of a word; false if there is none. */
static inline bool dirty_run(uint64_t *bits, unsigned int *lo, unsigned int *hi)
{
	uint64_t above;

	if (!*bits)
		return false;
	*lo = (unsigned int)__builtin_ctzll(*bits);
	above = *bits + (1ull << *lo); /* the run carries into the bit above it, or out */
	*hi = (above ? (unsigned int)__builtin_ctzll(above) : 64) - 1;
	*bits &= above;
	return true;
}

static inline void *dirty_child(uintptr_t slot)
{
	return (void *)(slot & ~DIRTY_FULL);
}

/*
 * Clip the bytes (*addr, len) to the map. Returns false if nothing is left; otherwise *addr and *last
 * are the first and the last byte.
 */
static inline bool dirty_clip(const struct vfmig_dirty *map, uint64_t *addr, uint64_t len,
			      uint64_t *last)
{
	uint64_t first = *addr, end;

	if (!len || first > map->last)
		return false;
	end = first + (len - 1);
	if (end < first || end > map->last || len == UINT64_MAX)
		end = map->last;
	if (first < map->base) {
		if (end < map->base)
			return false;
		first = map->base;
	}
	*addr = first;
	*last = end;
	return true;
}

/* The length of first..last; UINT64_MAX means up to the end, as everywhere here. */
static inline uint64_t dirty_len(uint64_t first, uint64_t last)
{
	return last - first == UINT64_MAX ? UINT64_MAX : last - first + 1;
}

static inline uint64_t dirty_page(const struct vfmig_dirty *map, uint64_t addr)
{
	return (addr - map->origin) >> map->shift;
}

/* First and last byte of the page within the map. */
static inline uint64_t dirty_page_first(const struct vfmig_dirty *map, uint64_t page)
{
	uint64_t addr = map->origin + (page << map->shift);

	return addr < map->base ? map->base : addr;
}

static inline uint64_t dirty_page_last(const struct vfmig_dirty *map, uint64_t page)
{
	uint64_t addr = map->origin + (page << map->shift) + ((1ull << map->shift) - 1);

	return addr > map->last ? map->last : addr;
}

/* First and last page of the map beneath a child of @level that begins at page @start. */
static inline uint64_t dirty_first_beneath(const struct vfmig_dirty *map, uint64_t start)
{
	return start < map->first_page ? map->first_page : start;
}

static inline uint64_t dirty_last_beneath(const struct vfmig_dirty *map, enum dirty_level level,
					  uint64_t start)
{
	uint64_t last = start + ((1ull << level) - 1);

	return last > map->last_page ? map->last_page : last;
}

/* Set the bits above a leaf's lines; the last step of each mark. See the race, above. */
static inline void dirty_raise(struct dirty_dir *dir, unsigned int i, uint64_t lines)
{
	_Atomic uint64_t *leaves = &dir->leaves[i / 64];
	uint64_t leaf = 1ull << i % 64;

	if (lines & ~atomic_load(&dir->slot[i].lines))
		atomic_fetch_or(&dir->slot[i].lines, lines);
	if (!(atomic_load(leaves) & leaf))
		atomic_fetch_or(leaves, leaf);
}

/*
 * The child of a slot; created if it is missing (FULL is kept). @start is the first page beneath it, @dir the
 * directory of a leaf. NULL: no memory.
 */
void *dirty_ensure(struct vfmig_dirty *map, enum dirty_level level, _Atomic uintptr_t *slot,
		   struct dirty_dir *dir, uint64_t start);

/* Mark pages first..last, both of the map. */
void dirty_mark_pages(struct vfmig_dirty *map, uint64_t first, uint64_t last);

/*
 * Mark pages within one line, all of the map: bit n of words[w] is page + w * 64 + n. page is a
 * multiple of 64.
 */
void dirty_mark_words(struct vfmig_dirty *map, uint64_t page, const uint64_t *words,
		      unsigned int count);

/*
 * Replace FULL of a slot by FULL of everything one level below (bits, in a leaf), so that a part of it
 * can be cleared. Returns false, without effect, if there is no memory.
 */
bool dirty_push_down(struct vfmig_dirty *map, enum dirty_level level, _Atomic uintptr_t *slot,
		     struct dirty_dir *dir, uint64_t start);

#endif
