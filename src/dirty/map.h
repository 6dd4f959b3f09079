/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which pages of an address range were written.
 *
 * There are three actions. Writers MARK pages. Readers READ AND CLEAR the marks of a range, in one step. A map is MERGED
 * into others: its marks are read and cleared, and set in each of them.
 *
 * A writer must write the data first and then mark it. In return, a page that is written after its mark was read is
 * marked again, and a reader that reads a page's data after its mark sees at least the data of every mark that it has
 * read. No mark is lost: if the map lacks memory, it marks more pages than were written, never fewer.
 *
 * All functions may be called from any number of threads concurrently, except dirty_free(). Marking takes no lock. (The
 * first mark in a stretch of 32768 pages costs a page fault, the first in 2^28 pages an mmap, unless dirty_reserve() was
 * used.) Time and memory of a read depend on the number of dirty pages, not on the size of the range.
 *
 * Ranges. Every function has a range (addr, len) in bytes, of any alignment. Parts outside of the map or past 2^64 are
 * ignored. A length of 0 is an empty range, UINT64_MAX extends to the end: (0, UINT64_MAX) is everything. A page that is
 * partly in the range counts as in it. Reading and clearing has one more rule, because a mark stands for its whole
 * page: a page that is partly in the range is reported (for that part) and stays dirty, so that the rest of it is
 * not lost. The part of a page outside of the map does not count: a map that ends within a page can be cleared.
 *
 * Pages begin at multiples of the page size, wherever the map begins. Two concurrent reads that overlap share the marks:
 * each mark goes to exactly one of them (or to both, if the map had no memory). A read of a part of the map leaves the
 * rest as it was.
 *
 * This header includes nothing else of vfmig.
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

/* A map, created by dirty_create() and freed by dirty_free(). */
struct vfmig_dirty;

/*
 * Configuration of a map. All zeros is valid: all addresses, pages of 4 KiB.
 *
 * @base:       first address, any alignment
 * @size:       bytes from base; 0 means to the end of the 64-bit address space
 * @page_size:  bytes per page, a power of two from 4 KiB to 1 GiB; 0 means 4 KiB
 * @max_bytes:  maximum memory of the map; 0 means no limit. At the limit, and if the system has no memory,
 *              a mark also covers the 32768 pages around it, or more. 1 TiB needs about 130 KiB, and
 *              4 KiB per 32768 pages of which one was ever dirty.
 */
struct dirty_config {
	uint64_t base;
	uint64_t size;
	uint64_t page_size;
	size_t max_bytes;
};

/*
 * Create a clean map. @config may be NULL (the defaults).
 *
 * Returns 0 and *out, which the caller frees; -EINVAL for an invalid page size or a size that exceeds the address
 * space; -ENOMEM.
 */
int dirty_create(struct vfmig_dirty **out, const struct dirty_config *config);

/* Free a map; NULL is allowed. No other call may be in progress or follow. */
void dirty_free(struct vfmig_dirty *map);

/* The map's page size in bytes. */
uint64_t dirty_page_size(const struct vfmig_dirty *map);

/*
 * Allocate the memory for marks in a range now (4 KiB per 32768 pages), so that marking there does not allocate
 * later.
 *
 * Returns 0 or -ENOMEM; then marks still work as described at @max_bytes.
 */
int dirty_reserve(struct vfmig_dirty *map, uint64_t addr, uint64_t len);

/* ---- mark: no locks, cannot fail ---- */

/*
 * Mark the pages that the range touches. The data must have been written before the call, by this thread or by
 * one that this thread has synchronised with. It is a full barrier. Marking many pages costs one
 * atomic operation per 64 pages at the ends and one per 32768 between.
 */
void vfmig_dirty_mark(struct vfmig_dirty *map, uint64_t addr, uint64_t len);

/* Mark every page of the map, if a tracker failed or its log began too late. Cheap: see above. */
void dirty_mark_all(struct vfmig_dirty *map);

/*
 * Mark the pages of a bitmap in the format of the uAPI (DMA logging, type1, iommufd): bit n % 64 of word n / 64 stands for
 * [iova + n * page_size, iova + (n + 1) * page_size), as far as that is in [iova, iova + len).
 *
 * @page_size:  any power of two, not necessarily the map's; need not divide iova
 * @bitmap:     dirty_bitmap_bytes(len, page_size) bytes, in the machine's byte order, of any
 *              alignment. Bits past the end of the range are ignored. The caller has checked that
 *              a peer sent as many bytes.
 *
 * Returns 0; -EINVAL, without effect, if page_size is not a power of two.
 */
