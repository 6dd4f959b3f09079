/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The machine that takes requests through their steps; see steps.h.
 *
 * There is one inner request, and it is used for one step after the other. If the outer request is
 * cancelled, the inner one is cancelled, too, and the machine goes on with the next outer request
 * when it has come back.
 */
#include <errno.h>
#include <string.h>

#include "protocol/steps.h"

static void run(struct steps *steps, ssize_t result);

static void back(struct inner *inner)
{
	run((struct steps *)((char *)inner - offsetof(struct steps, inner)), inner->request.result);
}

/*
 * Complete the outer request with the result, unless it is cancelled; with the lock held. True if
 * there is a next one.
 */
static bool next(struct steps *steps, struct vfmig_request **outer, ssize_t result)
{
	struct inner *waiting;

	*outer = steps->outer;
	if (*outer && result < 0 && (*outer)->err && steps->err.code)
		*(*outer)->err = steps->err;
	steps->outer = NULL;
	while (!steps->outer && (waiting = inner_unpark(&steps->waiting, 0))) {
		steps->outer = inner_take(waiting);
		inner_free(waiting);
	}
	steps->busy = steps->outer;
	steps->then = steps->begin;
	steps->err.code = 0;
	atomic_store(&steps->inner.is_cancelled, false);
	if (!steps->busy)
		pthread_cond_broadcast(&steps->idle);
	return steps->busy;
}

/* Take steps until one waits or there are no more requests. */
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
			steps->inner.request.err = &steps->err;
			steps->inner.back = back;
			pthread_mutex_unlock(&steps->lock);
			if (!inner_submit(&steps->inner, steps->device,
					  steps->of_device ? NULL : steps->session))
				return;
			result = steps->inner.request.result;
			continue;
		}
		if (result == STEP_WORK) {
			pthread_mutex_unlock(&steps->lock);
			result = steps->work(steps);
			continue;
		}
		more = next(steps, &outer, result);
		pthread_mutex_unlock(&steps->lock);
		/*
		 * With no more requests, the machine may be freed as soon as the last request is
		 * completed.
		 */
		if (outer)
			request_complete(outer, result);
		result = 0;
	}
}

void steps_submit(struct steps *steps, struct vfmig_request *request)
{
	struct inner *waiting = NULL;
	bool busy;

	pthread_mutex_lock(&steps->lock);
	busy = steps->busy;
	if (busy) {
		waiting = inner_alloc(&steps->waiting, request, sizeof(*waiting));
		if (waiting)
			inner_park(waiting, 0);
	} else {
		steps->busy = true;
		steps->outer = request;
		steps->then = steps->begin;
		steps->err.code = 0;
	}
	pthread_mutex_unlock(&steps->lock);
	if (!busy)
		run(steps, 0);
	else if (!waiting)
		request_complete_err(request, -ENOMEM, "no memory for a request that waits");
}

bool steps_cancel(struct steps *steps, struct vfmig_request *request)
{
	bool had, sent;

	if (inner_cancel(&steps->waiting, request))
		return true;
	pthread_mutex_lock(&steps->lock);
	had = request && steps->outer == request;
	if (had)
		steps->outer = NULL;
	sent = had && inner_join(&steps->inner);
	pthread_mutex_unlock(&steps->lock);
	if (sent)
		inner_recall(&steps->inner);
	return had;
}

void steps_init(struct steps *steps)
{
	memset(steps, 0, sizeof(*steps));
	pthread_mutex_init(&steps->lock, NULL);
	pthread_cond_init(&steps->idle, NULL);
	inner_list_init(&steps->waiting);
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
	inner_list_fini(&steps->waiting);
	pthread_cond_destroy(&steps->idle);
	pthread_mutex_destroy(&steps->lock);
}
