/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A step of a migration in a thread of its own.
 */
#ifndef ENGINE_STEP_H
#define ENGINE_STEP_H

#include <pthread.h>

#include <vfmig/migration.h>

/*
 * @runs: the thread was started and not joined
 * @what, @budget: the step, as vfmig_migration_start() was given it
 * @fd: eventfd: the step is over
 * @result, @err: of the step
 * @ended: the channel is closed and the devices have their own time limits again
 */
struct engine_step {
	pthread_t thread;
	bool runs;
	enum vfmig_step what;
	uint64_t budget;
	int fd;
	ssize_t result;
	struct vfmig_error err;
	bool ended;
};

#endif
