/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which pages of an address range were written.
 *
 * Writers mark, consumers harvest. The one rule for a writer: WRITE THE DATA FIRST, THEN MARK.
 * The map's promise in return: a harvest takes marks and clears them in one step, so that a page
 * that is written after it was taken is marked again, and whoever reads a page's data after
 * taking its mark sees at least the data of every mark that was taken. No mark is ever lost:
 * where the map cannot do what it should (no memory), it reports more than was written, never
 * less.
 *
 * Marks and harvests may run at the same time from any number of threads; marking takes no lock.
 * (The first mark in a stretch of 32768 pages has a page fault, the first in 2^28 pages an mmap,
 * unless dirty_reserve was used.) The cost of a harvest follows what is dirty, not the size
 * of the range, and so does the memory.
 *
 * Ranges. Every function takes a range as (addr, len) in bytes, of any alignment. What lies
 * outside the map, or past 2^64, is cut off silently. A length of 0 is nothing, one of UINT64_MAX
 * is all that follows: (0, UINT64_MAX) is everything. A page that is partly in the range counts
 * as in it. When marks are taken there is one more rule, because a mark stands for its whole
 * page: a page of which the range holds only a part is reported (for that part) and STAYS dirty,
 * so that the rest of it is not forgotten. The part of a page that lies outside of the map does
 * not count: a map that ends within a page can be harvested to the end.
 *
 * Pages begin at multiples of the page size, wherever the map begins. Two harvests that overlap
 * in time share the marks: each mark goes to exactly one of them (unless the map had no memory,
 * when it may go to both). A harvest over part of the map leaves the rest as it was.
 *
 * This file needs nothing else of vfmig.
 */
#ifndef DIRTY_MAP_H
#define DIRTY_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define DIRTY_PAGE_MIN 0x1000ull     /* 4 KiB, and the default */
#define DIRTY_PAGE_MAX 0x40000000ull /* 1 GiB */

/* A map. Opaque; made by dirty_create, ended by dirty_free. */
struct vfmig_dirty;

/*
 * What a map is to cover. All zeros is a good configuration: all addresses, pages of 4 KiB.
 *
 * @base:       first address, any alignment
 * @size:       bytes from base; 0 means to the end of the 64-bit address space
 * @page_size:  bytes per page, a power of two from 4 KiB to 1 GiB; 0 means 4 KiB
 * @max_bytes:  most memory that the map may use; 0 means no limit. At the limit, as when the
 *              system gives none, the map marks wider than was asked: the 32768 pages around, or
 *              more. 1 TiB needs about 130 KiB, and 4 KiB more per 32768 pages of which one was
 *              ever dirty.
 */
struct dirty_config {
	uint64_t base;
	uint64_t size;
	uint64_t page_size;
	size_t max_bytes;
};

/*
 * Makes a clean map. @config may be NULL (the defaults).
 *
 * Returns 0 and *out, to be freed by the caller; -EINVAL for a page size that is none or a size
 * that leaves the address space; -ENOMEM.
 */
int dirty_create(struct vfmig_dirty **out, const struct dirty_config *config);

/* Frees a map; NULL is nothing. No other call may be under way or follow. */
void dirty_free(struct vfmig_dirty *map);

/* The map's page size in bytes. Any thread, any time. */
uint64_t dirty_page_size(const struct vfmig_dirty *map);

/*
 * Gets the memory for marks in a range now (4 KiB per 32768 pages), so that marking there neither
 * allocates nor fails later. Any thread, any time.
 *
 * Returns 0 or -ENOMEM; then nothing is lost: marks still work as described at @max_bytes.
 */
int dirty_reserve(struct vfmig_dirty *map, uint64_t addr, uint64_t len);

/* ---- marking: any thread, any time, no locks, cannot fail ---- */

/*
 * Marks the pages that the range touches. The data must have been written before the call, by
 * this thread or by one that this thread has synchronised with. It is a full barrier. A mark of
 * many pages costs one atomic operation per 64 pages at the ends and one per 32768 between.
 */
void vfmig_dirty_mark(struct vfmig_dirty *map, uint64_t addr, uint64_t len);

/* Marks every page of the map: a tracker failed, or its log began too late. Cheap: see above. */
void dirty_mark_all(struct vfmig_dirty *map);

