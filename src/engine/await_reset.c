/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A source that resumes: CANCEL to the destination, and the wait for its reset if a device may have run there.
 *
 * A destination that has not received COMMIT does not run, so the source need not wait for it. But a device that checks
 * its state by running may have run, and may still run.
 */
#include <errno.h>
#include <string.h>

#include "device/device.h"
#include "engine/channel/limit.h"
#include "engine/migration.h"
#include "engine/send.h"
#include "engine/source.h"
#include "engine/wait.h"

/* The time limit for sending CANCEL. */
#define CANCEL_MS 1000

/* Without CANCEL the destination would wait for a time limit. It resets its devices in both cases. */
void engine_send_cancel(struct vfmig_migration *m)
{
	struct abi_section section = {.type = ABI_SECTION_CANCEL};
	const char *why = m->handoff.why.text;
	size_t len = strlen(why);

	if (m->channel.file || m->handoff.commit_begun || m->handoff.fenced ||
	    m->handoff.why_event == HANDOFF_ON_LOST || m->handoff.why_event == HANDOFF_ON_PEER ||
	    !m->channel.out.sections)
		return;
	section.length = (uint32_t)(abi_section_sentence(why, len) ? 0 : len);
	m->channel.out.moved = device_now();
	rate_limit_set(&m->channel.out.limit, 0, device_now());
	engine_limit_time(m, CANCEL_MS, "sending CANCEL");
	if (!engine_send_section(m, &section, why, NULL))
		engine_send_flush(m, NULL);
	m->limits.deadline = 0;
}

/* Whether FAILED reports the reset. READY may come before it, and a closed channel may still hold both. */
static bool receive_reset(struct vfmig_migration *m)
{
	if (m->handoff.why_event == HANDOFF_ON_BAD)
		return false;
	engine_send_cancel(m);
	engine_limit_time(m, m->options.switchover_ms, "the destination's reset");
	/* Nothing follows FAILED. */
	if (m->handoff.why_event != HANDOFF_ON_PEER && !m->handoff.peer_reset &&
	    !engine_reply_await(m, ABI_SECTION_READY, NULL))
		engine_reply_await(m, ABI_SECTION_READY, NULL);
	m->limits.deadline = 0;
	return m->handoff.peer_reset;
}

/*
 * END was sent, so a device of the destination that checks by running may have run, and may be running. The source does
 * not run until all of them are known to be reset.
 */
int engine_await_reset(struct vfmig_migration *m, struct vfmig_error *err)
{
	if (!m->handoff.checks_by_running)
		return 0;
	m->loop.deaf = true;
	m->limits.deadline = m->limits.total_deadline = 0;
	m->handoff.fenced = receive_reset(m);
	if (m->handoff.fenced)
		return 0;
	return vfmig_err(
		err, -EOWNERDEAD,
		"a device of the destination checks its state by running, and its reset was not "
		"reported (%.600s)",
		m->handoff.why.text);
}
