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
#include "dirty/map.h"
#include "export/dev-vfio/priv.h"
#include "wire/memory.h"

struct dev_vfio_ioas *dev_vfio_ioas_new(struct dev_vfio *view)
{
	struct dev_vfio_ioas *ioas = calloc(1, sizeof(*ioas));

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

void dev_vfio_ioas_drop(struct dev_vfio_map *map)
{
	if (!map)
		return;
	if (map->base)
		munmap(map->base, map->len);
	dev_vfio_backing_put(map->backing);
	free(map);
}

static void remove_map(struct dev_vfio_ioas *ioas, struct dev_vfio_map *map)
{
	ranges_remove(&ioas->maps, &map->range);
	dev_vfio_ioas_drop(map);
}

void dev_vfio_ioas_put(struct dev_vfio_ioas *ioas)
{
	if (!ioas || atomic_fetch_sub(&ioas->refs, 1) != 1)
		return;
	vfmig_cursor_close(ioas->cursor);
	vfmig_type1_free(ioas->type1);
	vfmig_space_free(ioas->space);
	while (ioas->maps.root)
		remove_map(ioas, (struct dev_vfio_map *)ioas->maps.root);
	pthread_mutex_destroy(&ioas->lock);
	free(ioas);
}

/* ---- devices ---- */

int dev_vfio_ioas_attach(struct dev_vfio_ioas *ioas, struct dev_vfio_slot *slot,
			 struct vfmig_error *err)
{
	int ret = vfmig_space_attach(ioas->space, slot->device, err);

	if (ret)
		return ret;
	atomic_fetch_add(&ioas->refs, 1);
	slot->ioas = ioas;
	return 0;
}

void dev_vfio_ioas_detach(struct dev_vfio_slot *slot)
{
	struct dev_vfio_ioas *ioas = slot->ioas;

	if (!ioas)
		return;
	dev_vfio_logging_lost(slot);
	slot->ioas = NULL;
	vfmig_space_detach(ioas->space, slot->device, NULL);
	dev_vfio_ioas_put(ioas);
}

/* ---- maps ---- */

void dev_vfio_ioas_keep(struct dev_vfio_ioas *ioas, struct dev_vfio_map *map, uint64_t iova,
			uint64_t size)
{
	map->range.first = iova;
	map->range.last = iova + (size - 1);
	ranges_add(&ioas->maps, &map->range);
}

static int is_there(void *context, const struct vfmig_map *map)
{
	return 1;
}

uint64_t dev_vfio_ioas_forget(struct dev_vfio_ioas *ioas, uint64_t iova, uint64_t last)
{
	struct ranges_node *range = ranges_find(&ioas->maps, iova), *next;
	uint64_t bytes = 0;

	for (; range && range->first <= last; range = next) {
		next = ranges_next(&ioas->maps, range);
		if (space_each_in(ioas->space, range->first, range->last, is_there, NULL))
			continue;
		bytes += range->last - range->first + 1;
		remove_map(ioas, (struct dev_vfio_map *)range);
	}
	return bytes;
}

/*
 * Find the memory behind the address; warn once about a device that would work better with a
 * descriptor.
 */
int dev_vfio_ioas_look(struct dev_vfio_ioas *ioas, struct vfmig_map *map,
		       struct dev_vfio_backing **backing, struct vfmig_error *err)
{
	struct dev_vfio *view = ioas->view;
	bool write = map->prot & VFMIG_PROT_WRITE, first;
	int ret;

	*backing = NULL;
	if (!map->ptr || map->size > SIZE_MAX || (uintptr_t)map->ptr > UINTPTR_MAX - map->size)
		ret = -EFAULT;
	else if (view->config.memory)
		ret = view->config.memory(view->config.context, map->ptr, map->size, write,
					  &map->fd, &map->fd_offset);
	else
		ret = dev_vfio_memory(view, map->ptr, map->size, write, backing, &map->fd_offset);
	if (ret)
		return vfmig_err(err, ret, "no memory of 0x%llx bytes is mapped at address %p",
				 (unsigned long long)map->size, map->ptr);
	if (map->fd >= 0)
		*backing = dev_vfio_backing_of(view, map->fd);
	map->fd = *backing ? (*backing)->fd : -1;
	/* Firmware and the like are small, and private wherever the guest's memory is. */
	if (map->fd < 0 && view->config.by_fd && map->size >= 16u << 20) {
		pthread_mutex_lock(&view->lock);
		first = !view->reported_private;
		view->reported_private = true;
		pthread_mutex_unlock(&view->lock);
		if (first)
			dev_vfio_say(view, "guest memory is not shared, so the device's server "
					   "reaches it by message, which is slow: use "
					   "memory-backend-memfd with share=on");
	}
	return 0;
}

/* Put it into the space, and keep what belongs to it or let go of it. */
static int put_in(struct dev_vfio_ioas *ioas, const struct vfmig_map *map,
		  struct dev_vfio_map *entry, struct vfmig_error *err)
{
	int ret;

	pthread_mutex_lock(&ioas->lock);
	ret = vfmig_space_map(ioas->space, map, err);
	if (!ret)
		dev_vfio_ioas_keep(ioas, entry, map->iova, map->size);
	pthread_mutex_unlock(&ioas->lock);
	if (ret)
		dev_vfio_ioas_drop(entry);
	return ret;
}

int dev_vfio_ioas_map(struct dev_vfio_ioas *ioas, uint64_t iova, uint64_t size, uint32_t prot,
		      void *ptr, struct vfmig_error *err)
{
	struct vfmig_map map = {.iova = iova,
				.size = size,
				.prot = prot,
				.kind = VFMIG_MAP_MEMORY,
				.ptr = ptr,
				.fd = -1};
	struct dev_vfio_map *entry = calloc(1, sizeof(*entry));
	int ret;

	if (!entry)
		return -ENOMEM;
	ret = dev_vfio_ioas_look(ioas, &map, &entry->backing, err);
	if (!ret)
		return put_in(ioas, &map, entry, err);
	dev_vfio_ioas_drop(entry);
	return ret;
}

/* A mapping of ours of a part of a file. */
static int map_part(struct dev_vfio_ioas *ioas, struct dev_vfio_map *entry, int fd, uint64_t start,
		    bool write, struct vfmig_error *err)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	void *base;

