/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The part that the files of a space share: the table of maps (space.c, space_dma.c), the attached
 * devices (space.c), and the tracking of writes (space_dirty.c, space_cursor.c).
 *
 * Locks, outermost first:
 *  - admin: changes of maps, attachments and tracking, one at a time. Held over requests to
 *    devices;
 *  - table: the tree of maps. DMA reads it, for as long as it takes to find a map and add to its
 *    count.
 * DMA takes only the second, so that a device can do DMA while it serves a request made under the
 * first.
 */
#ifndef DEVICE_SPACE_MAP_H
#define DEVICE_SPACE_MAP_H

#include "device/device.h"
#include "device/ranges.h"
#include "device/space.h"

/* A map in a space. DMA that is under way holds a use; an unmap waits for the last to end. */
struct space_entry {
	struct ranges_node range; /* first, so that a range is its entry */
	struct vfmig_map map;
	atomic_uint uses;
};

struct space_attachment {
	struct vfmig_device *device;
	bool logs; /* its DMA log runs, for this space */
	bool untracked; /* it should, and does not, or it failed: each collection makes everything dirty */
	struct space_attachment *next;
};

struct space_tracked; /* space_dirty.c */

/*
 * A reader of written pages.
 * @dirty: what was collected and not taken yet
 * @device: only what this device writes; NULL: what anything writes
 * @strict: fails to open, and keeps other devices from being attached, if a device cannot tell what it writes
 */
struct vfmig_cursor {
	struct vfmig_space *space;
	struct vfmig_dirty *dirty;
	const struct vfmig_device *device;
	bool strict;
	struct vfmig_cursor *next;
};

struct vfmig_space {
	pthread_mutex_t admin;
	pthread_rwlock_t table;
	struct ranges maps;

	pthread_mutex_t idle_lock;
	pthread_cond_t idle; /* a use has ended */
	atomic_uint leaving; /* how many entries are waited for */

	struct space_attachment *attached;
	struct space_tracked *tracked; /* trackers that were added */
	bool only_devices;	       /* the CPU does not write here */
	struct vfmig_cursor *readers;
	size_t reader_count;
	struct vfmig_dirty **into; /* capacity for the map of each reader */
};

/* The first entry that ends at @iova or after it, and the one behind an entry; or NULL. Under the table lock or admin. */
static inline struct space_entry *space_find(const struct vfmig_space *space, uint64_t iova)
{
	return (struct space_entry *)ranges_find(&space->maps, iova);
}

static inline struct space_entry *space_next(const struct vfmig_space *space,
					     const struct space_entry *entry)
{
	return (struct space_entry *)ranges_next(&space->maps, &entry->range);
}

#define SPACE_FOR_EACH(entry, space)                                                               \
	for (struct space_entry *entry = space_find(space, 0); entry;                              \
	     entry = space_next(space, entry))

/* ---- for space_cursor.c, under admin ---- */

/*
 * Start the logs and trackers that @reader, which is among the readers, needs and that do not run yet. If the reader is
 * not strict, what cannot start is blind. -EOPNOTSUPP if it is strict and a device has no log at all.
 */
int space_dirty_start(struct vfmig_space *space, const struct vfmig_cursor *reader,
		      struct vfmig_error *err);
/* Stop the logs and trackers that no reader needs. */
void space_dirty_stop(struct vfmig_space *space);
/* Collect from the maps in [iova, last]. A failure makes everything dirty, wherever it was. */
int space_dirty_merge(struct vfmig_space *space, uint64_t iova, uint64_t last,
		      struct vfmig_error *err);

/* ---- for space.c, under admin; all do nothing while no cursor is open ---- */

/* A map was added: it counts as written, and the devices' logs restart to cover it. */
void space_dirty_mapped(struct vfmig_space *space, const struct vfmig_map *map);
/* A map is going, after the devices have let go of it: collect what was written there. */
void space_dirty_unmapped(struct vfmig_space *space, const struct vfmig_map *map);
/* A device has come, with the maps: start its log. */
int space_dirty_attached(struct vfmig_space *space, struct space_attachment *attachment,
			 struct vfmig_error *err);
/* A device has gone, and writes no more: collect from it, and stop its log. */
void space_dirty_detached(struct vfmig_space *space, struct space_attachment *attachment);
/* Free what was added. */
void space_dirty_fini(struct vfmig_space *space);

/* ---- device_log.c: a device's DMA logging (VFIO_DEVICE_FEATURE_DMA_LOGGING_*) ---- */

/* 0 if the device has a log, -EOPNOTSUPP if not, or the error of the query. */
int device_log_check(struct vfmig_device *device, struct vfmig_error *err);
/* Start it over the ranges that @space maps. Without maps, it starts no log: 0, not *started. */
int device_log_start(struct vfmig_device *device, struct vfmig_space *space, bool *started,
		     struct vfmig_error *err);
int device_log_stop(struct vfmig_device *device, struct vfmig_error *err);
/* Read and clear the log over one range, into @into. */
int device_log_read_clear(struct vfmig_device *device, uint64_t iova, uint64_t size,
			  struct vfmig_dirty *into, struct vfmig_error *err);

#endif
