/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which pages of a space were written: trackers mark them, cursors read and clear them.
 *
 * Every reader has a map of its own, so that a page that one cursor clears stays dirty for the
 * others. A collection has each tracker mark its pages in one fresh map, and then merges that map
 * into the map of every cursor that reads the tracker. So the one log of a device serves a
 * container's tracking, the device's own logging and the engine together. A log or tracker that no
 * cursor reads is stopped.
 *
 * Every failure marks pages dirty that are not, never the other way: a log that fails, or that had
 * to start anew, marks everything. By the uAPI a log that failed once must not be trusted again, so
 * it is started anew. If that fails, too, each collection tries again until it works.
 */
#include <errno.h>
#include <stdlib.h>

#include "device/space_map.h"
#include "dirty/map.h"

struct space_tracked {
	const struct vfmig_tracker *tracker;
	bool runs;
	bool untracked; /* it should run, and could not begin */
	struct space_tracked *next;
};

/* Does a reader read what @device writes? NULL: what no device of its own wrote, as the CPU. */
static bool reads(const struct vfmig_cursor *reader, const struct vfmig_device *device)
{
	return !reader->device || reader->device == device;
}

static bool wanted(const struct vfmig_space *space, const struct vfmig_device *device)
{
	for (const struct vfmig_cursor *r = space->readers; r; r = r->next)
		if (reads(r, device))
			return true;
	return false;
}

static bool strict(const struct vfmig_space *space, const struct vfmig_device *device)
{
	for (const struct vfmig_cursor *r = space->readers; r; r = r->next)
		if (r->strict && reads(r, device))
			return true;
	return false;
}

static void mark(struct vfmig_space *space, const struct vfmig_device *device, uint64_t iova,
		 uint64_t size)
{
	for (struct vfmig_cursor *r = space->readers; r; r = r->next)
		if (reads(r, device))
			vfmig_dirty_mark(r->dirty, iova, size);
}

/* What @device may have written: everything that is mapped. */
static void mark_maps(struct vfmig_space *space, const struct vfmig_device *device)
{
	SPACE_FOR_EACH (entry, space)
		mark(space, device, entry->map.iova, entry->map.size);
}

static void mark_all(struct vfmig_space *space)
{
	for (struct vfmig_cursor *r = space->readers; r; r = r->next)
		SPACE_FOR_EACH (entry, space)
			vfmig_dirty_mark(r->dirty, entry->map.iova, entry->map.size);
}

/* What @device wrote, to all that read it. */
static void pour(struct vfmig_space *space, const struct vfmig_device *device,
		 struct vfmig_dirty *fresh)
{
	size_t n = 0;

	for (struct vfmig_cursor *r = space->readers; r; r = r->next)
		if (reads(r, device))
			space->into[n++] = r->dirty;
	dirty_merge(fresh, 0, UINT64_MAX, space->into, n);
}

/* ---- starting and stopping; a tracker that does not run is left alone ---- */

/* A device without a log must have an added tracker that speaks for it. */
static bool spoken_for(struct vfmig_space *space, struct vfmig_device *device)
{
	for (struct space_tracked *t = space->tracked; t; t = t->next)
		if (t->tracker->device == device)
			return true;
	return false;
}

static int start_log(struct vfmig_space *space, struct space_attachment *a, struct vfmig_error *err)
{
	int ret;

	if (spoken_for(space, a->device))
		return 0;
	ret = device_log_check(a->device, err);
	return ret ? ret : device_log_start(a->device, space, &a->logs, err);
}

/* Readers that count unlogged memory as dirty continue with a device that has no log. */
static int begin_log(struct vfmig_space *space, struct space_attachment *a, struct vfmig_error *err)
{
	bool must = strict(space, a->device);
	int ret = start_log(space, a, must ? err : NULL);

	a->untracked = ret && !must;
	return a->untracked ? 0 : ret;
}

static void stop_log(struct space_attachment *a)
{
	if (a->logs)
		device_log_stop(a->device, NULL);
	a->logs = a->untracked = false;
}

/* The caller marks everything afterwards: writes in between are in no log. */
static void restart_log(struct vfmig_space *space, struct space_attachment *a)
{
	stop_log(a);
	a->untracked = start_log(space, a, NULL) != 0;
}

static int start_tracker(struct vfmig_space *space, struct space_tracked *t,
			 struct vfmig_error *err)
{
	int ret = t->tracker->start ? t->tracker->start(t->tracker->context, space, err) : 0;

	t->runs = !ret;
	return ret;
}

static int begin_tracker(struct vfmig_space *space, struct space_tracked *t,
			 struct vfmig_error *err)
{
	bool must = strict(space, t->tracker->device);
	int ret = start_tracker(space, t, must ? err : NULL);

	t->untracked = ret && !must;
	return t->untracked ? 0 : ret;
}

