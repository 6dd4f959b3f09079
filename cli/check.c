/* SPDX-License-Identifier: BSD-3-Clause */
/* vfmig check: check a device against the rules of the migration protocols. */
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "conform/conform.h"

static struct cli_list rules;
static bool list, risky, no_work, quiet;
static unsigned verbose;
static uint64_t data_max;

static const struct cli_option options[] = {
	{'r', "rule", CLI_LIST, &rules, "ID",
	 "check only this rule (V2-17) or all rules with this prefix (V2); may be repeated"},
	{0, "list", CLI_FLAG, &list, NULL, "list the rules; needs no device"},
	{0, "risky", CLI_FLAG, &risky, NULL,
	 "also run checks that can hang the kernel if its driver is wrong (vfio: devices)"},
	{0, "no-work", CLI_FLAG, &no_work, NULL, "do not run a workload on the device"},
	{0, "data-max", CLI_SIZE, &data_max, "SIZE",
	 "maximum size of the device state that is kept in memory; default: 1G"},
	{'q', "quiet", CLI_FLAG, &quiet, NULL, "print only failed rules and the summary"},
	{'v', "verbose", CLI_COUNT, &verbose, NULL,
	 "also print what was observed for rules that passed"},
	{0},
};

/* The headings of docs/rules.md, by prefix of the rule ids. */
static const struct {
	const char *prefix, *title;
} parts[] = {
	{"V2-", "v2: states, arcs and data"},
	{"DMA-", "v2: DMA logging"},
	{"PWR-", "low power"},
	{"V1-", "v1: the migration region"},
	{"PFN-", "pfn: the migration region of 2019"},
	{"INFO-", "device information"},
};

/*
 * @part: the prefix of the last heading
 * @why: why the last rule did not apply or was not checked; further rules with the same reason are
 * only counted
 * @more: the number of such rules
 */
struct progress {
	const char *part;
	char why[768];
	unsigned more;
};

static void print_skipped(struct progress *progress)
{
	if (progress->more)
		printf("                 and %u more\n", progress->more);
	progress->more = 0;
}

static void heading(const char **last, const char *id)
{
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		if (strncmp(id, parts[i].prefix, strlen(parts[i].prefix)) ||
		    (*last && !strcmp(*last, parts[i].prefix)))
			continue;
		printf("\n%s\n", parts[i].title);
		*last = parts[i].prefix;
	}
}

static void print_subject(void *context, const char *sentence)
{
	if (cli.json)
		vfmig_event(&cli_json_events, "checked", VFMIG_TEXT("message", sentence));
	else if (!quiet)
		puts(sentence);
}

static void print_result(void *context, const struct conform_result *r)
{
	struct progress *progress = context;
	bool passed = r->verdict == CONFORM_PASS;
	bool silent = r->verdict == CONFORM_NA || r->verdict == CONFORM_UNSEEN;

	if (cli.json) {
		vfmig_event(&cli_json_events, "check", VFMIG_TEXT("rule", r->check->id),
			    VFMIG_TEXT("title", r->check->title),
			    VFMIG_TEXT("verdict", conform_word(r->verdict)),
			    VFMIG_TEXT("seen", r->seen), VFMIG_U64("took_ns", r->took_ns));
		return;
	}
	if (quiet && (passed || r->verdict == CONFORM_NA))
		return;
	if (silent && !verbose && !strcmp(progress->why, r->seen)) {
		progress->more++;
		return;
	}
	print_skipped(progress);
	snprintf(progress->why, sizeof(progress->why), "%s", silent ? r->seen : "");
	heading(&progress->part, r->check->id);
	printf("  %-6s %-7s %s\n", conform_word(r->verdict), r->check->id, r->check->title);
	if (!passed || verbose) {
		printf("                 ");
		cli_wrap(r->seen, 17, 100);
	}
	fflush(stdout);
}

static int print_list(void)
{
	const struct conform_check *checks[CONFORM_CHECKS_MAX];
	size_t nr = conform_checks(checks);
	const char *last = NULL;

	for (size_t i = 0; i < nr; i++) {
		const struct conform_check *check = checks[i];

		if (cli.json) {
			vfmig_event(&cli_json_events, "rule", VFMIG_TEXT("rule", check->id),
				    VFMIG_TEXT("title", check->title),
				    VFMIG_TEXT("strength", check->should ? "should" : "must"));
			continue;
		}
		heading(&last, check->id);
		printf("  %-7s %s%s\n", check->id, check->title, check->should ? " (should)" : "");
	}
	return CLI_OK;
}

