/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Requests that take several steps each, executed one after the other.
 *
 * In v1 and pfn a state change or a chunk of data is a row of register accesses. In the other
 * direction one register access may stand for several requests of a session. Both sides use this
 * machine: requests wait in a queue, and the machine takes the first of them, the outer request,
 * through its steps. A step gets the result of the previous one, and either submits another
 * request (the inner request) or ends the outer request.
 *
 * No thread waits in here, and the stack does not grow: inner requests that complete immediately
 * are a loop. Steps run with the lock held, so that a cancel finds the machine between two steps
 * and never within one; no other code is called with the lock held. An outer request may be
 * cancelled while an inner one goes on, so an inner request's buffers are never the outer one's.
 */
#ifndef STEPS_H
#define STEPS_H

#include "device/session.h"

struct steps;

/* A step returns this when it has filled in an inner request, … */
#define STEP_ASK ((ssize_t)-1000000)
/*
 * … and this if @work must be called without the lock: it may call out, and must not touch @outer.
 */
#define STEP_WORK ((ssize_t)-1000001)

/**
 * step_fn - one step
 * @steps: the machine, locked; @outer is the request
 * @result: of the inner request or the work of the step before; 0 for a first step
 *
 * Return: the outer request's result, STEP_ASK or STEP_WORK; with these @then is the next step.
 */
typedef ssize_t (*step_fn)(struct steps *steps, ssize_t result);

/*
 * @session, @device: the target of the inner requests: the session, or, if that is NULL or
 *	@of_device is set, the device
 * @begin: the first step of any outer request
 * @dropped: the outer request was cancelled between two steps: its end will not come. May
 *	be NULL
 * @outer: the current request; NULL when it was cancelled
 * @inner: the inner request; a step fills in @inner.request except @err
 * @err: the error of the outer request, and of the inner one
 * @then: the step after the inner request or the work
 * @work: the function for STEP_WORK
 */
struct steps {
	struct vfmig_session *session;
	struct vfmig_device *device;
	step_fn begin;
	void (*dropped)(struct steps *steps);

	struct vfmig_request *outer;
	struct inner inner;
	bool of_device;
	struct vfmig_error err;
	step_fn then;
	ssize_t (*work)(struct steps *steps);

	/* private to the machine */
	pthread_mutex_t lock;
	pthread_cond_t idle;
	struct inner_list waiting; /* parked: the requests after @outer */
	bool busy;		   /* a thread takes steps, or the inner request is sent */
};

/** steps_init() - the caller sets @session, @device, @begin and @dropped */
void steps_init(struct steps *steps);

/** steps_wait() - waits for an inner request that a cancel left behind */
void steps_wait(struct steps *steps);

/** steps_fini() - waits as steps_wait(), then frees the machine */
void steps_fini(struct steps *steps);

/** steps_submit() - queue a request */
void steps_submit(struct steps *steps, struct vfmig_request *request);

/** steps_cancel() - cancel a request; false if it is not here (any more) */
bool steps_cancel(struct steps *steps, struct vfmig_request *request);

/** steps_ask() - for steps: `return steps_ask(steps, next)`, with @inner filled in */
static inline ssize_t steps_ask(struct steps *steps, step_fn then)
{
	steps->of_device = !steps->session;
	steps->then = then;
	return STEP_ASK;
}

/** steps_ask_device() - the same with the device as target, for machines that have both */
static inline ssize_t steps_ask_device(struct steps *steps, step_fn then)
{
	steps->of_device = true;
	steps->then = then;
	return STEP_ASK;
}

/** steps_work() - the same for work without the lock */
static inline ssize_t steps_work(struct steps *steps, ssize_t (*work)(struct steps *), step_fn then)
{
	steps->work = work;
	steps->then = then;
	return STEP_WORK;
}

#endif
