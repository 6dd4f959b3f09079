/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which pages of a space were written: trackers gather, cursors take.
 *
 * Every reader has a map of its own, so that what one takes is not gone for another. To collect is to have
 * each tracker mark what it knows in one fresh map, and then to pour that into the map of every cursor. While
 * nobody reads, nothing is tracked.
 *
 * Whatever goes wrong makes pages dirty that are not, never the other way: a log that fails, or one that had to
 * begin anew, marks everything. By the uAPI a log that failed once is not to be believed again, so it is begun
 * anew; where that fails, too, every collection does, until it works.
 */
#include <errno.h>
#include <stdlib.h>

#include "device/space_map.h"
#include "dirty/map.h"

struct vfmig_tracked {
	const struct vfmig_tracker *tracker;
	bool runs;
	bool blind; /* it should run, and could not begin */
	struct vfmig_tracked *next;
};

static void mark_cursors(struct vfmig_space *space, uint64_t iova, uint64_t size)
{
	for (size_t i = 0; i < space->reader_count; i++)
		vfmig_dirty_mark(space->readers[i], iova, size);
}

static void mark_all(struct vfmig_space *space)
{
	for (size_t i = 0; i < space->count; i++)
		mark_cursors(space, space->entries[i]->map.iova, space->entries[i]->map.size);
}

static void pour(struct vfmig_space *space, struct vfmig_dirty *fresh)
{
	vfmig_dirty_gather(fresh, 0, UINT64_MAX, space->readers, space->reader_count);
}

/* ---- starting and stopping; a tracker that does not run is left alone ---- */

/* A device without a log must have an added tracker that speaks for it. */
static bool spoken_for(struct vfmig_space *space, struct vfmig_device *device)
{
	for (struct vfmig_tracked *t = space->tracked; t; t = t->next)
		if (t->tracker->device == device)
			return true;
	return false;
}

static int start_log(struct vfmig_space *space, struct vfmig_attachment *a, struct vfmig_error *err)
{
	int ret;

	if (spoken_for(space, a->device))
		return 0;
	ret = vfmig_device_log_check(a->device, err);
	return ret ? ret : vfmig_device_log_start(a->device, space, &a->logs, err);
}

/* Readers that take everything for what is not known go on with a device that cannot tell. */
static int begin_log(struct vfmig_space *space, struct vfmig_attachment *a, struct vfmig_error *err)
{
	int ret = start_log(space, a, space->strict ? err : NULL);

	a->blind = ret && !space->strict;
	return a->blind ? 0 : ret;
}

static void stop_log(struct vfmig_attachment *a)
{
	if (a->logs)
		vfmig_device_log_stop(a->device, NULL);
	a->logs = a->blind = false;
}

/* Whoever calls this marks everything after it: what was written in between is known to nobody. */
static void restart_log(struct vfmig_space *space, struct vfmig_attachment *a)
{
	stop_log(a);
	a->blind = start_log(space, a, NULL) != 0;
}

static int start_tracker(struct vfmig_space *space, struct vfmig_tracked *t,
			 struct vfmig_error *err)
{
	int ret = t->tracker->start ? t->tracker->start(t->tracker->context, space, err) : 0;

	t->runs = !ret;
	return ret;
}

static int begin_tracker(struct vfmig_space *space, struct vfmig_tracked *t,
			 struct vfmig_error *err)
{
	int ret = start_tracker(space, t, space->strict ? err : NULL);

	t->blind = ret && !space->strict;
	return t->blind ? 0 : ret;
}

static void stop_tracker(struct vfmig_tracked *t)
{
	if (t->runs && t->tracker->stop)
		t->tracker->stop(t->tracker->context);
	t->runs = t->blind = false;
}

/* As with a log. */
static void restart_tracker(struct vfmig_space *space, struct vfmig_tracked *t)
{
	stop_tracker(t);
	t->blind = start_tracker(space, t, NULL) != 0;
}

static void restart_blind(struct vfmig_space *space)
{
	for (struct vfmig_attachment *a = space->attached; a; a = a->next)
		if (a->blind)
			restart_log(space, a);
	for (struct vfmig_tracked *t = space->tracked; t; t = t->next)
		if (t->blind)
			restart_tracker(space, t);
}

