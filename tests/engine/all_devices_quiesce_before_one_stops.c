/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Four devices: at the source all have arrived in a P2P state before any is asked to stop, at the destination all
 * are in RUNNING_P2P before any is asked to run; with pre-copy and without it. And devices that
 * reach each other's windows without having P2P states are refused.
 *
 * Rules: V2-36, V2-43.
 */
#include "tests/lib/migration_pair.h"

/* The last line with the one arc comes before the first with the other. */
static void order(struct migration_pair_end *end, const char *first, const char *then)
{
	const char *last = NULL, *at = end->log;
	unsigned n = 0;

	while ((at = strstr(at, first))) {
		last = at++;
		n++;
	}
	CHECK_EQ(n, end->cards);
	at = migration_pair_find(end, then);
	CHECKF(at && last < at, "%s before the last %s", then, first);
}

#define ARC(from, to) "\"from\":\"" from "\",\"to\":\"" to "\""

static void run(bool precopy)
{
	struct migration_pair pair;

	migration_pair_init(&pair, 4, NULL);
	pair.from.options.precopy = precopy;
	migration_pair_work(&pair.from);
	migration_pair_ready(&pair);
	CHECKF(!migration_pair_run(&pair), "%s", pair.from.err.text);
	migration_pair_moved(&pair);
	if (precopy) {
		order(&pair.from, ARC("RUNNING", "PRE_COPY"), ARC("PRE_COPY", "PRE_COPY_P2P"));
		order(&pair.from, ARC("PRE_COPY", "PRE_COPY_P2P"),
		      ARC("PRE_COPY_P2P", "STOP_COPY"));
	} else {
		order(&pair.from, ARC("RUNNING", "RUNNING_P2P"), ARC("RUNNING_P2P", "STOP"));
		order(&pair.from, ARC("RUNNING_P2P", "STOP"), ARC("STOP", "STOP_COPY"));
	}
	order(&pair.to, ARC("RESUMING", "STOP"), ARC("STOP", "RUNNING_P2P"));
	order(&pair.to, ARC("STOP", "RUNNING_P2P"), ARC("RUNNING_P2P", "RUNNING"));
	/* The user was paused before, and goes on after. */
	CHECK(migration_pair_find(&pair.from, "\"what\":\"pause\"") <
	      migration_pair_find(&pair.from, "_P2P\""));
	CHECK(migration_pair_find(&pair.to, "\"what\":\"resume\"") >
	      migration_pair_find(&pair.to, ARC("RUNNING_P2P", "RUNNING")));
	migration_pair_free(&pair);
}

/* And on the way back: all run quietly before any runs. */
static void back(void)
{
	struct migration_pair pair;

	migration_pair_init(&pair, 4, NULL);
	migration_pair_fault(&pair.to, 3, "arc=resuming:stop");
	migration_pair_work(&pair.from);
	migration_pair_ready(&pair);
	CHECK_EQ(migration_pair_run(&pair), -EREMOTEIO);
	migration_pair_stayed(&pair);
	order(&pair.from, ARC("STOP_COPY", "RUNNING_P2P"), ARC("RUNNING_P2P", "RUNNING"));
	migration_pair_free(&pair);
}

int main(void)
{
	RUN(run(true));
	RUN(run(false));
	RUN(back());
	return 0;
}
