/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Parse arguments: words and options in any order. Options come from tables, which the help prints
 * too.
 *
 * The engine's options (vfmig_migration_option_table()) are long options of the command: --downtime
 * 100 sets downtime=100.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vfmig/migration.h>

#include "cli.h"

struct cli_common cli;

const struct cli_option cli_json_options[] = {
	{0, "json", CLI_FLAG, &cli.json, NULL,
	 "print each event as a line of JSON on standard output"},
	{0},
};

const struct cli_option cli_device_options[] = {
	{'f', "filter", CLI_LIST, &cli.filters, "FILTER",
	 "add a filter to the device; may be repeated, the last one is outermost (vfmig help devices)"},
	{0, "timeout", CLI_TEXT, &cli.timeout, "MS",
	 "time limit for connecting to a server and for each reply of a device; default: 30000"},
	{0},
};

const struct cli_option cli_protocol_options[] = {
	{0, "protocol", CLI_TEXT, &cli.protocol, "NAME",
	 "protocol revision to use: v2, v1 or pfn; default: the newest that the device supports"},
	{0},
};

const struct cli_option cli_migration_options[] = {
	{'q', "quiet", CLI_FLAG, &cli.quiet, NULL, "print only errors, no progress and no table"},
	{'v', "verbose", CLI_COUNT, &cli.verbose, NULL, "also print each arc and step"},
	{0},
};

static const struct cli_option help_option = {'h', "help", CLI_FLAG, NULL, NULL, "print this help"};

/* Collect the option tables of a command. Returns their number. */
#define TABLES 5
static size_t tables(const struct cli_command *command, const struct cli_option *out[TABLES])
{
	size_t n = 0;

	if (command->options)
		out[n++] = command->options;
	if (command->takes & CLI_TAKES_DEVICES)
		out[n++] = cli_device_options;
	if (command->takes & CLI_TAKES_PROTOCOL)
		out[n++] = cli_protocol_options;
	if (command->takes & CLI_MIGRATES)
		out[n++] = cli_migration_options;
	if (command->takes & CLI_TAKES_JSON)
		out[n++] = cli_json_options;
	return n;
}

static const struct cli_option *find(const struct cli_command *command, const char *name,
				     size_t len, char letter)
{
	const struct cli_option *table[TABLES];
	size_t n = tables(command, table);

	if (letter == 'h' || (len == 4 && !memcmp(name, "help", 4)))
		return &help_option;
	for (size_t i = 0; i < n; i++)
		for (const struct cli_option *o = table[i]; o->kind; o++)
			if (letter ? o->letter == letter
				   : strlen(o->name) == len && !memcmp(o->name, name, len))
				return o;
	return NULL;
}

static const struct vfmig_option *find_engine(const struct cli_command *command, const char *name,
					      size_t len)
{
	const struct vfmig_option *o = NULL;

	if (command->takes & CLI_MIGRATES)
		for (o = vfmig_migration_option_table(); o->kind; o++)
			if (strlen(o->name) == len && !memcmp(o->name, name, len))
				return o;
	return NULL;
}

static int put(const struct cli_option *o, const char *value)
{
	struct cli_list *list = o->into;

	switch (o->kind) {
	case CLI_FLAG:
		*(bool *)o->into = true;
		return -1;
	case CLI_COUNT:
		++*(unsigned *)o->into;
		return -1;
	case CLI_TEXT:
		*(const char **)o->into = value;
		return -1;
	case CLI_LIST:
		if (list->count == CLI_LIST_MAX)
			return cli_usage("--%s may be given up to %d times", o->name, CLI_LIST_MAX);
		list->item[list->count++] = value;
		return -1;
	case CLI_SIZE:
		if (vfmig_parse_size(value, o->into))
			return cli_usage("--%s: '%s' is not a valid size (try 4096, 64K, 1G)",
					 o->name, value);
		return -1;
	case CLI_END:
		break;
	}
	return CLI_USAGE;
}

static int put_engine(const struct vfmig_option *o, const char *value)
{
	char *more;

	if (asprintf(&more, "%s%s%s%s%s", cli.migration ? cli.migration : "",
		     cli.migration ? "," : "", o->name, value ? "=" : "", value ? value : "") < 0)
		return cli_failf("no memory for the arguments");
	free(cli.migration);
	cli.migration = more;
	return -1;
}

