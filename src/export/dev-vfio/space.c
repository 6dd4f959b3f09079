/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Address spaces, as containers and iommufd both have them: a space of the library's, the descriptors that belong to its
 * maps, and a cursor while the VMM has pages tracked.
 *
 * A device that cannot tell what it writes must not make its user believe that nothing was written: all of the space counts
 * as written then, always. A migration is slow like that, and right.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "device/space.h"
#include "export/dev-vfio/priv.h"
#include "wire/memory.h"

struct dv_ioas *vfmig_dv_ioas_new(struct vfmig_dev_vfio *view)
{
	struct dv_ioas *ioas = calloc(1, sizeof(*ioas));

	if (!ioas)
		return NULL;
	ioas->space = vfmig_space_new();
	if (!ioas->space) {
		free(ioas);
		return NULL;
	}
	ioas->view = view;
	atomic_init(&ioas->refs, 1);
	pthread_mutex_init(&ioas->lock, NULL);
	return ioas;
}

void vfmig_dv_ioas_put(struct dv_ioas *ioas)
{
	if (!ioas || atomic_fetch_sub(&ioas->refs, 1) != 1)
		return;
	vfmig_cursor_close(ioas->cursor);
	vfmig_type1_free(ioas->type1);
	vfmig_space_free(ioas->space);
	for (size_t i = 0; i < ioas->count; i++)
		vfmig_dv_ioas_drop(&ioas->maps[i]);
	free(ioas->maps);
	pthread_mutex_destroy(&ioas->lock);
	free(ioas);
}

/* ---- devices ---- */

int vfmig_dv_ioas_attach(struct dv_ioas *ioas, struct dv_slot *slot, struct vfmig_error *err)
{
	int ret = vfmig_space_attach(ioas->space, slot->device, err);

	if (ret)
		return ret;
	atomic_fetch_add(&ioas->refs, 1);
	slot->ioas = ioas;
	return 0;
}

void vfmig_dv_ioas_detach(struct dv_slot *slot)
{
	struct dv_ioas *ioas = slot->ioas;

	if (!ioas)
		return;
	vfmig_dv_logging_lost(slot);
	slot->ioas = NULL;
	vfmig_space_detach(ioas->space, slot->device, NULL);
	vfmig_dv_ioas_put(ioas);
}

/* ---- maps ---- */

int vfmig_dv_ioas_make_room(struct dv_ioas *ioas)
{
	size_t room = ioas->room ? ioas->room * 2 : 16;
	struct dv_map *maps;

	if (ioas->count < ioas->room)
		return 0;
	maps = realloc(ioas->maps, room * sizeof(*maps));
	if (!maps)
		return -ENOMEM;
	ioas->maps = maps;
	ioas->room = room;
	return 0;
}

void vfmig_dv_ioas_keep(struct dv_ioas *ioas, const struct dv_map *map)
{
	ioas->maps[ioas->count++] = *map;
}

void vfmig_dv_ioas_drop(const struct dv_map *map)
{
	if (map->base)
		munmap(map->base, map->len);
	if (map->fd >= 0)
		close(map->fd);
}

uint64_t vfmig_dv_ioas_forget(struct dv_ioas *ioas, uint64_t iova, uint64_t last)
{
	uint64_t bytes = 0;

	for (size_t i = ioas->count; i-- > 0;) {
		struct dv_map *map = &ioas->maps[i];

		if (map->iova < iova || map->iova > last)
			continue;
		bytes += map->size;
		vfmig_dv_ioas_drop(map);
		*map = ioas->maps[--ioas->count];
	}
	return bytes;
}

