/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a migration takes from the heap is the same for 1 MiB of memory and a card of 64 KiB as it is for 64 times as
 * much of both: the buffers that migration.h promises, and little else. Looked at while it is under way.
 */
#include <malloc.h>

#include "tests/lib/migration_pair.h"

/* The log of written pages takes some, and whoever else allocates meanwhile. */
#define LITTLE (512u << 10)

static size_t in_use(void)
{
	struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
}

static void on_event(struct migration_pair_end *end, const struct vfmig_event *event)
{
	size_t *most = end->hook_context, now = in_use();

	*most = now > *most ? now : *most;
}

/* The most that was in use, beyond what was before. */
static size_t cost(size_t memory, const char *options)
{
	size_t before, most = 0;
	struct migration_pair pair;

	migration_pair_end_init(&pair.from, 1, options, memory);
	migration_pair_end_init(&pair.to, 1, options, memory);
	pair.from.options.progress_bytes = 1 << 20;
	pair.from.hook = on_event;
	pair.from.hook_context = &most;
	memset(pair.from.memory, 1, memory);
	migration_pair_ready(&pair);
	before = in_use();
	CHECKF(!migration_pair_run(&pair), "%s", pair.from.err.text);
	migration_pair_free(&pair);
	return most - before;
}

int main(void)
{
	/* Both ends are in this process. */
	size_t promised = 2ul * VFMIG_MIGRATION_BUFFERS * VFMIG_MIGRATION_BUFFER_BYTES;
	size_t small, large;
	void *volatile some = malloc(1000);

	large = in_use();
	free(some);
	if (!large)
		SKIP("this malloc does not tell what is in use");
	cost(1 << 20, "memory=64K"); /* what is allocated once */
	small = cost(1 << 20, "memory=64K");
	large = cost(64 << 20, "memory=4M");
	CHECKF(small <= promised + 2 * LITTLE, "%zu", small);
	CHECKF(large <= small + LITTLE, "%zu, and %zu for 64 times as much", small, large);
	return 0;
}
