/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * DMA: from a device to the memory and regions that its space maps.
 *
 * An access finds its map under the table's lock and adds itself to the map's count of uses; then
 * it drops the lock. So an access may take long (a remote client answers, a disk reads a page)
 * while the table changes, and only a thread that removes this very map waits.
 */
#include <errno.h>
#include <string.h>

#include "device/space_map.h"

/*
 * After the count is down the entry may be freed, so the flag for a waiting thread is in the space.
 * A thread that removes an entry sets the flag first and then reads the count: one of the two sees
 * the other.
 */
static void put_use(struct vfmig_space *space, struct space_entry *entry)
{
	atomic_fetch_sub(&entry->uses, 1);
	if (!atomic_load(&space->leaving))
		return;
	pthread_mutex_lock(&space->idle_lock);
	pthread_cond_broadcast(&space->idle);
	pthread_mutex_unlock(&space->idle_lock);
}

/* The map at @iova, counted as used, if it allows the access. */
static int get_use(struct vfmig_space *space, uint64_t iova, bool write, struct space_entry **found,
		   struct vfmig_error *err)
{
	uint32_t need = write ? VFMIG_PROT_WRITE : VFMIG_PROT_READ;
	struct space_entry *entry;

	pthread_rwlock_rdlock(&space->table);
	entry = space_find(space, iova);
	if (entry && entry->map.iova > iova)
		entry = NULL;
	if (entry && entry->map.prot & need)
		atomic_fetch_add(&entry->uses, 1);
	pthread_rwlock_unlock(&space->table);
	if (!entry)
		return vfmig_err(err, -EFAULT, "DMA %s at IOVA 0x%llx: nothing is mapped there",
				 write ? "write" : "read", (unsigned long long)iova);
	if (!(entry->map.prot & need))
		return vfmig_err(err, -EFAULT, "DMA %s at IOVA 0x%llx: the map is mapped %s-only",
				 write ? "write" : "read", (unsigned long long)iova,
				 write ? "read" : "write");
	*found = entry;
	return 0;
}

/* Within one map. Regions take accesses of 32 bits of length; a piece is far below. */
#define REGION_PIECE (1u << 20)

static int transfer(const struct vfmig_map *map, uint64_t offset, char *buf, size_t len, bool write,
		    struct vfmig_error *err)
{
	int ret = 0;

	switch (map->kind) {
	case VFMIG_MAP_MEMORY:
		if (write)
			memcpy((char *)map->ptr + offset, buf, len);
		else
			memcpy(buf, (char *)map->ptr + offset, len);
		return 0;
	case VFMIG_MAP_REGION:
		while (len && !ret) {
			uint32_t n = len < REGION_PIECE ? (uint32_t)len : REGION_PIECE;
			uint64_t at = map->region_offset + offset;

			ret = write ? vfmig_device_region_write(map->device, map->region, at, buf,
								n, err)
				    : vfmig_device_region_read(map->device, map->region, at, buf, n,
							       err);
			buf += n;
			offset += n;
			len -= n;
		}
		return ret;
	case VFMIG_MAP_REMOTE:
		return map->access(map->context, map->iova + offset, buf, len, write, err);
	}
	return vfmig_err(err, -EINVAL, "unknown map kind %d", map->kind);
}

int space_dma(struct vfmig_space *space, uint64_t iova, void *buf, size_t len, bool write,
	      struct vfmig_dirty *log, struct vfmig_error *err)
{
	char *at = buf;

	while (len) {
		struct space_entry *entry;
		uint64_t offset, n;
		int ret = get_use(space, iova, write, &entry, err);

		if (ret)
			return ret;
		offset = iova - entry->map.iova;
		n = entry->map.size - offset;
		if (n > len)
			n = len;
		ret = transfer(&entry->map, offset, at, n, write, err);
		/*
		 * Mark after the data, so that a reader that takes the mark sees the data. A failed
		 * access may have written, too.
		 */
		if (write && log)
			vfmig_dirty_mark(log, iova, n);
		put_use(space, entry);
		if (ret)
			return ret;
		at += n;
		iova += n;
		len -= n;
		if (len && !iova)
			return vfmig_err(err, -EFAULT, "the DMA range exceeds the address space");
	}
	return 0;
}

int vfmig_space_read(struct vfmig_space *space, uint64_t iova, void *buf, size_t len,
		     struct vfmig_error *err)
{
	return space_dma(space, iova, buf, len, false, NULL, err);
}

int vfmig_space_write(struct vfmig_space *space, uint64_t iova, const void *buf, size_t len,
		      struct vfmig_error *err)
{
	return space_dma(space, iova, (void *)buf, len, true, NULL, err);
}

void *space_hold(struct vfmig_space *space, uint64_t iova, size_t *len, bool write,
		 struct space_entry **held)
{
	uint64_t offset, left;

	if (get_use(space, iova, write, held, NULL))
		return NULL;
	if ((*held)->map.kind != VFMIG_MAP_MEMORY) {
		put_use(space, *held);
		return NULL;
	}
	offset = iova - (*held)->map.iova;
	left = (*held)->map.size - offset;
	if (*len > left)
		*len = (size_t)left;
	return (char *)(*held)->map.ptr + offset;
}

void space_release(struct vfmig_space *space, struct space_entry *held)
{
	put_use(space, held);
}
