/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The machine that takes requests through their steps; see steps.h.
 *
 * An inner request that is out has up to three who must be through with it before the next step: who submitted
 * it, the answer, and a cancel that is trying to take it back. Whoever is the last goes on. So none of
 * them ever touches an inner request that has become another one.
 */
#include <errno.h>
#include <string.h>

#include "protocol/steps.h"

static void run(struct steps *steps, ssize_t result);

static void ask(struct steps *steps)
{
	if (!steps->of_device)
		vfmig_session_submit(steps->session, &steps->inner);
	else
		vfmig_submit(steps->device, &steps->inner);
}

static bool take_back(struct steps *steps)
{
	return steps->of_device ? vfmig_cancel(steps->device, &steps->inner)
				: vfmig_session_cancel(steps->session, &steps->inner);
}

/* One is through. True for the last. With the lock held. */
static bool through(struct steps *steps)
{
	return !--steps->turns;
}

static void answer(struct vfmig_request *inner)
{
	struct steps *steps = inner->user;
	bool last;

	pthread_mutex_lock(&steps->lock);
	steps->answered = true;
	last = through(steps);
	pthread_mutex_unlock(&steps->lock);
	if (last)
		run(steps, inner->result);
}

/* The inner request was taken back: that is its answer. With the lock held; true for the last. */
static bool no_answer(struct steps *steps)
{
	steps->answered = true;
	steps->inner.result = -ECANCELED;
	return through(steps);
}

/* Submit the inner request. True if all are through with it, and the caller goes on. */
static bool asked(struct steps *steps)
{
	bool last, dropped;

	ask(steps);
	pthread_mutex_lock(&steps->lock);
	steps->asked = true;
	dropped = !steps->outer && !steps->answered;
	if (!dropped) {
		last = through(steps);
		pthread_mutex_unlock(&steps->lock);
		return last;
	}
	pthread_mutex_unlock(&steps->lock);
	/* It was given up before it was out: nobody else takes it back. */
	dropped = take_back(steps);
	pthread_mutex_lock(&steps->lock);
	if (dropped)
		no_answer(steps);
	last = through(steps);
	pthread_mutex_unlock(&steps->lock);
	return last;
}

/* What the outer request gets, and the next one; with the lock held. True if there is a next one. */
static bool next(struct steps *steps, struct vfmig_request **outer, ssize_t result)
{
	*outer = steps->outer;
	if (*outer && result < 0 && (*outer)->err && steps->err.code)
		*(*outer)->err = steps->err;
	steps->outer = request_shift(&steps->waiting);
	steps->then = steps->begin;
	steps->err.code = 0;
	steps->busy = steps->outer;
	if (!steps->busy)
		pthread_cond_broadcast(&steps->idle);
	return steps->busy;
}

/* Take steps until one has to wait or there are no more requests. */
static void run(struct steps *steps, ssize_t result)
{
	struct vfmig_request *outer;
	bool more = true;

	while (more) {
		pthread_mutex_lock(&steps->lock);
		if (steps->outer) {
			result = steps->then(steps, result);
		} else {
			if (steps->dropped)
				steps->dropped(steps);
			result = -ECANCELED;
		}
		if (result == STEP_ASK) {
			steps->inner.err = &steps->err;
			steps->inner.done = answer;
			steps->inner.user = steps;
			steps->turns = 2;
			steps->asked = steps->answered = false;
			pthread_mutex_unlock(&steps->lock);
			if (!asked(steps))
				return;
			result = steps->inner.result;
			continue;
		}
		if (result == STEP_WORK) {
			pthread_mutex_unlock(&steps->lock);
			result = steps->work(steps);
			continue;
		}
		more = next(steps, &outer, result);
		pthread_mutex_unlock(&steps->lock);
		/* Without more to do the machine may be gone as soon as the last request is done. */
		if (outer)
			request_complete(outer, result);
		result = 0;
	}
}

void steps_submit(struct steps *steps, struct vfmig_request *request)
{
	pthread_mutex_lock(&steps->lock);
	if (steps->busy) {
		request_push(&steps->waiting, request);
		pthread_mutex_unlock(&steps->lock);
		return;
	}
	steps->busy = true;
	steps->outer = request;
	steps->then = steps->begin;
	steps->err.code = 0;
	pthread_mutex_unlock(&steps->lock);
	run(steps, 0);
}

bool steps_cancel(struct steps *steps, struct vfmig_request *request)
{
	bool had, out = false, back, last;

	pthread_mutex_lock(&steps->lock);
	had = request_remove(&steps->waiting, request);
	if (!had && steps->outer == request && request) {
		had = true;
		steps->outer = NULL;
		out = steps->turns && steps->asked && !steps->answered;
		if (out)
			steps->turns++;
	}
	pthread_mutex_unlock(&steps->lock);
	if (!out)
		return had;
	back = take_back(steps);
	pthread_mutex_lock(&steps->lock);
	if (back)
		no_answer(steps);
	last = through(steps);
	pthread_mutex_unlock(&steps->lock);
	if (last)
		run(steps, -ECANCELED);
	return true;
}

void steps_init(struct steps *steps)
{
	memset(steps, 0, sizeof(*steps));
	pthread_mutex_init(&steps->lock, NULL);
	pthread_cond_init(&steps->idle, NULL);
}

void steps_wait(struct steps *steps)
{
	pthread_mutex_lock(&steps->lock);
	while (steps->busy)
		pthread_cond_wait(&steps->idle, &steps->lock);
	pthread_mutex_unlock(&steps->lock);
}

void steps_fini(struct steps *steps)
{
	steps_wait(steps);
	pthread_cond_destroy(&steps->idle);
	pthread_mutex_destroy(&steps->lock);
}
