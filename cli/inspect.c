/* SPDX-License-Identifier: BSD-3-Clause */
/* vfmig inspect: print and check a saved file. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <vfmig/inspect.h>

#include "cli.h"

static bool sections;

static const struct cli_option options[] = {
	{'s', "sections", CLI_FLAG, &sections, NULL, "also print each section of the stream"},
	{0},
};

/* Truncate the values of large fields. --json prints all of them. */
#define VALUE_SEEN 48

static void on_stream(const struct vfmig_event *e)
{
	printf("stream version %llu, %s\n  id %s\n\n", (unsigned long long)cli_u64(e, "version"),
	       cli_u64(e, "file") ? "saved to a file" : "recorded between two ends",
	       cli_text(e, "id"));
}

static void on_device(const struct vfmig_event *e)
{
	printf("  device %-3llu %s, %s%s%s", (unsigned long long)cli_u64(e, "index"),
	       cli_text(e, "device"), cli_text(e, "protocol"), cli_u64(e, "p2p") ? ", p2p" : "",
	       cli_u64(e, "pre_copy") ? ", pre-copy" : "");
	if (cli_field(e, "vendor_id"))
		printf(", PCI %04llx:%04llx revision %llu",
		       (unsigned long long)cli_u64(e, "vendor_id"),
		       (unsigned long long)cli_u64(e, "device_id"),
		       (unsigned long long)cli_u64(e, "revision"));
	putchar('\n');
}

static void on_region(const struct vfmig_event *e)
{
	char size[CLI_NUMBER];

	printf("  memory %-3llu %s at 0x%llx, %s, space %llu\n",
	       (unsigned long long)cli_u64(e, "index"), cli_bytes(size, cli_u64(e, "size")),
	       (unsigned long long)cli_u64(e, "iova"), cli_text(e, "prot"),
	       (unsigned long long)cli_u64(e, "space"));
}

static void on_section(const struct vfmig_event *e)
{
	printf("  %6llu  at %-12llu %-12s index %-4llu offset 0x%-10llx arg 0x%-8llx %llu bytes\n",
	       (unsigned long long)cli_u64(e, "seq"), (unsigned long long)cli_u64(e, "at"),
	       cli_text(e, "type"), (unsigned long long)cli_u64(e, "index"),
	       (unsigned long long)cli_u64(e, "offset"), (unsigned long long)cli_u64(e, "arg"),
	       (unsigned long long)cli_u64(e, "length"));
}

static void on_round(const struct vfmig_event *e)
{
	char a[CLI_NUMBER], b[CLI_NUMBER];

	printf("  round %-4llu memory %s, devices %s\n", (unsigned long long)cli_u64(e, "round"),
	       cli_bytes(a, cli_u64(e, "memory_bytes")), cli_bytes(b, cli_u64(e, "device_bytes")));
}

static void on_model(const struct vfmig_event *e)
{
	printf("  %s is a %s, version %llu\n", cli_text(e, "device"), cli_text(e, "model"),
	       (unsigned long long)cli_u64(e, "version"));
}

/* Group the fields by device. */
static void head_of(const struct vfmig_event *e)
{
	static char last[64];

	if (!strcmp(last, cli_text(e, "device")))
		return;
	snprintf(last, sizeof(last), "%s", cli_text(e, "device"));
	printf("\n  %s\n", last);
}

static void on_field(const struct vfmig_event *e)
{
	const char *value = cli_text(e, "value");
	bool number = cli_u64(e, "size") <= 8;
	int shown;

	head_of(e);
	shown = strlen(value) > VALUE_SEEN ? VALUE_SEEN : (int)strlen(value);

	printf("    %-28s %s%.*s%s\n", cli_text(e, "name"), number ? "0x" : "", shown, value,
	       value[shown] ? "..." : "");
}

