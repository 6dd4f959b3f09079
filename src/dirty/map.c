/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Creating and freeing a map and its memory. Children are created when they are first needed, set by
 * compare-and-swap (the thread that loses frees its child), and stay until the map is freed: a mark or a walk may use
 * them at any time.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "dirty/tree.h"

/* Number of children beneath start that the map needs. */
static size_t children(const struct vfmig_dirty *map, enum dirty_level level, uint64_t start)
{
	enum dirty_level below = level == DIRTY_GROUP ? DIRTY_DIR : DIRTY_LEAF;

	return ((dirty_last_beneath(map, level, start) - start) >> below) + 1;
}

/* Bytes that a child counts for. A directory counts its slots; its leaves count separately. */
static size_t child_bytes(const struct vfmig_dirty *map, enum dirty_level level, uint64_t start)
{
	switch (level) {
	case DIRTY_LEAF:
		return DIRTY_LEAF_BYTES;
	case DIRTY_DIR:
		return offsetof(struct dirty_dir, slot) +
		       children(map, level, start) * sizeof(struct dirty_slot);
	case DIRTY_GROUP:
		break;
	}
	return children(map, level, start) * sizeof(_Atomic uintptr_t);
}

static size_t dir_mapped(const struct vfmig_dirty *map, uint64_t start)
{
	return sizeof(struct dirty_dir) + children(map, DIRTY_DIR, start) * DIRTY_LEAF_BYTES;
}

static void *map_dir(const struct vfmig_dirty *map, uint64_t start)
{
	size_t bytes = dir_mapped(map, start);
	void *mem = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (mem == MAP_FAILED)
		return NULL;
	/* A huge page for one mark would use 500 times the documented memory. May fail. */
	(void)madvise(mem, bytes, MADV_NOHUGEPAGE);
	return mem;
}

static void unmake(const struct vfmig_dirty *map, enum dirty_level level, void *child,
		   uint64_t start)
{
	if (level == DIRTY_GROUP)
		free(child);
	if (level == DIRTY_DIR)
		munmap(child, dir_mapped(map, start));
}

static void *make(const struct vfmig_dirty *map, enum dirty_level level, struct dirty_dir *dir,
		  uint64_t start)
{
	switch (level) {
	case DIRTY_LEAF:
		return &dir->word[(start / 64) % (DIRTY_DIR_LEAVES * DIRTY_LEAF_WORDS)];
	case DIRTY_DIR:
		return map_dir(map, start);
	case DIRTY_GROUP:
		break;
	}
	return calloc(children(map, level, start), sizeof(_Atomic uintptr_t));
}

void *dirty_ensure(struct vfmig_dirty *map, enum dirty_level level, _Atomic uintptr_t *slot,
		   struct dirty_dir *dir, uint64_t start)
{
	uintptr_t seen = atomic_load(slot);
	size_t bytes, had;
	void *child;

	if (dirty_child(seen))
		return dirty_child(seen);
	bytes = child_bytes(map, level, start);
	had = atomic_fetch_add(&map->bytes, bytes);
	child = map->max_bytes && (had > map->max_bytes || bytes > map->max_bytes - had)
			? NULL
			: make(map, level, dir, start);
	if (!child) {
		atomic_fetch_sub(&map->bytes, bytes);
		return NULL;
	}
	while (!atomic_compare_exchange_weak(slot, &seen, (uintptr_t)child | (seen & DIRTY_FULL))) {
		if (dirty_child(seen)) {
			unmake(map, level, child, start);
			atomic_fetch_sub(&map->bytes, bytes);
			return dirty_child(seen);
		}
	}
	if (level == DIRTY_LEAF)
		atomic_fetch_add(&map->leaves, 1);
	if (level == DIRTY_DIR && !atomic_flag_test_and_set(&map->hot_claimed)) {
		atomic_store(&map->hot_dir, child);
		atomic_store(&map->hot_index, start >> DIRTY_DIR);
	}
	return child;
}

