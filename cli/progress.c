/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Print the progress of a migration.
 *
 * On a terminal: a status line and a bar for memory and each device, redrawn in place. Otherwise: a
 * line for each round, for logs. With --json: only the events. All but JSON goes to standard error,
 * since standard output may be a file.
 */
#include <langinfo.h>
#include <locale.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "endpoint.h"

#define ROWS	  (VFMIG_MIGRATION_DEVICES_MAX + 1)
#define ROWS_SEEN 12	   /* number of bars that a terminal can hold */
#define REDRAW_NS 50000000 /* 20 times per second */
#define BAR_MAX	  40

struct row {
	char name[VFMIG_MIGRATION_ID_MAX + 1];
	uint64_t bytes, left;
};

static struct {
	pthread_mutex_t lock;
	bool begun, source, tty, utf8, color;
	uint64_t limit_ms;
	struct row row[ROWS];
	size_t rows;
	char phase[16];
	uint64_t round, dirty_rate, downtime_ns;
	bool estimated;
	uint64_t total,
		seen_total; /* bytes on the channel, now and at the last measurement of the rate */
	int64_t seen_ns;
	double rate;
	int64_t drawn_ns;
	int drawn;
	FILE *frame; /* buffer that is written as one piece */
} p = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* There is no estimate before the first measurement, or if a device does not report its size. */
static const char *expected(char buf[CLI_NUMBER])
{
	return p.downtime_ns == UINT64_MAX ? "unknown" : cli_time(buf, p.downtime_ns);
}

/* ---- drawing ---- */

static int columns(void)
{
	struct winsize size;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) || size.ws_col < 40)
		return 80;
	return size.ws_col > 120 ? 120 : size.ws_col;
}

static const char *ink(const char *code)
{
	return p.color ? code : "";
}

static void draw_bar(double part, int width)
{
	/* Eighths of a character if the terminal supports them. */
	static const char *const eighths[] = {" ", "▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"};
	int units = (int)(part * width * 8 + 0.5);

	fputs(ink("\033[36m"), p.frame);
	for (int i = 0; i < width; i++, units -= 8) {
		int n = units > 8 ? 8 : units < 0 ? 0 : units;

		fputs(p.utf8 ? eighths[n] : n > 4 ? "#" : ".", p.frame);
	}
	fputs(ink("\033[0m"), p.frame);
}

static void draw_row(const struct row *row, int name_width, int bar_width)
{
	uint64_t all = row->bytes + row->left;
	double part = all ? (double)row->bytes / (double)all : 1;
	char a[CLI_NUMBER], b[CLI_NUMBER];

	/* Do not round up to 100 %. */
	if (row->left && part > 0.99)
		part = 0.99;
	fprintf(p.frame, "  %-*.*s ", name_width, name_width, row->name);
	draw_bar(part, bar_width);
	fprintf(p.frame, " %3d %%  %9s", (int)(part * 100), cli_bytes(a, row->bytes));
	if (row->left)
		fprintf(p.frame, ", %s left", cli_bytes(b, row->left));
	fputs("\033[K\n", p.frame);
}

static void draw_head(void)
{
	char a[CLI_NUMBER];

	fputs("  ", p.frame);
	if (!strcmp(p.phase, "stop"))
		fprintf(p.frame, "%sstopped%s, sending the rest", ink("\033[1;33m"),
			ink("\033[0m"));
	else if (p.round)
		fprintf(p.frame, "%sround %llu%s", ink("\033[1m"), (unsigned long long)p.round,
			ink("\033[0m"));
	else
		fputs(p.phase, p.frame);
	if (p.rate >= 1)
		fprintf(p.frame, "   %s/s", cli_bytes(a, (uint64_t)p.rate));
	if (p.estimated && strcmp(p.phase, "stop")) {
		fprintf(p.frame, "   dirty %s/s", cli_bytes(a, p.dirty_rate * 4096));
		fprintf(p.frame, "   expected downtime %s", expected(a));
		fprintf(p.frame, " of %s", cli_time(a, p.limit_ms * 1000000));
	}
	fputs("\033[K\n", p.frame);
}

