/* SPDX-License-Identifier: BSD-3-Clause */
/* vfmig reset: devices become as new. */
#include <stdio.h>

#include "cli.h"
#include "history.h"

static bool yes;

static const struct cli_option options[] = {
	{'y', "yes", CLI_FLAG, &yes, NULL,
	 "also a device that may hold the only copy of its state"},
	{0},
};

/* A device without migration has no history that could be lost. */
static int check(struct vfmig_device *device, const char *name)
{
	char text[CLI_SENTENCE];
	struct vfmig_session *session;
	struct cli_past past = {.state = VFMIG_STATE_RUNNING};
	int ret = 0;

	if (yes || vfmig_session_open(device, cli.protocol, &session, NULL))
		return 0;
	if (!vfmig_session_get_state(session, &past.state, NULL))
		ret = cli_past_look(session, name, &past);
	vfmig_session_close(session);
	if (ret || !cli_past_only_copy(&past))
		return ret;
	return cli_failf("%s is in %s and may hold the only copy of its state: %s; 'vfmig reset "
			 "--yes %s' destroys it, 'vfmig resume%s %s' runs it here",
			 name, vfmig_state_name(past.state), cli_past_text(&past, text), name,
			 cli_past_doubt(&past) ? " --yes" : "", name);
}

static int reset(const char *name)
{
	struct vfmig_error err = {0};
	struct vfmig_device *device;
	int ret = cli_open(name, &cli.filters, &device);

	if (ret)
		return ret;
	ret = check(device, name);
	if (!ret && vfmig_device_reset(device, &err))
		ret = cli_fail(&err);
	vfmig_device_close(device);
	if (!ret && cli.json)
		vfmig_event(&cli_json_events, "reset", VFMIG_TEXT("device", name));
	else if (!ret)
		printf("%s is reset\n", name);
	return ret;
}

static int run(const struct cli_list *words)
{
	int ret = 0;

	for (size_t i = 0; !ret && i < words->count; i++)
		ret = reset(words->item[i]);
	return ret;
}

const struct cli_command cli_reset = {
	.name = "reset",
	.usage = "DEVICE... [--yes]",
	.summary = "Reset devices: they lose their state, and are as new",
	.takes = CLI_TAKES_DEVICES | CLI_DRIVES | CLI_TAKES_JSON,
	.words = {1, CLI_ANY},
	.text = "For what a migration has left behind: a source that has moved away, a destination whose\n"
		"sender or receiver was killed. A device that may hold the only copy of its state (it stopped\n"
		"to be read, and nothing says that its state has arrived) is reset only with --yes.\n",
	.examples = "  vfmig reset vfio-user:/run/b.sock\n",
	.options = options,
	.run = run,
};