int dirty_create(struct vfmig_dirty **out, const struct dirty_config *config)
{
	static const struct dirty_config everything;
	const struct dirty_config *c = config ? config : &everything;
	uint64_t page_size = c->page_size ? c->page_size : DIRTY_PAGE_MIN;
	unsigned int shift = (unsigned int)__builtin_ctzll(page_size);
	uint64_t last = c->base + (c->size - 1), origin, pages, groups;
	struct vfmig_dirty *map;
	size_t bytes;

	if (page_size & (page_size - 1) || page_size < DIRTY_PAGE_MIN || page_size > DIRTY_PAGE_MAX)
		return -EINVAL;
	if (!c->size)
		last = UINT64_MAX;
	if (last < c->base)
		return -EINVAL;

	origin = c->base >> (shift + DIRTY_LEAF) << (shift + DIRTY_LEAF);
	pages = ((last - origin) >> shift) + 1;
	groups = ((pages - 1) >> DIRTY_GROUP) + 1;
	bytes = sizeof(*map) + groups * sizeof(map->group[0]);
	map = calloc(1, bytes);
	if (!map)
		return -ENOMEM;

	map->base = c->base;
	map->last = last;
	map->origin = origin;
	map->shift = shift;
	map->first_page = dirty_page(map, c->base);
	map->last_page = dirty_page(map, last);
	map->max_bytes = c->max_bytes;
	map->group_count = groups;
	atomic_init(&map->hot_index, UINT64_MAX);
	atomic_flag_clear(&map->hot_claimed);
	atomic_init(&map->bytes, bytes);
	*out = map;
	return 0;
}

void dirty_free(struct vfmig_dirty *map)
{
	if (!map)
		return;
	for (uint64_t g = 0; g < map->group_count; g++) {
		struct dirty_group *group = dirty_child(atomic_load(&map->group[g]));
		uint64_t start = g << DIRTY_GROUP;

		for (size_t i = 0; group && i < children(map, DIRTY_GROUP, start); i++) {
			void *dir = dirty_child(atomic_load(&group->dir[i]));

			if (dir)
				unmake(map, DIRTY_DIR, dir, start + (i << DIRTY_DIR));
		}
		unmake(map, DIRTY_GROUP, group, start);
	}
	free(map);
}

uint64_t dirty_page_size(const struct vfmig_dirty *map)
{
	return 1ull << map->shift;
}

int dirty_reserve(struct vfmig_dirty *map, uint64_t addr, uint64_t len)
{
	uint64_t last, start, end;

	if (!dirty_clip(map, &addr, len, &last))
		return 0;
	start = dirty_page(map, addr) >> DIRTY_LEAF;
	end = dirty_page(map, last) >> DIRTY_LEAF;
	for (; start <= end; start++) {
		uint64_t page = start << DIRTY_LEAF;
		uint64_t g = page >> DIRTY_GROUP, d = page >> DIRTY_DIR;
		struct dirty_group *group;
		_Atomic uint64_t *leaf;
		struct dirty_dir *dir;

		group = dirty_ensure(map, DIRTY_GROUP, &map->group[g], NULL, g << DIRTY_GROUP);
		if (!group)
			return -ENOMEM;
		dir = dirty_ensure(map, DIRTY_DIR, &group->dir[d % DIRTY_GROUP_DIRS], NULL,
				   d << DIRTY_DIR);
		if (!dir)
			return -ENOMEM;
		leaf = dirty_ensure(map, DIRTY_LEAF, &dir->slot[start % DIRTY_DIR_LEAVES].leaf, dir,
				    page);
		if (!leaf)
			return -ENOMEM;
		atomic_fetch_or(leaf, 0); /* cause the page fault */
	}
	return 0;
}

void dirty_get_stats(const struct vfmig_dirty *map, struct dirty_stats *stats)
{
	stats->bytes = atomic_load(&map->bytes);
	stats->leaves = atomic_load(&map->leaves);
	stats->summaries_visited = atomic_load(&map->summaries_visited);
	stats->words_visited = atomic_load(&map->words_visited);
}
