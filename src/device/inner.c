/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A request inside a request: see inner.h.
 *
 * A cancel and a submit may meet: the one that cancels sets @is_cancelled and then looks whether the inner request is
 * sent; the one that submits sends it and then looks at @is_cancelled. One of them sees the other, and cancels it at
 * the target. Both may try; the target gives it back once.
 */
#include <errno.h>
#include <stdlib.h>

#include "device/device.h"
#include "device/inner.h"

/* ---- lists ---- */

void inner_list_init(struct inner_list *list)
{
	*list = (struct inner_list){.chain = {{NULL}}};
	pthread_mutex_init(&list->lock, NULL);
}

void inner_list_cancel(struct inner_list *list)
{
	struct inner *inner;

	while ((inner = inner_unpark(list, INT64_MAX)))
		inner_end(inner, -ECANCELED);
}

void inner_list_fini(struct inner_list *list)
{
	inner_list_cancel(list);
	pthread_mutex_destroy(&list->lock);
}

/* With the lock held, as the next two. */
static void link_after(struct inner *inner, struct inner *prev)
{
	struct inner_chain *chain = &inner->list->chain[inner->parked];

	inner->prev = prev;
	inner->next = prev ? prev->next : chain->first;
	*(inner->next ? &inner->next->prev : &chain->last) = inner;
	*(prev ? &prev->next : &chain->first) = inner;
}

static void unlink_inner(struct inner *inner)
{
	struct inner_chain *chain = &inner->list->chain[inner->parked];

	*(inner->prev ? &inner->prev->next : &chain->first) = inner->next;
	*(inner->next ? &inner->next->prev : &chain->last) = inner->prev;
}

static struct inner *find(struct inner_list *list, const struct vfmig_request *outer)
{
	for (int parked = 0; parked < 2; parked++)
		for (struct inner *at = list->chain[parked].first; at; at = at->next)
			if (at->outer == outer)
				return at;
	return NULL;
}

static struct vfmig_request *forget(struct inner *inner)
{
	struct vfmig_request *outer = inner->outer;

	if (outer && inner->listed)
		unlink_inner(inner);
	inner->outer = NULL;
	return outer;
}

void inner_enter(struct inner *inner)
{
	if (inner->listed || !inner->list)
		return;
	pthread_mutex_lock(&inner->list->lock);
	inner->listed = true;
	link_after(inner, inner->list->chain[false].last);
	pthread_mutex_unlock(&inner->list->lock);
}

/* ---- making and ending ---- */

void *inner_alloc(struct inner_list *list, struct vfmig_request *outer, size_t size)
{
	struct inner *inner = calloc(1, size);

	if (!inner)
		return NULL;
	inner->outer = outer;
	inner->list = list;
	return inner;
}

void *inner_new(struct inner_list *list, struct vfmig_request *outer, size_t size)
{
	void *inner = inner_alloc(list, outer, size);

	if (!inner)
		request_complete_err(outer, -ENOMEM, "no memory for %s", vfmig_op_name(outer->op));
	return inner;
}

void inner_free(struct inner *inner)
{
	if (inner->release)
		inner->release(inner);
	free(inner);
}

struct vfmig_request *inner_take(struct inner *inner)
{
	struct vfmig_request *outer;

	/* After a cancel the list may be gone. */
	if (!inner->outer)
		return NULL;
	pthread_mutex_lock(&inner->list->lock);
	outer = forget(inner);
	pthread_mutex_unlock(&inner->list->lock);
	return outer;
}

static void copy_results(struct vfmig_request *to, const struct vfmig_request *from)
{
	switch (from->op) {
	case VFMIG_OP_REGION_FD:
		to->region_fd = from->region_fd;
		break;
	case VFMIG_OP_PRECOPY_INFO:
		to->precopy = from->precopy;
		break;
	case VFMIG_OP_GET_STATE:
		to->state = from->state;
		break;
	case VFMIG_OP_DATA_SIZE:
		to->data_size = from->data_size;
		break;
	default:
		break;
	}
}

void inner_end(struct inner *inner, ssize_t result)
{
	struct vfmig_request *outer = inner_take(inner);
	const struct vfmig_error *err = inner->request.err;

	if (outer && result < 0 && outer->err && err && err != outer->err && err->code)
		*outer->err = *err;
	if (outer && result >= 0 && outer->op == inner->request.op)
		copy_results(outer, &inner->request);
	/* The layer may be gone as soon as its last request is completed. */
	inner_free(inner);
	if (outer)
		request_complete(outer, result);
}

/* ---- sending ---- */

/* One party leaves. True for the last. */
static bool leave(struct inner *inner)
{
	return atomic_fetch_sub(&inner->parties, 1) == 1;
}

