/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whatever the order in which an inner request is submitted, answered and cancelled, and however many threads do
 * it: the outer request ends once, by its completion or by its cancel; it is not touched after that, as its memory
 * holds the next one at once; a buffer that is borrowed is not either; and each inner request is freed once.
 *
 * The target answers in the submit, or from a thread, after a while. The layer sends an inner request up to three times,
 * parks it before some of these, and ends it. Each outer request has a thread that submits it, and one that tries
 * to cancel it at any time, from before it is submitted.
 */
#include <sched.h>

#include "device/inner.h"
#include "tests/lib/scripted_device.h"

#define PAIRS  3
#define ROUNDS 4000
#define SPOILT 0xa5

static struct vfmig_device target; /* its requests are held here, until a thread answers them */
static pthread_mutex_t held_lock = PTHREAD_MUTEX_INITIALIZER;
static struct vfmig_request *held[PAIRS * 8];
static unsigned held_count;

static struct inner_list list;
static atomic_int inners, busy_pairs;
static atomic_uint completed, cancelled;

static uint32_t rnd(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 12;
}

/* ---- the target ---- */

static void answer(struct vfmig_request *request)
{
	static _Thread_local uint32_t seed;

	if (!(rnd(&seed) % 4))
		sched_yield();
	memset(request->region.buf, 1, request->region.len);
	request_complete(request, request->region.len);
}

static struct vfmig_request *cancel_in_submit; /* an outer request */
static bool cancel_result;

static void target_submit(struct vfmig_device *device, struct vfmig_request *request)
{
	static _Thread_local uint32_t seed;

	if (cancel_in_submit) {
		cancel_result = inner_cancel(&list, cancel_in_submit);
	} else if (!(rnd(&seed) % 4)) {
		answer(request);
		return;
	}
	pthread_mutex_lock(&held_lock);
	CHECK(held_count < sizeof(held) / sizeof(held[0]));
	held[held_count++] = request;
	pthread_mutex_unlock(&held_lock);
	for (unsigned i = rnd(&seed) % 64; i--;)
		atomic_thread_fence(memory_order_seq_cst);
}

static bool target_cancel(struct vfmig_device *device, struct vfmig_request *request)
{
	bool taken = false;

	pthread_mutex_lock(&held_lock);
	for (unsigned i = 0; i < held_count && !taken; i++) {
		taken = held[i] == request;
		if (taken)
			held[i] = held[--held_count];
	}
	pthread_mutex_unlock(&held_lock);
	return taken;
}

static const struct device_ops target_ops = {.submit = target_submit, .cancel = target_cancel};

/* ---- the layer ---- */

struct nested {
	struct inner inner;
	unsigned left;
	uint32_t seed;
	char own[16];
};

static void released(struct inner *inner)
{
	CHECK(!((struct nested *)inner)->own[15]);
	atomic_fetch_sub(&inners, 1);
}

static void next(struct inner *inner)
{
	struct nested *nested = (struct nested *)inner;

	nested->left--;
	inner_send(inner, &target);
}

static void back(struct inner *inner)
{
	struct nested *nested = (struct nested *)inner;
	ssize_t result = inner->request.result;

	if (result < 0 || !nested->left)
		inner_end(inner, result);
	else if (rnd(&nested->seed) % 2)
		inner_park(inner, rnd(&nested->seed) % 4);
	else
		next(inner);
}

static void layer_submit(struct vfmig_request *outer, uint32_t *seed)
{
	struct nested *nested = inner_new(&list, outer, sizeof(*nested));
	struct inner *inner = &nested->inner;

	CHECK(nested);
	atomic_fetch_add(&inners, 1);
	nested->left = 1 + rnd(seed) % 3;
	nested->seed = rnd(seed);
	inner->request = *outer;
	inner->borrows = rnd(seed) % 2;
	if (!inner->borrows)
		inner->request.region.buf = nested->own;
	inner->request.region.len = 8;
	inner->back = back;
	inner->release = released;
	if (rnd(seed) % 4)
		next(inner);
	else
		inner_park(inner, 0);
}

/* Answers and unparks until there is nothing more to come. */
static void *serve(void *context)
{
	uint32_t seed = (uint32_t)(uintptr_t)context;

	while (atomic_load(&busy_pairs)) {
		struct vfmig_request *request = NULL;
		struct inner *inner;

		pthread_mutex_lock(&held_lock);
		if (held_count) {
			unsigned i = rnd(&seed) % held_count;

			request = held[i];
			held[i] = held[--held_count];
		}
		pthread_mutex_unlock(&held_lock);
		if (request)
			answer(request);
		inner = inner_unpark(&list, rnd(&seed) % 5);
		if (inner && rnd(&seed) % 4)
			next(inner);
		else if (inner)
			inner_end(inner, 0);
		if (!request && !inner)
			sched_yield();
	}
	return NULL;
}

/* ---- those who submit, and those who cancel ---- */

static ssize_t noted;

static void note_result(struct vfmig_request *request)
{
	noted = request->result;
}

struct pair {
	struct vfmig_request request;
	char buf[16];
	atomic_uint round;     /* which is under way; the one that cancels waits for the next */
	atomic_bool submitted; /* the submit has returned, */
	atomic_uint looked;    /* and so has the cancel, of this round */
	atomic_bool taken;     /* it returned true */
	atomic_uint done;      /* how often the request was completed, in this round */
	pthread_t thread;
	uint32_t seed, cancel_seed;
};

