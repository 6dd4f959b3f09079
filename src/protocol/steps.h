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
#ifndef VFMIG_PROTOCOL_STEPS_H
#define VFMIG_PROTOCOL_STEPS_H

#include "device/session.h"

struct vfmig_steps;

/* A step returns this when it has filled in an inner request, … */
#define VFMIG_STEP_ASK ((ssize_t)-1000000)
/* … and this when its @work is to be called without the lock: it may call out, and must not touch @outer. */
#define VFMIG_STEP_WORK ((ssize_t)-1000001)

/**
 * vfmig_step_fn - one step
 * @steps: the machine, locked; @outer is the request
 * @result: of the inner request or the work of the step before; 0 for a first step
 *
 * Return: the outer request's result, VFMIG_STEP_ASK or VFMIG_STEP_WORK; with these @then is the next step.
 */
typedef ssize_t (*vfmig_step_fn)(struct vfmig_steps *steps, ssize_t result);

/*
 * @session, @device: whom the inner requests are for: a session, or, if that is NULL or @of_device says so, a device
 * @begin: the first step of any outer request
 * @dropped: the outer request was taken back between two steps: its end will not come. May be NULL
 * @outer: the request that is being done; NULL when it was taken back
 * @inner: the request to ask with. The machine sets @err, @done and @user
 * @err: the sentence for the outer request; the inner one's goes here too
 * @then: the step after the inner request or the work
 * @work: what VFMIG_STEP_WORK calls
 */
struct vfmig_steps {
	struct vfmig_session *session;
	struct vfmig_device *device;
	vfmig_step_fn begin;
	void (*dropped)(struct vfmig_steps *steps);

	struct vfmig_request *outer;
	struct vfmig_request inner;
	bool of_device;
	struct vfmig_error err;
	vfmig_step_fn then;
	ssize_t (*work)(struct vfmig_steps *steps);

	/* the machine's own */
	pthread_mutex_t lock;
	pthread_cond_t idle;
	struct vfmig_request_list waiting;
	bool busy; /* somebody takes steps, or the inner request is out */
	unsigned
		turns; /* how many have to be through before the next step: asker, answer, canceller */
	bool asked;    /* the inner request has been submitted */
	bool answered; /* and has come back, or will not */
};

/** vfmig_steps_init() - @session, @device, @begin and @dropped are the caller's to set */
void vfmig_steps_init(struct vfmig_steps *steps);

/** vfmig_steps_wait() - waits for an inner request that a cancel left behind */
void vfmig_steps_wait(struct vfmig_steps *steps);

/** vfmig_steps_fini() - the same, and the end */
void vfmig_steps_fini(struct vfmig_steps *steps);

/** vfmig_steps_submit() - take a request in */
void vfmig_steps_submit(struct vfmig_steps *steps, struct vfmig_request *request);

/** vfmig_steps_cancel() - take it back; false if it is not here (any more) */
bool vfmig_steps_cancel(struct vfmig_steps *steps, struct vfmig_request *request);

/** vfmig_steps_ask() - for steps: `return vfmig_steps_ask(steps, next)`, with @inner filled in */
static inline ssize_t vfmig_steps_ask(struct vfmig_steps *steps, vfmig_step_fn then)
{
	steps->of_device = !steps->session;
	steps->then = then;
	return VFMIG_STEP_ASK;
}

/** vfmig_steps_ask_device() - the same, for those that have both */
static inline ssize_t vfmig_steps_ask_device(struct vfmig_steps *steps, vfmig_step_fn then)
{
	steps->of_device = true;
	steps->then = then;
	return VFMIG_STEP_ASK;
}

/** vfmig_steps_work() - the same for work that is done without the lock */
static inline ssize_t vfmig_steps_work(struct vfmig_steps *steps,
				       ssize_t (*work)(struct vfmig_steps *), vfmig_step_fn then)
{
	steps->work = work;
	steps->then = then;
	return VFMIG_STEP_WORK;
}

#endif
