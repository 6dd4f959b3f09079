/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vfmig resume: devices run again where they are, after a migration that ended between its two ends.
 *
 * The process that migrated them may be gone, and with it what it knew; what the server of each device remembers
 * decides whether they may run without asking.
 */
#include <stdio.h>

#include "cli.h"
#include "history.h"

static bool yes;

static const struct cli_option options[] = {
	{'y', "yes", CLI_FLAG, &yes, NULL,
	 "run them although copies of them may run elsewhere: you know that none does, nor may come to"},
	{0},
};

struct resumed {
	struct vfmig_device *device;
	struct vfmig_session *session;
	struct cli_past past;
};

static int look(struct resumed *r, const char *name)
{
	char text[CLI_SENTENCE], next[CLI_SENTENCE];
	struct vfmig_error err = {0};
	int ret = cli_open(name, &cli.filters, &r->device);

	if (ret)
		return ret;
	if (vfmig_session_open(r->device, cli.protocol, &r->session, &err))
		return cli_fail(&err);
	ret = cli_past_look(r->session, name, &r->past);
	if (ret)
		return ret;
	cli_past_next(&r->past, next);
	if (cli_past_obstacle(&r->past))
		return cli_failf("%s cannot run: %s; %s", name, cli_past_obstacle(&r->past), next);
	if (cli_past_doubt(&r->past) && !yes)
		return cli_failf("%s stays in %s, as %s; %s", name, vfmig_state_name(r->past.state),
				 cli_past_text(&r->past, text), next);
	return 0;
}

static int go(struct resumed *r, enum vfmig_state state)
{
	struct vfmig_error err = {0};

	if (vfmig_session_set_state(r->session, state, &err)) {
		vfmig_err_at(&err, err.code, "%s stays stopped, with its state", r->past.name);
		return cli_fail(&err);
	}
	return 0;
}

static void tell(const struct resumed *r)
{
	const char *from = vfmig_state_name(r->past.state);

	if (cli.json)
		vfmig_event(&cli_json_events, "resumed", VFMIG_TEXT("device", r->past.name),
			    VFMIG_TEXT("from", from),
			    VFMIG_TEXT("past", vfmig_history_name(r->past.history.past)));
	else if (r->past.state == VFMIG_STATE_RUNNING)
		printf("%s runs already\n", r->past.name);
	else
		printf("%s runs again: %s -> RUNNING\n", r->past.name, from);
}

/* All without peer-to-peer first: none may find a neighbour that does not answer. */
static int resume(struct resumed *all, size_t count)
{
	int ret = 0;

	for (size_t i = 0; !ret && count > 1 && i < count; i++)
		if (vfmig_session_flags(all[i].session) & VFMIG_MIGRATION_P2P &&
		    !cli_past_runs(&all[i].past))
			ret = go(&all[i], VFMIG_STATE_RUNNING_P2P);
	for (size_t i = 0; !ret && i < count; i++)
		if (all[i].past.state != VFMIG_STATE_RUNNING)
			ret = go(&all[i], VFMIG_STATE_RUNNING);
	for (size_t i = 0; !ret && i < count; i++)
		tell(&all[i]);
	return ret;
}

static int run(const struct cli_list *words)
{
	struct resumed all[CLI_LIST_MAX] = {0};
	int ret = 0;

	for (size_t i = 0; !ret && i < words->count; i++)
		ret = look(&all[i], words->item[i]);
	if (!ret)
		ret = resume(all, words->count);
	for (size_t i = 0; i < words->count; i++) {
		vfmig_session_close(all[i].session);
		if (all[i].device)
			vfmig_device_close(all[i].device);
	}
	return ret;
}

const struct cli_command cli_resume = {
	.name = "resume",
	.usage = "DEVICE... [--yes]",
	.summary = "Run devices again that a migration has left stopped",
	.takes = CLI_TAKES_DEVICES | CLI_DRIVES | CLI_TAKES_JSON,
	.words = {1, CLI_ANY},
	.text = "For the source of a migration that ended before its destination had everything: its server\n"
		"remembers that, and the devices run. If copies of them may run elsewhere, nothing is done;\n"
		"look there first, and say --yes only if none runs, nor may come to. All devices are looked at\n"
		"before the first runs. A server stops its device again when this command ends, as always\n"
		"when its client leaves; it is its next client's to use, and vfmig's with --start.\n",
	.examples =
		"  vfmig resume vfio-user:/run/a.sock\n"
		"  vfmig reset vfio-user:/run/b.sock && vfmig resume --yes vfio-user:/run/a.sock\n"
		"      after a migration in doubt, if 'vfmig info' has shown that the destination has not run\n",
	.options = options,
	.run = run,
};
