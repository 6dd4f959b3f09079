/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Spaces: an I/O address space that devices are attached to.
 *
 * The kernel calls it a container or an IOAS; in vfio-user it is the DMA table. It maps memory, regions of other
 * devices (peer-to-peer), or memory that is accessed by a callback (of a vfio-user client that does not share
 * its memory).
 *
 * A space also reports which pages were written. A tracker provides the dirty pages of one writer: the DMA log of each
 * attached device, which the space starts and reads itself, and trackers that the caller adds for memory that the CPU
 * writes. Each reader has its own cursor with a copy of all dirty pages, so readers do not affect each other.
 *
 * All functions may be called from any thread and concurrently, except vfmig_space_free().
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

/* Maps begin and end at multiples of this, as the kernel's do on x86. */
#define VFMIG_PAGE_SIZE 4096u
/* The kernel's default for a container (dma_entry_limit). */
#define VFMIG_SPACE_MAX_MAPS 65535u

enum vfmig_map_kind {
	VFMIG_MAP_MEMORY, /* memory of this process: @ptr, and @fd to share it */
	VFMIG_MAP_REGION, /* a region of another device */
	VFMIG_MAP_REMOTE, /* accessed by the callback @access */
};

/**
 * vfmig_remote_fn() - access memory of a map of kind VFMIG_MAP_REMOTE
 * @context: from the map
 * @iova: address in the space
 * @buf: source or destination in this process
 * @len: in bytes
 * @write: true: to the space; false: from it
 *
 * Called without locks; may wait. Return: 0 or a negative errno.
 */
typedef int (*vfmig_remote_fn)(void *context, uint64_t iova, void *buf, size_t len, bool write,
			       struct vfmig_error *err);

/**
 * struct vfmig_map - a range of a space and what it maps
 * @iova: start of the range; a multiple of VFMIG_PAGE_SIZE
 * @size: in bytes; a multiple of VFMIG_PAGE_SIZE, not 0; @iova + @size must not exceed 2^64
 * @prot: VFMIG_PROT_READ, VFMIG_PROT_WRITE or both: the access of devices
 * @kind: what it maps
 * @ptr: MEMORY: the memory; the caller keeps it mapped as long as the map exists
 * @fd: MEMORY: a descriptor to map the same memory from, or -1; must stay open as long as the map exists. A migration
 *	uses it to find pages that were never touched, which changes its file position
 * @fd_offset: MEMORY: offset of the memory in @fd
 * @device: REGION: the device; must outlive the map. Attached devices may send requests to it, so it must be processed
 *	(by vfmig_device_start(), or by an event loop in another thread)
 * @region: REGION: index of the region
 * @region_offset: REGION: offset in the region
 * @access: REMOTE: the callback
 * @context: REMOTE: passed to the callback
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

/** vfmig_space_new() - create an empty space; returns NULL if memory is short */
struct vfmig_space *vfmig_space_new(void);

/**
 * vfmig_space_free() - detach all devices and free a space; NULL is allowed
 *
 * Close all cursors first, and all sessions that were opened on devices while these were attached: a session of a pfn
 * device is a tracker of the space.
 */
void vfmig_space_free(struct vfmig_space *space);

/**
 * vfmig_space_map() - add a map to a space
 * @space: the space
 * @map: the map; copied
 *
 * Notifies each attached device; if one fails, the others are notified of the removal and nothing is mapped. While the
 * space is tracked, the new range counts as written.
 *
 * Return: 0; -EINVAL if misaligned, empty or past the end; -EEXIST if it overlaps; -ENOSPC beyond
 * VFMIG_SPACE_MAX_MAPS; or the error of a device.
 */
int vfmig_space_map(struct vfmig_space *space, const struct vfmig_map *map,
		    struct vfmig_error *err);

/**
 * vfmig_space_unmap() - remove all maps in a range
 * @space: the space
 * @iova: start of the range
 * @size: of the range, in bytes
 *
 * Waits for DMA in flight. When it returns, no attached device accesses the range any more. Pages that were written
 * there stay in the cursors.
 *
 * Return: 0; -ENOENT if nothing is mapped there; -EINVAL if the range splits a map (nothing is unmapped); or
 * the error of a device (the maps are removed all the same).
 */
int vfmig_space_unmap(struct vfmig_space *space, uint64_t iova, uint64_t size,
		      struct vfmig_error *err);

/**
 * vfmig_space_each() - call a function for each map, in order of IOVA
 * @space: the space
 * @fn: the function; a return value other than 0 ends the loop. It must not map or unmap in this space
 * @context: passed to @fn
 *
 * Return: 0, or the value that @fn returned.
 */
int vfmig_space_each(struct vfmig_space *space,
		     int (*fn)(void *context, const struct vfmig_map *map), void *context);

/**
 * vfmig_space_attach() - attach a device and notify it of each map
 *
 * Return: 0; -EBUSY if the device is attached to a space; or the error of the device (it is detached then).
 */
int vfmig_space_attach(struct vfmig_space *space, struct vfmig_device *device,
		       struct vfmig_error *err);

/**
 * vfmig_space_detach() - detach a device; if the space is tracked, the pages that it wrote are merged first
 */
int vfmig_space_detach(struct vfmig_space *space, struct vfmig_device *device,
		       struct vfmig_error *err);

