/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Cursors: each reader of a space's written pages has a map of its own, into which space_dirty.c pours what it
 * collects. A log or tracker runs while a reader needs it.
 *
 * A strict reader has a space refuse a device that cannot tell what it writes; another one gets everything
 * instead. A reader of one device's writes needs the log of this device and nothing else.
 */
#include <errno.h>
#include <stdlib.h>

#include "device/space_map.h"
#include "dirty/map.h"

static void remove_reader(struct vfmig_space *space, struct vfmig_cursor *cursor)
{
	struct vfmig_cursor **at = &space->readers;

	while (*at != cursor)
		at = &(*at)->next;
	*at = cursor->next;
	space->reader_count--;
	space_dirty_stop(space);
}

/* What was written before is the older readers' only: they collect it before the new one is among them. */
static int begin(struct vfmig_space *space, struct vfmig_cursor *cursor, struct vfmig_error *err)
{
	struct vfmig_dirty **into = realloc(space->into, (space->reader_count + 1) * sizeof(*into));
	int ret;

	if (!into)
		return vfmig_err(err, -ENOMEM, "no memory for a cursor");
	space->into = into;
	space_dirty_merge(space, 0, UINT64_MAX, NULL);
	cursor->next = space->readers;
	space->readers = cursor;
	space->reader_count++;
	ret = space_dirty_start(space, cursor, err);
	if (ret)
		remove_reader(space, cursor);
	return ret;
}

static int open_cursor(struct vfmig_space *space, const struct vfmig_device *device, bool strict,
		       struct vfmig_cursor **cursor, struct vfmig_error *err)
{
	struct vfmig_cursor *c = calloc(1, sizeof(*c));
	int ret = c ? dirty_create(&c->dirty, NULL) : -ENOMEM;

	if (ret) {
		free(c);
		return vfmig_err(err, ret, "no memory for a cursor");
	}
	c->space = space;
	c->device = device;
	c->strict = strict;
	pthread_mutex_lock(&space->admin);
	ret = begin(space, c, err);
	pthread_mutex_unlock(&space->admin);
	if (ret) {
		dirty_free(c->dirty);
		free(c);
		return ret;
	}
	*cursor = c;
	return 0;
}

int vfmig_cursor_open(struct vfmig_space *space, struct vfmig_cursor **cursor,
		      struct vfmig_error *err)
{
	return open_cursor(space, NULL, true, cursor, err);
}

int cursor_open_any(struct vfmig_space *space, struct vfmig_cursor **cursor,
		    struct vfmig_error *err)
{
	return open_cursor(space, NULL, false, cursor, err);
}

int cursor_open_device(struct vfmig_space *space, const struct vfmig_device *device,
		       struct vfmig_cursor **cursor, struct vfmig_error *err)
{
	return open_cursor(space, device, true, cursor, err);
}

void vfmig_cursor_close(struct vfmig_cursor *cursor)
{
	struct vfmig_space *space;

	if (!cursor)
		return;
	space = cursor->space;
	pthread_mutex_lock(&space->admin);
	remove_reader(space, cursor);
	pthread_mutex_unlock(&space->admin);
	dirty_free(cursor->dirty);
	free(cursor);
}

int cursor_collect_range(struct vfmig_cursor *cursor, uint64_t iova, uint64_t last,
			 struct vfmig_error *err)
{
	int ret;

	pthread_mutex_lock(&cursor->space->admin);
	ret = space_dirty_merge(cursor->space, iova, last, err);
	pthread_mutex_unlock(&cursor->space->admin);
	return ret;
}

int vfmig_cursor_merge(struct vfmig_cursor *cursor, struct vfmig_error *err)
{
	return cursor_collect_range(cursor, 0, UINT64_MAX, err);
}

uint64_t vfmig_cursor_pages(struct vfmig_cursor *cursor)
{
	return dirty_count(cursor->dirty, 0, UINT64_MAX);
}

int vfmig_cursor_read_clear(struct vfmig_cursor *cursor, uint64_t iova, uint64_t size,
			    int (*fn)(void *context, uint64_t iova, uint64_t size), void *context)
{
	return dirty_read_clear(cursor->dirty, iova, size, fn, context);
}

void vfmig_cursor_mark(struct vfmig_cursor *cursor, uint64_t iova, uint64_t size)
{
	vfmig_dirty_mark(cursor->dirty, iova, size);
}

void cursor_gather(struct vfmig_cursor *cursor, uint64_t iova, uint64_t size,
		   struct vfmig_dirty *into)
{
	dirty_merge(cursor->dirty, iova, size, &into, 1);
}
