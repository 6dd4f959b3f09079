/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Cursors: each reader of a space's written pages has a map of its own, which space_dirty.c pours what it
 * collects into. The first reader starts the tracking, the last one ends it.
 *
 * A strict reader has a space refuse a device that cannot tell what it writes; another one gets everything
 * instead. As long as there is a strict one, the space is strict.
 */
#include <errno.h>
#include <stdlib.h>

#include "device/space_map.h"
#include "dirty/map.h"

struct vfmig_cursor {
	struct vfmig_space *space;
	struct vfmig_dirty *dirty; /* one of the space's readers */
	bool strict;
};

static int add_reader(struct vfmig_space *space, struct vfmig_dirty *dirty)
{
	size_t n = space->reader_count;
	struct vfmig_dirty **grown = realloc(space->readers, (n + 1) * sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	grown[n] = dirty;
	space->readers = grown;
	space->reader_count++;
	return 0;
}

static void remove_reader(struct vfmig_space *space, struct vfmig_dirty *dirty)
{
	size_t i = 0;

	while (space->readers[i] != dirty)
		i++;
	space->readers[i] = space->readers[--space->reader_count];
}

/*
 * What was written before is the older readers' only: they collect it before the new one is among them. The
 * first one starts the trackers.
 */
static int begin(struct vfmig_space *space, struct vfmig_dirty *dirty, bool strict,
		 struct vfmig_error *err)
{
	int ret = 0;

	space->strict += strict;
	if (!space->reader_count)
		ret = vfmig_space_dirty_start(space, err);
	else if (vfmig_space_dirty_collect(space, 0, UINT64_MAX, NULL) && strict)
		ret = vfmig_space_dirty_all_tell(space, err);
	if (!ret && add_reader(space, dirty)) {
		if (!space->reader_count)
			vfmig_space_dirty_stop(space);
		ret = vfmig_err(err, -ENOMEM, "no memory for a cursor");
	}
	if (ret)
		space->strict -= strict;
	return ret;
}

static int open_cursor(struct vfmig_space *space, bool strict, struct vfmig_cursor **cursor,
		       struct vfmig_error *err)
{
	struct vfmig_cursor *c = calloc(1, sizeof(*c));
	int ret = c ? vfmig_dirty_create(&c->dirty, NULL) : -ENOMEM;

	if (ret) {
		free(c);
		return vfmig_err(err, ret, "no memory for a cursor");
	}
	c->space = space;
	c->strict = strict;
	pthread_mutex_lock(&space->admin);
	ret = begin(space, c->dirty, strict, err);
	pthread_mutex_unlock(&space->admin);
	if (ret) {
		vfmig_dirty_free(c->dirty);
		free(c);
		return ret;
	}
	*cursor = c;
	return 0;
}

int vfmig_cursor_open(struct vfmig_space *space, struct vfmig_cursor **cursor,
		      struct vfmig_error *err)
{
	return open_cursor(space, true, cursor, err);
}

int vfmig_cursor_open_any(struct vfmig_space *space, struct vfmig_cursor **cursor,
			  struct vfmig_error *err)
{
	return open_cursor(space, false, cursor, err);
}

void vfmig_cursor_close(struct vfmig_cursor *cursor)
{
	struct vfmig_space *space;

	if (!cursor)
		return;
	space = cursor->space;
	pthread_mutex_lock(&space->admin);
	remove_reader(space, cursor->dirty);
	space->strict -= cursor->strict;
	if (!space->reader_count)
		vfmig_space_dirty_stop(space);
	pthread_mutex_unlock(&space->admin);
	vfmig_dirty_free(cursor->dirty);
	free(cursor);
}

int vfmig_cursor_collect_range(struct vfmig_cursor *cursor, uint64_t iova, uint64_t last,
			       struct vfmig_error *err)
{
	int ret;

	pthread_mutex_lock(&cursor->space->admin);
	ret = vfmig_space_dirty_collect(cursor->space, iova, last, err);
	pthread_mutex_unlock(&cursor->space->admin);
	return ret;
}

int vfmig_cursor_collect(struct vfmig_cursor *cursor, struct vfmig_error *err)
{
	return vfmig_cursor_collect_range(cursor, 0, UINT64_MAX, err);
}

uint64_t vfmig_cursor_pages(struct vfmig_cursor *cursor)
{
	return vfmig_dirty_count(cursor->dirty, 0, UINT64_MAX);
}

int vfmig_cursor_take(struct vfmig_cursor *cursor, uint64_t iova, uint64_t size,
		      int (*fn)(void *context, uint64_t iova, uint64_t size), void *context)
{
	return vfmig_dirty_harvest(cursor->dirty, iova, size, fn, context);
}

void vfmig_cursor_mark(struct vfmig_cursor *cursor, uint64_t iova, uint64_t size)
{
	vfmig_dirty_mark(cursor->dirty, iova, size);
}

void vfmig_cursor_gather(struct vfmig_cursor *cursor, uint64_t iova, uint64_t size,
			 struct vfmig_dirty *into)
{
	vfmig_dirty_gather(cursor->dirty, iova, size, &into, 1);
}