/* The current rate, from the bytes since the last measurement. */
static void measure(int64_t now)
{
	double seconds = (double)(now - p.seen_ns) / 1e9, rate;

	if (p.seen_ns && seconds < 0.25)
		return;
	if (p.seen_ns && p.total >= p.seen_total) {
		rate = (double)(p.total - p.seen_total) / seconds;
		p.rate = p.rate ? (p.rate + rate) / 2 : rate;
	}
	p.seen_ns = now;
	p.seen_total = p.total;
}

static void draw_all(void)
{
	size_t rows = p.rows < ROWS_SEEN ? p.rows : ROWS_SEEN;
	int width = columns(), name = 6, bar;

	if (p.drawn)
		fprintf(p.frame, "\r\033[%dA", p.drawn);
	for (size_t i = 0; i < rows; i++)
		if ((int)strlen(p.row[i].name) > name)
			name = (int)strlen(p.row[i].name);
	if (name > 20)
		name = 20;
	bar = width - name - 37;
	bar = bar > BAR_MAX ? BAR_MAX : bar < 8 ? 8 : bar;
	/* Truncate: a wrapped line would be two lines to the cursor. */
	fputs("\033[?7l", p.frame);
	draw_head();
	for (size_t i = 0; i < rows; i++)
		draw_row(&p.row[i], name, bar);
	fputs("\033[?7h", p.frame);
	p.drawn = (int)rows + 1;
}

static void draw(int64_t now, bool always)
{
	char *text = NULL;
	size_t len = 0;

	if (!p.tty || (!always && now - p.drawn_ns < REDRAW_NS))
		return;
	p.drawn_ns = now;
	measure(now);
	p.frame = open_memstream(&text, &len);
	if (!p.frame)
		return;
	draw_all();
	fclose(p.frame);
	fwrite(text, 1, len, stderr);
	free(text);
}

/* Print a line above the bars, which are redrawn below it. */
static void line_begin(void)
{
	if (p.drawn)
		fprintf(stderr, "\r\033[%dA\033[J", p.drawn);
	p.drawn = 0;
}

static void line_end(void)
{
	fputc('\n', stderr);
	draw(p.drawn_ns, true);
}

/* ---- events ---- */

static struct row *row_of(const char *name)
{
	for (size_t i = 0; i < p.rows; i++)
		if (!strcmp(p.row[i].name, name))
			return &p.row[i];
	if (p.rows == ROWS)
		return NULL;
	snprintf(p.row[p.rows].name, sizeof(p.row[0].name), "%s", name);
	return &p.row[p.rows++];
}

static void on_setup(const struct vfmig_event *event)
{
	if (cli_u64(event, "memory_bytes"))
		row_of("memory")->left = cli_u64(event, "memory_bytes");
	strcpy(p.phase, "setting up");
}

static void on_device(const struct vfmig_event *event)
{
	row_of(cli_text(event, "device"));
}

static void on_progress(const struct vfmig_event *event)
{
	struct row *row = row_of(cli_text(event, "of"));

	if (row) {
		row->bytes = cli_u64(event, "bytes");
		row->left = cli_u64(event, "left_bytes");
	}
	snprintf(p.phase, sizeof(p.phase), "%s", cli_text(event, "phase"));
	p.round = cli_u64(event, "round");
	p.total = cli_u64(event, "total_bytes");
}

static void on_round(const struct vfmig_event *event)
{
	char a[CLI_NUMBER], b[CLI_NUMBER], c[CLI_NUMBER], d[CLI_NUMBER], e[CLI_NUMBER];

	p.round = cli_u64(event, "round");
	p.dirty_rate = (uint64_t)cli_real(event, "dirty_rate");
	p.downtime_ns = cli_u64(event, "downtime_ns");
	p.estimated = true;
	if (p.tty)
		return;
	fprintf(stderr, "round %llu: %s in %s (%s/s), %s left; expected downtime %s\n",
		(unsigned long long)p.round, cli_bytes(a, cli_u64(event, "bytes")),
		cli_time(b, cli_u64(event, "ns")), cli_bytes(c, cli_u64(event, "rate")),
		cli_bytes(d, cli_u64(event, "left_bytes")), expected(e));
}