static void on_block(const struct vfmig_event *e)
{
	uint64_t size = cli_u64(e, "size"), bytes = cli_u64(e, "bytes");
	char a[CLI_NUMBER], b[CLI_NUMBER];

	head_of(e);
	printf("    %-28s %s of memory", cli_text(e, "name"), cli_bytes(a, size));
	if (bytes == size)
		puts(", each byte once");
	else
		printf(", %s in all\n", cli_bytes(b, bytes)); /* changed data was sent again */
}

static void on_opaque(const struct vfmig_event *e)
{
	char a[CLI_NUMBER];

	head_of(e);
	printf("    %s without a description\n", cli_bytes(a, cli_u64(e, "bytes")));
}

static void on_problem(const struct vfmig_event *e)
{
	head_of(e);
	printf("    damaged at byte %llu of its data: %s\n", (unsigned long long)cli_u64(e, "at"),
	       cli_text(e, "message"));
}

static const struct {
	const char *name;
	void (*fn)(const struct vfmig_event *e);
} handlers[] = {
	{"stream", on_stream},	 {"device", on_device}, {"region", on_region},
	{"section", on_section}, {"round", on_round},	{"model", on_model},
	{"field", on_field},	 {"block", on_block},	{"opaque", on_opaque},
	{"problem", on_problem},
};

static void show(void *context, const struct vfmig_event *e)
{
	for (size_t i = 0; i < sizeof(handlers) / sizeof(handlers[0]); i++)
		if (!strcmp(handlers[i].name, e->name))
			handlers[i].fn(e);
}

static const struct vfmig_events show_events = {show, NULL};

static void totals(const struct vfmig_inspect_result *r)
{
	char a[CLI_NUMBER], b[CLI_NUMBER], c[CLI_NUMBER], d[CLI_NUMBER], e[CLI_NUMBER];

	printf("\n"
	       "%s sections, %s: devices %s, memory %s and %s zero pages.\n",
	       cli_count(a, r->sections), cli_bytes(b, r->bytes), cli_bytes(c, r->device_bytes),
	       cli_bytes(d, r->memory_bytes), cli_count(e, r->zero_pages));
}

static int run(const struct cli_list *words)
{
	const char *file = words->item[0];
	bool standard = !strcmp(file, "-");
	int fd = standard ? STDIN_FILENO : open(file, O_RDONLY | O_CLOEXEC), ret;
	struct vfmig_inspect_result result = {0};
	struct vfmig_error err = {0};

	if (fd < 0)
		return cli_failf("%s: %s", file, strerror(errno));
	ret = vfmig_inspect(fd, sections ? VFMIG_INSPECT_SECTIONS : 0,
			    cli.json ? &cli_json_events : &show_events, &result, &err);
	if (!standard)
		close(fd);
	if (ret) {
		vfmig_err_at(&err, ret, "%s", standard ? "standard input" : file);
		return cli_fail(&err);
	}
	if (!cli.json)
		totals(&result);
	if (result.damaged)
		return cli_failf("%s: the data of %u of %u devices is damaged", file,
				 result.damaged, result.devices);
	if (cli.json)
		return CLI_OK;
	puts("All checksums match, and nothing is missing.");
	if (result.undecoded)
		printf("The data of %u of %u devices has no description; only a device of the same kind can check it.\n",
		       result.undecoded, result.devices);
	return CLI_OK;
}

const struct cli_command cli_inspect = {
	.name = "inspect",
	.usage = "FILE",
	.summary = "Print and check a saved file",
	.takes = CLI_TAKES_JSON,
	.words = {1, 1},
	.text = "Reads the whole file and verifies each checksum, the order and the lengths. Prints registers by\n"
		"name for devices that describe their data. If the file is damaged or truncated, prints the\n"
		"offset and exits with 1. FILE may be - for standard input. Needs no device.\n",
	.examples = "  vfmig inspect copier.vfmig\n"
		    "  vfmig inspect copier.vfmig --json | jq 'select(.event == \"field\")'\n",
	.options = options,
	.run = run,
};
