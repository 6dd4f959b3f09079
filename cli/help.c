/* SPDX-License-Identifier: BSD-3-Clause */
/* vfmig help: subcommands, device names and exit codes. */
#include <stdio.h>
#include <string.h>

#include <vfmig/open.h>

#include "cli.h"

static void overview(void)
{
	puts("usage: vfmig SUBCOMMAND [OPTION]... [ARGUMENT]...\n\n"
	     "Migrate running VFIO devices, and the memory that they write to.\n");
	for (size_t i = 0; cli_commands[i]; i++)
		printf("  %-10s %s\n", cli_commands[i]->name, cli_commands[i]->summary);
	puts("\n"
	     "  vfmig help SUBCOMMAND   options and examples of a subcommand\n"
	     "  vfmig help devices      names and options of devices and filters\n"
	     "  vfmig help exit-codes   the exit codes\n"
	     "\n"
	     "Examples that need no hardware:\n"
	     "  vfmig info model:copier\n"
	     "  vfmig migrate model:copier model:copier --memory 256M\n"
	     "  vfmig save model:copier -o copier.vfmig && vfmig inspect copier.vfmig");
}

static void exit_codes(void)
{
	puts("0  Success.\n"
	     "1  Failed; the reason is on standard error. After a failed migration the source runs on and the\n"
	     "   destination is reset.\n"
	     "2  Invalid arguments. Nothing was started.\n"
	     "3  In doubt: the source sent COMMIT, or a destination device had to run to check its state, and no\n"
	     "   reply came. The devices stay stopped here; they run at the destination or nowhere. Check the\n"
	     "   destination before you start anything here.\n"
	     "4  Cancelled by SIGINT, SIGTERM or SIGHUP to this command; devices are as after 1. A second signal\n"
	     "   ends the command immediately and restores nothing. A cancel at the other end gives 1. A signal\n"
	     "   after the migration has ended changes nothing.\n"
	     "5  Failed as 1, and a device could not be restored: inspect it with vfmig info, or reset it.\n"
	     "6  Success, but the downtime exceeded its limit and --strict-downtime was given.");
}

static const char *const kind_words[] = {
	[VFMIG_OPTION_SIZE] = "SIZE",	[VFMIG_OPTION_UINT] = "N",    [VFMIG_OPTION_MSEC] = "MS",
	[VFMIG_OPTION_BOOL] = "on|off", [VFMIG_OPTION_TEXT] = "TEXT", [VFMIG_OPTION_CHOICE] = NULL,
};

static void print_choices(const struct vfmig_option *o, char *out, size_t size)
{
	size_t used = 0;

	for (size_t i = 0; o->choices[i] && used < size; i++)
		used += (size_t)snprintf(out + used, size - used, "%s%s", i ? "|" : "",
					 o->choices[i]);
}

static void print_options(const struct vfmig_option *o)
{
	char value[128], help[512];

	for (; o && o->kind; o++) {
		if (o->kind == VFMIG_OPTION_CHOICE)
			print_choices(o, value, sizeof(value));
		else
			snprintf(value, sizeof(value), "%s", kind_words[o->kind]);
		snprintf(help, sizeof(help), "%s%s%s", o->help,
			 o->default_text ? "; default: " : "",
			 o->default_text ? o->default_text : "");
		printf("      %s=%s\n            ", o->name, value);
		cli_wrap(help, 12, 100);
	}
}

static void each(enum vfmig_catalog_kind kind, const char *format)
{
	const struct vfmig_option *common = NULL;
	struct vfmig_catalog_entry known;
	char name[64];

	for (size_t i = 0; vfmig_catalog_get(i, &known); i++) {
		if (known.kind != kind)
			continue;
		snprintf(name, sizeof(name), format, known.name, known.place ? known.place : "");
		printf("\n  %s\n      ", name);
		cli_wrap(known.summary, 6, 100);
		print_options(known.options);
		common = known.common;
	}
	if (common) {
		puts("\n"
		     "  All of them have these options");
		print_options(common);
	}
}

static void devices(void)
{
	puts("A device name is KIND:NAME or KIND:PLACE, followed by options:\n"
	     "\n"
	     "  model:copier                     a software device in this process\n"
	     "  model:copier,size=64M            the same with an option\n"
	     "  vfio-user:/run/dev.sock          a device of a vfio-user server, such as vfmig serve\n"
	     "\n"
	     "If several devices migrate, ID=DEVICE assigns each the ID that matches it with the other end\n"
	     "(disk=model:copier). The default IDs are dev0, dev1, ... in order.\n"
	     "\n"
	     "Sizes may end in K, M, G or T (powers of 1024). Times are in ms, or end in s.\n"
	     "\n"
	     "Models");
	each(VFMIG_CATALOG_MODEL, "model:%s");
	puts("\nSources");
	each(VFMIG_CATALOG_SOURCE, "%s:%s");
	puts("\n"
	     "Filters: --filter NAME[,option=value]...; may be repeated, the last one is outermost");
	each(VFMIG_CATALOG_FILTER, "%s");
	puts("\n"
	     "  Examples\n"
	     "      --filter fault,op=reset,error=EBUSY              the first reset fails\n"
	     "      --filter fault,arc=any:stop_copy                 the first arc to STOP_COPY fails\n"
	     "      --filter fault,feature=dma-logging-report,do=drop,times=0\n"
	     "                                                       all dirty page reports are empty\n"
	     "      --filter delay,rate=100M --filter trace,fd=2     a slow device, with a trace\n"
	     "      --filter mediate,so=./a.so,so=./b.so,arg=pfn     migration by a.so, or else by b.so\n"
	     "\n"
	     "A trace has an event \"request\" for each request and \"done\" or \"cancelled\" for its completion,\n"
	     "with the same id. \"request\" has device, op and the arguments (index, feature_name, action,\n"
	     "state, offset_bytes, len_bytes, value ...); \"done\" has took_ns and result, or errno and error.");
}

static int run(const struct cli_list *words)
{
	const struct cli_command *command;

	if (!words->count) {
		overview();
	} else if (!strcmp(words->item[0], "devices") || !strcmp(words->item[0], "filters")) {
		devices();
	} else if (!strcmp(words->item[0], "exit-codes")) {
		exit_codes();
	} else {
		command = cli_find_command(words->item[0]);
		if (!command)
			return cli_usage(
				"no help for '%s'; use a subcommand, devices or exit-codes",
				words->item[0]);
		cli_help_command(command);
	}
	return CLI_OK;
}

const struct cli_command cli_help = {
	.name = "help",
	.usage = "[SUBCOMMAND | devices | exit-codes]",
	.summary = "Explain a subcommand, device names or exit codes",
	.words = {0, 1},
	.run = run,
};
