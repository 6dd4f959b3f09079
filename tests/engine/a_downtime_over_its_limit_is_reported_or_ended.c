/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A user that takes longer to pause than the whole downtime may take: the migration is done and reports a downtime
 * over its limit. With enforce_downtime the source gives the switchover up and runs on. A limit that is kept is not
 * reported as exceeded.
 */
#include "tests/engine/rig.h"

static int pause_late(void *context, int64_t deadline, struct vfmig_error *err)
{
	struct rig_end *end = context;

	usleep((unsigned)(end->options.downtime_ms + 50) * 1000);
	return rig_pause(end, deadline, err);
}

static void run(bool late, bool enforce)
{
	struct rig rig;

	rig_init(&rig, 1, NULL);
	if (late) {
		rig.from.options.downtime_ms = 500;
		rig.from.user.pause = pause_late;
	}
	rig.from.options.enforce_downtime = enforce;
	rig_work(&rig.from);
	rig_ready(&rig);
	rig_run(&rig);
	if (late && enforce) {
		CHECK_EQ(rig.from.ret, -ETIMEDOUT);
		CHECKF(strstr(rig.from.err.text, "downtime, enforced"), "%s", rig.from.err.text);
		rig_stayed(&rig);
	} else {
		CHECKF(!rig.from.ret, "%s", rig.from.err.text);
		rig_moved(&rig);
		CHECK_EQ(rig_result(&rig.from).over_limit, late);
		CHECK(rig_find(&rig.from, late ? "\"over_limit\":1" : "\"over_limit\":0"));
	}
	rig_free(&rig);
}

int main(void)
{
	run(false, false);
	run(false, true);
	run(true, false);
	run(true, true);
	return 0;
}
