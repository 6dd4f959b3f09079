/* SPDX-License-Identifier: BSD-3-Clause */
/* vfmig help: what there is, how devices are named, what exit codes mean. */
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
	puts("\n  vfmig help SUBCOMMAND   one of them, with its options and examples\n"
	     "  vfmig help devices      how devices and filters are named, and their options\n"
	     "  vfmig help exit-codes   what the exit codes mean\n\n"
	     "A first look, without any hardware:\n"
	     "  vfmig info model:copier\n"
	     "  vfmig migrate model:copier model:copier --memory 256M\n"
	     "  vfmig save model:copier -o copier.vfmig && vfmig inspect copier.vfmig");
}

static void exit_codes(void)
{
	puts("0  Done.\n"
	     "1  Refused or failed; the reason is on standard error. A migration has put things back: the\n"
	     "   source runs on, the destination is reset.\n"
	     "2  Wrong use of the command. Nothing was begun.\n"
	     "3  In doubt: the source has handed the devices over, or a device had to run there to check what\n"
	     "   it was given, and no answer came. They stay stopped here; they run at the destination, or\n"
	     "   nowhere. Look there before you start anything here.\n"
	     "4  Cancelled by SIGINT, SIGTERM or SIGHUP to this command, and put back as for 1. A second signal\n"
	     "   ends the command at once, and puts back nothing. What was cancelled at the other end is 1; a\n"
	     "   signal that comes when all is over changes nothing.\n"
	     "5  Failed as for 1, and a device could not be put back: it is to be looked at, or reset.\n"
	     "6  Done, but the downtime was longer than its limit, and --strict-downtime was given.");
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
		snprintf(help, sizeof(help), "%s%s%s", o->help, o->default_text ? "; preset: " : "",
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
		puts("\n  Every one of them takes");
		print_options(common);
	}
}

static void devices(void)
{
	puts("A device is named KIND:NAME or KIND:PLACE, options behind it:\n\n"
	     "  model:copier                     a software device in this process\n"
	     "  model:copier,size=64M            with an option\n"
	     "  vfio-user:/run/dev.sock          a device behind a server's socket (vfmig serve is one)\n\n"
	     "Where several devices move, ID=DEVICE says which one is which at the other end\n"
	     "(disk=model:copier); without it they are dev0, dev1, ... in their order.\n\n"
	     "Sizes take K, M, G and T (powers of 1024); times are in ms, or take s.\n\n"
	     "Models");
	each(VFMIG_CATALOG_MODEL, "model:%s");
	puts("\nSources");
	each(VFMIG_CATALOG_SOURCE, "%s:%s");
	puts("\nFilters: --filter NAME[,option=value]...; each one more goes around those before it");
	each(VFMIG_CATALOG_FILTER, "%s");
	puts("\n  For instance\n"
	     "      --filter fault,op=reset,error=EBUSY            the first reset fails\n"
	     "      --filter fault,arc=any:stop_copy                 it cannot be stopped, once\n"
	     "      --filter fault,feature=dma-logging-report,do=drop,times=0\n"
	     "                                                       its log of written pages is empty\n"
	     "      --filter delay,rate=100M --filter trace,fd=2     slow, and watched\n"
	     "      --filter mediate,so=./a.so,so=./b.so,arg=pfn     migration by a.so, or else by b.so\n\n"
	     "A trace has an event \"request\" for each request and \"done\" (or \"cancelled\") for its end, tied\n"
	     "by id; with device, op, what it was about (index, feature_name, action, state, offset_bytes,\n"
	     "len_bytes, value ...) and then result, or errno and error, and took_ns.");
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
				"no help on '%s': it is neither a subcommand nor devices or "
				"exit-codes",
				words->item[0]);
		cli_help_command(command);
	}
	return CLI_OK;
}

const struct cli_command cli_help = {
	.name = "help",
	.usage = "[SUBCOMMAND | devices | exit-codes]",
	.summary = "Explain a subcommand, how devices are named, or the exit codes",
	.words = {0, 1},
	.run = run,
};
