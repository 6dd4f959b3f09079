/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A map goes in the middle of a migration, and its memory with it, as is its owner's right once the unmap has
 * returned: the migration fails, on whichever side it was, and touches nothing that is not there any more.
 *
 * And what was in the destination's memory before does not shine through, where the source has zeros.
 */
#include <sys/mman.h>

#include "tests/lib/migration_pair.h"

static int unmap(struct migration_pair_end *end)
{
	int ret = vfmig_space_unmap(end->space, MIGRATION_PAIR_IOVA, end->memory_size, NULL);

	/* From here on whoever touches it ends the process. */
	CHECK(!mprotect(end->memory, end->memory_size, PROT_NONE));
	return ret;
}

static void hook(struct migration_pair_end *end, const struct vfmig_event *event)
{
	if (!strcmp(event->name, end->hook_context))
		CHECK_EQ(unmap(end), 0);
}

static void goes(struct migration_pair_end *(*which)(struct migration_pair *pair), const char *on)
{
	struct migration_pair pair;
	struct migration_pair_end *end;

	migration_pair_init(&pair, 1, NULL);
	end = which(&pair);
	end->hook = hook;
	end->hook_context = (void *)on;
	migration_pair_work(&pair.from);
	migration_pair_ready(&pair);
	CHECK(migration_pair_run(&pair));
	/* Whoever it was says so, and the other has heard it. */
	CHECKF(strstr(migration_pair_result(&pair.from).sentence, "map"), "%s",
	       migration_pair_result(&pair.from).sentence);
	CHECKF(strstr(migration_pair_result(&pair.to).sentence, "map"), "%s",
	       migration_pair_result(&pair.to).sentence);
	CHECK_EQ(migration_pair_result(&pair.from).outcome, VFMIG_OUTCOME_FAILED);
	CHECK(migration_pair_result(&pair.to).outcome != VFMIG_OUTCOME_DONE);
	CHECK(migration_pair_result(&pair.from).running);
	CHECK(!migration_pair_result(&pair.to).running);
	CHECK(!mprotect(end->memory, end->memory_size, PROT_READ | PROT_WRITE));
	migration_pair_free(&pair);
}

static struct migration_pair_end *from(struct migration_pair *pair)
{
	return &pair->from;
}

static struct migration_pair_end *to(struct migration_pair *pair)
{
	return &pair->to;
}

static void zeros(void)
{
	struct migration_pair pair;

	migration_pair_init(&pair, 1, NULL);
	memset(pair.to.memory, 0xff, pair.to.memory_size);
	migration_pair_work(&pair.from);
	migration_pair_ready(&pair);
	CHECK_EQ(migration_pair_run(&pair), 0);
	migration_pair_moved(&pair);
	migration_pair_free(&pair);
}

int main(void)
{
	zeros();
	goes(from, "accepted");
	goes(from, "round");
	goes(to, "accepted");
	return 0;
}
