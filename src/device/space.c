/* SPDX-License-Identifier: BSD-3-Clause */
/* Spaces: the table of maps, and the devices that are attached. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "device/space_map.h"

struct vfmig_space *vfmig_space_new(void)
{
	struct vfmig_space *space = calloc(1, sizeof(*space));
	pthread_rwlockattr_t attr;

	if (!space)
		return NULL;
	/*
	 * An unmap must not starve behind devices that never stop. No thread locks the table for
	 * reading recursively.
	 */
	pthread_rwlockattr_init(&attr);
	pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(&space->table, &attr);
	pthread_rwlockattr_destroy(&attr);
	pthread_mutex_init(&space->admin, NULL);
	pthread_mutex_init(&space->idle_lock, NULL);
	pthread_cond_init(&space->idle, NULL);
	return space;
}

void vfmig_space_free(struct vfmig_space *space)
{
	if (!space)
		return;
	while (space->attached)
		vfmig_space_detach(space, space->attached->device, NULL);
	space_dirty_fini(space);
	while (space->maps.root) {
		struct ranges_node *range = space->maps.root;

		ranges_remove(&space->maps, range);
		free(range);
	}
	pthread_cond_destroy(&space->idle);
	pthread_mutex_destroy(&space->idle_lock);
	pthread_mutex_destroy(&space->admin);
	pthread_rwlock_destroy(&space->table);
	free(space);
}

/* ---- the table ---- */

/* The last byte, which exists even where the end does not. */
static uint64_t last_of(const struct vfmig_map *map)
{
	return map->iova + (map->size - 1);
}

static int check(const struct vfmig_map *map, struct vfmig_error *err)
{
	unsigned long long iova = map->iova, size = map->size;

	if (!map->size || (map->iova | map->size) & (VFMIG_PAGE_SIZE - 1))
		return vfmig_err(
			err, -EINVAL,
			"map of 0x%llx bytes at IOVA 0x%llx: size and IOVA must be multiples of %u, and the size not 0",
			size, iova, VFMIG_PAGE_SIZE);
	if (map->size - 1 > UINT64_MAX - map->iova)
		return vfmig_err(
			err, -EINVAL,
			"map of 0x%llx bytes at IOVA 0x%llx: the range exceeds the address space",
			size, iova);
	if (!map->prot || map->prot & ~(VFMIG_PROT_READ | VFMIG_PROT_WRITE))
		return vfmig_err(err, -EINVAL, "map at IOVA 0x%llx: invalid protection flags 0x%x",
				 iova, map->prot);
	if ((map->kind == VFMIG_MAP_MEMORY && !map->ptr) ||
	    (map->kind == VFMIG_MAP_REGION && !map->device) ||
	    (map->kind == VFMIG_MAP_REMOTE && !map->access))
		return vfmig_err(
			err, -EINVAL,
			"map at IOVA 0x%llx: the map has no memory, region or access function",
			iova);
	return 0;
}

static int insert(struct vfmig_space *space, const struct vfmig_map *map, struct vfmig_error *err)
{
	struct space_entry *entry = space_find(space, map->iova);

	if (entry && entry->map.iova <= last_of(map))
		return vfmig_err(err, -EEXIST,
				 "map of 0x%llx bytes at IOVA 0x%llx overlaps the one at 0x%llx",
				 (unsigned long long)map->size, (unsigned long long)map->iova,
				 (unsigned long long)entry->map.iova);
	if (space->maps.count == VFMIG_SPACE_MAX_MAPS)
		return vfmig_err(err, -ENOSPC,
				 "the space has %u maps, which is the limit; unmap a range first",
				 VFMIG_SPACE_MAX_MAPS);
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return vfmig_err(err, -ENOMEM, "no memory for a map");
	entry->map = *map;
	entry->range.first = map->iova;
	entry->range.last = last_of(map);
	ranges_add(&space->maps, &entry->range);
	return 0;
}

