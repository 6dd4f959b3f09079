/* SPDX-License-Identifier: BSD-3-Clause */
/* vfmig states: print arcs of the migration state machine. */
#include <stdio.h>
#include <string.h>

#include "cli.h"

static const char *flags_text;

static const struct cli_option options[] = {
	{0, "flags", CLI_TEXT, &flags_text, "LIST",
	 "optional states of the device, comma-separated: stop_copy, p2p, pre_copy; default: all"},
	{0},
};

static const struct {
	const char *name;
	uint64_t flag;
} flag_names[] = {
	{"stop_copy", VFMIG_MIGRATION_STOP_COPY},
	{"p2p", VFMIG_MIGRATION_P2P},
	{"pre_copy", VFMIG_MIGRATION_PRE_COPY},
};

/* Every device has stop_copy. */
static int parse_flags(uint64_t *flags)
{
	const char *at = flags_text;
	size_t i;

	*flags = VFMIG_MIGRATION_STOP_COPY;
	while (at && *at) {
		size_t len = strcspn(at, ",");

		for (i = 0; i < 3; i++)
			if (strlen(flag_names[i].name) == len &&
			    !memcmp(flag_names[i].name, at, len))
				break;
		if (i == 3)
			return cli_usage(
				"--flags: unknown flag '%.*s'; use stop_copy, p2p or pre_copy",
				(int)len, at);
		*flags |= flag_names[i].flag;
		at += len + (at[len] == ',');
	}
	if (!flags_text)
		*flags |= VFMIG_MIGRATION_P2P | VFMIG_MIGRATION_PRE_COPY;
	return 0;
}

static int parse_state(const char *text, enum vfmig_state *state)
{
	if (vfmig_state_parse(text, strlen(text), state))
		return 0;
	return cli_usage(
		"unknown state '%s'; use ERROR, STOP, RUNNING, STOP_COPY, RESUMING, RUNNING_P2P, PRE_COPY or PRE_COPY_P2P",
		text);
}

/* "RUNNING -> RUNNING_P2P -> STOP" */
static void path_text(enum vfmig_state from, const enum vfmig_state *path, size_t count, char *out,
		      size_t size)
{
	int n = snprintf(out, size, "%s", vfmig_state_name(from));

	for (size_t i = 0; i < count; i++)
		n += snprintf(out + n, size - (size_t)n, " -> %s", vfmig_state_name(path[i]));
}

static int one_path(uint64_t flags, enum vfmig_state from, enum vfmig_state to)
{
	enum vfmig_state path[VFMIG_STATE_COUNT];
	char text[256];
	const char *why;
	size_t count;

	why = vfmig_v2_path(flags, from, to, path, &count);
	if (!why)
		path_text(from, path, count, text, sizeof(text));
	if (cli.json)
		vfmig_event(&cli_json_events, why ? "refused" : "path",
			    VFMIG_TEXT("from", vfmig_state_name(from)),
			    VFMIG_TEXT("to", vfmig_state_name(to)),
			    VFMIG_TEXT(why ? "message" : "path", why ? why : text));
	else if (!why)
		puts(text);
	if (!why)
		return CLI_OK;
	cli_flush();
	fprintf(stderr, "vfmig: %s -> %s is not allowed: %s\n", vfmig_state_name(from),
		vfmig_state_name(to), why);
	return CLI_FAILED;
}

/* In the order of a migration, not of the numbers. */
static const enum vfmig_state order[] = {
	VFMIG_STATE_RUNNING,	  VFMIG_STATE_RUNNING_P2P, VFMIG_STATE_PRE_COPY,
	VFMIG_STATE_PRE_COPY_P2P, VFMIG_STATE_STOP,	   VFMIG_STATE_STOP_COPY,
	VFMIG_STATE_RESUMING,	  VFMIG_STATE_ERROR,
};

static void all_events(uint64_t flags)
{
	enum vfmig_state path[VFMIG_STATE_COUNT];
	char text[256];
	size_t count;

	for (size_t i = 0; i < 8; i++) {
		for (size_t j = 0; j < 8; j++) {
			const char *why;

			if (i == j || !vfmig_v2_state_supported(flags, order[i]) ||
			    !vfmig_v2_state_supported(flags, order[j]))
				continue;
			why = vfmig_v2_path(flags, order[i], order[j], path, &count);
			if (!why)
				path_text(order[i], path, count, text, sizeof(text));
			vfmig_event(&cli_json_events, why ? "refused" : "path",
				    VFMIG_TEXT("from", vfmig_state_name(order[i])),
				    VFMIG_TEXT("to", vfmig_state_name(order[j])),
				    VFMIG_TEXT(why ? "message" : "path", why ? why : text));
		}
	}
}

/* The next state on the way, or "-" if there is no way. */
static const char *cell(uint64_t flags, enum vfmig_state from, enum vfmig_state to)
{
	enum vfmig_state next;

	if (from == to)
		return ".";
	return vfmig_v2_next(flags, from, to, &next) ? "-" : vfmig_state_name(next);
}

/* A row for each start state and a column for each target. ERROR, the last, is no target. */
static void table(uint64_t flags)
{
	int width[7];

	for (size_t j = 0; j < 7; j++) {
		width[j] = (int)strlen(vfmig_state_name(order[j]));
		for (size_t i = 0; i < 8; i++) {
			int len = (int)strlen(cell(flags, order[i], order[j]));

			if (vfmig_v2_state_supported(flags, order[i]) && len > width[j])
				width[j] = len;
		}
	}
	printf("from \\ to    ");
	for (size_t j = 0; j < 7; j++)
		if (vfmig_v2_state_supported(flags, order[j]))
			printf("  %-*s", j == 6 ? 0 : width[j], vfmig_state_name(order[j]));
	putchar('\n');
	for (size_t i = 0; i < 8; i++) {
		if (!vfmig_v2_state_supported(flags, order[i]))
			continue;
		printf("%-12s", vfmig_state_name(order[i]));
		for (size_t j = 0; j < 7; j++)
			if (vfmig_v2_state_supported(flags, order[j]))
				printf("  %-*s", j == 6 ? 0 : width[j],
				       cell(flags, order[i], order[j]));
		putchar('\n');
	}
	puts("\n"
	     "Each cell is the next state on the way from the row's state to the column's; - is not allowed.\n"
	     "No SET leads to ERROR, and only a reset leads out of it.");
}

static int run(const struct cli_list *words)
{
	enum vfmig_state from, to;
	uint64_t flags;
	int ret = parse_flags(&flags);

	if (ret)
		return ret;
	if (words->count == 1)
		return cli_usage("states needs both FROM and TO, or neither");
	if (!words->count) {
		if (cli.json)
			all_events(flags);
		else
			table(flags);
		return CLI_OK;
	}
	ret = parse_state(words->item[0], &from);
	if (!ret)
		ret = parse_state(words->item[1], &to);
	return ret ? ret : one_path(flags, from, to);
}

const struct cli_command cli_states = {
	.name = "states",
	.usage = "[--flags LIST] [FROM TO]",
	.summary = "Print the arcs between migration states",
	.takes = CLI_TAKES_JSON,
	.words = {0, 2},
	.text = "A state change takes a device over one or more arcs. With FROM and TO, prints all states on the\n"
		"way; if there is no way, prints the reason and exits with 1. Without them, prints a table of the\n"
		"next state for each pair. Needs no device.\n",
	.examples = "  vfmig states running stop\n"
		    "      RUNNING -> RUNNING_P2P -> STOP\n"
		    "  vfmig states --flags pre_copy pre-copy stop\n"
		    "      for a device without P2P states\n",
	.options = options,
	.run = run,
};
