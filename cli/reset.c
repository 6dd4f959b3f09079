/* SPDX-License-Identifier: BSD-3-Clause */
/* vfmig reset: reset devices and discard their state. */
#include <stdio.h>

#include "cli.h"
#include "history.h"

static bool yes;

static const struct cli_option options[] = {
	{'y', "yes", CLI_FLAG, &yes, NULL,
	 "reset also a device that may hold the only copy of its state"},
	{0},
};

/* A device without migration has no history and no copies. */
static int check(struct vfmig_device *device, const char *name)
{
	char text[CLI_MESSAGE];
	struct vfmig_session *session;
	struct cli_history past = {.state = VFMIG_STATE_RUNNING};
	int ret = 0;

	if (yes || vfmig_session_open(device, cli.protocol, &session, NULL))
		return 0;
	if (!vfmig_session_get_state(session, &past.state, NULL))
		ret = cli_history_read(session, name, &past);
	vfmig_session_close(session);
	if (ret || !cli_history_only_copy(&past))
		return ret;
	return cli_failf(
		"%s is in %s and may hold the only copy of its state: %s; 'vfmig reset --yes %s' destroys the state, 'vfmig resume%s %s' runs the device",
		name, vfmig_state_name(past.state), cli_history_text(&past, text), name,
		cli_history_in_doubt(&past) ? " --yes" : "", name);
}

static int reset(struct vfmig_device *device, const char *name)
{
	struct vfmig_error err = {0};
	int ret = check(device, name);

	if (!ret && vfmig_device_reset(device, &err))
		ret = cli_fail(&err);
	if (!ret && cli.json)
		vfmig_event(&cli_json_events, "reset", VFMIG_TEXT("device", name));
	else if (!ret)
		printf("%s: reset\n", name);
	return ret;
}

static int run(const struct cli_list *words)
{
	return cli_each_device(words, reset);
}

const struct cli_command cli_reset = {
	.name = "reset",
	.usage = "DEVICE... [--yes]",
	.summary = "Reset devices and discard their state",
	.takes = CLI_TAKES_DEVICES | CLI_TAKES_PROTOCOL | CLI_TAKES_JSON,
	.words = {1, CLI_ANY},
	.text = "Resets devices that a migration left behind: a source that has moved away, or a destination\n"
		"whose sender or receiver was killed. A device that may hold the only copy of its state (it was\n"
		"stopped and read, and its server has no record that the state arrived) is reset only with\n"
		"--yes.\n",
	.examples = "  vfmig reset vfio-user:/run/b.sock\n",
	.options = options,
	.run = run,
};
