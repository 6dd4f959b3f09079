/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vfmig resume: run devices that a migration left stopped.
 *
 * The process that migrated them may have ended. The history that each device's server keeps
 * decides whether the device may run without --yes.
 */
#include <stdio.h>

#include "cli.h"
#include "history.h"

static bool yes;

static const struct cli_option options[] = {
	{'y', "yes", CLI_FLAG, &yes, NULL,
	 "run devices of which copies may exist: confirms that no copy runs or can start elsewhere"},
	{0},
};

struct resumed {
	struct vfmig_device *device;
	struct vfmig_session *session;
	struct cli_history past;
};

static int look(struct resumed *r, const char *name)
{
	char text[CLI_MESSAGE], next[CLI_MESSAGE];
	struct vfmig_error err = {0};
	int ret = cli_open(name, &cli.filters, &r->device);

	if (ret)
		return ret;
	if (vfmig_session_open(r->device, cli.protocol, &r->session, &err))
		return cli_fail(&err);
	ret = cli_history_read(r->session, name, &r->past);
	if (ret)
		return ret;
	cli_history_next(&r->past, next);
	if (cli_history_obstacle(&r->past))
		return cli_failf("%s cannot run: %s; %s", name, cli_history_obstacle(&r->past),
				 next);
	if (cli_history_in_doubt(&r->past) && !yes)
		return cli_failf("%s stays in %s: %s; %s", name, vfmig_state_name(r->past.state),
				 cli_history_text(&r->past, text), next);
	return 0;
}

static int go(struct resumed *r, enum vfmig_state state)
{
	struct vfmig_error err = {0};

	if (vfmig_session_set_state(r->session, state, &err)) {
		vfmig_err_at(&err, err.code, "%s stays stopped and keeps its state", r->past.name);
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
			    VFMIG_TEXT("history", vfmig_history_name(r->past.history.past)));
	else if (r->past.state == VFMIG_STATE_RUNNING)
		printf("%s: already RUNNING\n", r->past.name);
	else
		printf("%s: %s -> RUNNING\n", r->past.name, from);
}

/* All devices enter RUNNING_P2P before any enters RUNNING, so that no peer is unresponsive. */
static int resume(struct resumed *all, size_t count)
{
	int ret = 0;

	for (size_t i = 0; !ret && count > 1 && i < count; i++)
		if (vfmig_session_flags(all[i].session) & VFMIG_MIGRATION_P2P &&
		    !cli_history_runs(&all[i].past))
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
	.summary = "Run devices that a migration left stopped",
	.takes = CLI_TAKES_DEVICES | CLI_TAKES_PROTOCOL | CLI_TAKES_JSON,
	.words = {1, CLI_ANY},
	.text = "Runs the source devices of a migration that ended before the destination had everything. The\n"
		"devices' servers keep a history; if it shows that copies may run elsewhere, the command fails.\n"
		"Then check the destination, and use --yes only if no copy runs or can start there. All devices\n"
		"are checked before the first one runs. A vfio-user server stops its device again when this\n"
		"command disconnects; the next client may use it, and vfmig commands may with --start.\n",
	.examples =
		"  vfmig resume vfio-user:/run/a.sock\n"
		"  vfmig reset vfio-user:/run/b.sock && vfmig resume --yes vfio-user:/run/a.sock\n"
		"      after a migration in doubt, if 'vfmig info' shows that the destination has not run\n",
	.options = options,
	.run = run,
};
