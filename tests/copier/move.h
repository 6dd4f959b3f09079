/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The demo in small, in one process: two sides, the demo's own workload at work on one of them, a migration to
 * the other, the workload going on there, and the proof.
 *
 * Between the rounds of the migration the workload is waited for, so that there is always something
 * to be sent again; and a test can break things, to see that the proof notices.
 */
#ifndef TESTS_COPIER_MOVE_H
#define TESTS_COPIER_MOVE_H

#include <pthread.h>

#include <vfmig/export.h>
#include <vfmig/migration.h>
#include <vfmig/model.h>
#include <vfmig/space.h>

#include "examples/demo/workload.h"
#include "models/models.h"

#define MOVE_IOVA  0x200000000ull
#define MOVE_BOARD (4u << 20)
#define MOVE_GUEST (8u << 20)
#define MOVE_CHUNK 16384u
#define MOVE_DEPTH 8u
#define MOVE_FILE  (1600000u + 123u)

/*
 * One side.
 * @inner: the model, with its filter
 * @server: the export that shows it, if there is a socket between
 * @device: what the host has: @inner, or the socket's other end
 */
struct move_side {
	struct vfmig_device *inner;
	struct vfmig_export *server;
	struct vfmig_device *device;
	struct vfmig_space *space;
	uint8_t *guest;
	int fd;
	struct workload workload;
	bool has_workload;
};

/*
 * How to move, and what came of it.
 *
 * @source_model, @destination_model: NULL: the copier
 * @options: more options of both models; @destination_options, if set, of the destination's instead
 * @protocol: by which both are driven; NULL: the newest that they show
 * @filter: around the source's model; @destination_filter around the other's; NULL: none
 * @host_filter, @destination_host_filter: around what the host has, behind the socket if there is one. Each filter
 *	can be several, with spaces between, the innermost first
 * @remote: over vfio-user, both
 * @no_precopy: the engine is not to use it
 * @max_rounds: of pre-copy
 * @forget: collect()s in which what the CPU wrote is forgotten, from the second on
 * @spoil: called at the destination before the workload goes on
 * @enclose: puts what the source's host has, all filters around it, into something else, and returns that;
 *	sets @speaks if it tells what the device writes
 *
 * @migrated: what the engine returned
 * @proven: 0 if all was right where the workload was in the end
 * @error: and what was not
 */
struct move {
	const struct vfmig_model *source_model, *destination_model;
	const char *options, *destination_options;
	const char *protocol;
	const char *filter, *destination_filter;
	const char *host_filter, *destination_host_filter;
	bool remote;
	bool no_precopy;
	uint64_t max_rounds;
	bool forget;
	void (*spoil)(struct move *move);
	struct vfmig_device *(*enclose)(struct move *move, struct vfmig_device *inner);
	const struct vfmig_tracker *speaks;

	bool broken; /* for move_expect_caught() */
	int migrated;
	int proven;
	struct vfmig_error error;
	struct vfmig_migration_result result;
	struct workload_proof proof;

	struct move_side source, destination;
	uint8_t *file;
	struct vfmig_tracker tracker;
	unsigned collects;

	/* The workload's thread, wherever it is. */
	pthread_t thread;
	bool thread_runs;
	pthread_mutex_t lock;
	pthread_cond_t moved;
	struct workload *at_work;
	uint64_t steps, until;
	uint64_t may; /* a broken one: so many steps until it is told more */
	bool stop;
	int failed;
	struct vfmig_error failure;
};

/* All of it. */
void move_run(struct move *move);

/* Run it and check: it arrived and nothing was lost. */
void move_expect_good(const char *what, struct move *move);

/* The same with the states of v2 that a copier has and those that it has not, and as the engine uses them or not. */
void move_expect_good_in_every_way(bool remote);

/* Run it and check: it arrived, or seemed to, and the proof noticed what was broken. */
void move_expect_caught(const char *what, struct move *move);

#endif
