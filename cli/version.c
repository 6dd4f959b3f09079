/* SPDX-License-Identifier: BSD-3-Clause */
/* vfmig version: print the version. */
#include <stdio.h>

#include <vfmig/version.h>

#include "cli.h"

static int run(const struct cli_list *words)
{
	if (cli.json)
		vfmig_event(&cli_json_events, "version", VFMIG_TEXT("version", vfmig_version()));
	else
		printf("vfmig %s\n", vfmig_version());
	return CLI_OK;
}

const struct cli_command cli_version = {
	.name = "version",
	.usage = "[--json]",
	.summary = "Print the version",
	.takes = CLI_TAKES_JSON,
	.words = {0, 0},
	.run = run,
};
