/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A request inside a request.
 *
 * A layer (a filter, an adapter, a source) that is given a request, the outer one, often has another device or session
 * do something for it: the inner one. When the inner one is answered, the layer ends the outer one, or takes a
 * further step first. When the outer one is cancelled, the inner one is cancelled. This file has the only
 * implementation of that.
 *
 * A layer allocates an inner request with inner_new(), behind which the layer's own data for it goes (a structure
 * that begins with struct inner), fills in @request and @back, and sends it. @back is called with the answer. It sends
 * the inner request once more, parks it, or ends it with inner_end(), which completes the outer request.
 *
 *   state    has the inner request      is left by                  if the outer request is cancelled then
 *   ------   ------------------------   -------------------------   ---------------------------------------
 *   new      the layer                  inner_send, _park, _end     the cancel does not find it, and returns false
 *   busy     the layer: in @back        inner_send, _park, _end     it fails with -ECANCELED when the layer sends it
 *                                                                   the next time (*)
 *   sent     the device or session      its answer: @back is next   it is cancelled there (*)
 *   parked   the list of the layer      inner_unpark                it is freed: the cancel succeeds
 *
 *   (*) A layer sets @borrows if the inner request points to buffers of the outer one. Then the
 *   cancel succeeds only if the device or session gives the inner request back. If not, it returns
 *   false: @back is called, and ends the outer request. Without @borrows the cancel succeeds
 *   immediately, and @back is not called any more.
 *
 * Freeing: up to three users hold an inner request that is sent: the thread that submits it, the
 * answer, and a thread that cancels it. Each is counted. The last one to drop its count calls @back
 * or, if the outer request is cancelled, frees the inner request. So @back is called exactly once
 * for each time that the request is sent, no other thread uses the inner request by then, and its
 * memory can be sent again immediately. An outer request that is over is never touched: its memory
 * may hold another one.
 *
 * Requests that only wait, in a queue, are inner requests that are parked and never sent.
 */
#ifndef DEVICE_INNER_H
#define DEVICE_INNER_H

#include <pthread.h>
#include <stdatomic.h>

#include <vfmig/session.h>

struct inner;

/*
 * The inner requests of a layer; chain[true] has those that are parked, in the order of @key.
 */
struct inner_list {
	pthread_mutex_t lock;
	struct inner_chain {
		struct inner *first, *last;
	} chain[2];
};

/*
 * @request: the operation, its member, and @err; the other fields are set when it is sent
 * @outer: the request that it is for; NULL after it was cancelled or ended
 * @borrows: see above
 * @back: called when it is answered; the result is in @request.result
 * @cancelled: the outer request was cancelled; called by the thread that cancels, before the cancel returns. May be NULL
 * @release: it is about to be freed. May be NULL
 * @key: until when it is parked: see inner_unpark()
 * @is_cancelled: a cancel came while it was sent, or busy
 *
 * The other fields belong to inner.c.
 */
struct inner {
	struct vfmig_request request;
	_Atomic(struct vfmig_request *) outer;
	bool borrows;
	void (*back)(struct inner *inner);
	void (*cancelled)(struct inner *inner);
	void (*release)(struct inner *inner);
	int64_t key;
	atomic_bool is_cancelled;

	struct inner_list *list;
	struct inner *prev, *next;
	bool listed, parked; /* under the list's lock */
	struct vfmig_device *device;
	struct vfmig_session *session;
	atomic_uint parties; /* those that use it while it is sent; 0: busy or parked */
};

void inner_list_init(struct inner_list *list);

/** inner_list_cancel() - complete what is parked with -ECANCELED */
void inner_list_cancel(struct inner_list *list);

/** inner_list_fini() - the same, and the end of the list; nothing may be sent any more */
void inner_list_fini(struct inner_list *list);

/**
 * inner_alloc() - make an inner request
 * @list: the layer's
 * @outer: the request that it is for
 * @size: of the layer's structure, which begins with struct inner. All of it is zero except @outer
 *
 * Return: the inner request, or NULL if there is no memory.
 */
void *inner_alloc(struct inner_list *list, struct vfmig_request *outer, size_t size);

/** inner_new() - the same; without memory it also completes @outer with -ENOMEM. Call it without a lock */
void *inner_new(struct inner_list *list, struct vfmig_request *outer, size_t size);

/** inner_send() - submit it to a device. Calls @back, now or later */
void inner_send(struct inner *inner, struct vfmig_device *device);

/** inner_send_session() - submit it to a session. Calls @back, now or later */
void inner_send_session(struct inner *inner, struct vfmig_session *session);

/*
 * A layer that does the work itself, in a thread of its own, neither sends nor parks the inner request. It calls
 * inner_enter(), from where on a cancel finds it, and then inner_answer(), which calls @back unless the outer request is
 * over.
 */
void inner_enter(struct inner *inner);
void inner_answer(struct inner *inner, ssize_t result);

/**
 * inner_park() - keep it until inner_unpark()
 * @key: of several that are parked, the one with the smallest key comes first; of those, the one that came first
 *
 * A cancel that came before and returned false has no effect on it: the next one finds it parked.
 * (A layer that parks it without a time limit checks @is_cancelled first.)
 */
void inner_park(struct inner *inner, int64_t key);

/** inner_unpark() - the first that is parked with a key up to @key, or NULL. It is busy then */
struct inner *inner_unpark(struct inner_list *list, int64_t key);

/** inner_next_key() - the key of the first that is parked; INT64_MAX if none is */
int64_t inner_next_key(struct inner_list *list);

/**
 * inner_end() - complete the outer request, and free the inner one
 *
 * Copies what operations return in the request itself (region_fd, precopy, state, data_size), if both are the same
 * operation and it succeeded, and the error, if @request.err is not the outer request's own. If the outer request is
 * cancelled, only frees.
 */
void inner_end(struct inner *inner, ssize_t result);

/**
 * inner_take() - take the outer request; the caller completes it, and also frees the inner one
 *
 * Return: NULL if it is cancelled. Without @borrows, the caller may write only to what this
 * returns.
 */
struct vfmig_request *inner_take(struct inner *inner);
void inner_free(struct inner *inner);

/**
 * inner_cancel() - vfmig_cancel() of an outer request
 *
 * Return: true if the layer has forgotten it. False if @list has no inner request for it, or it is about to be completed.
 */
bool inner_cancel(struct inner_list *list, struct vfmig_request *outer);

/*
 * The parts of these, for an inner request that is a member of something else and has no list and no outer request.
 */

/** inner_submit() - as inner_send(), to @device, or to @session if it is set. True if it is answered: @back is not called then */
bool inner_submit(struct inner *inner, struct vfmig_device *device, struct vfmig_session *session);

/**
 * inner_join() - become one of its parties, to cancel it
 *
 * Call it with a lock held without which @back does not free it. What is sent from now on fails with -ECANCELED, until
 * @is_cancelled is cleared. Return: true if it is sent; then inner_recall() must follow, without a lock.
 */
bool inner_join(struct inner *inner);

/** inner_recall() - cancel it; @back is called with -ECANCELED or the result, now or later */
void inner_recall(struct inner *inner);

#endif