/**
 * vfmig_space_read() - read from a space, across maps, as a device without a log would
 * @space: the space
 * @iova: address in the space
 * @buf: destination
 * @len: in bytes
 *
 * For users and tests. Return: 0; -EFAULT at the first byte that is not mapped or not readable (the
 * sentence contains its address; bytes before it may have been read).
 */
int vfmig_space_read(struct vfmig_space *space, uint64_t iova, void *buf, size_t len,
		     struct vfmig_error *err);

/**
 * vfmig_space_write() - write to a space, likewise; marks nothing: a tracker for the CPU reports such writes
 */
int vfmig_space_write(struct vfmig_space *space, uint64_t iova, const void *buf, size_t len,
		      struct vfmig_error *err);

/* ---- which pages were written ---- */

/**
 * struct vfmig_tracker - callbacks that report the pages that one writer has written
 * @name: for messages
 * @device: the attached device whose writes it reports, instead of that device's own log; NULL: it reports writes by the
 *	CPU
 * @start: start tracking: writes after its return are reported. May be NULL. Called again after @stop when a map is
 *	added
 * @read_clear: mark the pages in @into that were written in [@iova, @iova + @size) since the last call, and clear them
 * @stop: stop tracking. May be NULL
 * @context: passed to the callbacks
 *
 * If @read_clear fails, the whole space counts as written. The callbacks of one space run one at a time. Changes to its
 * maps, attachments and trackers wait meanwhile, so the callbacks must not make any; DMA does not wait.
 */
struct vfmig_tracker {
	const char *name;
	struct vfmig_device *device;
	int (*start)(void *context, struct vfmig_space *space, struct vfmig_error *err);
	int (*read_clear)(void *context, uint64_t iova, uint64_t size, struct vfmig_dirty *into,
			  struct vfmig_error *err);
	void (*stop)(void *context);
	void *context;
};

/**
 * vfmig_space_add_tracker() - add a tracker for writes that the logs of attached devices do not contain
 * @space: the space
 * @tracker: must stay valid until it is removed; started immediately if the space is tracked
 */
int vfmig_space_add_tracker(struct vfmig_space *space, const struct vfmig_tracker *tracker,
			    struct vfmig_error *err);

/**
 * vfmig_space_remove_tracker() - merge a tracker's pages a last time if it runs, stop it and remove it
 *
 * If it replaced the log of a device, that log takes over, and the whole space counts as written once.
 */
void vfmig_space_remove_tracker(struct vfmig_space *space, const struct vfmig_tracker *tracker);

/**
 * vfmig_space_set_no_cpu_writes() - declare that the CPU does not write to the memory of a space
 *
 * A source of a migration rejects a space with memory and without a tracker for the CPU (one whose @device is NULL),
 * because such writes would be lost. This declares that there are none from the start of the migration until its end,
 * or that the caller sends them in another way. It cannot be undone.
 */
void vfmig_space_set_no_cpu_writes(struct vfmig_space *space);

/**
 * vfmig_dirty_mark() - mark pages as written; for the callback @read_clear of a tracker
 * @dirty: the parameter of @read_clear
 * @iova: start of the range; need not be aligned
 * @size: in bytes
 *
 * May be called from any thread; takes no lock.
 */
void vfmig_dirty_mark(struct vfmig_dirty *dirty, uint64_t iova, uint64_t size);

struct vfmig_cursor;

/**
 * vfmig_cursor_open() - start to read the dirty pages of a space
 * @space: the space
 * @cursor: the reader's own; the caller closes it before it frees the space
 *
 * The first cursor starts the trackers: the log of each attached device, then those that were added. A new cursor is
 * empty: earlier writes are not reported.
 *
 * Return: 0; -EOPNOTSUPP if an attached device can write and has no log; or the error of a tracker. If it fails,
 * tracking is as it was before.
 */
int vfmig_cursor_open(struct vfmig_space *space, struct vfmig_cursor **cursor,
		      struct vfmig_error *err);

/** vfmig_cursor_close() - close a cursor; the last one stops the trackers; NULL is allowed */
void vfmig_cursor_close(struct vfmig_cursor *cursor);

/**
 * vfmig_cursor_merge() - merge the pages of all trackers into all cursors of the space
 *
 * Return: 0, or the error of the first tracker that failed: the whole space counts as written for every cursor, so the
 * caller may continue.
 */
int vfmig_cursor_merge(struct vfmig_cursor *cursor, struct vfmig_error *err);

/** vfmig_cursor_pages() - the number of dirty pages in a cursor; may change concurrently */
uint64_t vfmig_cursor_pages(struct vfmig_cursor *cursor);

/**
 * vfmig_cursor_read_clear() - read and clear the dirty ranges of a cursor, in order
 * @cursor: the cursor
 * @iova: start of the range to search
 * @size: of the range, in bytes
 * @fn: called for each run of dirty pages, after they were cleared. A return value other than 0 ends the loop, and the
 *	run that it was called with is marked again
 * @context: passed to @fn
 *
 * Return: 0, or the value that @fn returned.
 */
int vfmig_cursor_read_clear(struct vfmig_cursor *cursor, uint64_t iova, uint64_t size,
			    int (*fn)(void *context, uint64_t iova, uint64_t size), void *context);

/** vfmig_cursor_mark() - mark a range in one cursor (again), because it could not be handled */
void vfmig_cursor_mark(struct vfmig_cursor *cursor, uint64_t iova, uint64_t size);

#ifdef __cplusplus
}
#endif
#endif