/*
 * Marks what a bitmap of the uAPI's form says (DMA logging, type1, iommufd): bit n % 64 of word
 * n / 64 stands for [iova + n * page_size, iova + (n + 1) * page_size), as far as that lies in
 * [iova, iova + len).
 *
 * @page_size:  any power of two, not necessarily the map's; need not divide iova
 * @bitmap:     dirty_bitmap_bytes(len, page_size) bytes, in the machine's byte order, of any
 *              alignment. Bits past the end of the range are not looked at. The caller has checked
 *              that a peer really sent as much.
 *
 * Returns 0, or -EINVAL and nothing done where page_size is not a power of two.
 */
int dirty_mark_bitmap(struct vfmig_dirty *map, uint64_t iova, uint64_t len, uint64_t page_size,
		      const void *bitmap);

/* ---- looking: any thread, any time ---- */

/*
 * Is any page of the range dirty? Clears nothing. While a harvest of the same pages is under way,
 * those it has taken count as clean, reported or not.
 */
bool dirty_test(struct vfmig_dirty *map, uint64_t addr, uint64_t len);

/* How many pages (of the map's size) that the range touches are dirty? As dirty_test. */
uint64_t dirty_count(struct vfmig_dirty *map, uint64_t addr, uint64_t len);

/* ---- taking: any thread, any time; see above for what overlapping harvests share ---- */

/*
 * Receives dirty runs: [addr, addr + len), ascending, within the range asked for and the map,
 * never empty, neighbours joined (except that no run is longer than 2^63). Called without locks;
 * it may call any function of the map. Returns 0 to go on, anything else to stop.
 */
typedef int (*dirty_run_fn)(void *opaque, uint64_t addr, uint64_t len);

/*
 * Takes the marks in the range and gives them to @fn as runs. The marks of a run are taken before
 * @fn is called with it, so @fn may read the data there and then. If @fn stops, that run (all of
 * it) and everything after it is marked again before the call returns.
 *
 * Returns 0, or what @fn returned to stop.
 */
int dirty_harvest(struct vfmig_dirty *map, uint64_t addr, uint64_t len, dirty_run_fn fn,
		  void *opaque);

/* The same runs without taking anything. As dirty_test. */
int dirty_peek(struct vfmig_dirty *map, uint64_t addr, uint64_t len, dirty_run_fn fn, void *opaque);

/* Takes the marks in the range and forgets them, those of partial pages excepted. */
void dirty_clear(struct vfmig_dirty *map, uint64_t addr, uint64_t len);

/*
 * Takes the marks in [iova, iova + len) and sets their bits in a bitmap of the uAPI's form (see
 * dirty_mark_bitmap). Bits are only set, never cleared: several reports can gather in one
 * bitmap, and the caller zeroes it first if it wants only this one.
 *
 * @page_size:  any power of two. Smaller than the map's: each dirty page sets all its bits.
 *              Larger: one dirty page sets the bit, and all under it (in the range) are taken.
 * @bitmap:     dirty_bitmap_bytes(len, page_size) bytes, the caller's own; written without
 *              atomics.
 *
 * Returns 0, or -EINVAL and nothing taken where page_size is not a power of two.
 */
int dirty_report(struct vfmig_dirty *map, uint64_t iova, uint64_t len, uint64_t page_size,
		 uint64_t *bitmap);

/* Bytes of a bitmap over len bytes at page_size (a power of two): whole 64-bit words. */
size_t dirty_bitmap_bytes(uint64_t len, uint64_t page_size);

/*
 * Takes the marks in the range and marks the same bytes in each of the @count maps @into (none of
 * them @map itself), whose base, size and page size may differ. As a rule each is one consumer's
 * cursor.
 *
 * When it returns, whatever was marked before it was called is marked in all of @into. Between
 * the taking and the marking there is a moment when a mark is in neither. So two threads that
 * gather from the same map must take turns (a mutex of the space's): else one of them can return
 * while the other still carries a mark that the first one's consumer needed to see.
 */
void dirty_gather(struct vfmig_dirty *map, uint64_t addr, uint64_t len,
		  struct vfmig_dirty *const *into, size_t count);

/* ---- measuring ---- */

/* What a map has cost. The counts since creation are there to show what a harvest looked at. */
struct dirty_stats {
	size_t bytes;		    /* memory in use, all of it */
	uint64_t leaves;	    /* stretches of 32768 pages that have memory */
	uint64_t summaries_visited; /* summary words that walks have read */
	uint64_t words_visited;	    /* words of 64 pages that walks have read */
};

/* Any thread, any time; a walk adds its counts when it ends. */
void dirty_get_stats(const struct vfmig_dirty *map, struct dirty_stats *stats);

#ifdef __cplusplus
}
#endif

#endif
