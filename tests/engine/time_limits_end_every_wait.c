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

/* Which of the limits there are, of which of the two ends. */
struct limits {
	bool source, channel, destination;
};

/* False: the section never came, as the limit passed before it. On a busy machine it takes a longer one. */
static bool attempt(uint16_t swallowed, struct limits limits, uint64_t ms, const char *says)
{
	struct relay_plan plan = {.act = RELAY_SWALLOW, .type = swallowed};
	struct rig rig;
	bool came;

	rig_init(&rig, 1, NULL);
	no_limits(&rig.from.options);
	no_limits(&rig.to.options);
	rig.from.options.switchover_ms = limits.source ? ms : 0;
	rig.from.options.channel_ms = limits.channel ? ms : 0;
	rig.to.options.switchover_ms = limits.destination ? ms : 0;
	rig_work(&rig.from);
	rig_ready(&rig);
	came = relay_migrate(&rig, plan);
	CHECKF(strstr(rig_result(&rig.from).sentence, says) ||
		       strstr(rig_result(&rig.to).sentence, says),
	       "%s / %s", rig_result(&rig.from).sentence, rig_result(&rig.to).sentence);
	rig_stayed(&rig);
	rig_free(&rig);
	return came;
}

/* A section never comes, and one of the two that wait has a limit. */
static void lost(uint16_t swallowed, struct limits limits, const char *says)
{
	uint64_t ms = 100;

	while (!attempt(swallowed, limits, ms, says)) {
		ms *= 2;
		CHECK(ms < 100000);
	}
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

int main(void)
{
	setup();
	lost(ABI_SECTION_READY, (struct limits){.source = true}, "switchover-timeout");
	lost(ABI_SECTION_READY, (struct limits){.channel = true}, "channel-timeout");
	lost(ABI_SECTION_READY, (struct limits){.destination = true}, "switchover-timeout");
	lost(ABI_SECTION_ACCEPT, (struct limits){.channel = true}, "channel-timeout");
	total();
	return 0;
}