static bool take_back(struct inner *inner)
{
	bool taken = request_cancel(&inner->request, inner->device, inner->session);

	/* The answer will not come. Its party is not the last: the caller is one. */
	if (taken) {
		inner->request.result = -ECANCELED;
		leave(inner);
	}
	return taken;
}

static void go_on(struct inner *inner)
{
	if (inner->list && !inner->outer)
		inner_free(inner);
	else
		inner->back(inner);
}

static void answered(struct vfmig_request *request)
{
	struct inner *inner = (struct inner *)request;

	if (leave(inner))
		go_on(inner);
}

bool inner_submit(struct inner *inner, struct vfmig_device *device, struct vfmig_session *session)
{
	inner_enter(inner);
	if (atomic_load(&inner->is_cancelled)) {
		inner->request.result = -ECANCELED;
		return true;
	}
	inner->request.done = answered;
	inner->device = device;
	inner->session = session;
	atomic_store(&inner->parties, 2);
	request_submit(&inner->request, device, session);
	if (atomic_load(&inner->is_cancelled))
		take_back(inner);
	return leave(inner);
}

void inner_answer(struct inner *inner, ssize_t result)
{
	inner->request.result = result;
	go_on(inner);
}

void inner_send(struct inner *inner, struct vfmig_device *device)
{
	if (inner_submit(inner, device, NULL))
		go_on(inner);
}

void inner_send_session(struct inner *inner, struct vfmig_session *session)
{
	if (inner_submit(inner, NULL, session))
		go_on(inner);
}

/* ---- parking ---- */

void inner_park(struct inner *inner, int64_t key)
{
	struct inner_list *list = inner->list;
	struct inner *prev;
	bool cancelled;

	if (!inner->outer) {
		inner_free(inner);
		return;
	}
	pthread_mutex_lock(&list->lock);
	cancelled = !inner->outer;
	if (!cancelled) {
		if (inner->listed)
			unlink_inner(inner);
		inner->key = key;
		inner->listed = inner->parked = true;
		prev = list->chain[true].last;
		while (prev && prev->key > key)
			prev = prev->prev;
		link_after(inner, prev);
	}
	pthread_mutex_unlock(&list->lock);
	if (cancelled)
		inner_free(inner);
}

struct inner *inner_unpark(struct inner_list *list, int64_t key)
{
	struct inner *inner;

	pthread_mutex_lock(&list->lock);
	inner = list->chain[true].first;
	if (inner && inner->key <= key) {
		unlink_inner(inner);
		inner->parked = false;
		link_after(inner, list->chain[false].last);
	} else {
		inner = NULL;
	}
	pthread_mutex_unlock(&list->lock);
	return inner;
}

int64_t inner_next_key(struct inner_list *list)
{
	int64_t key = INT64_MAX;

	pthread_mutex_lock(&list->lock);
	if (list->chain[true].first)
		key = list->chain[true].first->key;
	pthread_mutex_unlock(&list->lock);
	return key;
}

/* ---- cancelling ---- */

bool inner_join(struct inner *inner)
{
	unsigned parties;

	atomic_store(&inner->is_cancelled, true);
	parties = atomic_load(&inner->parties);
	while (parties)
		if (atomic_compare_exchange_weak(&inner->parties, &parties, parties + 1))
			return true;
	return false;
}

void inner_recall(struct inner *inner)
{
	take_back(inner);
	if (leave(inner))
		go_on(inner);
}

/* The outer request of one that is not @borrows is forgotten before the inner one is cancelled, else after. */
static bool cancel_sent(struct inner *inner, bool borrows)
{
	bool taken = take_back(inner);

	if (borrows && taken) {
		if (inner->cancelled)
			inner->cancelled(inner);
		inner_take(inner);
	}
	if (leave(inner))
		go_on(inner);
	return taken || !borrows;
}

bool inner_cancel(struct inner_list *list, struct vfmig_request *outer)
{
	struct inner *inner;
	bool joined = false, free_it = false, borrows = false;

	pthread_mutex_lock(&list->lock);
	inner = find(list, outer);
	if (inner) {
		free_it = inner->parked;
		borrows = inner->borrows && !free_it;
		joined = !free_it && inner_join(inner);
		if (!borrows && inner->cancelled)
			inner->cancelled(inner);
		/* The last that touches it, if it is busy: the layer frees it without the lock. */
		if (!borrows)
			forget(inner);
	}
	pthread_mutex_unlock(&list->lock);
	if (free_it)
		inner_free(inner);
	if (joined)
		return cancel_sent(inner, borrows);
	return inner && !borrows;
}
