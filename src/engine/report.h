/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a migration reports: counts while it runs, events, and its result.
 */
#ifndef ENGINE_REPORT_H
#define ENGINE_REPORT_H

#include <pthread.h>

#include <vfmig/migration.h>

#include "engine/estimate.h"

struct engine_device;

/*
 * Counts of the thread that runs the step.
 * @round: of pre-copy, from 1; @stopping: the devices are stopped
 * @round_counts: of this round; @counts: of the rounds before
 * @bytes_at_stop: the channel's bytes when the devices stopped
 * @next_report: the channel's bytes at which the next progress event is due
 * @began: when the set-up began, 0 before
 */
struct engine_progress {
	uint64_t round;
	bool stopping;
	struct engine_counts round_counts, counts;
	uint64_t bytes_at_stop;
	uint64_t next_report;
	int64_t began;
};

/* What other threads may query meanwhile, under @lock. */
struct engine_status {
	pthread_mutex_t lock;
	struct vfmig_migration_result result;
	struct vfmig_estimate estimate;
};

/* vfmig_event() with the role first. */
#define engine_report(m, name, ...)                                                                \
	vfmig_event((m)->events, (name), VFMIG_TEXT("role", engine_role_name((m)->role)),          \
		    __VA_ARGS__)
const char *engine_role_name(enum vfmig_role role);
/* The event "progress", if it is due. */
void engine_report_progress(struct vfmig_migration *m);
/* The event "device". */
void engine_report_device(const struct engine_device *dev);
/* The migration is over: set the result and emit the event. */
void engine_report_end(struct vfmig_migration *m, enum vfmig_outcome outcome, int code,
		       const char *sentence);
/* Copy the counts into the result. */
void engine_report_counts(struct vfmig_migration *m);

#endif
