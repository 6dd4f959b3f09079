/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Requests that take several steps each, done one after the other.
 *
 * In v1 and pfn a state change or a chunk of data is a row of register accesses, and the other way round one
 * register access can stand for several requests of a session. Both sides are the same machine: requests
 * wait in a queue; the first of them, the outer one, is taken through its steps. A step looks at the
 * result of the last one, and either asks for something (the inner request), or ends the outer request.
 *
 * Nobody waits in here, and nothing deepens the stack: inner requests that complete at once are a loop. Steps
 * run under the lock, so that a cancel finds the machine between two steps and never within one; nothing else
 * is called under it. Since an outer request may be taken back while an inner one goes on, an inner request's
 * buffers are never the outer one's.
 */
#ifndef STEPS_H
#define STEPS_H

#include "device/session.h"

struct steps;

/* A step returns this when it has filled in an inner request, … */
#define STEP_ASK ((ssize_t)-1000000)
/* … and this when its @work is to be called without the lock: it may call out, and must not touch @outer. */
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
 * @session, @device: the target of the inner requests: the session, or, if that is NULL or @of_device is set, the device
 * @begin: the first step of any outer request
 * @dropped: the outer request was cancelled between two steps: its end will not come. May be NULL
 * @outer: the request that is being done; NULL when it was cancelled
 * @inner: the inner request; a step fills in @inner.request but for @err
 * @err: the error of the outer request, and of the inner one
 * @then: the step after the inner request or the work
 * @work: what STEP_WORK calls
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

	/* the machine's own */
	pthread_mutex_t lock;
	pthread_cond_t idle;
	struct inner_list waiting; /* parked: the requests after @outer */
	bool busy;		   /* a thread takes steps, or the inner request is sent */
};

/** steps_init() - @session, @device, @begin and @dropped are the caller's to set */
void steps_init(struct steps *steps);

/** steps_wait() - waits for an inner request that a cancel left behind */
void steps_wait(struct steps *steps);

/** steps_fini() - the same, and the end */
void steps_fini(struct steps *steps);

/** steps_submit() - take a request in */
void steps_submit(struct steps *steps, struct vfmig_request *request);

/** steps_cancel() - take it back; false if it is not here (any more) */
bool steps_cancel(struct steps *steps, struct vfmig_request *request);

/** steps_ask() - for steps: `return steps_ask(steps, next)`, with @inner filled in */
static inline ssize_t steps_ask(struct steps *steps, step_fn then)
{
	steps->of_device = !steps->session;
	steps->then = then;
	return STEP_ASK;
}

/** steps_ask_device() - the same, for those that have both */
static inline ssize_t steps_ask_device(struct steps *steps, step_fn then)
{
	steps->of_device = true;
	steps->then = then;
	return STEP_ASK;
}

/** steps_work() - the same for work that is done without the lock */
static inline ssize_t steps_work(struct steps *steps, ssize_t (*work)(struct steps *), step_fn then)
{
	steps->work = work;
	steps->then = then;
	return STEP_WORK;
}

#endif
