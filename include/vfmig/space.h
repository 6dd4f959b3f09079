/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Spaces: an I/O address space that devices are attached to.
 *
 * The kernel calls it a container or an IOAS; in vfio-user it is the DMA table. What it maps is memory,
 * a region of another device (peer-to-peer), or something that is only reached by asking (a vfio-user
 * client that keeps its memory to itself).
 *
 * A space also knows which pages were written. Whatever can tell is a tracker: the DMA log of each
 * attached device, which the space starts and reads by itself, and what its user adds for memory that
 * the CPU writes. They gather in one place; each reader has a cursor of its own, so that two readers
 * never take from each other.
 *
 * All functions may be called from any thread, and at the same time, but for vfmig_space_free().
 */
#ifndef VFMIG_SPACE_H
#define VFMIG_SPACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vfmig/error.h>

#ifdef __cplusplus
extern "C" {
#endif

struct vfmig_space;
struct vfmig_device;
struct vfmig_dirty;

#define VFMIG_PROT_READ	 (1u << 0) /* devices may read */
#define VFMIG_PROT_WRITE (1u << 1) /* devices may write */

/* Maps begin and end on a multiple of this, as the kernel's do on x86. */
#define VFMIG_PAGE_SIZE 4096u
/* As many as the kernel allows a container by default (dma_entry_limit). */
#define VFMIG_SPACE_MAX_MAPS 65535u

enum vfmig_map_kind {
	VFMIG_MAP_MEMORY, /* bytes of this process: @ptr, and @fd to show them to another */
	VFMIG_MAP_REGION, /* a region of another device */
	VFMIG_MAP_REMOTE, /* reached by calling @access */
};

/**
 * vfmig_remote_fn() - reach bytes that are only reached by asking
 * @context: from the map
 * @iova: where
 * @buf: from or to where
 * @len: how many bytes
 * @write: to (true) or from (false) the space
 *
 * Called without locks; may wait. Return: 0 or a negative errno.
 */
typedef int (*vfmig_remote_fn)(void *context, uint64_t iova, void *buf, size_t len, bool write,
			       struct vfmig_error *err);

/**
 * struct vfmig_map - a range of a space and what is behind it
 * @iova: where it begins; a multiple of VFMIG_PAGE_SIZE
 * @size: bytes; a multiple of VFMIG_PAGE_SIZE, not 0; @iova + @size must not pass 2^64
 * @prot: VFMIG_PROT_READ, VFMIG_PROT_WRITE or both: what *devices* may do
 * @kind: what is behind it
 * @ptr: MEMORY: its bytes, which the user keeps mapped as long as the map is there
 * @fd: MEMORY: a descriptor that others can map the same bytes from, or -1; borrowed as long as the map. A migration
 *	finds by it which pages were never touched, which moves its file offset
 * @fd_offset: MEMORY: where in @fd
 * @device: REGION: whose region; must outlive the map. Who is attached may ask it what can be mapped, so somebody works
 *	it meanwhile (vfmig_device_start(), or the caller's loop in another thread)
 * @region: REGION: its index
 * @region_offset: REGION: where in it
 * @access: REMOTE: how
 * @context: REMOTE: its argument
 */
struct vfmig_map {
	uint64_t iova;
	uint64_t size;
	uint32_t prot;
	enum vfmig_map_kind kind;
	void *ptr;
	int fd;
	uint64_t fd_offset;
	struct vfmig_device *device;
	uint32_t region;
	uint64_t region_offset;
	vfmig_remote_fn access;
	void *context;
};

/** vfmig_space_new() - an empty space; NULL if there is no memory for it */
struct vfmig_space *vfmig_space_new(void);

/**
 * vfmig_space_free() - detach what is attached, and free; NULL is fine
 *
 * Cursors must be closed, and sessions that were opened on devices while these were attached: the session on a pfn
 * device is a tracker of the space.
 */
void vfmig_space_free(struct vfmig_space *space);

/**
 * vfmig_space_map() - put a map into a space
 * @space: where to
 * @map: what; copied
 *
 * Tells each attached device; if one refuses, the others are told again and nothing is mapped. While the
 * space is tracked, the new range counts as written.
 *
 * Return: 0; -EINVAL if misaligned, empty or past the end; -EEXIST if it overlaps; -ENOSPC beyond
 * VFMIG_SPACE_MAX_MAPS; or what a device said.
 */
int vfmig_space_map(struct vfmig_space *space, const struct vfmig_map *map,
		    struct vfmig_error *err);

/**
 * vfmig_space_unmap() - take out all maps in a range
 * @space: where from
 * @iova: of the range
 * @size: of the range
 *
 * When it returns no attached device reaches the range any more. What was written there until then stays with
 * the cursors. Waits for DMA that is under way.
 *
 * Return: 0; -ENOENT if nothing is mapped there; -EINVAL if the range cuts a map in two (nothing is
 * unmapped then); or what a device said (the maps are gone all the same).
 */
int vfmig_space_unmap(struct vfmig_space *space, uint64_t iova, uint64_t size,
		      struct vfmig_error *err);

/**
 * vfmig_space_each() - go through the maps in order of IOVA
 * @space: whose
 * @fn: called for each; a return other than 0 ends it. Must not map or unmap in this space
 * @context: its argument
 *
 * Return: 0, or what @fn returned.
 */
int vfmig_space_each(struct vfmig_space *space,
		     int (*fn)(void *context, const struct vfmig_map *map), void *context);

/**
 * vfmig_space_attach() - attach a device: it gets the space, then each of its maps
 *
 * Return: 0; -EBUSY if it is attached already; or what the device said (it is detached then).
 */
int vfmig_space_attach(struct vfmig_space *space, struct vfmig_device *device,
		       struct vfmig_error *err);

/** vfmig_space_detach() - detach a device; what it wrote until then is collected where the space is tracked */
int vfmig_space_detach(struct vfmig_space *space, struct vfmig_device *device,
		       struct vfmig_error *err);

/**
 * vfmig_space_read() - read through a space, across maps, as a device with no log would
 * @space: what
 * @iova: where
 * @buf: to where
 * @len: bytes
 *
 * For users and tests. Return: 0; -EFAULT at the first byte that is not mapped or not readable (the
 * sentence names it; bytes before it may have been read).
 */
int vfmig_space_read(struct vfmig_space *space, uint64_t iova, void *buf, size_t len,
		     struct vfmig_error *err);

/** vfmig_space_write() - the other way; marks nothing: what the CPU writes is the CPU tracker's to tell */
int vfmig_space_write(struct vfmig_space *space, uint64_t iova, const void *buf, size_t len,
		      struct vfmig_error *err);

/* ---- which pages were written ---- */

/**
 * struct vfmig_tracker - something that can tell which pages of a space were written
 * @name: for messages
 * @device: the attached device whose writes it tells, in place of that device's own log; or NULL: it tells what the CPU
 *	writes
 * @start: begin; what is written from its return on is told. NULL: nothing to do. Called again, after @stop,
 *	when a map has come
 * @collect: mark in @into what was written in [@iova, @iova + @size) since the last time, and forget it
 * @stop: end. NULL: nothing to do
 * @context: their argument
 *
 * A failure of @collect makes all of the space dirty. The callbacks run one at a time per space. Changes to the
 * space's maps, attachments and trackers wait meanwhile, so they must not make any; DMA does not.
 */
struct vfmig_tracker {
	const char *name;
	struct vfmig_device *device;
	int (*start)(void *context, struct vfmig_space *space, struct vfmig_error *err);
	int (*collect)(void *context, uint64_t iova, uint64_t size, struct vfmig_dirty *into,
		       struct vfmig_error *err);
	void (*stop)(void *context);
	void *context;
};

/**
 * vfmig_space_add_tracker() - add one for what the devices' own logs do not see
 * @space: where
 * @tracker: borrowed until it is removed; started if the space is tracked already
 */
int vfmig_space_add_tracker(struct vfmig_space *space, const struct vfmig_tracker *tracker,
			    struct vfmig_error *err);

/**
 * vfmig_space_remove_tracker() - collect from it once more if it was running, stop it, forget it
 *
 * If it spoke for a device, that device's own log takes over, and all of the space counts as written once.
 */
void vfmig_space_remove_tracker(struct vfmig_space *space, const struct vfmig_tracker *tracker);

/**
 * vfmig_space_only_devices_write() - say that the CPU does not write to this space's memory
 *
 * A source of a migration refuses a space with memory that has no tracker for what the CPU writes (one whose
 * @device is NULL), as those writes would be lost. This says that there are none to track from the start of the
 * migration until it is over, or that the caller sends them in another way. It cannot be taken back.
 */
void vfmig_space_only_devices_write(struct vfmig_space *space);

/**
 * vfmig_dirty_mark() - for a tracker's @collect: these pages were written
 * @dirty: what @collect was given
 * @iova: where; need not be aligned
 * @size: bytes
 *
 * Safe from any thread, without locks.
 */
void vfmig_dirty_mark(struct vfmig_dirty *dirty, uint64_t iova, uint64_t size);

struct vfmig_cursor;

/**
 * vfmig_cursor_open() - begin to read what is written in a space
 * @space: which
 * @cursor: the reader's own; close it before the space
 *
 * The first cursor starts the trackers: the log of each attached device, then those that were added.
 * It begins clean: what was written before is not told.
 *
 * Return: 0; -EOPNOTSUPP if an attached device can write and has no log; or what a tracker said. In case
 * of a failure nothing is tracked that was not before.
 */
int vfmig_cursor_open(struct vfmig_space *space, struct vfmig_cursor **cursor,
		      struct vfmig_error *err);

/** vfmig_cursor_close() - the last one stops the trackers; NULL is fine */
void vfmig_cursor_close(struct vfmig_cursor *cursor);

/**
 * vfmig_cursor_collect() - have every tracker tell what it has, to all cursors of the space
 *
 * Return: 0, or the first tracker's failure: all of the space counts as written then, for every cursor,
 * so that the caller may go on, at a price.
 */
int vfmig_cursor_collect(struct vfmig_cursor *cursor, struct vfmig_error *err);

/** vfmig_cursor_pages() - how many pages this cursor has not taken yet; goes on changing meanwhile */
uint64_t vfmig_cursor_pages(struct vfmig_cursor *cursor);

/**
 * vfmig_cursor_take() - take written ranges out of a cursor, in order
 * @cursor: whose
 * @iova: of the range to look in
 * @size: of it
 * @fn: called for each run of written pages; they are taken before it is called. A return other than 0
 *	ends it, and the run that it was called with is put back
 * @context: its argument
 *
 * Return: 0, or what @fn returned.
 */
int vfmig_cursor_take(struct vfmig_cursor *cursor, uint64_t iova, uint64_t size,
		      int (*fn)(void *context, uint64_t iova, uint64_t size), void *context);

/** vfmig_cursor_mark() - put a range (back) into one cursor: it was not dealt with after all */
void vfmig_cursor_mark(struct vfmig_cursor *cursor, uint64_t iova, uint64_t size);

#ifdef __cplusplus
}
#endif
#endif
