/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A map's life, and the memory beneath it. Children are made when they are first needed, put in
 * place by compare-and-swap (who loses frees his own), and stay until the map goes: a marker or a
 * walk may hold a pointer to one at any time.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dirty/tree.h"

static void *get_memory(struct vfmig_dirty *map, size_t bytes, bool aligned)
{
	size_t had = atomic_fetch_add(&map->bytes, bytes);
	void *mem = NULL;

	if (!map->max_bytes || (had <= map->max_bytes && bytes <= map->max_bytes - had)) {
		/* calloc gives large blocks that are touched page by page; leaves want whole lines. */
		if (!aligned)
			mem = calloc(1, bytes);
		else if ((mem = aligned_alloc(64, bytes)))
			memset(mem, 0, bytes);
	}
	if (!mem)
		atomic_fetch_sub(&map->bytes, bytes);
	return mem;
}

static size_t child_bytes(const struct vfmig_dirty *map, enum vfmig_dirty_level level,
			  uint64_t start)
{
	uint64_t last;

	switch (level) {
	case VFMIG_DIRTY_LEAF:
		return sizeof(struct vfmig_dirty_leaf);
	case VFMIG_DIRTY_DIR:
		last = vfmig_dirty_last_beneath(map, level, start);
		return sizeof(struct vfmig_dirty_dir) +
		       (((last - start) >> VFMIG_DIRTY_LEAF) + 1) * sizeof(struct vfmig_dirty_slot);
	case VFMIG_DIRTY_GROUP:
		break;
	}
	last = vfmig_dirty_last_beneath(map, VFMIG_DIRTY_GROUP, start);
	return (((last - start) >> VFMIG_DIRTY_DIR) + 1) * sizeof(_Atomic uintptr_t);
}

void *vfmig_dirty_ensure(struct vfmig_dirty *map, enum vfmig_dirty_level level,
			 _Atomic uintptr_t *slot, uint64_t start)
{
	uintptr_t seen = atomic_load(slot);
	size_t bytes;
	void *child;

	if (seen & ~VFMIG_DIRTY_FULL)
		return vfmig_dirty_child(seen);
	bytes = child_bytes(map, level, start);
	child = get_memory(map, bytes, level == VFMIG_DIRTY_LEAF);
	if (!child)
		return NULL;
	while (!atomic_compare_exchange_weak(slot, &seen,
					     (uintptr_t)child | (seen & VFMIG_DIRTY_FULL))) {
		if (seen & ~VFMIG_DIRTY_FULL) {
			free(child);
			atomic_fetch_sub(&map->bytes, bytes);
			return vfmig_dirty_child(seen);
		}
	}
	if (level == VFMIG_DIRTY_LEAF)
		atomic_fetch_add(&map->leaves, 1);
	if (level == VFMIG_DIRTY_DIR && !atomic_flag_test_and_set(&map->hot_claimed)) {
		atomic_store(&map->hot_dir, child);
		atomic_store(&map->hot_index, start >> VFMIG_DIRTY_DIR);
	}
	return child;
}

int vfmig_dirty_create(struct vfmig_dirty **out, const struct vfmig_dirty_config *config)
{
	static const struct vfmig_dirty_config everything;
	const struct vfmig_dirty_config *c = config ? config : &everything;
	uint64_t page_size = c->page_size ? c->page_size : VFMIG_DIRTY_PAGE_MIN;
	unsigned int shift = (unsigned int)__builtin_ctzll(page_size);
	uint64_t last = c->base + (c->size - 1), origin, pages, groups;
	struct vfmig_dirty *map;
	size_t bytes;

	if (page_size & (page_size - 1) || page_size < VFMIG_DIRTY_PAGE_MIN ||
	    page_size > VFMIG_DIRTY_PAGE_MAX)
		return -EINVAL;
	if (!c->size)
		last = UINT64_MAX;
	if (last < c->base)
		return -EINVAL;

	origin = c->base >> (shift + VFMIG_DIRTY_LEAF) << (shift + VFMIG_DIRTY_LEAF);
	pages = ((last - origin) >> shift) + 1;
	groups = ((pages - 1) >> VFMIG_DIRTY_GROUP) + 1;
	bytes = sizeof(*map) + groups * sizeof(map->group[0]);
	map = calloc(1, bytes);
	if (!map)
		return -ENOMEM;

	map->base = c->base;
	map->last = last;
	map->origin = origin;
	map->shift = shift;
	map->first_page = vfmig_dirty_page(map, c->base);
	map->last_page = vfmig_dirty_page(map, last);
	map->max_bytes = c->max_bytes;
	map->group_count = groups;
	atomic_init(&map->hot_index, UINT64_MAX);
	atomic_flag_clear(&map->hot_claimed);
	atomic_init(&map->bytes, bytes);
	*out = map;
	return 0;
}

