/* SPDX-License-Identifier: BSD-3-Clause */
/* vfmig list: print the models, sources and filters. */
#include <stdio.h>

#include <vfmig/open.h>

#include "cli.h"

static const char *const kinds[] = {
	[VFMIG_CATALOG_MODEL] = "model",
	[VFMIG_CATALOG_SOURCE] = "source",
	[VFMIG_CATALOG_FILTER] = "filter",
};
static const char *const titles[] = {
	[VFMIG_CATALOG_MODEL] = "Models: software devices in this process",
	[VFMIG_CATALOG_SOURCE] = "Sources: devices that live elsewhere",
	[VFMIG_CATALOG_FILTER] = "Filters: --filter NAME[,option=value]...",
};

static void name_of(const struct vfmig_catalog_entry *known, char *out, size_t size)
{
	if (known->kind == VFMIG_CATALOG_MODEL)
		snprintf(out, size, "model:%s", known->name);
	else
		snprintf(out, size, "%s%s%s", known->name, known->place ? ":" : "",
			 known->place ? known->place : "");
}

static int run(const struct cli_list *words)
{
	struct vfmig_catalog_entry known;
	char name[64];
	int kind = -1;

	for (size_t i = 0; vfmig_catalog_get(i, &known); i++) {
		name_of(&known, name, sizeof(name));
		if (cli.json) {
			vfmig_event(&cli_json_events, "known",
				    VFMIG_TEXT("kind", kinds[known.kind]), VFMIG_TEXT("name", name),
				    VFMIG_TEXT("summary", known.summary));
			continue;
		}
		if ((int)known.kind != kind)
			printf("%s%s\n", kind < 0 ? "" : "\n", titles[known.kind]);
		kind = (int)known.kind;
		printf("  %-18s  ", name);
		cli_wrap(known.summary, 22, 100);
	}
	if (!cli.json)
		puts("\n"
		     "Options: vfmig help devices");
	return CLI_OK;
}

const struct cli_command cli_list = {
	.name = "list",
	.usage = "[--json]",
	.summary = "List the models, sources and filters",
	.takes = CLI_TAKES_JSON,
	.words = {0, 0},
	.run = run,
};
