/* SPDX-License-Identifier: BSD-3-Clause */
/* vfmig check: does a device keep the rules of the migration protocols? */
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
	 "only this rule (V2-17), or all of a part (V2); again for one more"},
	{0, "list", CLI_FLAG, &list, NULL,
	 "list the rules that can be checked; no device is needed"},
	{0, "risky", CLI_FLAG, &risky, NULL,
	 "also what can hang the kernel whose driver gets it wrong (vfio: devices)"},
	{0, "no-work", CLI_FLAG, &no_work, NULL,
	 "do not make the device work, even where that is known"},
	{0, "data-max", CLI_SIZE, &data_max, "SIZE",
	 "the most bytes of a device's state that are kept in memory; preset: 1G"},
	{'q', "quiet", CLI_FLAG, &quiet, NULL, "only what is broken, and the count"},
	{'v', "verbose", CLI_COUNT, &verbose, NULL, "what was seen also where a rule is kept"},
	{0},
};

/* The headings of the parts of docs/rules.md, by the beginning of the ids. */
static const struct {
	const char *prefix, *title;
} parts[] = {
	{"V2-", "v2: states, arcs and data"},
	{"DMA-", "v2: DMA logging"},
	{"PWR-", "low power"},
	{"V1-", "v1: the migration region"},
	{"PFN-", "pfn: the earlier migration region"},
	{"INFO-", "device information"},
};

/*
 * @part: the prefix of the last heading
 * @why: why the last rule did not apply or could not be looked at; others of which the same is true are counted
 * @more: how many they are
 */
struct telling {
	const char *part;
	char why[768];
	unsigned more;
};

static void tell_more(struct telling *telling)
{
	if (telling->more)
		printf("                 and %u more\n", telling->more);
	telling->more = 0;
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

static void about(void *context, const char *sentence)
{
	if (cli.json)
		vfmig_event(&cli_json_events, "checked", VFMIG_TEXT("sentence", sentence));
	else if (!quiet)
		puts(sentence);
}

static void result(void *context, const struct conform_result *r)
{
	struct telling *telling = context;
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
	if (silent && !verbose && !strcmp(telling->why, r->seen)) {
		telling->more++;
		return;
	}
	tell_more(telling);
	snprintf(telling->why, sizeof(telling->why), "%s", silent ? r->seen : "");
	heading(&telling->part, r->check->id);
	printf("  %-6s %-7s %s\n", conform_word(r->verdict), r->check->id, r->check->title);
	if (!passed || verbose) {
		printf("                 ");
		cli_wrap(r->seen, 17, 100);
	}
	fflush(stdout);
}

static int show_list(void)
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

/* A misspelt rule would be a check that never fails. */
static int find_rules(void)
{
	const struct conform_check *checks[CONFORM_CHECKS_MAX];
	size_t nr = conform_checks(checks);

	for (size_t r = 0; r < rules.count; r++) {
		bool found = false;

		for (size_t i = 0; i < nr; i++)
			found |= conform_match(checks[i]->id, rules.item[r]);
		if (!found)
			return cli_usage("no rule that can be checked is called '%s'; "
					 "vfmig check --list has them",
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
	printf("%s%u kept, %u broken, %u only recommended and not kept, %u not applicable",
	       quiet ? "" : "\n", count[CONFORM_PASS], count[CONFORM_FAIL], count[CONFORM_WARN],
	       count[CONFORM_NA]);
	if (count[CONFORM_UNSEEN])
		printf(", %u could not be looked at", count[CONFORM_UNSEEN]);
	puts("");
}

static int run(const struct cli_list *words)
{
	struct conform_options how = {
		.rules = rules.item,
		.rule_count = rules.count,
		.protocol = cli.protocol,
		.risky = risky,
		.no_work = no_work,
		.data_max = data_max,
	};
	struct telling telling = {0};
	const struct conform_report report = {about, result, &telling};
	unsigned count[CONFORM_VERDICTS];
	struct vfmig_device *device;
	struct vfmig_error err = {0};
	int ret;

	if (list)
		return show_list();
	if (words->count != 1)
		return cli_usage("check takes a DEVICE, or --list");
	ret = find_rules();
	if (!ret)
		ret = cli_open(words->item[0], &cli.filters, &device);
	if (ret)
		return ret;
	ret = conform_run(device, &how, &report, count, &err);
	vfmig_device_close(device);
	if (ret)
		return cli_fail(&err);
	tell_more(&telling);
	summary(count);
	if (count[CONFORM_FAIL])
		return cli_failf("%u %s broken", count[CONFORM_FAIL],
				 count[CONFORM_FAIL] == 1 ? "rule is" : "rules are");
	if (count[CONFORM_UNSEEN])
		return cli_failf("%u %s could not be looked at", count[CONFORM_UNSEEN],
				 count[CONFORM_UNSEEN] == 1 ? "rule" : "rules");
	return CLI_OK;
}

const struct cli_command cli_check = {
	.name = "check",
	.usage = "DEVICE | --list",
	.summary = "Check that a device keeps the rules of the migration protocols",
	.takes = CLI_TAKES_DEVICES | CLI_DRIVES | CLI_TAKES_JSON,
	.words = {0, 1},
	.text = "Asks the device, as any user could, about each rule of docs/rules.md that can be seen from\n"
		"outside. The device is reset again and again and loses its state: do not check one that is\n"
		"in use. Each rule gets a verdict:\n"
		"\n"
		"  PASS    it was seen to be kept\n"
		"  FAIL    it was seen to be broken; the line below says what was seen\n"
		"  WARN    the same, of a rule that the text recommends and does not demand\n"
		"  N/A     it is about something that the device does not have\n"
		"  UNSEEN  it could not be looked at, since something else failed first\n"
		"\n"
		"The exit code is 1 if there was a FAIL or an UNSEEN, else 0.\n",
	.examples = "  vfmig check model:copier,size=1M\n"
		    "  vfmig check vfio-user:/run/my-device.sock --rule V2 --rule DMA-11 -v\n"
		    "  vfmig check model:copier,size=1M --filter fault,op=reset,do=drop,times=0\n"
		    "      what it says about a device whose reset does nothing\n",
	.options = options,
	.run = run,
};
