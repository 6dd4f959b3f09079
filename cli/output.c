/* SPDX-License-Identifier: BSD-3-Clause */
/* Output: results on standard output, errors on standard error. */
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

static void say(const char *fmt, va_list ap)
{
	fflush(stdout);
	fputs("vfmig: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
}

int cli_fail(const struct vfmig_error *err)
{
	const char *text = err->code ? err->text : "failed without an error message";

	if (cli.json)
		vfmig_event(&cli_json_events, "error", VFMIG_U64("code", -err->code),
			    VFMIG_TEXT("message", text));
	cli_flush();
	fprintf(stderr, "vfmig: %s\n", text);
	return CLI_FAILED;
}

int cli_failf(const char *fmt, ...)
{
	struct vfmig_error err = {0};
	va_list ap;

	va_start(ap, fmt);
	vfmig_verr(&err, -EIO, fmt, ap);
	va_end(ap);
	return cli_fail(&err);
}

int cli_usage(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(fmt, ap);
	va_end(ap);
	return CLI_USAGE;
}

/* The two ends of a migration print events from two threads. */
static pthread_mutex_t lines = PTHREAD_MUTEX_INITIALIZER;
static bool incomplete; /* a line was lost because there was no memory */

void cli_print_event(void *context, const struct vfmig_event *event)
{
	char line[8192], *longer = NULL;
	size_t len = vfmig_event_json(event, line, sizeof(line));

	if (len >= sizeof(line)) {
		longer = malloc(len + 1);
		if (longer)
			vfmig_event_json(event, longer, len + 1);
	}
	pthread_mutex_lock(&lines);
	if (len < sizeof(line) || longer)
		puts(longer ? longer : line);
	else
		incomplete = true;
	fflush(stdout);
	pthread_mutex_unlock(&lines);
	free(longer);
}

const struct vfmig_events cli_json_events = {cli_print_event, NULL};

bool cli_flush(void)
{
	if (!fflush(stdout) && !ferror(stdout) && !incomplete)
		return true;
	fprintf(stderr, "vfmig: write to standard output: %s\n",
		strerror(incomplete ? ENOMEM : errno));
	return false;
}

char *cli_bytes(char buf[CLI_NUMBER], uint64_t bytes)
{
	static const char *const unit[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
	double n = (double)bytes;
	unsigned i = 0;

	while (n >= 1023.95 && i < 6) {
		n /= 1024;
		i++;
	}
	/* Three digits, without ".0" for whole numbers. */
	snprintf(buf, CLI_NUMBER, "%.*f %s", n < 99.95 && n != (double)(uint64_t)n ? 1 : 0, n,
		 unit[i]);
	return buf;
}

char *cli_time(char buf[CLI_NUMBER], uint64_t ns)
{
	double n = (double)ns;

	if (ns < 999500)
		snprintf(buf, CLI_NUMBER, "%.0f us", n / 1e3);
	else if (ns < 999500000)
		snprintf(buf, CLI_NUMBER, n < 99.95e6 ? "%.1f ms" : "%.0f ms", n / 1e6);
	else
		snprintf(buf, CLI_NUMBER, n < 99.995e9 ? "%.2f s" : "%.0f s", n / 1e9);
	return buf;
}

char *cli_count(char buf[CLI_NUMBER], uint64_t n)
{
	char digits[24];
	int len = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)n), at = 0;

	for (int i = 0; i < len; i++) {
		if (i && (len - i) % 3 == 0)
			buf[at++] = ' ';
		buf[at++] = digits[i];
	}
	buf[at] = 0;
	return buf;
}

void cli_wrap(const char *text, unsigned indent, unsigned width)
{
	unsigned column = indent;

	while (*text) {
		size_t word = strcspn(text, " ");

		if (column > indent && column + 1 + word > width) {
			printf("\n%*s", (int)indent, "");
			column = indent;
		} else if (column > indent) {
			putchar(' ');
			column++;
		}
		printf("%.*s", (int)word, text);
		column += (unsigned)word;
		text += word;
		text += strspn(text, " ");
	}
	putchar('\n');
}

const struct vfmig_event_field *cli_field(const struct vfmig_event *event, const char *key)
{
	for (size_t i = 0; i < event->count; i++)
		if (!strcmp(event->fields[i].key, key))
			return &event->fields[i];
	return NULL;
}

uint64_t cli_u64(const struct vfmig_event *event, const char *key)
{
	const struct vfmig_event_field *field = cli_field(event, key);

	if (!field)
		return 0;
	return field->kind == VFMIG_EVENT_REAL ? (uint64_t)field->real : field->u64;
}

double cli_real(const struct vfmig_event *event, const char *key)
{
	const struct vfmig_event_field *field = cli_field(event, key);

	if (!field)
		return 0;
	return field->kind == VFMIG_EVENT_U64 ? (double)field->u64 : field->real;
}

const char *cli_text(const struct vfmig_event *event, const char *key)
{
	const struct vfmig_event_field *field = cli_field(event, key);

	return field && field->kind == VFMIG_EVENT_TEXT && field->text ? field->text : "";
}