int dirty_mark_bitmap(struct vfmig_dirty *map, uint64_t iova, uint64_t len, uint64_t page_size,
		      const void *bitmap);

/* ---- read without clearing ---- */

/*
 * Whether any page of the range is dirty. Pages that a concurrent call has read and cleared count as clean, whether it
 * has reported them or not.
 */
bool dirty_test(struct vfmig_dirty *map, uint64_t addr, uint64_t len);

/* The number of dirty pages (of the map's page size) that the range touches. As dirty_test(). */
uint64_t dirty_count(struct vfmig_dirty *map, uint64_t addr, uint64_t len);

/* ---- read and clear; overlapping calls share the marks, see above ---- */

/*
 * Called for dirty runs: [addr, addr + len), ascending, within the range and the map, not empty, adjacent runs joined
 * (but no run is longer than 2^63). Called without locks; may call any function of the map. Returns 0 to
 * continue, any other value to stop.
 */
typedef int (*dirty_run_fn)(void *opaque, uint64_t addr, uint64_t len);

/*
 * Read and clear the marks in the range, and call @fn for each run. The marks of a run are cleared before
 * @fn is called, so @fn may read the data. If @fn stops, its run (all of it) and everything after it is marked
 * again before the function returns.
 *
 * Returns 0, or what @fn returned to stop.
 */
int dirty_read_clear(struct vfmig_dirty *map, uint64_t addr, uint64_t len, dirty_run_fn fn,
		     void *opaque);

/* Call @fn for the same runs without clearing them. As dirty_test(). */
int dirty_read(struct vfmig_dirty *map, uint64_t addr, uint64_t len, dirty_run_fn fn, void *opaque);

/* Clear the marks in the range, except those of partial pages. */
void dirty_clear(struct vfmig_dirty *map, uint64_t addr, uint64_t len);

/*
 * Read and clear the marks in [iova, iova + len), and set their bits in a bitmap in the format of the uAPI (see
 * dirty_mark_bitmap()). Bits are only set, never cleared: several maps can be read into one bitmap, and the caller
 * zeroes it first.
 *
 * @page_size:  any power of two. Smaller than the map's: each dirty page sets all its bits.
 *              Larger: one dirty page sets the bit, and all pages of the bit (in the range) are cleared.
 * @bitmap:     dirty_bitmap_bytes(len, page_size) bytes, the caller's own; written without
 *              atomics.
 *
 * Returns 0; -EINVAL, without effect, if page_size is not a power of two.
 */
int dirty_read_clear_bitmap(struct vfmig_dirty *map, uint64_t iova, uint64_t len,
			    uint64_t page_size, uint64_t *bitmap);

/* Size in bytes of a bitmap of len bytes at page_size (a power of two): whole 64-bit words. */
size_t dirty_bitmap_bytes(uint64_t len, uint64_t page_size);

/*
 * Read and clear the marks in the range, and mark the same bytes in each of the @count maps @into (none of
 * them @map itself), whose base, size and page size may differ. Usually each is the cursor of one reader.
 *
 * When it returns, everything that was marked before the call is marked in all of @into. Between clearing and
 * marking, a mark is in neither map. Therefore callers that merge the same map must hold a mutex (the space's):
 * otherwise one of them can return before the other has set a mark that the first one's reader must see.
 */
void dirty_merge(struct vfmig_dirty *map, uint64_t addr, uint64_t len,
		 struct vfmig_dirty *const *into, size_t count);

/* ---- measuring ---- */

/* The cost of a map. Counts are since its creation. */
struct dirty_stats {
	size_t bytes;		    /* memory in use */
	uint64_t leaves;	    /* stretches of 32768 pages with memory */
	uint64_t summaries_visited; /* summary words read by walks */
	uint64_t words_visited;	    /* words of 64 pages read by walks */
};

/* A walk adds its counts when it ends. */
void dirty_get_stats(const struct vfmig_dirty *map, struct dirty_stats *stats);

#ifdef __cplusplus
}
#endif

#endif
