/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A map goes in the middle of a migration, and its memory with it, as is its owner's right once the unmap has
 * returned: the migration fails, on whichever side it was, and touches nothing that is not there any more.
 *
 * And what was in the destination's memory before does not shine through, where the source has zeros.
 */
#include <sys/mman.h>

#include "tests/engine/rig.h"

static int unmap(struct rig_end *end)
{
	int ret = vfmig_space_unmap(end->space, RIG_IOVA, end->memory_size, NULL);

	/* From here on whoever touches it ends the process. */
	CHECK(!mprotect(end->memory, end->memory_size, PROT_NONE));
	return ret;
}

static void hook(struct rig_end *end, const struct vfmig_event *event)
{
	if (!strcmp(event->name, end->hook_context))
		CHECK_EQ(unmap(end), 0);
}

static void goes(struct rig_end *(*which)(struct rig *rig), const char *on)
{
	struct rig rig;
	struct rig_end *end;

	rig_init(&rig, 1, NULL);
	end = which(&rig);
	end->hook = hook;
	end->hook_context = (void *)on;
	rig_work(&rig.from);
	rig_ready(&rig);
	CHECK(rig_run(&rig));
	/* Whoever it was says so, and the other has heard it. */
	CHECKF(strstr(rig_result(&rig.from).sentence, "map"), "%s", rig_result(&rig.from).sentence);
	CHECKF(strstr(rig_result(&rig.to).sentence, "map"), "%s", rig_result(&rig.to).sentence);
	CHECK_EQ(rig_result(&rig.from).outcome, VFMIG_OUTCOME_FAILED);
	CHECK(rig_result(&rig.to).outcome != VFMIG_OUTCOME_DONE);
	CHECK(rig_result(&rig.from).running);
	CHECK(!rig_result(&rig.to).running);
	CHECK(!mprotect(end->memory, end->memory_size, PROT_READ | PROT_WRITE));
	rig_free(&rig);
}

static struct rig_end *from(struct rig *rig)
{
	return &rig->from;
}

static struct rig_end *to(struct rig *rig)
{
	return &rig->to;
}

static void zeros(void)
{
	struct rig rig;

	rig_init(&rig, 1, NULL);
	memset(rig.to.memory, 0xff, rig.to.memory_size);
	rig_work(&rig.from);
	rig_ready(&rig);
	CHECK_EQ(rig_run(&rig), 0);
	rig_moved(&rig);
	rig_free(&rig);
}

int main(void)
{
	zeros();
	goes(from, "accepted");
	goes(from, "round");
	goes(to, "accepted");
	return 0;
}
