/* SPDX-License-Identifier: BSD-3-Clause */
/* What a device was found in, and what its owner may do with it: see past.h. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cli.h"
#include "history.h"

int cli_past_look(struct vfmig_session *session, const char *name, struct cli_past *past)
{
	struct vfmig_error err = {0};

	memset(past, 0, sizeof(*past));
	past->name = name;
	if (vfmig_session_get_state(session, &past->state, &err))
		return cli_fail(&err);
	/* A device in this process, or a server that does not remember: UNKNOWN. */
	if (vfmig_device_get_history(vfmig_session_device(session), &past->history, NULL))
		memset(&past->history, 0, sizeof(past->history));
	return 0;
}

bool cli_past_runs(const struct cli_past *past)
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

char *cli_past_text(const struct cli_past *past, char out[CLI_SENTENCE])
{
	static const char *const texts[] = {
		[VFMIG_HISTORY_UNKNOWN] =
			"nothing remembers whether a copy of its state runs elsewhere",
		[VFMIG_HISTORY_NEW] = "its state is its own since it was made or reset, at %s",
		[VFMIG_HISTORY_LOADING] = "it holds a part of another device's state, since %s",
		[VFMIG_HISTORY_LOADED] =
			"it was loaded at %s and has not run since, so its source may run",
		[VFMIG_HISTORY_RAN] = "its state is its own: it has run here since %s",
		[VFMIG_HISTORY_READ] =
			"all of its state was read at %s, so a copy may run elsewhere",
		[VFMIG_HISTORY_MOVED] = "it was moved away at %s to %s",
	};
	uint32_t n = past->history.past;
	char when[32];

	n = n < sizeof(texts) / sizeof(texts[0]) ? n : VFMIG_HISTORY_UNKNOWN;
	date(past->history.since, when);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(out, CLI_SENTENCE, texts[n], when, past->history.where);
#pragma GCC diagnostic pop
	return out;
}

const char *cli_past_obstacle(const struct cli_past *past)
{
	if (past->state == VFMIG_STATE_ERROR)
		return "it is in ERROR, which only a reset ends, and its state is lost";
	if (past->state == VFMIG_STATE_RESUMING)
		return "it is in RESUMING and holds at most a part of another device's state";
	return NULL;
}

bool cli_past_doubt(const struct cli_past *past)
{
	if (cli_past_runs(past))
		return false;
	return past->history.past != VFMIG_HISTORY_NEW && past->history.past != VFMIG_HISTORY_RAN;
}

bool cli_past_only_copy(const struct cli_past *past)
{
	if (past->state == VFMIG_STATE_ERROR || past->state == VFMIG_STATE_RESUMING)
		return false;
	return past->history.past == VFMIG_HISTORY_READ ||
	       (past->state == VFMIG_STATE_STOP_COPY && past->history.past != VFMIG_HISTORY_MOVED);
}

char *cli_past_next(const struct cli_past *past, char out[CLI_SENTENCE])
{
	const char *yes = cli_past_only_copy(past) ? " --yes" : "", *name = past->name;

	out[0] = 0;
	if (cli_past_obstacle(past) || past->history.past == VFMIG_HISTORY_MOVED)
		snprintf(out, CLI_SENTENCE, "'vfmig reset %s' makes a new device of it", name);
	else if (cli_past_doubt(past))
		snprintf(out, CLI_SENTENCE,
			 "if a copy runs elsewhere, 'vfmig reset%s %s' makes a new device of it; "
			 "only if none does, nor may come to, 'vfmig resume --yes %s' runs it here",
			 yes, name, name);
	else if (!cli_past_runs(past))
		snprintf(out, CLI_SENTENCE,
			 "'vfmig resume %s' runs it here, as its next client may", name);
	return out;
}
