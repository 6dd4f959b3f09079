/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Steps of the hand-over: from state to state by the table in handoff.c, with an event for each.
 */
#include <errno.h>
#include <string.h>

#include "device/device.h"
#include "engine/handoff.h"
#include "engine/migration.h"
#include "engine/report.h"

void handoff_step(struct vfmig_migration *m, int code, const struct vfmig_error *err)
{
	enum handoff_event on = handoff_event_of(code);

	if (code) {
		m->handoff.why = *err;
		m->handoff.why.code = code;
		m->handoff.why_event = on;
	}
	m->handoff.state = handoff_next(m->handoff.state, on);
	engine_report(m, "handoff", VFMIG_TEXT("state", handoff_name(m->handoff.state)),
		      VFMIG_TEXT("on", handoff_event_name(on)));
}

void handoff_give_up(struct vfmig_migration *m, int code, const struct vfmig_error *err)
{
	struct vfmig_error why = {0};

	if (err)
		why = *err;
	if (!why.text[0])
		vfmig_err(&why, code, "%s", code == -ECANCELED ? "cancelled" : strerror(-code));
	handoff_step(m, code, &why);
}

uint64_t handoff_lap(struct vfmig_migration *m)
{
	int64_t now = device_now(), before = m->handoff.stage_began;

	m->handoff.stage_began = now;
	return (uint64_t)(now - before);
}