/* Parse one option. Advances *at if the next argument is its value. */
static int take_option(const struct cli_command *command, int argc, char **argv, int *at)
{
	const char *arg = argv[*at], *value = NULL, *name = arg + 2;
	bool is_long = arg[1] == '-', needs;
	size_t len = is_long ? strcspn(name, "=") : 1;
	const struct vfmig_option *engine = NULL;
	const struct cli_option *o;
	int ret;

	o = find(command, is_long ? name : arg + 1, len, is_long ? 0 : arg[1]);
	if (!o && is_long)
		engine = find_engine(command, name, len);
	if (!o && !engine)
		return cli_usage("vfmig %s has no option %.*s (vfmig help %s)", command->name,
				 is_long ? (int)len + 2 : 2, arg, command->name);
	if (o == &help_option) {
		cli_help_command(command);
		return cli_flush() ? CLI_OK : CLI_FAILED;
	}
	needs = o ? o->value != NULL : engine->kind != VFMIG_OPTION_BOOL;
	if (is_long && name[len] == '=')
		value = name + len + 1;
	else if (!is_long && arg[2] && needs)
		value = arg + 2;
	else if (needs && *at + 1 < argc)
		value = argv[++*at];
	if (needs && !value)
		return cli_usage("%s needs a value (vfmig help %s)", arg, command->name);
	if (o && !needs && value)
		return cli_usage("%s takes no value (vfmig help %s)", arg, command->name);
	ret = o ? put(o, value) : put_engine(engine, value);
	/* More letters may follow one that has no value: -vv, -qm 1G. */
	if (ret < 0 && !is_long && !needs && arg[2]) {
		argv[*at]++;
		argv[*at][0] = '-';
		return take_option(command, argc, argv, at);
	}
	return ret;
}

int cli_parse(const struct cli_command *command, int argc, char **argv, struct cli_list *words)
{
	bool only_words = false;
	int ret = -1;

	for (int i = 0; i < argc && ret < 0; i++) {
		if (only_words || argv[i][0] != '-' || !argv[i][1]) {
			if (words->count == CLI_LIST_MAX)
				return cli_usage("too many arguments; the limit is %d",
						 CLI_LIST_MAX);
			words->item[words->count++] = argv[i];
		} else if (!strcmp(argv[i], "--")) {
			only_words = true;
		} else {
			ret = take_option(command, argc, argv, &i);
		}
	}
	if (ret >= 0)
		return ret;
	if (words->count < command->words[0] || words->count > command->words[1])
		return cli_usage("usage: vfmig %s %s", command->name, command->usage);
	return -1;
}

static void print_option(char letter, const char *name, const char *value, const char *help)
{
	char left[64];
	int n = snprintf(left, sizeof(left), "  %c%c%c --%s%s%s", letter ? '-' : ' ',
			 letter ? letter : ' ', letter ? ',' : ' ', name, value ? " " : "",
			 value ? value : "");

	if (n < 30)
		printf("%-30s", left);
	else
		printf("%s\n%30s", left, "");
	cli_wrap(help, 30, 100);
}

static const char *value_name(const struct vfmig_option *o)
{
	switch (o->kind) {
	case VFMIG_OPTION_SIZE:
		return "SIZE";
	case VFMIG_OPTION_UINT:
		return "N";
	case VFMIG_OPTION_MSEC:
		return "MS";
	case VFMIG_OPTION_BOOL:
		return "[=on|off]";
	case VFMIG_OPTION_CHOICE:
		return "WORD";
	default:
		return "TEXT";
	}
}

void cli_help_command(const struct cli_command *command)
{
	const struct cli_option *table[TABLES];
	size_t n = tables(command, table);

	printf("usage: vfmig %s %s\n\n%s.\n", command->name, command->usage, command->summary);
	if (command->text)
		printf("\n%s", command->text);
	puts("\nOptions:");
	for (size_t i = 0; i < n; i++)
		for (const struct cli_option *o = table[i]; o->kind; o++)
			print_option(o->letter, o->name, o->value, o->help);
	print_option('h', "help", NULL, help_option.help);
	if (command->takes & CLI_MIGRATES) {
		puts("\n"
		     "Migration options:");
		for (const struct vfmig_option *o = vfmig_migration_option_table(); o->kind; o++)
			print_option(0, o->name, value_name(o), o->help);
	}
	if (command->examples)
		printf("\nExamples:\n%s", command->examples);
}
