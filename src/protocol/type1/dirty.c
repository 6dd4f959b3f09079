/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A space as a type1 container: written pages, and unmapping.
 *
 * Logging is a cursor on the space. A query moves the pages of its answer out of the cursor in one
 * step, into a map of its own, and only then writes the user's bitmap, without the lock. If that
 * write fails, all of the range goes back to the cursor. An unmap queries after the space has
 * released the range, so that a device has no time to write between the last query and the end.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/type1/driver.h"

/* The part of a user's bitmap that is processed in one go: 2 GiB of its space. */
#define PIECE_WORDS 8192u
#define PIECE_SIZE  ((uint64_t)PIECE_WORDS * 64 * VFMIG_PAGE_SIZE)

static int refuse(const char *why, struct vfmig_error *err)
{
	return vfmig_err(err, -EINVAL, "%s", why);
}

static int refuse_unlogged(struct vfmig_error *err)
{
	return refuse("dirty bitmap: logging is not started; send START first", err);
}

/* ---- the user's bitmap ---- */

static int user_read(const struct vfmig_type1_user *user, uint64_t addr, void *buf, size_t len)
{
	if (user && user->read)
		return user->read(user->context, addr, buf, len);
	memcpy(buf, (const void *)(uintptr_t)addr, len);
	return 0;
}

static int user_write(const struct vfmig_type1_user *user, uint64_t addr, const void *buf,
		      size_t len)
{
	if (user && user->write)
		return user->write(user->context, addr, buf, len);
	memcpy((void *)(uintptr_t)addr, buf, len);
	return 0;
}

/*
 * OR one piece of the written pages into the bitmap; without @dirty, only check that the bitmap is
 * accessible.
 */
static int pour_piece(const struct type1_sink *sink, struct vfmig_dirty *dirty, uint64_t iova,
		      uint64_t size, uint64_t at, uint64_t *words)
{
	size_t bytes = dirty_bitmap_bytes(size, VFMIG_PAGE_SIZE);
	int ret = user_read(sink->user, at, words, bytes);

	if (!ret && dirty)
		ret = dirty_read_clear_bitmap(dirty, iova, size, VFMIG_PAGE_SIZE, words);
	return ret ? ret : user_write(sink->user, at, words, bytes);
}

static int pour(const struct type1_sink *sink, struct vfmig_dirty *dirty, uint64_t iova,
		uint64_t size)
{
	bool here = !sink->user || (!sink->user->read && !sink->user->write);
	uint64_t at = sink->data, *words;
	int ret = 0;

	if (here && !at)
		return -EFAULT;
	if (here && !(at & 7))
		return dirty ? dirty_read_clear_bitmap(dirty, iova, size, VFMIG_PAGE_SIZE,
						       (uint64_t *)(uintptr_t)at)
			     : 0;
	words = malloc(PIECE_WORDS * sizeof(*words));
	if (!words)
		return -ENOMEM;
	while (size && !ret) {
		uint64_t piece = size < PIECE_SIZE ? size : PIECE_SIZE;

		ret = pour_piece(sink, dirty, iova, piece, at, words);
		at += PIECE_WORDS * sizeof(*words);
		iova += piece;
		size -= piece;
	}
	free(words);
	return ret;
}

static int cannot_pour(int code, struct vfmig_error *err)
{
	return vfmig_err(err, code, "dirty bitmap: the buffer is not writable");
}

/* ---- queries ---- */

/* Read and clear what was written in the range and not reported. Called with the lock held. */
static int take(struct vfmig_type1 *t, uint64_t iova, uint64_t size, struct vfmig_dirty *into,
		struct vfmig_error *err)
{
	struct type1_look look = {.iova = iova, .last = iova + (size - 1)};

	if (!t->cursor)
		return refuse_unlogged(err);
	type1_get_state(t, &look);
	if (look.cut)
		return refuse("GET_BITMAP: the range splits a map", err);
	/* If a log fails, everything is dirty: that is a valid answer. */
	cursor_collect_range(t->cursor, look.iova, look.last, NULL);
	cursor_gather(t->cursor, iova, size, into);
	return 0;
}

int type1_do_dirty(struct vfmig_type1 *t, uint64_t iova, uint64_t size,
		   const struct type1_sink *sink, struct vfmig_error *err)
{
	struct vfmig_dirty *dirty;
	int ret = dirty_create(&dirty, NULL);

	if (ret)
		return vfmig_err(err, ret, "no memory for a dirty bitmap");
	pthread_mutex_lock(&t->lock);
	ret = take(t, iova, size, dirty, err);
	pthread_mutex_unlock(&t->lock);
	if (!ret) {
		ret = pour(sink, dirty, iova, size);
		if (ret) {
			pthread_mutex_lock(&t->lock);
			if (t->cursor)
				vfmig_cursor_mark(t->cursor, iova, size);
			pthread_mutex_unlock(&t->lock);
			cannot_pour(ret, err);
		}
	}
	dirty_free(dirty);
	return ret;
}

int vfmig_type1_get_dirty_bitmap(struct vfmig_type1 *t, uint64_t iova, uint64_t size,
				 uint64_t pgsize, void *bitmap, size_t bytes,
				 struct vfmig_error *err)
{
	struct vfmig_type1_dirty_get get = {.iova = iova, .size = size};
	struct type1_sink sink = {.data = (uintptr_t)bitmap};
	const char *why;