	if (copy < 0)
		return vfmig_err(err, -errno, "descriptor %d: %s", fd, strerror(errno));
	entry->backing = dev_vfio_backing_of(ioas->view, copy);
	if (!entry->backing)
		return vfmig_err(err, -ENOMEM, "no memory for a map");
	base = mmap(NULL, entry->len, PROT_READ | (write ? PROT_WRITE : 0), MAP_SHARED,
		    entry->backing->fd, (off_t)start);
	if (base == MAP_FAILED)
		return vfmig_err(err, -errno, "mmap of the file: %s", strerror(errno));
	entry->base = base;
	return 0;
}

int dev_vfio_ioas_map_file(struct dev_vfio_ioas *ioas, uint64_t iova, uint64_t size, uint32_t prot,
			   int fd, uint64_t start, struct vfmig_error *err)
{
	struct vfmig_map map = {.iova = iova,
				.size = size,
				.prot = prot,
				.kind = VFMIG_MAP_MEMORY,
				.fd_offset = start};
	struct dev_vfio_map *entry;
	bool write = prot & VFMIG_PROT_WRITE;
	uint64_t page;
	int ret;

	if (!size || size > SIZE_MAX || start > INT64_MAX - size || (start & (VFMIG_PAGE_SIZE - 1)))
		return vfmig_err(err, -EINVAL, "the range exceeds the file");
	ret = wire_memory_check(fd, start, size, write, false, &page, err);
	if (ret)
		return ret;
	if ((start | size) & (page - 1))
		return vfmig_err(err, -EINVAL,
				 "address or size is not a multiple of the page size %llu",
				 (unsigned long long)page);
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return vfmig_err(err, -ENOMEM, "no memory for a map");
	entry->len = size;
	ret = map_part(ioas, entry, fd, start, write, err);
	if (ret) {
		dev_vfio_ioas_drop(entry);
		return ret;
	}
	map.ptr = entry->base;
	map.fd = entry->backing->fd;
	return put_in(ioas, &map, entry, err);
}

int dev_vfio_ioas_unmap(struct dev_vfio_ioas *ioas, uint64_t iova, uint64_t last,
			uint64_t *unmapped, struct vfmig_error *err)
{
	int ret;

	pthread_mutex_lock(&ioas->lock);
	ret = space_unmap_to(ioas->space, iova, last, err);
	*unmapped = dev_vfio_ioas_forget(ioas, iova, last);
	pthread_mutex_unlock(&ioas->lock);
	return *unmapped ? 0 : ret;
}

/* ---- tracking ---- */

int dev_vfio_ioas_track(struct dev_vfio_ioas *ioas, bool on, struct vfmig_error *err)
{
	int ret = 0;

	pthread_mutex_lock(&ioas->lock);
	if (on && !ioas->cursor) {
		ret = cursor_open_any(ioas->space, &ioas->cursor, err);
	} else if (!on) {
		vfmig_cursor_close(ioas->cursor);
		ioas->cursor = NULL;
	}
	pthread_mutex_unlock(&ioas->lock);
	return ret;
}

/* A report without clearing: put the pages back, one by one as they were written. */
static int put_back(void *context, uint64_t iova, uint64_t size)
{
	vfmig_cursor_mark(context, iova, size);
	return 0;
}

int dev_vfio_ioas_dirty(struct dev_vfio_ioas *ioas, uint64_t iova, uint64_t size, uint64_t page,
			void *bitmap, bool keep, struct vfmig_error *err)
{
	struct abi_logging_report r = {iova, size, page};
	struct vfmig_dirty *dirty = NULL;
	uint64_t *bits = NULL, bytes;
	const char *why;
	int ret;

	why = abi_logging_report_check(&r, &bytes);
	if (why)
		return vfmig_err(err, -EINVAL, "%s", why);
	bits = calloc(1, bytes);
	if (!bits || dirty_create(&dirty, NULL)) {
		free(bits);
		return vfmig_err(err, -ENOMEM, "no memory for a bitmap");
	}
	pthread_mutex_lock(&ioas->lock);
	if (!ioas->cursor) {
		ret = vfmig_err(err, -EINVAL, "dirty page tracking is not started");
	} else {
		/* If a device's report fails, everything counts as written: the call succeeds. */
		cursor_collect_range(ioas->cursor, iova, iova + (size - 1), NULL);
		cursor_gather(ioas->cursor, iova, size, dirty);
		if (keep)
			dirty_read(dirty, iova, size, put_back, ioas->cursor);
		ret = dirty_read_clear_bitmap(dirty, iova, size, page, bits);
	}
	pthread_mutex_unlock(&ioas->lock);
	if (!ret)
		ret = dev_vfio_copy_bits(bitmap, bits, bytes);
	/* They were not received. */
	if (ret == -EFAULT && !keep) {
		pthread_mutex_lock(&ioas->lock);
		if (ioas->cursor)
			vfmig_cursor_mark(ioas->cursor, iova, size);
		pthread_mutex_unlock(&ioas->lock);
	}
	dirty_free(dirty);
	free(bits);
	return ret;
}