/* What is behind the address; a device that would be better off with a descriptor is told of once. */
int vfmig_dv_ioas_look(struct dv_ioas *ioas, struct vfmig_map *map, struct vfmig_error *err)
{
	struct vfmig_dev_vfio *view = ioas->view;
	bool write = map->prot & VFMIG_PROT_WRITE, first;
	int ret;

	if (!map->ptr || map->size > SIZE_MAX || (uintptr_t)map->ptr > UINTPTR_MAX - map->size)
		ret = -EFAULT;
	else if (view->config.memory)
		ret = view->config.memory(view->config.context, map->ptr, map->size, write,
					  &map->fd, &map->fd_offset);
	else
		ret = vfmig_dv_memory(map->ptr, map->size, write, &map->fd, &map->fd_offset);
	if (ret)
		return vfmig_err(err, ret, "there is no memory of 0x%llx bytes at address %p",
				 (unsigned long long)map->size, map->ptr);
	/* Firmware and the like are small, and private wherever the guest's memory is. */
	if (map->fd < 0 && view->config.by_fd && map->size >= 16u << 20) {
		pthread_mutex_lock(&view->lock);
		first = !view->said_private;
		view->said_private = true;
		pthread_mutex_unlock(&view->lock);
		if (first)
			vfmig_dv_say(view, "guest memory is not shared, so the device's server "
					   "reaches it by message, which is slow: use "
					   "memory-backend-memfd with share=on");
	}
	return 0;
}

/* Put it into the space and the table, or let go of what belongs to it. */
static int put_in(struct dv_ioas *ioas, const struct vfmig_map *map, const struct dv_map *entry,
		  struct vfmig_error *err)
{
	int ret;

	pthread_mutex_lock(&ioas->lock);
	ret = vfmig_dv_ioas_make_room(ioas);
	if (!ret)
		ret = vfmig_space_map(ioas->space, map, err);
	if (!ret)
		vfmig_dv_ioas_keep(ioas, entry);
	pthread_mutex_unlock(&ioas->lock);
	if (ret)
		vfmig_dv_ioas_drop(entry);
	return ret;
}

int vfmig_dv_ioas_map(struct dv_ioas *ioas, uint64_t iova, uint64_t size, uint32_t prot, void *ptr,
		      struct vfmig_error *err)
{
	struct vfmig_map map = {.iova = iova,
				.size = size,
				.prot = prot,
				.kind = VFMIG_MAP_MEMORY,
				.ptr = ptr,
				.fd = -1};
	int ret = vfmig_dv_ioas_look(ioas, &map, err);

	if (ret)
		return ret;
	return put_in(ioas, &map, &(struct dv_map){.iova = iova, .size = size, .fd = map.fd}, err);
}

int vfmig_dv_ioas_map_file(struct dv_ioas *ioas, uint64_t iova, uint64_t size, uint32_t prot,
			   int fd, uint64_t start, struct vfmig_error *err)
{
	struct vfmig_map map = {.iova = iova,
				.size = size,
				.prot = prot,
				.kind = VFMIG_MAP_MEMORY,
				.fd_offset = start};
	struct dv_map entry = {.iova = iova, .size = size, .len = size};
	bool write = prot & VFMIG_PROT_WRITE;
	uint64_t page;
	int ret;

	if (!size || size > SIZE_MAX || start > INT64_MAX - size || (start & (VFMIG_PAGE_SIZE - 1)))
		return vfmig_err(err, -EINVAL, "no such part of a file");
	ret = vfmig_memory_check(fd, start, size, write, false, &page, err);
	if (ret)
		return ret;
	if ((start | size) & (page - 1))
		return vfmig_err(err, -EINVAL, "not whole pages of %llu bytes",
				 (unsigned long long)page);
	entry.fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (entry.fd < 0)
		return vfmig_err(err, -errno, "descriptor %d: %s", fd, strerror(errno));
	entry.base = mmap(NULL, size, PROT_READ | (write ? PROT_WRITE : 0), MAP_SHARED, entry.fd,
			  (off_t)start);
	if (entry.base == MAP_FAILED) {
		ret = vfmig_err(err, -errno, "the file cannot be mapped: %s", strerror(errno));
		close(entry.fd);
		return ret;
	}
	map.ptr = entry.base;
	map.fd = entry.fd;
	return put_in(ioas, &map, &entry, err);
}

