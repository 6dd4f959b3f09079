/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The maps that the engine migrates: found at the set-up, and checked in each round.
 *
 * A map may be removed during the migration, which then fails. Its memory may be unmapped with it, and an access would
 * be a fault: so the engine holds a map while it accesses the memory, as devices do.
 */
#include <errno.h>
#include <stdlib.h>

#include "abi/stream.h"
#include "device/space.h"
#include "engine/memory.h"

struct finder {
	struct engine_memory *memory;
	uint32_t space, found;
	struct vfmig_error *err;
	bool compare;
};

static int found(struct finder *f, const struct vfmig_map *map)
{
	struct engine_memory *memory = f->memory;
	struct engine_map *at = &memory->regions[memory->region_count];

	if (memory->region_count == VFMIG_MIGRATION_REGIONS_MAX)
		return vfmig_err(
			f->err, -ENOSPC,
			"the spaces have more than %u maps of memory, the limit of a migration",
			VFMIG_MIGRATION_REGIONS_MAX);
	*at = (struct engine_map){.space = f->space,
				  .prot = map->prot,
				  .iova = map->iova,
				  .size = map->size,
				  .ptr = map->ptr,
				  .fd = map->fd,
				  .fd_offset = map->fd_offset};
	memory->sizes[memory->region_count++] = map->size;
	memory->total += map->size;
	return 0;
}

static int same(struct finder *f, const struct vfmig_map *map)
{
	const struct engine_memory *memory = f->memory;
	const struct engine_map *at = &memory->regions[f->found];

	if (f->found < memory->region_count && at->space == f->space && at->iova == map->iova &&
	    at->size == map->size && at->prot == map->prot && at->ptr == map->ptr) {
		f->found++;
		return 0;
	}
	return vfmig_err(
		f->err, -EBUSY,
		"the maps of space %u have changed during the migration: the map of 0x%llx "
		"bytes at IOVA 0x%llx is new or has changed",
		f->space, (unsigned long long)map->size, (unsigned long long)map->iova);
}

static int each(void *context, const struct vfmig_map *map)
{
	struct finder *f = context;

	if (map->kind != VFMIG_MAP_MEMORY)
		return 0;
	return f->compare ? same(f, map) : found(f, map);
}

static int walk(struct finder *f)
{
	int ret = 0;

	for (f->space = 0; f->space < f->memory->space_count && !ret; f->space++)
		ret = vfmig_space_each(f->memory->spaces[f->space], each, f);
	return ret;
}

int engine_memory_find(struct engine_memory *memory, struct vfmig_error *err)
{
	struct finder f = {.memory = memory, .err = err};
	int ret;

	if (!memory->space_count)
		return 0;
	memory->regions = calloc(VFMIG_MIGRATION_REGIONS_MAX, sizeof(*memory->regions));
	memory->sizes = calloc(VFMIG_MIGRATION_REGIONS_MAX, sizeof(*memory->sizes));
	memory->cursors = calloc(memory->space_count, sizeof(struct vfmig_cursor *));
	if (!memory->regions || !memory->sizes || !memory->cursors)
		return vfmig_err(err, -ENOMEM, "no memory for a migration");
	ret = walk(&f);
	if (!ret)
		engine_holes_init(memory);
	return ret;
}

int engine_memory_check(struct engine_memory *memory, struct vfmig_error *err)
{
	struct finder f = {.memory = memory, .err = err, .compare = true};
	int ret = walk(&f);

	if (!ret && f.found != memory->region_count)
		return vfmig_err(err, -EBUSY,
				 "a map was removed from a space during the migration");
	return ret;
}

int engine_memory_hold(const struct engine_memory *memory, uint32_t region,
		       struct space_entry **held, struct vfmig_error *err)
{
	const struct engine_map *at = &memory->regions[region];
	struct vfmig_space *space = memory->spaces[at->space];
	size_t size = at->size;
	/* In a direction that the map allows. */
	void *bytes = space_hold(space, at->iova, &size, !(at->prot & VFMIG_PROT_READ), held);

	if (bytes == at->ptr && size == at->size)
		return 0;
	if (bytes)
		space_release(space, *held);
	return vfmig_err(
		err, -EBUSY,
		"the maps of space %u have changed during the migration: the map of 0x%llx "
		"bytes at IOVA 0x%llx was removed",
		at->space, (unsigned long long)at->size, (unsigned long long)at->iova);
}

void engine_memory_release(const struct engine_memory *memory, uint32_t region,
			   struct space_entry *held)
{
	space_release(memory->spaces[memory->regions[region].space], held);
}