static void done(struct vfmig_request *request)
{
	struct pair *pair = request->user;

	CHECK_EQ(atomic_fetch_add(&pair->done, 1), 0);
}

static bool over(struct pair *pair)
{
	return atomic_load(&pair->done) || atomic_load(&pair->taken);
}

static void *cancel(void *context)
{
	struct pair *pair = context;
	uint32_t seed = pair->cancel_seed;

	for (unsigned round = 1; round <= ROUNDS; round++) {
		bool all = rnd(&seed) % 2;

		while (atomic_load(&pair->round) != round)
			sched_yield();
		for (unsigned i = rnd(&seed) % 256; i--;)
			atomic_thread_fence(memory_order_seq_cst);
		do {
			if (inner_cancel(&list, &pair->request))
				atomic_store(&pair->taken, true);
			else if (all)
				sched_yield();
		} while (all && !over(pair));
		atomic_store(&pair->looked, round);
	}
	return NULL;
}

static void *submit(void *context)
{
	struct pair *pair = context;

	for (unsigned round = 1; round <= ROUNDS; round++) {
		memset(&pair->request, 0, sizeof(pair->request));
		memset(pair->buf, 0, sizeof(pair->buf));
		pair->request.op = VFMIG_OP_REGION_READ;
		pair->request.region.buf = pair->buf;
		pair->request.done = done;
		pair->request.user = pair;
		atomic_store(&pair->done, 0);
		atomic_store(&pair->taken, false);
		atomic_store(&pair->round, round);
		layer_submit(&pair->request, &pair->seed);
		while (!over(pair) || atomic_load(&pair->looked) != round)
			sched_yield();
		/* Its buffer and its structure are the caller's again. */
		memset(pair->buf, SPOILT, sizeof(pair->buf));
		memset(&pair->request, SPOILT, sizeof(pair->request));
		CHECK(atomic_load(&pair->done) != atomic_load(&pair->taken));
		atomic_fetch_add(atomic_load(&pair->taken) ? &cancelled : &completed, 1);
		for (unsigned i = rnd(&pair->seed) % 128; i--;)
			atomic_thread_fence(memory_order_seq_cst);
		for (size_t i = 0; i < sizeof(pair->buf); i++)
			CHECK_EQ((uint8_t)pair->buf[i], SPOILT);
		for (size_t i = 0; i < sizeof(pair->request); i++)
			CHECK_EQ(((uint8_t *)&pair->request)[i], SPOILT);
	}
	pthread_join(pair->thread, NULL);
	atomic_fetch_sub(&busy_pairs, 1);
	return NULL;
}

/* A cancel that comes before the target has the inner request: the thread that submits takes it back. */
static void cancel_before_target(bool borrows)
{
	struct vfmig_request outer = {.done = note_result, .op = VFMIG_OP_REGION_READ};
	struct inner *inner = inner_new(&list, &outer, sizeof(struct nested));

	atomic_fetch_add(&inners, 1);
	inner->request = outer;
	inner->borrows = borrows;
	inner->back = back;
	inner->release = released;
	cancel_in_submit = &outer;
	noted = 1;
	inner_send(inner, &target);
	cancel_in_submit = NULL;
	CHECK_EQ(cancel_result, !borrows);
	CHECK_EQ(noted, borrows ? -ECANCELED : 1);
	CHECK_EQ(held_count, 0);
	CHECK_EQ(atomic_load(&inners), 0);
}

int main(void)
{
	static struct pair pairs[PAIRS];
	pthread_t submitters[PAIRS], servers[2];
	struct inner *inner;

	CHECK_EQ(device_init(&target, &target_ops, "target", NULL), 0);
	inner_list_init(&list);
	cancel_before_target(false);
	cancel_before_target(true);
	atomic_store(&busy_pairs, PAIRS);
	for (unsigned i = 0; i < PAIRS; i++) {
		pairs[i].seed = i * 1000 + 1;
		pairs[i].cancel_seed = i * 1000 + 78;
		CHECK_EQ(pthread_create(&pairs[i].thread, NULL, cancel, &pairs[i]), 0);
		CHECK_EQ(pthread_create(&submitters[i], NULL, submit, &pairs[i]), 0);
	}
	for (uintptr_t i = 0; i < 2; i++)
		CHECK_EQ(pthread_create(&servers[i], NULL, serve, (void *)(i + 9)), 0);
	for (unsigned i = 0; i < PAIRS; i++)
		pthread_join(submitters[i], NULL);
	for (unsigned i = 0; i < 2; i++)
		pthread_join(servers[i], NULL);
	CHECK_EQ(held_count, 0);
	inner = inner_unpark(&list, INT64_MAX);
	CHECK(!inner && !list.chain[false].first);
	CHECK_EQ(atomic_load(&inners), 0);
	CHECKF(completed > ROUNDS / 8 && cancelled > ROUNDS / 8, "%u completed, %u cancelled",
	       atomic_load(&completed), atomic_load(&cancelled));
	inner_list_fini(&list);
	device_fini(&target);
	return 0;
}
