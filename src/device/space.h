/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The inside of a space: what devices reach through it.
 */
#ifndef DEVICE_SPACE_H
#define DEVICE_SPACE_H

#include <vfmig/space.h>

/**
 * space_dma() - a device's access to its space
 * @space: the space that it is attached to
 * @iova: the first address; the access may cross maps
 * @buf: the data
 * @len: bytes
 * @write: to (true) or from (false) the space
 * @log: where a write is marked, after the data is there; NULL for none
 *
 * Blocks if a map is remote or another device's region. An unmap waits for it.
 *
 * Return: 0; -EFAULT if an address is not mapped or the map does not allow the access (bytes before
 * it may have been transferred, and are marked); or the error of the memory or region behind the
 * map.
 */
int space_dma(struct vfmig_space *space, uint64_t iova, void *buf, size_t len, bool write,
	      struct vfmig_dirty *log, struct vfmig_error *err);

/** space_count() - how many maps there are */
size_t space_count(struct vfmig_space *space);

/** space_each_in() - vfmig_space_each() of those maps only that touch [@iova, @last] */
int space_each_in(struct vfmig_space *space, uint64_t iova, uint64_t last,
		  int (*fn)(void *context, const struct vfmig_map *map), void *context);

/** space_unmap_to() - vfmig_space_unmap() of [@iova, @last], which may be all of the space */
int space_unmap_to(struct vfmig_space *space, uint64_t iova, uint64_t last,
		   struct vfmig_error *err);

struct space_entry;

/**
 * space_hold() - get at mapped memory directly, for a model that works in place
 * @space: the space
 * @iova: where
 * @len: in: how many bytes are wanted; out: how many of them are contiguous there
 * @write: whether the caller will write; the caller marks the pages, after the data
 * @held: filled in, for space_release()
 *
 * Return: the bytes, which stay mapped until space_release(); NULL if the address is not memory,
 * not mapped or not allowed. Hold it only for a short time: an unmap waits for it. A caller may
 * hold several at the same time.
 */
void *space_hold(struct vfmig_space *space, uint64_t iova, size_t *len, bool write,
		 struct space_entry **held);
void space_release(struct vfmig_space *space, struct space_entry *held);

/* Is it known what the CPU writes, by a tracker, or because it writes nothing? */
bool space_cpu_tells(struct vfmig_space *space);

/* ---- cursors, for code that exposes a space to another program ---- */

/**
 * cursor_open_any() - vfmig_cursor_open() that accepts untracked devices
 *
 * A device without a log, or a log or tracker that does not start, is no failure: each collection
 * then marks everything dirty, as a kernel's container does for devices without tracking. Such a
 * device may also be attached later. A cursor of vfmig_cursor_open() still refuses it.
 */
int cursor_open_any(struct vfmig_space *space, struct vfmig_cursor **cursor,
		    struct vfmig_error *err);

/**
 * cursor_open_device() - a cursor that reads only what one attached device writes
 *
 * Independent of all other cursors: it needs no log but this device's, and takes nothing from the others. Close it before
 * the device is detached.
 *
 * Return: 0; -EOPNOTSUPP if the device has no log; -ENOMEM; or what the device returned at START.
 */
int cursor_open_device(struct vfmig_space *space, const struct vfmig_device *device,
		       struct vfmig_cursor **cursor, struct vfmig_error *err);

/** cursor_collect_range() - vfmig_cursor_merge() from those maps only that touch [@iova, @last] */
int cursor_collect_range(struct vfmig_cursor *cursor, uint64_t iova, uint64_t last,
			 struct vfmig_error *err);

/** cursor_gather() - take the written pages of a range out of a cursor, into a map of one's own */
void cursor_gather(struct vfmig_cursor *cursor, uint64_t iova, uint64_t size,
		   struct vfmig_dirty *into);

#endif
