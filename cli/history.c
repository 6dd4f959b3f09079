/* SPDX-License-Identifier: BSD-3-Clause */
/* The state and history of a device: see history.h. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cli.h"
#include "history.h"

int cli_history_read(struct vfmig_session *session, const char *name, struct cli_history *past)
{
	struct vfmig_error err = {0};

	memset(past, 0, sizeof(*past));
	past->name = name;
	if (vfmig_session_get_state(session, &past->state, &err))
		return cli_fail(&err);
	/* Models in this process and servers without a history: UNKNOWN. */
	if (vfmig_device_get_history(vfmig_session_device(session), &past->history, NULL))
		memset(&past->history, 0, sizeof(past->history));
	return 0;
}

bool cli_history_runs(const struct cli_history *past)
{
	return past->state == VFMIG_STATE_RUNNING || past->state == VFMIG_STATE_RUNNING_P2P ||
	       past->state == VFMIG_STATE_PRE_COPY || past->state == VFMIG_STATE_PRE_COPY_P2P;
}

static char *date(uint64_t since, char out[32])
{
	time_t seconds = (time_t)since;
	struct tm tm;

	if (!gmtime_r(&seconds, &tm) || !strftime(out, 32, "%Y-%m-%d %H:%M:%S UTC", &tm))
		strcpy(out, "an unknown time");
	return out;
}

char *cli_history_text(const struct cli_history *past, char out[CLI_MESSAGE])
{
	static const char *const texts[] = {
		[VFMIG_HISTORY_UNKNOWN] =
			"its server keeps no history, so a copy of its state may run elsewhere",
		[VFMIG_HISTORY_NEW] =
			"it was created or reset at %s, and no copy of its state exists",
		[VFMIG_HISTORY_LOADING] = "since %s it holds a part of another device's state",
		[VFMIG_HISTORY_LOADED] =
			"it was loaded at %s and has not run since, so its source may run",
		[VFMIG_HISTORY_RAN] = "it has run here since %s, and no copy of its state exists",
		[VFMIG_HISTORY_READ] =
			"all of its state was read at %s, so a copy may run elsewhere",
		[VFMIG_HISTORY_MOVED] = "it was migrated at %s to %s",
	};
	uint32_t n = past->history.past;
	char when[32];

	n = n < sizeof(texts) / sizeof(texts[0]) ? n : VFMIG_HISTORY_UNKNOWN;
	date(past->history.since, when);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(out, CLI_MESSAGE, texts[n], when, past->history.where);
#pragma GCC diagnostic pop
	return out;
}

const char *cli_history_obstacle(const struct cli_history *past)
{
	if (past->state == VFMIG_STATE_ERROR)
		return "it is in ERROR; its state is lost, and only a reset leads out of it";
	if (past->state == VFMIG_STATE_RESUMING)
		return "it is in RESUMING and holds at most a part of another device's state";
	return NULL;
}

bool cli_history_in_doubt(const struct cli_history *past)
{
	if (cli_history_runs(past))
		return false;
	return past->history.past != VFMIG_HISTORY_NEW && past->history.past != VFMIG_HISTORY_RAN;
}

bool cli_history_only_copy(const struct cli_history *past)
{
	if (past->state == VFMIG_STATE_ERROR || past->state == VFMIG_STATE_RESUMING)
		return false;
	return past->history.past == VFMIG_HISTORY_READ ||
	       (past->state == VFMIG_STATE_STOP_COPY && past->history.past != VFMIG_HISTORY_MOVED);
}

char *cli_history_next(const struct cli_history *past, char out[CLI_MESSAGE])
{
	const char *yes = cli_history_only_copy(past) ? " --yes" : "", *name = past->name;

	out[0] = 0;
	if (cli_history_obstacle(past) || past->history.past == VFMIG_HISTORY_MOVED)
		snprintf(out, CLI_MESSAGE, "'vfmig reset %s' resets it", name);
	else if (cli_history_in_doubt(past))
		snprintf(
			out, CLI_MESSAGE,
			"if a copy runs elsewhere, 'vfmig reset%s %s' resets this one; only if no copy runs or can start, 'vfmig resume --yes %s' runs it here",
			yes, name, name);
	else if (!cli_history_runs(past))
		snprintf(out, CLI_MESSAGE, "'vfmig resume %s' runs it here", name);
	return out;
}