static void stop_tracker(struct space_tracked *t)
{
	if (t->runs && t->tracker->stop)
		t->tracker->stop(t->tracker->context);
	t->runs = t->untracked = false;
}

/* As with a log. */
static void restart_tracker(struct vfmig_space *space, struct space_tracked *t)
{
	stop_tracker(t);
	t->untracked = start_tracker(space, t, NULL) != 0;
}

/*
 * Restart the logs that failed, and mark everything, since their devices may have written
 * meanwhile.
 */
static void restart_untracked(struct vfmig_space *space)
{
	for (struct space_attachment *a = space->attached; a; a = a->next) {
		if (!a->untracked)
			continue;
		restart_log(space, a);
		mark_maps(space, a->device);
	}
	for (struct space_tracked *t = space->tracked; t; t = t->next) {
		if (!t->untracked)
			continue;
		restart_tracker(space, t);
		mark_maps(space, t->tracker->device);
	}
}

void space_dirty_stop(struct vfmig_space *space)
{
	for (struct space_tracked *t = space->tracked; t; t = t->next)
		if (!wanted(space, t->tracker->device))
			stop_tracker(t);
	for (struct space_attachment *a = space->attached; a; a = a->next)
		if (!wanted(space, a->device))
			stop_log(a);
}

/* Each collection restarts a log that has failed; a device without a log stays untracked. */
static int start_for(struct vfmig_space *space, const struct vfmig_cursor *reader,
		     struct space_attachment *a, struct vfmig_error *err)
{
	if (a->logs)
		return 0;
	if (!a->untracked)
		return begin_log(space, a, err);
	return reader->strict ? device_log_check(a->device, err) : 0;
}

int space_dirty_start(struct vfmig_space *space, const struct vfmig_cursor *reader,
		      struct vfmig_error *err)
{
	int ret = 0;

	for (struct space_attachment *a = space->attached; a && !ret; a = a->next)
		if (reads(reader, a->device))
			ret = start_for(space, reader, a, err);
	for (struct space_tracked *t = space->tracked; t && !ret; t = t->next)
		if (reads(reader, t->tracker->device) && !t->runs && !t->untracked)
			ret = begin_tracker(space, t, err);
	return ret;
}

/* ---- collecting ---- */

static int merge_log(struct space_attachment *a, const struct vfmig_map *map,
		     struct vfmig_dirty *into, struct vfmig_error *err)
{
	int ret = 0;

	if (a->untracked)
		return vfmig_err(
			err, -EIO,
			"device %s: DMA logging failed or could not be started; all its pages count as dirty",
			a->device->name);
	if (a->logs)
		ret = device_log_read_clear(a->device, map->iova, map->size, into, err);
	a->untracked = ret != 0;
	return ret;
}

static int merge_tracker(struct space_tracked *t, const struct vfmig_map *map,
			 struct vfmig_dirty *into, struct vfmig_error *err)
{
	int ret;

	if (t->untracked)
		return vfmig_err(err, -EIO,
				 "tracker %s could not be restarted; all its pages count as dirty",
				 t->tracker->name);
	if (!t->runs)
		return 0;
	ret = t->tracker->read_clear(t->tracker->context, map->iova, map->size, into, err);
	return ret ? vfmig_err_at(err, ret, "tracker %s", t->tracker->name) : 0;
}

/* One map's worth of every tracker. A failure dirties the map; the first is returned. */
static int merge_map(struct vfmig_space *space, const struct vfmig_map *map,
		     struct vfmig_dirty *fresh, struct vfmig_error *err)
{
	int first = 0, ret;

	for (struct space_attachment *a = space->attached; a; a = a->next) {
		ret = merge_log(a, map, fresh, first ? NULL : err);
		pour(space, a->device, fresh);
		if (ret)
			mark(space, a->device, map->iova, map->size);
		first = first ? first : ret;
	}
	for (struct space_tracked *t = space->tracked; t; t = t->next) {
		ret = merge_tracker(t, map, fresh, first ? NULL : err);
		pour(space, t->tracker->device, fresh);
		if (ret)
			mark(space, t->tracker->device, map->iova, map->size);
		first = first ? first : ret;
	}
	return first;
}

int space_dirty_merge(struct vfmig_space *space, uint64_t iova, uint64_t last,
		      struct vfmig_error *err)
{
	struct space_entry *entry;
	struct vfmig_dirty *fresh;
	int first, ret;

	if (!space->readers)
		return 0;
	first = dirty_create(&fresh, NULL);
	if (first) {
		mark_all(space);
		return vfmig_err(err, first, "no memory to collect dirty pages");
	}
	for (entry = space_find(space, iova); entry && entry->map.iova <= last;
	     entry = space_next(space, entry)) {
		ret = merge_map(space, &entry->map, fresh, first ? NULL : err);
		first = first ? first : ret;
	}
	dirty_free(fresh);
	if (first)
		restart_untracked(space);
	return first;
}

