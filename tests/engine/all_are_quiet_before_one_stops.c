/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Four devices: at the source all have arrived in a P2P state before any is asked to stop, at the destination all
 * are in RUNNING_P2P before any is asked to run; with pre-copy and without it. And devices that
 * reach each other's windows without having P2P states are refused.
 *
 * Rules: V2-36, V2-43.
 */
#include "tests/engine/rig.h"

/* The last line with the one arc comes before the first with the other. */
static void order(struct rig_end *end, const char *first, const char *then)
{
	const char *last = NULL, *at = end->log;
	unsigned n = 0;

	while ((at = strstr(at, first))) {
		last = at++;
		n++;
	}
	CHECK_EQ(n, end->cards);
	at = rig_find(end, then);
	CHECKF(at && last < at, "%s before the last %s", then, first);
}

#define ARC(from, to) "\"from\":\"" from "\",\"to\":\"" to "\""

static void run(bool precopy)
{
	struct rig rig;

	rig_init(&rig, 4, NULL);
	rig.from.options.precopy = precopy;
	rig_work(&rig.from);
	rig_ready(&rig);
	CHECKF(!rig_run(&rig), "%s", rig.from.err.text);
	rig_moved(&rig);
	if (precopy) {
		order(&rig.from, ARC("RUNNING", "PRE_COPY"), ARC("PRE_COPY", "PRE_COPY_P2P"));
		order(&rig.from, ARC("PRE_COPY", "PRE_COPY_P2P"), ARC("PRE_COPY_P2P", "STOP_COPY"));
	} else {
		order(&rig.from, ARC("RUNNING", "RUNNING_P2P"), ARC("RUNNING_P2P", "STOP"));
		order(&rig.from, ARC("RUNNING_P2P", "STOP"), ARC("STOP", "STOP_COPY"));
	}
	order(&rig.to, ARC("RESUMING", "STOP"), ARC("STOP", "RUNNING_P2P"));
	order(&rig.to, ARC("STOP", "RUNNING_P2P"), ARC("RUNNING_P2P", "RUNNING"));
	/* The user was paused before, and goes on after. */
	CHECK(rig_find(&rig.from, "\"what\":\"pause\"") < rig_find(&rig.from, "_P2P\""));
	CHECK(rig_find(&rig.to, "\"what\":\"resume\"") >
	      rig_find(&rig.to, ARC("RUNNING_P2P", "RUNNING")));
	rig_free(&rig);
}

/* And on the way back: all run quietly before any runs. */
static void back(void)
{
	struct rig rig;

	rig_init(&rig, 4, NULL);
	rig_fault(&rig.to, 3, "arc=resuming:stop");
	rig_work(&rig.from);
	rig_ready(&rig);
	CHECK_EQ(rig_run(&rig), -EREMOTEIO);
	rig_stayed(&rig);
	order(&rig.from, ARC("STOP_COPY", "RUNNING_P2P"), ARC("RUNNING_P2P", "RUNNING"));
	rig_free(&rig);
}

int main(void)
{
	run(true);
	run(false);
	back();
	return 0;
}