/* Take an entry out, and wait until it has no users. */
static void take_out(struct vfmig_space *space, struct space_entry *entry)
{
	pthread_rwlock_wrlock(&space->table);
	ranges_remove(&space->maps, &entry->range);
	pthread_rwlock_unlock(&space->table);

	atomic_fetch_add(&space->leaving, 1);
	pthread_mutex_lock(&space->idle_lock);
	while (atomic_load(&entry->uses))
		pthread_cond_wait(&space->idle, &space->idle_lock);
	pthread_mutex_unlock(&space->idle_lock);
	atomic_fetch_sub(&space->leaving, 1);
	free(entry);
}

/* ---- telling devices ---- */

static int tell(struct vfmig_device *device, enum vfmig_op op, struct vfmig_space *space,
		const struct vfmig_map *map, struct vfmig_error *err)
{
	struct vfmig_request request = {.op = op, .err = err};
	ssize_t ret;

	if (map)
		request.map = map;
	else
		request.space = space;
	ret = vfmig_call(device, &request);
	return ret < 0 ? (int)ret : 0;
}

int vfmig_space_map(struct vfmig_space *space, const struct vfmig_map *map, struct vfmig_error *err)
{
	struct space_attachment *to, *undo;
	int ret = check(map, err);

	if (ret)
		return ret;
	pthread_mutex_lock(&space->admin);
	pthread_rwlock_wrlock(&space->table);
	ret = insert(space, map, err);
	pthread_rwlock_unlock(&space->table);
	for (to = space->attached; to && !ret; to = to->next) {
		ret = tell(to->device, VFMIG_OP_SPACE_MAP, space, map, err);
		if (!ret)
			continue;
		for (undo = space->attached; undo != to; undo = undo->next)
			tell(undo->device, VFMIG_OP_SPACE_UNMAP, space, map, NULL);
		/* What was taken back may be done all the same. */
		if (ret == -ETIMEDOUT)
			tell(to->device, VFMIG_OP_SPACE_UNMAP, space, map, NULL);
		take_out(space, space_find(space, map->iova));
	}
	if (!ret)
		space_dirty_mapped(space, map);
	pthread_mutex_unlock(&space->admin);
	return ret;
}

/*
 * Detach the devices first, so that nothing remote is under way; then destroy the table, which
 * waits for the other users.
 */
static int unmap_one(struct vfmig_space *space, struct space_entry *entry, struct vfmig_error *err)
{
	struct vfmig_map map = entry->map;
	struct space_attachment *to;
	int ret = 0, one;

	for (to = space->attached; to; to = to->next) {
		one = tell(to->device, VFMIG_OP_SPACE_UNMAP, space, &map, ret ? NULL : err);
		if (!ret)
			ret = one;
	}
	take_out(space, entry);
	space_dirty_unmapped(space, &map);
	return ret;
}

/* A map that goes over an end of the range, or NULL. */
static const struct vfmig_map *cut_by(const struct vfmig_space *space, uint64_t iova, uint64_t last)
{
	struct space_entry *entry = space_find(space, iova);

	if (entry && entry->map.iova < iova)
		return &entry->map;
	entry = space_find(space, last);
	return entry && entry->map.iova <= last && entry->range.last > last ? &entry->map : NULL;
}

static int unmap_range(struct vfmig_space *space, uint64_t iova, uint64_t last,
		       struct vfmig_error *err)
{
	const struct vfmig_map *cut = cut_by(space, iova, last);
	struct space_entry *entry = space_find(space, iova);
	int ret = 0, one;

	if (cut)
		return vfmig_err(err, -EINVAL,
				 "unmap from IOVA 0x%llx to 0x%llx would split the map at 0x%llx",
				 (unsigned long long)iova, (unsigned long long)last,
				 (unsigned long long)cut->iova);
	if (!entry || entry->map.iova > last)
		return vfmig_err(err, -ENOENT, "nothing is mapped from IOVA 0x%llx to 0x%llx",
				 (unsigned long long)iova, (unsigned long long)last);
	for (; entry && entry->map.iova <= last; entry = space_find(space, iova)) {
		one = unmap_one(space, entry, ret ? NULL : err);
		if (!ret)
			ret = one;
	}
	return ret;
}

int space_unmap_to(struct vfmig_space *space, uint64_t iova, uint64_t last, struct vfmig_error *err)
{
	int ret;

	pthread_mutex_lock(&space->admin);
	ret = unmap_range(space, iova, last, err);
	pthread_mutex_unlock(&space->admin);
	return ret;
}