int vfmig_dv_ioas_unmap(struct dv_ioas *ioas, uint64_t iova, uint64_t size, uint64_t *unmapped,
			struct vfmig_error *err)
{
	int ret;

	*unmapped = 0;
	pthread_mutex_lock(&ioas->lock);
	ret = vfmig_space_unmap(ioas->space, iova, size, err);
	/* Of these two nothing was unmapped; whatever else a device may say of it, the maps are gone. */
	if (ret != -ENOENT && ret != -EINVAL) {
		*unmapped = vfmig_dv_ioas_forget(ioas, iova, iova + (size - 1));
		ret = 0;
	}
	pthread_mutex_unlock(&ioas->lock);
	return ret;
}

/* ---- tracking ---- */

int vfmig_dv_ioas_track(struct dv_ioas *ioas, bool on, struct vfmig_error *err)
{
	int ret = 0;

	pthread_mutex_lock(&ioas->lock);
	if (on && !ioas->cursor) {
		ret = vfmig_cursor_open_any(ioas->space, &ioas->cursor, err);
	} else if (!on) {
		vfmig_cursor_close(ioas->cursor);
		ioas->cursor = NULL;
	}
	pthread_mutex_unlock(&ioas->lock);
	return ret;
}

struct taken {
	uint64_t iova;
	unsigned shift;
	uint64_t *bits;
	struct vfmig_cursor *back; /* or NULL */
};

static int take(void *context, uint64_t iova, uint64_t size)
{
	struct taken *taken = context;
	uint64_t last = (iova + (size - 1) - taken->iova) >> taken->shift;

	for (uint64_t n = (iova - taken->iova) >> taken->shift; n <= last; n++)
		vfmig_bitmap_set(taken->bits, n);
	return 0;
}

/* Marks cannot go into a map while it is walked: where they are to stay, they are put back from the bitmap. */
static void keep_marks(struct taken *taken, uint64_t size)
{
	uint64_t pages = size >> taken->shift;

	for (uint64_t n = 0; n < pages; n++)
		if (vfmig_bitmap_test(taken->bits, n))
			vfmig_cursor_mark(taken->back, taken->iova + (n << taken->shift),
					  1ull << taken->shift);
}

int vfmig_dv_ioas_dirty(struct dv_ioas *ioas, uint64_t iova, uint64_t size, uint64_t page,
			void *bitmap, bool keep, struct vfmig_error *err)
{
	struct vfmig_logging_report r = {iova, size, page};
	struct taken taken = {.iova = iova};
	const char *why;
	uint64_t bytes;
	int ret = 0;

	why = vfmig_logging_report_check(&r, &bytes);
	if (why)
		return vfmig_err(err, -EINVAL, "%s", why);
	taken.shift = (unsigned)__builtin_ctzll(page);
	taken.bits = calloc(1, bytes);
	if (!taken.bits)
		return vfmig_err(err, -ENOMEM, "no memory for a bitmap");
	pthread_mutex_lock(&ioas->lock);
	if (!ioas->cursor) {
		ret = vfmig_err(err, -EINVAL, "pages are not tracked");
	} else {
		/* If a device fails to tell, everything counts as written: that is an answer. */
		vfmig_cursor_collect_range(ioas->cursor, iova, iova + (size - 1), NULL);
		vfmig_cursor_take(ioas->cursor, iova, size, take, &taken);
		taken.back = ioas->cursor;
		if (keep)
			keep_marks(&taken, size);
	}
	pthread_mutex_unlock(&ioas->lock);
	if (!ret)
		ret = vfmig_dv_copy_bits(bitmap, taken.bits, bytes);
	/* They were not received. */
	if (ret == -EFAULT && !keep) {
		pthread_mutex_lock(&ioas->lock);
		if (ioas->cursor)
			vfmig_cursor_mark(ioas->cursor, iova, size);
		pthread_mutex_unlock(&ioas->lock);
	}
	free(taken.bits);
	return ret;
}
