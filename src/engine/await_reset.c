/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A source that goes on: telling the destination, and waiting for it where that is needed.
 *
 * A destination that has not heard COMMIT does not run, and so the source need not ask it. But a device whose
 * protocol has it check by running what it was given (v1, pfn) may have run by then, and may be running.
 */
#include <errno.h>
#include <string.h>

#include "device/device.h"
#include "engine/channel/limit.h"
#include "engine/migration.h"
#include "engine/send.h"
#include "engine/source.h"
#include "engine/wait.h"

/* How long a CANCEL may take to be told, when the source is back already. */
#define TELL_MS 1000

/* The destination learns it from CANCEL at once, instead of from a time limit. It is reset either way. */
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
	engine_limit_time(m, TELL_MS, "telling the destination");
	if (!engine_send_section(m, &section, why, NULL))
		engine_send_flush(m, NULL);
	m->limits.deadline = 0;
}

/* FAILED says it, if it comes. READY may have been on its way, and a channel that is gone may still hold words. */
static bool hears_reset(struct vfmig_migration *m)
{
	if (m->handoff.why_event == HANDOFF_ON_BAD)
		return false;
	engine_send_cancel(m);
	engine_limit_time(m, m->options.switchover_ms, "the destination's reset");
	/* Nothing comes behind FAILED, whatever it said. */
	if (m->handoff.why_event != HANDOFF_ON_PEER && !m->handoff.peer_reset &&
	    !engine_reply_await(m, ABI_SECTION_READY, NULL))
		engine_reply_await(m, ABI_SECTION_READY, NULL);
	m->limits.deadline = 0;
	return m->handoff.peer_reset;
}

/*
 * END is there, so a device of the destination that can check in no other way may have run, and may be running. Until
 * all of them are known to be reset, nothing runs here.
 */
int engine_await_reset(struct vfmig_migration *m, struct vfmig_error *err)
{
	if (!m->handoff.checks_by_running)
		return 0;
	m->loop.deaf = true;
	m->limits.deadline = m->limits.total_deadline = 0;
	m->handoff.fenced = hears_reset(m);
	if (m->handoff.fenced)
		return 0;
	return vfmig_err(
		err, -EOWNERDEAD,
		"a device of the destination checks by running what it was given, and it was "
		"not heard to be reset (%.600s)",
		m->handoff.why.text);
}