	get.bitmap = (struct vfmig_type1_bitmap){
		.pgsize = pgsize, .size = bytes, .data = (uintptr_t)bitmap};
	why = abi_type1_check_dirty_get(&get, VFMIG_PAGE_SIZE);
	return why ? refuse(why, err) : type1_do_dirty(t, iova, size, &sink, err);
}

/* ---- starting and stopping ---- */

int vfmig_type1_start_logging(struct vfmig_type1 *t, struct vfmig_error *err)
{
	struct type1_look look = {.last = UINT64_MAX};
	int ret = 0;

	pthread_mutex_lock(&t->lock);
	if (!t->cursor) {
		type1_get_state(t, &look);
		if (look.largest > VFMIG_TYPE1_BITMAP_PAGES_MAX)
			ret = refuse("START: a map has more pages than the log supports", err);
		else
			ret = cursor_open_any(t->space, &t->cursor, err);
	}
	pthread_mutex_unlock(&t->lock);
	return ret;
}

void vfmig_type1_stop_logging(struct vfmig_type1 *t)
{
	pthread_mutex_lock(&t->lock);
	vfmig_cursor_close(t->cursor);
	t->cursor = NULL;
	pthread_mutex_unlock(&t->lock);
}

/* ---- unmapping ---- */

static int forget(void *context, uint64_t iova, uint64_t size)
{
	return 0;
}

/*
 * The maps that an unmap of [look->iova, look->last] covers; 0 or -EINVAL. In VFIO_TYPE1_IOMMU a
 * range that begins within a map unmaps nothing, and one that ends within a map unmaps all of it.
 */
static int look_to_unmap(struct vfmig_type1 *t, struct type1_look *look, struct vfmig_error *err)
{
	type1_get_state(t, look);
	if (!look->cut)
		return 0;
	if (!t->v1)
		return refuse("UNMAP_DMA: the range splits a map", err);
	if (look->start < look->iova) {
		look->touches = false;
		look->covered = 0;
	} else if (look->end > look->last) {
		look->last = look->end;
	}
	return 0;
}

/*
 * Called with the lock held. Even if a device fails, the maps are gone, and the written pages are
 * known.
 */
static int unmap(struct vfmig_type1 *t, uint64_t iova, uint64_t last, uint64_t *size,
		 struct vfmig_dirty *into, struct vfmig_error *err)
{
	struct type1_look look = {.iova = iova, .last = last};
	/* The length of the whole space does not fit in 64 bits; this value means as much. */
	uint64_t asked = last - iova == UINT64_MAX ? UINT64_MAX : last - iova + 1;
	int ret;

	if (into && !t->cursor)
		return refuse_unlogged(err);
	ret = look_to_unmap(t, &look, err);
	if (ret)
		return ret;
	*size = look.covered;
	if (look.touches)
		ret = space_unmap_to(t->space, iova, look.last, err);
	if (into)
		cursor_gather(t->cursor, iova, asked, into);
	else if (t->cursor)
		vfmig_cursor_read_clear(t->cursor, iova, asked, forget, NULL);
	return ret;
}

int type1_do_unmap(struct vfmig_type1 *t, uint64_t iova, uint64_t *size,
		   const struct type1_sink *sink, struct vfmig_error *err)
{
	struct vfmig_dirty *dirty = NULL;
	uint64_t asked = *size;
	int ret = 0, poured;

	if (sink) {
		/*
		 * Check the bitmap first: once the maps are gone, the written pages cannot be
		 * reported elsewhere.
		 */
		ret = pour(sink, NULL, iova, asked);
		if (ret)
			return cannot_pour(ret, err);
		if (dirty_create(&dirty, NULL))
			return vfmig_err(err, -ENOMEM, "no memory for a dirty bitmap");
	}
	pthread_mutex_lock(&t->lock);
	ret = unmap(t, iova, iova + (asked - 1), size, dirty, err);
	pthread_mutex_unlock(&t->lock);
	if (sink) {
		poured = pour(sink, dirty, iova,
			      asked); /* reports nothing if the unmap was refused */
		if (poured && !ret)
			ret = cannot_pour(poured, err);
		dirty_free(dirty);
	}
	return ret;
}

int vfmig_type1_unmap(struct vfmig_type1 *t, uint64_t iova, uint64_t *size, void *bitmap,
		      size_t bytes, struct vfmig_error *err)
{
	struct vfmig_type1_dma_unmap numbers = {
		.argsz = sizeof(numbers) + sizeof(struct vfmig_type1_bitmap),
		.flags = bitmap ? VFMIG_DMA_UNMAP_GET_DIRTY_BITMAP : 0,
		.iova = iova,
		.size = *size};
	struct vfmig_type1_bitmap described = {
		.pgsize = VFMIG_PAGE_SIZE, .size = bytes, .data = (uintptr_t)bitmap};
	struct type1_sink sink = {.data = (uintptr_t)bitmap};
	const char *why =
		abi_type1_check_unmap(&numbers, bitmap ? &described : NULL, VFMIG_PAGE_SIZE);

	if (why)
		return refuse(why, err);
	return type1_do_unmap(t, iova, size, bitmap ? &sink : NULL, err);
}

int vfmig_type1_unmap_all(struct vfmig_type1 *t, uint64_t *size, struct vfmig_error *err)
{
	uint64_t all = 0;
	int ret;

	pthread_mutex_lock(&t->lock);
	ret = unmap(t, 0, UINT64_MAX, &all, NULL, err);
	pthread_mutex_unlock(&t->lock);
	if (size)
		*size = all;
	return ret;
}
