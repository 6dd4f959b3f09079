/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A user that takes longer to pause than the whole downtime may take: the migration is done and reports a downtime
 * over its limit. With enforce_downtime the source gives the switchover up and runs on. A limit that is kept is not
 * reported as exceeded.
 */
#include "tests/lib/migration_pair.h"

static int pause_late(void *context, int64_t deadline, struct vfmig_error *err)
{
	struct migration_pair_end *end = context;

	usleep((unsigned)(end->options.downtime_ms + 50) * 1000);
	return migration_pair_pause(end, deadline, err);
}

static void run(bool late, bool enforce)
{
	struct migration_pair pair;

	migration_pair_init(&pair, 1, NULL);
	if (late) {
		pair.from.options.downtime_ms = 500;
		pair.from.user.pause = pause_late;
	}
	pair.from.options.enforce_downtime = enforce;
	migration_pair_work(&pair.from);
	migration_pair_ready(&pair);
	migration_pair_run(&pair);
	if (late && enforce) {
		CHECK_EQ(pair.from.ret, -ETIMEDOUT);
		CHECKF(strstr(pair.from.err.text, "downtime, enforced"), "%s", pair.from.err.text);
		migration_pair_stayed(&pair);
	} else {
		CHECKF(!pair.from.ret, "%s", pair.from.err.text);
		migration_pair_moved(&pair);
		CHECK_EQ(migration_pair_result(&pair.from).over_limit, late);
		CHECK(migration_pair_find(&pair.from,
					  late ? "\"over_limit\":1" : "\"over_limit\":0"));
	}
	migration_pair_free(&pair);
}

int main(void)
{
	RUN(run(false, false));
	RUN(run(false, true));
	RUN(run(true, false));
	RUN(run(true, true));
	return 0;
}
