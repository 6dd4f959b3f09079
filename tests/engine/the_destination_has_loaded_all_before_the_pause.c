/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * When the source pauses its user, the destination has loaded everything that was sent: its memory holds what the
 * source's held, its device has accepted all of its data, and no section is unanswered. So nothing of the
 * rounds becomes downtime, however slowly the destination loads.
 *
 * The destination's device answers each write late, and sections wait in the socket between the ends.
 */
#include "tests/lib/migration_pair.h"

#include "engine/device.h"
#include "engine/migration.h"
#include "engine/send.h"

#define MEMORY (8u << 20)

struct seen {
	struct migration_pair *pair;
	bool same;
	uint64_t unloaded, sent, taken, writing;
};

static int pause_and_look(void *context, int64_t deadline, struct vfmig_error *err)
{
	struct seen *seen = context;
	struct migration_pair *pair = seen->pair;

	seen->same = !memcmp(pair->from.memory, pair->to.memory, MEMORY);
	seen->unloaded = engine_sync_unloaded(pair->from.m);
	seen->sent = pair->from.m->devices[0]->bytes;
	seen->taken = pair->to.m->devices[0]->bytes;
	seen->writing = pair->to.m->devices[0]->flying.count;
	return migration_pair_pause(&pair->from, deadline, err);
}

int main(void)
{
	struct seen seen = {0};
	struct migration_pair pair;

	migration_pair_end_init(&pair.from, 1, "memory=4M", MEMORY);
	migration_pair_end_init(&pair.to, 1, "memory=4M", MEMORY);
	CHECK_OK(filter_delay.open(pair.to.card[0], "op=data-write,latency-us=20000",
				   &pair.to.card[0], &test_err));
	seen.pair = &pair;
	pair.from.user = (struct vfmig_migration_user){
		.pause = pause_and_look, .resume = migration_pair_resume, .context = &seen};
	memset(pair.from.memory, 0x5a, MEMORY);
	migration_pair_work(&pair.from);
	migration_pair_ready(&pair);
	CHECKF(!migration_pair_run(&pair), "%s", pair.from.err.text);
	migration_pair_moved(&pair);
	CHECK(seen.same);
	CHECK_EQ(seen.unloaded, 0);
	CHECK(seen.sent > 0);
	CHECK_EQ(seen.taken, seen.sent);
	CHECK_EQ(seen.writing, 0);
	CHECK(migration_pair_find(&pair.from, "\"unloaded_sections\":0"));
	migration_pair_free(&pair);
	return 0;
}
