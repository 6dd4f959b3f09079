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
	struct migration_pair pair = {.to = {.m = NULL}};
	int fds[2];

	CHECK(!socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
	migration_pair_end_init(&pair.from, 1, NULL, MIGRATION_PAIR_MEMORY);
	no_limits(&pair.from.options);
	pair.from.options.setup_ms = 50;
	migration_pair_work(&pair.from);
	migration_pair_end_ready(&pair.from, VFMIG_ROLE_SOURCE);
	CHECK_EQ(vfmig_migration_run(pair.from.m, fds[0], fds[0], &pair.from.err), -ETIMEDOUT);
	CHECK(strstr(pair.from.err.text, "setup-timeout"));
	migration_pair_stayed(&pair);
	migration_pair_end_free(&pair.from);
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
	struct migration_pair pair;
	bool came;

	migration_pair_init(&pair, 1, NULL);
	no_limits(&pair.from.options);
	no_limits(&pair.to.options);
	pair.from.options.switchover_ms = limits.source ? ms : 0;
	pair.from.options.channel_ms = limits.channel ? ms : 0;
	pair.to.options.switchover_ms = limits.destination ? ms : 0;
	migration_pair_work(&pair.from);
	migration_pair_ready(&pair);
	came = relay_migrate(&pair, plan);
	CHECKF(strstr(migration_pair_result(&pair.from).sentence, says) ||
		       strstr(migration_pair_result(&pair.to).sentence, says),
	       "%s / %s", migration_pair_result(&pair.from).sentence,
	       migration_pair_result(&pair.to).sentence);
	migration_pair_stayed(&pair);
	migration_pair_free(&pair);
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
	struct migration_pair pair;

	migration_pair_init(&pair, 1, NULL);
	no_limits(&pair.from.options);
	pair.from.options.bandwidth = 64 << 10;
	pair.from.options.total_ms = 100;
	migration_pair_work(&pair.from);
	memset(pair.from.memory, 1, MIGRATION_PAIR_MEMORY);
	migration_pair_ready(&pair);
	CHECK_EQ(migration_pair_run(&pair), -ETIMEDOUT);
	CHECK(strstr(pair.from.err.text, "total-timeout"));
	CHECK(migration_pair_result(&pair.from).bytes < MIGRATION_PAIR_MEMORY);
	migration_pair_stayed(&pair);
	migration_pair_free(&pair);
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