static void free_dir(const struct vfmig_dirty *map, struct vfmig_dirty_dir *dir, uint64_t start)
{
	uint64_t last = vfmig_dirty_last_beneath(map, VFMIG_DIRTY_DIR, start);

	for (uint64_t i = 0; dir && i <= (last - start) >> VFMIG_DIRTY_LEAF; i++)
		free(vfmig_dirty_child(atomic_load(&dir->slot[i].leaf)));
	free(dir);
}

static void free_group(const struct vfmig_dirty *map, struct vfmig_dirty_group *group,
		       uint64_t start)
{
	uint64_t last = vfmig_dirty_last_beneath(map, VFMIG_DIRTY_GROUP, start);

	for (uint64_t i = 0; group && i <= (last - start) >> VFMIG_DIRTY_DIR; i++)
		free_dir(map, vfmig_dirty_child(atomic_load(&group->dir[i])),
			 start + (i << VFMIG_DIRTY_DIR));
	free(group);
}

void vfmig_dirty_free(struct vfmig_dirty *map)
{
	if (!map)
		return;
	for (uint64_t i = 0; i < map->group_count; i++)
		free_group(map, vfmig_dirty_child(atomic_load(&map->group[i])),
			   i << VFMIG_DIRTY_GROUP);
	free(map);
}

uint64_t vfmig_dirty_page_size(const struct vfmig_dirty *map)
{
	return 1ull << map->shift;
}

int vfmig_dirty_reserve(struct vfmig_dirty *map, uint64_t addr, uint64_t len)
{
	uint64_t last, start, end;

	if (!vfmig_dirty_clip(map, &addr, len, &last))
		return 0;
	start = vfmig_dirty_page(map, addr) >> VFMIG_DIRTY_LEAF;
	end = vfmig_dirty_page(map, last) >> VFMIG_DIRTY_LEAF;
	for (; start <= end; start++) {
		uint64_t page = start << VFMIG_DIRTY_LEAF;
		uint64_t g = page >> VFMIG_DIRTY_GROUP, d = page >> VFMIG_DIRTY_DIR;
		struct vfmig_dirty_group *group;
		struct vfmig_dirty_dir *dir;

		group = vfmig_dirty_ensure(map, VFMIG_DIRTY_GROUP, &map->group[g],
					   g << VFMIG_DIRTY_GROUP);
		if (!group)
			return -ENOMEM;
		dir = vfmig_dirty_ensure(map, VFMIG_DIRTY_DIR,
					 &group->dir[d % VFMIG_DIRTY_GROUP_DIRS],
					 d << VFMIG_DIRTY_DIR);
		if (!dir ||
		    !vfmig_dirty_ensure(map, VFMIG_DIRTY_LEAF,
					&dir->slot[start % VFMIG_DIRTY_DIR_LEAVES].leaf, page))
			return -ENOMEM;
	}
	return 0;
}

void vfmig_dirty_stats(const struct vfmig_dirty *map, struct vfmig_dirty_stats *stats)
{
	stats->bytes = atomic_load(&map->bytes);
	stats->leaves = atomic_load(&map->leaves);
	stats->summaries_visited = atomic_load(&map->summaries_visited);
	stats->words_visited = atomic_load(&map->words_visited);
}
