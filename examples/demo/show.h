/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the demo looks like: bars that move on a terminal, one line for each round elsewhere, and tables at
 * the end. All of it goes to stdout.
 */
#ifndef EXAMPLES_DEMO_SHOW_H
#define EXAMPLES_DEMO_SHOW_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vfmig/event.h>
#include <vfmig/migration.h>

#include "examples/demo/workload.h"

#define SHOW_BARS 2

/* A bar: @done of @total bytes of what. */
struct show_bar {
	const char *what;
	uint64_t done;
	uint64_t total;
};

/**
 * struct show - a display that events are fed to
 * @terminal: redraw lines; else only print complete ones
 * @steps: the workload's steps so far, if not NULL; drawn beside the bars
 * @chunks: steps of a round of the workload
 * @bars: memory, device
 * @rate: bytes per second, as the engine measures it
 * @round: of pre-copy
 * @stopped: the source is paused: pre-copy is over
 * @left: bytes that the engine had left when it decided to switch over
 * @drawn: lines on the terminal that are redrawn
 * @drawn_ns: when
 */
struct show {
	bool terminal;
	const _Atomic uint64_t *steps;
	uint64_t chunks;
	struct show_bar bars[SHOW_BARS];
	double rate;
	uint64_t round;
	bool stopped;
	uint64_t left;
	int drawn;
	int64_t drawn_ns;
};

/** show_event() - for struct vfmig_events; the context is the struct show */
void show_event(void *context, const struct vfmig_event *event);

/** show_bytes() - a size for people, as "1.5 GiB"; of a ring of texts, good for a few calls */
const char *show_bytes(uint64_t bytes);

/** show_ns() - a time for people, as "12.3 ms" */
const char *show_ns(uint64_t ns);

/** show_result() - what the source has to say at the end */
void show_result(const struct show *show, const struct vfmig_migration_result *result);

/** show_proof() - what the destination has: @before and @after are SHA-256 sums in hex */
void show_proof(const struct show *show, const struct workload_proof *proof, const char *before,
		const char *after);

/** show_verdict() - the last line */
void show_verdict(const struct show *show, bool good, const char *sentence);

#endif