static void on_switchover(const struct vfmig_event *event)
{
	static const struct {
		const char *reason, *words;
	} why[] = {{"fits", "the estimated downtime is within the limit"},
		   {"max-rounds", "the limit of rounds is reached"},
		   {"asked", "requested by the caller"}};
	const char *reason = cli_text(event, "reason");
	char a[CLI_NUMBER];

	strcpy(p.phase, "stop");
	if (p.tty)
		return;
	for (size_t i = 0; i < 3; i++)
		if (!strcmp(why[i].reason, reason))
			reason = why[i].words;
	fprintf(stderr, "switchover: %s; %s left\n", reason,
		cli_bytes(a, cli_u64(event, "left_bytes")));
}

static void on_lost(const struct vfmig_event *event)
{
	line_begin();
	fprintf(stderr, "dirty tracking failed, all memory is sent again: %s",
		cli_text(event, "message"));
	line_end();
}

/* -v: print each step of the two ends. */
static void show_step(const struct vfmig_event *event)
{
	char time[CLI_NUMBER];

	line_begin();
	fprintf(stderr, "  %-11s %s", cli_text(event, "role"), event->name);
	if (!strcmp(event->name, "arc"))
		fprintf(stderr, " %s: %s -> %s, %s", cli_text(event, "device"),
			cli_text(event, "from"), cli_text(event, "to"),
			cli_time(time, cli_u64(event, "ns")));
	else if (!strcmp(event->name, "handoff"))
		fprintf(stderr, " %s, on %s", cli_text(event, "state"), cli_text(event, "on"));
	else if (!strcmp(event->name, "user"))
		fprintf(stderr, " %s, %s", cli_text(event, "what"),
			cli_time(time, cli_u64(event, "ns")));
	line_end();
}

static const struct {
	const char *name;
	void (*fn)(const struct vfmig_event *event);
} handlers[] = {
	{"setup", on_setup}, {"device", on_device},	    {"progress", on_progress},
	{"round", on_round}, {"switchover", on_switchover}, {"tracking-lost", on_lost},
};

static bool is_step(const struct vfmig_event *event)
{
	return !strcmp(event->name, "arc") || !strcmp(event->name, "handoff") ||
	       !strcmp(event->name, "user");
}

static void show(void *context, const struct vfmig_event *event)
{
	bool watched;

	if (cli.json) {
		cli_print_event(NULL, event);
		return;
	}
	if (cli.quiet)
		return;
	pthread_mutex_lock(&p.lock);
	/* If both ends are in this process, draw only the source. */
	watched = !p.source || !strcmp(cli_text(event, "role"), "source");
	if (cli.verbose && is_step(event))
		show_step(event);
	for (size_t i = 0; watched && i < sizeof(handlers) / sizeof(handlers[0]); i++)
		if (!strcmp(handlers[i].name, event->name))
			handlers[i].fn(event);
	if (watched)
		draw(event->time_ns, strcmp(event->name, "progress") != 0);
	pthread_mutex_unlock(&p.lock);
}

static const struct vfmig_events events = {show, NULL};

const struct vfmig_events *cli_progress_begin(const struct cli_endpoint *end, enum vfmig_role role)
{
	const char *term = getenv("TERM");

	p.source |= role == VFMIG_ROLE_SOURCE;
	p.limit_ms = end->options.downtime_ms;
	if (p.begun)
		return &events;
	p.begun = true;
	setlocale(LC_CTYPE, "");
	p.tty = isatty(STDERR_FILENO) && term && strcmp(term, "dumb") && !cli.json && !cli.quiet;
	p.utf8 = !strcmp(nl_langinfo(CODESET), "UTF-8");
	p.color = p.tty && !getenv("NO_COLOR");
	return &events;
}

void cli_progress_end(void)
{
	pthread_mutex_lock(&p.lock);
	line_begin(); /* erase the bars; the table follows */
	p.tty = false;
	pthread_mutex_unlock(&p.lock);
}
