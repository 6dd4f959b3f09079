/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Each time limit ends what it is for, with a sentence that names it, and the source runs on: the set-up with a
 * destination that says nothing, a switchover whose READY is lost, a channel on which nothing moves, and all of
 * a migration that is held back. The other limits are off.
 */
#include "tests/engine/relay.h"

static void no_limits(struct vfmig_migration_options *options)
{
	options->setup_ms = options->channel_ms = options->switchover_ms = 0;
}

static void setup(void)
{
	struct rig rig = {.to = {.m = NULL}};
	int fds[2];

	CHECK(!socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
	rig_end_init(&rig.from, 1, NULL, RIG_MEMORY);
	no_limits(&rig.from.options);
	rig.from.options.setup_ms = 50;
	rig_work(&rig.from);
	rig_end_ready(&rig.from, VFMIG_ROLE_SOURCE);
	CHECK_EQ(vfmig_migration_run(rig.from.m, fds[0], fds[0], &rig.from.err), -ETIMEDOUT);
	CHECK(strstr(rig.from.err.text, "setup-timeout"));
	rig_stayed(&rig);
	rig_end_free(&rig.from);
	close(fds[0]);
	close(fds[1]);
}

/* READY never comes, and the destination waits for COMMIT: one of the two has a limit. */
static void ready(uint64_t source_ms, uint64_t channel_ms, uint64_t destination_ms,
		  const char *says)
{
	struct relay_plan plan = {.act = RELAY_SWALLOW, .type = VFMIG_SECTION_READY};
	struct rig rig;

	rig_init(&rig, 1, NULL);
	no_limits(&rig.from.options);
	no_limits(&rig.to.options);
	rig.from.options.switchover_ms = source_ms;
	rig.from.options.channel_ms = channel_ms;
	rig.to.options.switchover_ms = destination_ms;
	rig_work(&rig.from);
	rig_ready(&rig);
	CHECK(relay_migrate(&rig, plan));
	CHECKF(strstr(rig_result(&rig.from).sentence, says) ||
		       strstr(rig_result(&rig.to).sentence, says),
	       "%s / %s", rig_result(&rig.from).sentence, rig_result(&rig.to).sentence);
	rig_stayed(&rig);
	rig_free(&rig);
}

/* A megabyte at 64 KiB/s takes longer than that. */
static void total(void)
{
	struct rig rig;

	rig_init(&rig, 1, NULL);
	no_limits(&rig.from.options);
	rig.from.options.bandwidth = 64 << 10;
	rig.from.options.total_ms = 100;
	rig_work(&rig.from);
	memset(rig.from.memory, 1, RIG_MEMORY);
	rig_ready(&rig);
	CHECK_EQ(rig_run(&rig), -ETIMEDOUT);
	CHECK(strstr(rig.from.err.text, "total-timeout"));
	CHECK(rig_result(&rig.from).bytes < RIG_MEMORY);
	rig_stayed(&rig);
	rig_free(&rig);
}

/* A channel that takes nothing: the limit is the bandwidth's to pass by, not the peer's. */
static void stuck(void)
{
	struct relay_plan plan = {.act = RELAY_SWALLOW, .type = VFMIG_SECTION_ACCEPT};
	struct rig rig;

	rig_init(&rig, 1, NULL);
	no_limits(&rig.from.options);
	no_limits(&rig.to.options);
	rig.from.options.channel_ms = 100;
	rig_work(&rig.from);
	rig_ready(&rig);
	CHECK(relay_migrate(&rig, plan));
	CHECK(strstr(rig.from.err.text, "channel-timeout"));
	rig_stayed(&rig);
	rig_free(&rig);
}

int main(void)
{
	setup();
	ready(100, 0, 0, "switchover-timeout");
	ready(0, 100, 0, "channel-timeout");
	ready(0, 0, 100, "switchover-timeout");
	total();
	stuck();
	return 0;
}