/* ---- notifications from space.c ---- */

void space_dirty_mapped(struct vfmig_space *space, const struct vfmig_map *map)
{
	if (!space->readers)
		return;
	/*
	 * The logs were given their ranges when they started, and the trackers looked up theirs, so
	 * all of them start anew. Writes between the stop and the start are in no log: everything
	 * is marked dirty. Maps seldom change while memory is migrated, and a lost page cannot be
	 * recovered.
	 */
	for (struct space_attachment *a = space->attached; a; a = a->next)
		if (wanted(space, a->device))
			restart_log(space, a);
	for (struct space_tracked *t = space->tracked; t; t = t->next)
		if (wanted(space, t->tracker->device))
			restart_tracker(space, t);
	mark_all(space);
}

void space_dirty_unmapped(struct vfmig_space *space, const struct vfmig_map *map)
{
	struct vfmig_dirty *fresh;

	if (!space->readers)
		return;
	if (dirty_create(&fresh, NULL)) {
		for (struct vfmig_cursor *r = space->readers; r; r = r->next)
			vfmig_dirty_mark(r->dirty, map->iova, map->size);
		return;
	}
	if (merge_map(space, map, fresh, NULL))
		restart_untracked(space);
	dirty_free(fresh);
}

int space_dirty_attached(struct vfmig_space *space, struct space_attachment *attachment,
			 struct vfmig_error *err)
{
	int ret = wanted(space, attachment->device) ? begin_log(space, attachment, err) : 0;

	/* It had its maps before its log, and may be running. */
	if (!ret)
		mark_maps(space, attachment->device);
	return ret;
}

void space_dirty_detached(struct vfmig_space *space, struct space_attachment *attachment)
{
	struct vfmig_dirty *fresh;
	int ret = 0;

	if (!attachment->logs && !attachment->untracked)
		return;
	if (dirty_create(&fresh, NULL)) {
		mark_maps(space, attachment->device);
	} else {
		SPACE_FOR_EACH (entry, space)
			ret = ret ? ret : merge_log(attachment, &entry->map, fresh, NULL);
		pour(space, attachment->device, fresh);
		dirty_free(fresh);
		if (ret)
			mark_maps(space, attachment->device);
	}
	stop_log(attachment);
}

void space_dirty_fini(struct vfmig_space *space)
{
	while (space->tracked) {
		struct space_tracked *t = space->tracked;

		space->tracked = t->next;
		stop_tracker(t);
		free(t);
	}
	free(space->into);
}

/* ---- trackers ---- */

int vfmig_space_add_tracker(struct vfmig_space *space, const struct vfmig_tracker *tracker,
			    struct vfmig_error *err)
{
	struct space_tracked *t = calloc(1, sizeof(*t));
	int ret = 0;

	if (!t)
		return vfmig_err(err, -ENOMEM, "no memory for tracker %s", tracker->name);
	t->tracker = tracker;
	pthread_mutex_lock(&space->admin);
	if (wanted(space, tracker->device))
		ret = begin_tracker(space, t, err);
	if (!ret) {
		t->next = space->tracked;
		space->tracked = t;
		/* The pages that its log held are lost with it. */
		mark_maps(space, tracker->device);
	}
	pthread_mutex_unlock(&space->admin);
	if (ret)
		free(t);
	return ret;
}

/* The tracker that stood in for a device has gone: use the device's own log again. */
static void log_after(struct vfmig_space *space, struct vfmig_device *device)
{
	for (struct space_attachment *a = space->attached; a; a = a->next)
		if (a->device == device && wanted(space, device))
			restart_log(space, a);
	mark_maps(space, device);
}

void vfmig_space_remove_tracker(struct vfmig_space *space, const struct vfmig_tracker *tracker)
{
	struct space_tracked **at, *t;

	pthread_mutex_lock(&space->admin);
	for (at = &space->tracked; *at && (*at)->tracker != tracker; at = &(*at)->next)
		;
	t = *at;
	if (t) {
		if (t->runs || t->untracked)
			space_dirty_merge(space, 0, UINT64_MAX, NULL);
		stop_tracker(t);
		*at = t->next;
		free(t);
		if (tracker->device)
			log_after(space, tracker->device);
	}
	pthread_mutex_unlock(&space->admin);
}

void vfmig_space_set_no_cpu_writes(struct vfmig_space *space)
{
	pthread_mutex_lock(&space->admin);
	space->only_devices = true;
	pthread_mutex_unlock(&space->admin);
}

bool space_cpu_tells(struct vfmig_space *space)
{
	bool tells;

	pthread_mutex_lock(&space->admin);
	tells = space->only_devices || spoken_for(space, NULL);
	pthread_mutex_unlock(&space->admin);
	return tells;
}
