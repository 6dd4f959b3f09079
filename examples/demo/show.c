/* SPDX-License-Identifier: BSD-3-Clause */
#include "examples/demo/show.h"

#include <stdio.h>
#include <string.h>

#define REDRAW_NS 50000000
#define BAR_CELLS 32

static const char *paint(const struct show *show, const char *code)
{
	return show->terminal ? code : "";
}
#define BOLD(s)	 paint(s, "\033[1m")
#define DIM(s)	 paint(s, "\033[2m")
#define GREEN(s) paint(s, "\033[32m")
#define RED(s)	 paint(s, "\033[31m")
#define BLUE(s)	 paint(s, "\033[34m")
#define PLAIN(s) paint(s, "\033[0m")

static char *capacity(void)
{
	static _Thread_local char texts[8][32];
	static _Thread_local unsigned next;

	return texts[next++ % 8];
}

const char *show_bytes(uint64_t bytes)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
	double n = (double)bytes;
	char *text = capacity();
	size_t u = 0;

	while (n >= 1024 && u < 4) {
		n /= 1024;
		u++;
	}
	snprintf(text, 32, u && n < 100 ? "%.1f %s" : "%.0f %s", n, units[u]);
	return text;
}

const char *show_ns(uint64_t ns)
{
	char *text = capacity();

	if (ns < 1000000)
		snprintf(text, 32, "%.2f ms", (double)ns / 1e6);
	else if (ns < 1000000000)
		snprintf(text, 32, "%.1f ms", (double)ns / 1e6);
	else
		snprintf(text, 32, "%.2f s", (double)ns / 1e9);
	return text;
}

/* ---- events ---- */

static const struct vfmig_event_field *find(const struct vfmig_event *event, const char *key)
{
	for (size_t i = 0; i < event->count; i++)
		if (!strcmp(event->fields[i].key, key))
			return &event->fields[i];
	return NULL;
}

static double number(const struct vfmig_event *event, const char *key)
{
	const struct vfmig_event_field *f = find(event, key);

	if (!f)
		return 0;
	return f->kind == VFMIG_EVENT_REAL ? f->real : (double)f->u64;
}

static uint64_t whole(const struct vfmig_event *event, const char *key)
{
	return (uint64_t)number(event, key);
}

static const char *text(const struct vfmig_event *event, const char *key)
{
	const struct vfmig_event_field *f = find(event, key);

	return f && f->kind == VFMIG_EVENT_TEXT ? f->text : "";
}

static void draw_bar(const struct show *show, const struct show_bar *bar)
{
	uint64_t total = bar->total ? bar->total : 1;
	unsigned full = (unsigned)(bar->done >= total ? BAR_CELLS : bar->done * BAR_CELLS / total);

	printf("  %-8s %s", bar->what, BLUE(show));
	for (unsigned i = 0; i < BAR_CELLS; i++)
		fputs(i < full ? "█" : "░", stdout);
	printf("%s %8s of %8s\033[K\n", PLAIN(show), show_bytes(bar->done), show_bytes(bar->total));
}

static void erase(struct show *show)
{
	if (show->drawn)
		printf("\033[%dA\033[J", show->drawn);
	show->drawn = 0;
}

static void draw(struct show *show, int64_t now)
{
	if (!show->terminal)
		return;
	erase(show);
	for (int i = 0; i < SHOW_BARS; i++)
		draw_bar(show, &show->bars[i]);
	printf("  %s%s %llu", DIM(show), show->stopped ? "stopped after round" : "round",
	       (unsigned long long)show->round);
	if (show->rate > 0)
		printf(", %s/s", show_bytes((uint64_t)show->rate));
	if (show->steps && show->chunks) {
		uint64_t steps = atomic_load(show->steps);

		printf("; the workload is in its round %llu, chunk %llu",
		       (unsigned long long)(steps / show->chunks + 1),
		       (unsigned long long)(steps % show->chunks));
	}
	printf("%s\033[K\n", PLAIN(show));
	fflush(stdout);
	show->drawn = SHOW_BARS + 1;
	show->drawn_ns = now;
}

static void on_progress(struct show *show, const struct vfmig_event *event)
{
	struct show_bar *bar = &show->bars[strcmp(text(event, "of"), "memory") ? 1 : 0];

	show->round = whole(event, "round");
	show->stopped = !strcmp(text(event, "phase"), "stop");
	show->rate = number(event, "rate");
	bar->done = whole(event, "bytes");
	bar->total = bar->done + whole(event, "left_bytes");
	if (event->time_ns - show->drawn_ns > REDRAW_NS)
		draw(show, event->time_ns);
}