int vfmig_space_unmap(struct vfmig_space *space, uint64_t iova, uint64_t size,
		      struct vfmig_error *err)
{
	if (!size || size - 1 > UINT64_MAX - iova)
		return vfmig_err(
			err, -EINVAL,
			"unmap of 0x%llx bytes at IOVA 0x%llx: the range is empty or exceeds the address space",
			(unsigned long long)size, (unsigned long long)iova);
	return space_unmap_to(space, iova, iova + (size - 1), err);
}

size_t space_count(struct vfmig_space *space)
{
	size_t count;

	pthread_mutex_lock(&space->admin);
	count = space->maps.count;
	pthread_mutex_unlock(&space->admin);
	return count;
}

int space_each_in(struct vfmig_space *space, uint64_t iova, uint64_t last,
		  int (*fn)(void *context, const struct vfmig_map *map), void *context)
{
	struct space_entry *entry;
	int ret = 0;

	pthread_mutex_lock(&space->admin);
	for (entry = space_find(space, iova); entry && entry->map.iova <= last && !ret;
	     entry = space_next(space, entry))
		ret = fn(context, &entry->map);
	pthread_mutex_unlock(&space->admin);
	return ret;
}

int vfmig_space_each(struct vfmig_space *space,
		     int (*fn)(void *context, const struct vfmig_map *map), void *context)
{
	return space_each_in(space, 0, UINT64_MAX, fn, context);
}

/* ---- attaching ---- */

static void detach(struct vfmig_space *space, struct space_attachment **at)
{
	struct space_attachment *attachment = *at;
	struct vfmig_device *device = attachment->device;
	uint64_t limit = atomic_load(&device->timeout_ms);

	/* A device that does not answer one of these is hardly waited for at the next: there may be thousands. */
	SPACE_FOR_EACH (entry, space)
		if (tell(device, VFMIG_OP_SPACE_UNMAP, space, &entry->map, NULL) == -ETIMEDOUT)
			vfmig_device_set_timeout(device, 1);
	tell(device, VFMIG_OP_DETACH, space, NULL, NULL);
	/* Its last words, now that nothing can come after them. */
	space_dirty_detached(space, attachment);
	vfmig_device_set_timeout(device, limit);
	attachment->device->space = NULL;
	*at = attachment->next;
	free(attachment);
}

static int attach(struct vfmig_space *space, struct vfmig_device *device, struct vfmig_error *err)
{
	struct space_attachment *attachment;
	struct space_entry *entry;
	int ret;

	if (device->space)
		return vfmig_err(err, -EBUSY, "device %s is already attached to a space",
				 device->name);
	attachment = calloc(1, sizeof(*attachment));
	if (!attachment)
		return vfmig_err(err, -ENOMEM, "no memory to attach device %s", device->name);
	ret = tell(device, VFMIG_OP_ATTACH, space, NULL, err);
	if (ret) {
		free(attachment);
		return ret;
	}
	device->space = space;
	attachment->device = device;
	attachment->next = space->attached;
	space->attached = attachment;
	for (entry = space_find(space, 0); entry && !ret; entry = space_next(space, entry))
		ret = tell(device, VFMIG_OP_SPACE_MAP, space, &entry->map, err);
	if (!ret)
		ret = space_dirty_attached(space, attachment, err);
	if (ret)
		detach(space, &space->attached);
	return ret;
}

int vfmig_space_attach(struct vfmig_space *space, struct vfmig_device *device,
		       struct vfmig_error *err)
{
	int ret;

	pthread_mutex_lock(&space->admin);
	ret = attach(space, device, err);
	pthread_mutex_unlock(&space->admin);
	return ret;
}

int vfmig_space_detach(struct vfmig_space *space, struct vfmig_device *device,
		       struct vfmig_error *err)
{
	struct space_attachment **at;
	int ret = 0;

	pthread_mutex_lock(&space->admin);
	for (at = &space->attached; *at && (*at)->device != device; at = &(*at)->next)
		;
	if (*at)
		detach(space, at);
	else
		ret = vfmig_err(err, -ENOENT, "device %s is not attached to this space",
				device->name);
	pthread_mutex_unlock(&space->admin);
	return ret;
}
