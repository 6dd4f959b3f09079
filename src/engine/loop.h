/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Waiting for several events together: requests under way on devices, the channel, a cancel, the
 * clock.
 *
 * A migration has one thread and many operations under way: reads on several devices, writes to the
 * channel, an expected answer. The loop polls the descriptors of all devices, works the devices
 * that are ready, and takes a request back at its deadline. The caller checks its own operations
 * between two turns; there are no callbacks.
 */
#ifndef ENGINE_LOOP_H
#define ENGINE_LOOP_H

#include <poll.h>
#include <stdatomic.h>

#include <vfmig/session.h>

struct loop;

/*
 * A request under way. Fill in @request's operation and member, submit, and ask loop_request_over() between turns.
 * It must stay in place until then.
 */
struct loop_request {
	struct vfmig_request request;
	struct vfmig_error err;
	struct loop *loop;
	struct vfmig_session *session; /* the object it was submitted to: a session, or … */
	struct vfmig_device *device;   /* … a device */
	struct loop_request *prev, *next;
	int64_t began;
	bool under_way;
	atomic_bool done;
};

/*
 * @wake: eventfd: a thread completed a request, or cancelled
 * @sleeps: the loop sleeps, and a completion must write to @wake
 * @calling: completions that run the loop's callback at this moment
 * @cancelled: a cancel was requested, from any thread
 * @deaf: ignore a cancel (during the way back, or after COMMIT)
 */
struct loop {
	int wake;
	atomic_bool sleeps;
	atomic_uint calling;
	atomic_bool cancelled;
	bool deaf;
	struct loop_request *first;
	struct vfmig_device **devices;
	struct pollfd *fds; /* wake, the channel's in and out, devices */
	unsigned count;
};

/* What of a channel a turn waits for, and what it found. A descriptor of -1 is not waited for. */
struct loop_ports {
	int in, out;
	bool readable, writable;
};

int loop_init(struct loop *loop, struct vfmig_error *err);
/* Waits for completions that are still in our callback; nothing may be under way. */
void loop_fini(struct loop *loop);
/* One more device to work while waiting; nothing if it is there already. */
int loop_add(struct loop *loop, struct vfmig_device *device, struct vfmig_error *err);

/* Give a request away; it is taken back after @limit_ms (0: never). */
void loop_request_submit(struct loop *loop, struct loop_request *op, struct vfmig_session *session,
			 struct vfmig_device *device, uint64_t limit_ms);
/* Is it over? Then its result is in op->request.result, and the op may be used again. */
bool loop_request_over(struct loop_request *op);
/* Make it over, now: it is taken back, or was done just then. */
void loop_request_drop(struct loop_request *op);
/* Put its message into @err or, if the device gave none, the name of the errno @code. Returns @code. */
int loop_request_err(const struct loop_request *op, int code, struct vfmig_error *err);

/**
 * loop_turn() - wait until something has happened, and let devices work
 * @ports: what else to wait for; NULL is nothing else
 * @until: no longer than this (CLOCK_MONOTONIC, ns); 0 is without end, a time that has passed is not at all
 *
 * Return: 0, for whatever reason; -ECANCELED (not when deaf).
 */
int loop_turn(struct loop *loop, struct loop_ports *ports, int64_t until);

/* From any thread. */
void loop_cancel(struct loop *loop);

#endif