void vfmig_space_dirty_stop(struct vfmig_space *space)
{
	for (struct vfmig_tracked *t = space->tracked; t; t = t->next)
		stop_tracker(t);
	for (struct vfmig_attachment *a = space->attached; a; a = a->next)
		stop_log(a);
}

int vfmig_space_dirty_start(struct vfmig_space *space, struct vfmig_error *err)
{
	int ret = 0;

	for (struct vfmig_attachment *a = space->attached; a && !ret; a = a->next)
		ret = begin_log(space, a, err);
	for (struct vfmig_tracked *t = space->tracked; t && !ret; t = t->next)
		ret = begin_tracker(space, t, err);
	if (ret)
		vfmig_space_dirty_stop(space);
	return ret;
}

int vfmig_space_dirty_all_tell(struct vfmig_space *space, struct vfmig_error *err)
{
	int ret = 0;

	for (struct vfmig_attachment *a = space->attached; a && !ret; a = a->next)
		if (a->blind)
			ret = vfmig_device_log_check(a->device, err);
	return ret;
}

/* ---- collecting ---- */

static int collect_log(struct vfmig_attachment *a, const struct vfmig_map *map,
		       struct vfmig_dirty *into, struct vfmig_error *err)
{
	int ret = 0;

	if (a->blind)
		return vfmig_err(
			err, -EIO,
			"device %s: its log of what it writes has failed, or did not begin",
			a->device->name);
	if (a->logs)
		ret = vfmig_device_log_collect(a->device, map->iova, map->size, into, err);
	a->blind = ret != 0;
	return ret;
}

static int collect_tracker(struct vfmig_tracked *t, const struct vfmig_map *map,
			   struct vfmig_dirty *into, struct vfmig_error *err)
{
	int ret;

	if (t->blind)
		return vfmig_err(err, -EIO, "tracker %s could not begin anew", t->tracker->name);
	if (!t->runs)
		return 0;
	ret = t->tracker->collect(t->tracker->context, map->iova, map->size, into, err);
	return ret ? vfmig_err_at(err, ret, "tracker %s", t->tracker->name) : 0;
}

/* One map's worth of every tracker. A failure dirties the map; the first is returned. */
static int collect_map(struct vfmig_space *space, const struct vfmig_map *map,
		       struct vfmig_dirty *into, struct vfmig_error *err)
{
	int first = 0, ret;

	for (struct vfmig_attachment *a = space->attached; a; a = a->next) {
		ret = collect_log(a, map, into, first ? NULL : err);
		first = first ? first : ret;
	}
	for (struct vfmig_tracked *t = space->tracked; t; t = t->next) {
		ret = collect_tracker(t, map, into, first ? NULL : err);
		first = first ? first : ret;
	}
	return first;
}

int vfmig_space_dirty_collect(struct vfmig_space *space, uint64_t iova, uint64_t last,
			      struct vfmig_error *err)
{
	struct vfmig_dirty *fresh;
	int first = vfmig_dirty_create(&fresh, NULL), ret;

	if (first) {
		mark_all(space);
		return vfmig_err(err, first, "no memory to collect written pages");
	}
	for (size_t i = vfmig_space_find(space, iova); i < space->count; i++) {
		if (space->entries[i]->map.iova > last)
			break;
		ret = collect_map(space, &space->entries[i]->map, fresh, first ? NULL : err);
		first = first ? first : ret;
	}
	pour(space, fresh);
	vfmig_dirty_free(fresh);
	if (first) {
		restart_blind(space);
		mark_all(space);
	}
	return first;
}

/* ---- what space.c tells ---- */

void vfmig_space_dirty_mapped(struct vfmig_space *space, const struct vfmig_map *map)
{
	if (!space->reader_count)
		return;
	/*
	 * The logs were given their ranges when they began, and the trackers looked for theirs, so they begin
	 * anew. What is written between the end of one and the beginning of the next is known to nobody:
	 * everything is dirty. Maps change seldom while memory moves; a lost page is for ever.
	 */
	for (struct vfmig_attachment *a = space->attached; a; a = a->next)
		restart_log(space, a);
	for (struct vfmig_tracked *t = space->tracked; t; t = t->next)
		restart_tracker(space, t);
	mark_all(space);
}

