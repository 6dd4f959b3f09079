/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The memory that moves: its maps, which of its pages were written, and which were never touched.
 */
#ifndef ENGINE_MEMORY_H
#define ENGINE_MEMORY_H

#include <vfmig/migration.h>

struct channel_buffer;
struct space_entry; /* device/space.h */

/* What the memory of a map consists of, which decides how its untouched pages are found (holes.c). */
enum engine_backing {
	ENGINE_BACKING_NONE, /* they cannot be found */
	ENGINE_BACKING_FILE,
	ENGINE_BACKING_MEMORY,
	ENGINE_BACKING_PAGES,
	ENGINE_BACKING_HUGE,
};

/*
 * A map of memory.
 * @covered: bytes from its start that were found in the mappings of the process, and are of @backing
 */
struct engine_map {
	uint32_t space;
	uint32_t prot;
	uint64_t iova, size;
	uint8_t *ptr;
	int fd;
	uint64_t fd_offset;
	enum engine_backing backing;
	uint64_t covered;
};

/* Written pages of a region, from @offset in it; the first @data bytes are known not to be a hole. */
struct engine_run {
	uint32_t region;
	uint64_t offset, size;
	uint64_t data;
};

#define ENGINE_RUNS 128u

/*
 * All maps, and how far a round of the source is.
 * @sizes: of the regions, as abi_stream_check_hello() takes them
 * @at, @next: the region that runs are taken from, and the offset in it
 * @runs: written pages that were taken from a cursor and not sent yet; [@first, @count)
 * @drained: nothing is left in this round
 * @left: bytes of this round that are not sent yet
 * @progress_bytes: what the last progress event reported
 */
struct engine_memory {
	struct vfmig_space **spaces;
	struct vfmig_cursor **cursors;
	uint32_t space_count;
	struct engine_map *regions;
	uint64_t *sizes;
	uint32_t region_count;
	uint64_t total;
	uint32_t at;
	uint64_t next;
	struct engine_run runs[ENGINE_RUNS];
	unsigned first, count;
	bool drained;
	uint64_t left;
	uint64_t progress_bytes;
};

/* ---- memory_maps.c ---- */

/* Find the maps of all spaces. */
int engine_memory_find(struct engine_memory *memory, struct vfmig_error *err);
/* Fails with -EBUSY if the maps have changed. */
int engine_memory_check(struct engine_memory *memory, struct vfmig_error *err);
/*
 * Hold a region while its bytes are accessed. The map may be removed at any time, and its memory with it; the removal
 * waits until the region is released. -EBUSY if the map has changed.
 */
int engine_memory_hold(const struct engine_memory *memory, uint32_t region,
		       struct space_entry **held, struct vfmig_error *err);
void engine_memory_release(const struct engine_memory *memory, uint32_t region,
			   struct space_entry *held);

/* ---- memory.c ---- */

/* Begin to track writes. All pages count as written. */
int engine_memory_track(struct vfmig_migration *m, struct vfmig_error *err);
void engine_memory_untrack(struct engine_memory *memory);
/* Begin a round: collect the written pages. 1 if a tracker failed, which makes all pages count as written. */
int engine_memory_merge(struct vfmig_migration *m, struct vfmig_error *err);
/* Put sections of written pages into a buffer. 1, 0 if none are left in this round, or an error. */
int engine_memory_fill(struct vfmig_migration *m, struct channel_buffer *buffer,
		       struct vfmig_error *err);
void engine_memory_free(struct engine_memory *memory);

/* ---- holes.c ---- */

/* Find out what the memory of all regions consists of. */
void engine_holes_init(struct engine_memory *memory);
/*
 * How many bytes from @offset on, up to @size, are a hole (*hole), or may be data. At least a page. The region is held.
 */
uint64_t engine_hole_find(const struct engine_map *at, const struct space_entry *held,
			  uint64_t offset, uint64_t size, bool *hole);
/* Make bytes zero; a hole stays a hole. */
void engine_hole_zero(const struct engine_map *at, const struct space_entry *held, uint64_t offset,
		      uint64_t size);

/* ---- page.c ---- */

/* Copy a page that may be written meanwhile; returns whether any byte of the copy is not zero. */
bool engine_page_copy(void *to, const void *from);
bool engine_page_zero(const void *page);
/* Make bytes zero, without writing to pages that are zero already. */
void engine_bytes_zero(void *at, uint64_t len);

#endif