static void on_round(struct show *show, const struct vfmig_event *event)
{
	erase(show);
	printf("  round %llu  %8s in %8s, %8s/s;  written meanwhile: %7llu pages, %s left;  expected "
	       "downtime %s\n",
	       (unsigned long long)whole(event, "round"), show_bytes(whole(event, "bytes")),
	       show_ns(whole(event, "ns")), show_bytes(whole(event, "rate")),
	       (unsigned long long)whole(event, "dirty_pages"),
	       show_bytes(whole(event, "left_bytes")), show_ns(whole(event, "downtime_ns")));
	fflush(stdout);
}

static void on_switchover(struct show *show, const struct vfmig_event *event)
{
	show->left = whole(event, "left_bytes");
	show->rate = number(event, "rate");
	if (strcmp(text(event, "reason"), "max-rounds"))
		return;
	erase(show);
	printf("  The workload writes as fast as this machine sends: after %llu rounds %s were left, so "
	       "that the\n  downtime is longer than its limit. A slower workload, or a smaller file: "
	       "\n  DEMO_SOURCE=pace=20M make demo, or make demo FILE=...\n",
	       (unsigned long long)whole(event, "round"), show_bytes(show->left));
	fflush(stdout);
}

void show_event(void *context, const struct vfmig_event *event)
{
	struct show *show = context;

	if (!strcmp(event->name, "progress"))
		on_progress(show, event);
	else if (!strcmp(event->name, "round"))
		on_round(show, event);
	else if (!strcmp(event->name, "switchover"))
		on_switchover(show, event);
	else if (!strcmp(event->name, "downtime") || !strcmp(event->name, "failed") ||
		 !strcmp(event->name, "cancelled") || !strcmp(event->name, "in-doubt"))
		erase(show);
}

/* ---- the end ---- */

static void part(const struct show *show, const char *what, uint64_t ns, uint64_t total)
{
	unsigned full = total ? (unsigned)(ns * 30 / total) : 0;

	printf("    %-34s %9s  %s", what, show_ns(ns), BLUE(show));
	for (unsigned i = 0; i < full; i++)
		fputs("█", stdout);
	printf("%s\n", PLAIN(show));
}

void show_result(const struct show *show, const struct vfmig_migration_result *result)
{
	const struct vfmig_downtime *d = &result->downtime;

	printf("\n  %sdowntime %s%s", BOLD(show), show_ns(d->total), PLAIN(show));
	if (show->rate > 0)
		printf("; the %s left, at the %s/s measured, take %s", show_bytes(show->left),
		       show_bytes((uint64_t)show->rate),
		       show_ns((uint64_t)((double)show->left / show->rate * 1e9)));
	printf("\n");
	part(show, "pause the workload", d->pause, d->total);
	part(show, "quiesce the device", d->quiesce, d->total);
	part(show, "stop the device", d->stop, d->total);
	part(show, "the last memory", d->memory, d->total);
	part(show, "the last device state", d->state, d->total);
	part(show, "load it, check it", d->load, d->total);
	part(show, "commit, and run", d->commit + d->run, d->total);
	printf("  sent %s in %s and %llu rounds: memory %s, device %s, %llu zero pages; %s while "
	       "stopped\n",
	       show_bytes(result->bytes), show_ns(result->total_ns),
	       (unsigned long long)result->rounds, show_bytes(result->memory_bytes),
	       show_bytes(result->device_bytes), (unsigned long long)result->zero_pages,
	       show_bytes(result->stop_bytes));
	fflush(stdout);
}

void show_proof(const struct show *show, const struct workload_proof *proof, const char *before,
		const char *after)
{
	bool counted = proof->descriptors == proof->completed && proof->completed == proof->counted;
	bool same = before[0] && !strcmp(before, after);

	printf("\n  %sproof%s\n", BOLD(show), PLAIN(show));
	printf("    descriptors  put in by the workload %12llu\n",
	       (unsigned long long)proof->descriptors);
	printf("                 completed, in order    %12llu\n",
	       (unsigned long long)proof->completed);
	printf("                 counted by the device  %12llu  %s\n",
	       (unsigned long long)proof->counted, counted ? "none lost, none twice" : "WRONG");
	printf("    ADDs         in both ledgers        %12llu\n", (unsigned long long)proof->adds);
	printf("    ballast      unchanged              %12s\n", show_bytes(proof->ballast_bytes));
	printf("    SHA-256      of the file   %s\n", before);
	printf("                 here, now     %s%s%s\n", same ? GREEN(show) : RED(show), after,
	       PLAIN(show));
	fflush(stdout);
}

void show_verdict(const struct show *show, bool good, const char *sentence)
{
	printf("\n  %s%s%s%s%s\n\n", BOLD(show), good ? GREEN(show) : RED(show),
	       good ? "Nothing was lost." : "FAILED: ", good ? "" : sentence, PLAIN(show));
	fflush(stdout);
}