void vfmig_space_dirty_unmapped(struct vfmig_space *space, const struct vfmig_map *map)
{
	struct vfmig_dirty *fresh;

	if (!space->reader_count)
		return;
	if (vfmig_dirty_create(&fresh, NULL)) {
		mark_cursors(space, map->iova, map->size);
		return;
	}
	if (collect_map(space, map, fresh, NULL)) {
		vfmig_dirty_mark(fresh, map->iova, map->size);
		restart_blind(space);
		mark_all(space);
	}
	pour(space, fresh);
	vfmig_dirty_free(fresh);
}

int vfmig_space_dirty_attached(struct vfmig_space *space, struct vfmig_attachment *attachment,
			       struct vfmig_error *err)
{
	int ret = space->reader_count ? begin_log(space, attachment, err) : 0;

	/* It had its maps before its log, and may be running. */
	if (!ret)
		mark_all(space);
	return ret;
}

void vfmig_space_dirty_detached(struct vfmig_space *space, struct vfmig_attachment *attachment)
{
	struct vfmig_dirty *fresh;
	int ret = 0;

	if (!attachment->logs && !attachment->blind)
		return;
	if (vfmig_dirty_create(&fresh, NULL)) {
		mark_all(space);
	} else {
		for (size_t i = 0; i < space->count && !ret; i++)
			ret = collect_log(attachment, &space->entries[i]->map, fresh, NULL);
		pour(space, fresh);
		vfmig_dirty_free(fresh);
		if (ret)
			mark_all(space);
	}
	stop_log(attachment);
}

void vfmig_space_dirty_fini(struct vfmig_space *space)
{
	while (space->tracked) {
		struct vfmig_tracked *t = space->tracked;

		space->tracked = t->next;
		stop_tracker(t);
		free(t);
	}
	free(space->readers);
}

/* ---- trackers ---- */

int vfmig_space_add_tracker(struct vfmig_space *space, const struct vfmig_tracker *tracker,
			    struct vfmig_error *err)
{
	struct vfmig_tracked *t = calloc(1, sizeof(*t));
	int ret = 0;

	if (!t)
		return vfmig_err(err, -ENOMEM, "no memory for tracker %s", tracker->name);
	t->tracker = tracker;
	pthread_mutex_lock(&space->admin);
	if (space->reader_count)
		ret = begin_tracker(space, t, err);
	if (!ret) {
		t->next = space->tracked;
		space->tracked = t;
		/* What it would have told until now is told by nobody. */
		mark_all(space);
	}
	pthread_mutex_unlock(&space->admin);
	if (ret)
		free(t);
	return ret;
}

/* Who spoke for a device has gone: its own log again. */
static void log_after(struct vfmig_space *space, struct vfmig_device *device)
{
	for (struct vfmig_attachment *a = space->attached; a && space->reader_count; a = a->next)
		if (a->device == device)
			restart_log(space, a);
	mark_all(space);
}

void vfmig_space_remove_tracker(struct vfmig_space *space, const struct vfmig_tracker *tracker)
{
	struct vfmig_tracked **at, *t;

	pthread_mutex_lock(&space->admin);
	for (at = &space->tracked; *at && (*at)->tracker != tracker; at = &(*at)->next)
		;
	t = *at;
	if (t) {
		if (t->runs || t->blind)
			vfmig_space_dirty_collect(space, 0, UINT64_MAX, NULL);
		stop_tracker(t);
		*at = t->next;
		free(t);
		if (tracker->device)
			log_after(space, tracker->device);
	}
	pthread_mutex_unlock(&space->admin);
}

void vfmig_space_only_devices_write(struct vfmig_space *space)
{
	pthread_mutex_lock(&space->admin);
	space->only_devices = true;
	pthread_mutex_unlock(&space->admin);
}

bool vfmig_space_cpu_tells(struct vfmig_space *space)
{
	bool tells;

	pthread_mutex_lock(&space->admin);
	tells = space->only_devices || spoken_for(space, NULL);
	pthread_mutex_unlock(&space->admin);
	return tells;
}
