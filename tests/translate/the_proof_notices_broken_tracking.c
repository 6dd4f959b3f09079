/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Negative controls for the moves between revisions: the tracking of written pages is broken behind the engine's back,
 * in each revision's way of it; the migration succeeds, and the proof must not.
 */
#include "models/copier/copier.h"
#include "model/kit.h"
#include "tests/check.h"
#include "tests/copier/move.h"

/* What the device writes is forgotten at once: pfn's bitmaps and DMA logging are made of the same log. */
static bool run_unlogged(struct vfmig_kit *kit, void *self)
{
	bool more = copier_work(self);

	vfmig_dirty_clear(kit->log.map, 0, UINT64_MAX);
	return more;
}

int main(void)
{
	static const char *const kinds[] = {
		"protocol=pfn,data=trapped",
		"protocol=pfn,data=mapped,bitmap=apart",
		"protocol=v1,data=mapped",
		"protocol=v2,migration=pre_copy",
	};
	struct vfmig_model unlogged = vfmig_model_copier;

	unlogged.run = run_unlogged;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct move broken = {
			.options = kinds[i], .max_rounds = 2, .source_model = &unlogged};
		struct move whole = {.options = kinds[i], .max_rounds = 2};

		move_expect_caught(kinds[i], &broken);
		move_expect_good(kinds[i], &whole);
	}
	return 0;
}
