/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The inside of a device: what a source, a filter or the model kit fills in.
 *
 * One function takes all requests, so that a filter overrides one function to see everything. The rules
 * of the road:
 *
 *  - submit() takes a request and completes it, now or later, with request_complete(). It never waits for a
 *    peer. It may be called from several threads at once, and from a @done callback.
 *  - A request that is not completed in submit() is completed in process(), or by a thread of the
 *    device's own, which then makes the fd readable so that a waiting thread looks again.
 *  - No lock is held over request_complete(): the callback may submit.
 *  - cancel() forgets a request that is held; it returns false if the request is not held (any more).
 *  - process() does what is ready and returns; one thread at a time calls it.
 */
#ifndef DEVICE_DEVICE_H
#define DEVICE_DEVICE_H

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#include <vfmig/device.h>

#include "device/inner.h"

/* Optional parts of a request, by which its result may go past its own buffer. */
enum device_handles {
	DEVICE_HANDLES_RUNS = 1 << 0,	   /* @runs of FEATURE */
	DEVICE_HANDLES_ZERO_COPY = 1 << 1, /* @lent of DATA_READ */
};

/*
 * @handles: the optional parts that @submit handles, itself or in the device to which it passes the request on.
 *	vfmig_submit() removes all others, so that a layer that declares nothing finds each result in its buffer
 */
struct device_ops {
	unsigned handles;
	void (*submit)(struct vfmig_device *device, struct vfmig_request *request);
	bool (*cancel)(struct vfmig_device *device, struct vfmig_request *request);
	int (*fd)(struct vfmig_device *device);
	int (*process)(struct vfmig_device *device, struct vfmig_error *err);
	/*
	 * Optional, replaces a poll of the fd and of @work_wake: wait up to @timeout_ms (-1:
	 * without end) until process() has work or @work_wake is readable. process() drains
	 * @work_wake then. Only the caller of this function may call process() until it has called
	 * process() itself.
	 */
	void (*poll)(struct vfmig_device *device, int timeout_ms);
	/*
	 * Optional: true if the device, as far as it can tell, has nothing to process until it gets
	 * another request. The thread that works it may then wait elsewhere for a few milliseconds.
	 */
	bool (*is_idle)(struct vfmig_device *device);
	void (*close)(struct vfmig_device *device); /* frees all, the device itself included */
};

/*
 * @ops: its operations
 * @name: the name it was opened by; allocated, freed by device_fini()
 * @inner: the device that a filter wraps, or NULL
 * @space: the space it is attached to, kept by vfmig_space_attach()
 * @timeout_ms: the limit for requests without a deadline
 * @work_*: the thread that works the device at the moment (work.c)
 * @inners: of a filter: the requests that it has sent to the device inside, or parked
 * @watch_fd: of a filter: filter_watch()'s epoll, plus 1; 0 if it has none
 */
struct vfmig_device {
	const struct device_ops *ops;
	char *name;
	struct vfmig_device *inner;
	struct vfmig_space *space;
	_Atomic uint64_t timeout_ms;

	pthread_mutex_t work_lock;
	pthread_cond_t work_cond;
	bool work_led;		  /* a thread polls or processes */
	atomic_bool work_polls;	  /* and is in poll(), or about to */
	atomic_uint work_waiting; /* how many sleep until it has */
	int work_wake;		  /* eventfd: the leader is to look up */

	pthread_t work_thread;
	bool work_thread_runs;
	atomic_bool work_thread_ends;

	struct inner_list inners;
	int watch_fd;
};

/** device_init() - fill in the common part; the name is "%s" of @name */
int device_init(struct vfmig_device *device, const struct device_ops *ops, const char *name,
		struct vfmig_error *err);

/** device_fini() - the last thing but free() in an ops' close() */
void device_fini(struct vfmig_device *device);

/** request_submit() - submit it to @session, or to @device if @session is NULL */
void request_submit(struct vfmig_request *request, struct vfmig_device *device,
		    struct vfmig_session *session);

/** request_cancel() - take it back from where request_submit() submitted it */
bool request_cancel(struct vfmig_request *request, struct vfmig_device *device,
		    struct vfmig_session *session);

/** request_complete() - a request is done; the caller does not touch it after this */
void request_complete(struct vfmig_request *request, ssize_t result);

/**
 * request_complete_err() - the same with a message; returns nothing, so: { request_complete_err(…);
 * return; }
 */
void request_complete_err(struct vfmig_request *request, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/**
 * device_index_absent() - whether a device refused an index because it has no such region or interrupt
 *
 * Linux returns -EINVAL for, say, the VGA region or the error interrupt of a function without one.
 * Any other error is a failure, and does not mean that the index is absent.
 */
static inline bool device_index_absent(int ret)
{
	return ret == -EINVAL;
}

/** device_now() - CLOCK_MONOTONIC in ns, as deadlines have it */
int64_t device_now(void);

#endif