/* Reject unknown rules: a misspelt rule would be a check that never fails. */
static int find_rules(void)
{
	const struct conform_check *checks[CONFORM_CHECKS_MAX];
	size_t nr = conform_checks(checks);

	for (size_t r = 0; r < rules.count; r++) {
		bool found = false;

		for (size_t i = 0; i < nr; i++)
			found |= conform_match(checks[i]->id, rules.item[r]);
		if (!found)
			return cli_usage("unknown rule '%s'; 'vfmig check --list' prints the rules",
					 rules.item[r]);
	}
	return 0;
}

static void summary(const unsigned count[CONFORM_VERDICTS])
{
	if (cli.json) {
		vfmig_event(&cli_json_events, "summary", VFMIG_U64("pass", count[CONFORM_PASS]),
			    VFMIG_U64("fail", count[CONFORM_FAIL]),
			    VFMIG_U64("warn", count[CONFORM_WARN]),
			    VFMIG_U64("na", count[CONFORM_NA]),
			    VFMIG_U64("unseen", count[CONFORM_UNSEEN]));
		return;
	}
	printf("%s%u passed, %u failed, %u warnings, %u not applicable", quiet ? "" : "\n",
	       count[CONFORM_PASS], count[CONFORM_FAIL], count[CONFORM_WARN], count[CONFORM_NA]);
	if (count[CONFORM_UNSEEN])
		printf(", %u not checked", count[CONFORM_UNSEEN]);
	puts("");
}

static int check_device(struct vfmig_device *device, const char *name)
{
	struct conform_options how = {
		.rules = rules.item,
		.rule_count = rules.count,
		.protocol = cli.protocol,
		.risky = risky,
		.no_work = no_work,
		.data_max = data_max,
	};
	struct progress progress = {0};
	const struct conform_report report = {print_subject, print_result, &progress};
	unsigned count[CONFORM_VERDICTS];
	struct vfmig_error err = {0};

	if (conform_run(device, &how, &report, count, &err))
		return cli_fail(&err);
	print_skipped(&progress);
	summary(count);
	if (count[CONFORM_FAIL])
		return cli_failf("%u %s failed", count[CONFORM_FAIL],
				 count[CONFORM_FAIL] == 1 ? "rule" : "rules");
	if (count[CONFORM_UNSEEN])
		return cli_failf("%u %s not checked because of an earlier failure",
				 count[CONFORM_UNSEEN],
				 count[CONFORM_UNSEEN] == 1 ? "rule" : "rules");
	return CLI_OK;
}

static int run(const struct cli_list *words)
{
	int ret;

	if (list)
		return print_list();
	if (words->count != 1)
		return cli_usage("check needs a DEVICE or --list");
	ret = find_rules();
	return ret ? ret : cli_each_device(words, check_device);
}

const struct cli_command cli_check = {
	.name = "check",
	.usage = "DEVICE | --list",
	.summary = "Check a device against the rules of the migration protocols",
	.takes = CLI_TAKES_DEVICES | CLI_TAKES_PROTOCOL | CLI_TAKES_JSON,
	.words = {0, 1},
	.text = "Checks each rule of docs/rules.md that a user of the device can observe. The checks reset the\n"
		"device many times and destroy its state: do not check a device that is in use. Each rule gets\n"
		"a verdict:\n"
		"\n"
		"  PASS    the device follows the rule\n"
		"  FAIL    the device breaks the rule; the next line says what was observed\n"
		"  WARN    the same for a rule that the specification only recommends\n"
		"  N/A     the device does not have what the rule is about\n"
		"  UNSEEN  the rule could not be checked because something else failed first\n"
		"\n"
		"The exit code is 1 after a FAIL or UNSEEN, else 0.\n",
	.examples = "  vfmig check model:copier,size=1M\n"
		    "  vfmig check vfio-user:/run/my-device.sock --rule V2 --rule DMA-11 -v\n"
		    "  vfmig check model:copier,size=1M --filter fault,op=reset,do=drop,times=0\n"
		    "      a device whose reset does nothing\n",
	.options = options,
	.run = run,
};
