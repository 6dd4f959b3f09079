/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * When the source pauses its user, the destination has loaded everything that was sent: its memory holds what the
 * source's held, its device has accepted all of its data, and no section is unanswered. So nothing of the
 * rounds becomes downtime, however slowly the destination loads.
 *
 * The destination's device answers each write late, and sections wait in the socket between the ends.
 */
#include "tests/engine/rig.h"

#include "engine/device.h"
#include "engine/migration.h"
#include "engine/send.h"

#define MEMORY (8u << 20)

struct seen {
	struct rig *rig;
	bool same;
	uint64_t unloaded, sent, taken, writing;
};

static int pause_and_look(void *context, int64_t deadline, struct vfmig_error *err)
{
	struct seen *seen = context;
	struct rig *rig = seen->rig;

	seen->same = !memcmp(rig->from.memory, rig->to.memory, MEMORY);
	seen->unloaded = engine_sync_unloaded(rig->from.m);
	seen->sent = rig->from.m->devices[0]->bytes;
	seen->taken = rig->to.m->devices[0]->bytes;
	seen->writing = rig->to.m->devices[0]->flying.count;
	return rig_pause(&rig->from, deadline, err);
}

int main(void)
{
	struct seen seen = {0};
	struct rig rig;

	rig_end_init(&rig.from, 1, "memory=4M", MEMORY);
	rig_end_init(&rig.to, 1, "memory=4M", MEMORY);
	CARD_OK(filter_delay.open(rig.to.card[0], "op=data-write,latency-us=20000", &rig.to.card[0],
				  &card_err));
	seen.rig = &rig;
	rig.from.user = (struct vfmig_migration_user){
		.pause = pause_and_look, .resume = rig_resume, .context = &seen};
	memset(rig.from.memory, 0x5a, MEMORY);
	rig_work(&rig.from);
	rig_ready(&rig);
	CHECKF(!rig_run(&rig), "%s", rig.from.err.text);
	rig_moved(&rig);
	CHECK(seen.same);
	CHECK_EQ(seen.unloaded, 0);
	CHECK(seen.sent > 0);
	CHECK_EQ(seen.taken, seen.sent);
	CHECK_EQ(seen.writing, 0);
	CHECK(rig_find(&rig.from, "\"unloaded_sections\":0"));
	rig_free(&rig);
	return 0;
}
