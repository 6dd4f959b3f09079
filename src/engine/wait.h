/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Time limits, and waiting until one of them passes or something happens.
 */
#ifndef ENGINE_WAIT_H
#define ENGINE_WAIT_H

#include <vfmig/migration.h>

/*
 * Deadlines are CLOCK_MONOTONIC in ns; 0 means no deadline.
 * @request_ms: of a request to a device; shorter on the way back
 * @deadline, @what: of the current operation, and its name in messages
 * @total_deadline: of the whole migration until COMMIT
 */
struct engine_limits {
	uint64_t request_ms;
	int64_t deadline;
	const char *what;
	int64_t total_deadline;
};

/* The directions of the channel to wait for. */
#define ENGINE_WAIT_IN	1u
#define ENGINE_WAIT_OUT 2u

/* One turn of the loop, with all time limits. 0, or the error that ends the migration. */
int engine_wait(struct vfmig_migration *m, unsigned what, struct vfmig_error *err);
/* The same without blocking. */
int engine_look(struct vfmig_migration *m, struct vfmig_error *err);
/* Set the deadline of the current operation, in ms from now; 0 means no deadline. */
void engine_limit_time(struct vfmig_migration *m, uint64_t ms, const char *what);
/* Limit all requests of the devices to @ms (0: no change), also those that a space makes. */
void engine_limit_devices(struct vfmig_migration *m, uint64_t ms);
/* Shorten the time limit of requests on the way back, so that a device that hangs does not cost it again and again. */
void engine_limit_back(struct vfmig_migration *m);
/* Save the time limits of the devices and set ours; and restore them. */
void engine_limits_begin(struct vfmig_migration *m);
void engine_limits_end(struct vfmig_migration *m);

#endif
