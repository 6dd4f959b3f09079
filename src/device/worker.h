/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A thread for operations that block.
 *
 * A device's submit() must not wait. A device whose calls block (a mediator, an ioctl of the
 * kernel) gives such requests to a worker: one thread, which does one job after the other. A job is
 * an inner request of the device, with buffers of its own. So its outer request can be cancelled at
 * any time, and fails with -ETIMEDOUT at its deadline, also while the thread hangs in it; the job's
 * result is freed then. A job whose outer request has ended still runs to completion: an address
 * space with only half of its maps would be worse.
 */
#ifndef DEVICE_WORKER_H
#define DEVICE_WORKER_H

#include "device/inner.h"
#include "device/device.h"

/* A job; the device's own structure begins with it. */
struct worker_job {
	struct inner inner; /* first; not @borrows */
	struct worker_job *next;
	int64_t deadline; /* of the outer request; 0: none */
};

/*
 * @fd: readable when the device must call worker_process(). A timer: it is set to the first
 *	deadline, or, when a job is done, to the past
 * @device: the device that owns it
 * @work: do a job, inner.request; called by the worker's thread. Returns the result
 */
struct worker {
	int fd;
	struct vfmig_device *device;
	ssize_t (*work)(struct vfmig_device *device, struct vfmig_request *request);

	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct worker_job *first, *last; /* the first is being done */
	int64_t timer;			 /* what @fd is set to */
	bool ends, runs;
	pthread_t thread;
};

/** worker_init() - before all else; worker_stop() may follow at any time */
void worker_init(struct worker *worker, struct vfmig_device *device,
		 ssize_t (*work)(struct vfmig_device *device, struct vfmig_request *request));

/** worker_start() - make @fd and the thread, in which only the signals of crashes are not blocked */
int worker_start(struct worker *worker, struct vfmig_error *err);

/** worker_submit() - have a job done. Its @back is called by the thread, unless the outer request is over by then */
void worker_submit(struct worker *worker, struct worker_job *job);

/**
 * worker_process() - end outer requests that have reached their deadline; for the device's
 * process()
 */
void worker_process(struct worker *worker);

/** worker_stop() - do what is queued, end the thread, and free all */
void worker_stop(struct worker *worker);

#endif
