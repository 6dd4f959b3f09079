/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The gate: one thread at a time in the model, and no thread waits to get in.
 *
 * A request that arrives while another thread is inside is parked; the thread inside does what is parked before it
 * leaves. (Up to a limit: the rest is left to the thread that works the device.) That keeps the order in which
 * requests came, and it keeps the promise that submitting never waits: not for a register access behind a
 * quantum of work, and not for a quantum that waits for DMA which the submitting thread itself would have to
 * serve.
 */
#include <unistd.h>

#include "model/kit.h"

/* @is_new: not dispatched yet */
struct waiting {
	struct inner inner; /* first */
	bool is_new;
};

/* So many requests of other threads; these work the device while they wait, and so do the rest. */
#define MOST 64

/* With gate_lock held, without which nothing is parked or unparked. */
static bool is_waiting(const struct vfmig_kit *kit)
{
	return kit->gate_queue.chain[true].first;
}

/* With gate_lock held and the gate taken: do what is parked. */
static void drain(struct vfmig_kit *kit, unsigned *n)
{
	struct vfmig_request *request;
	struct inner *inner;
	bool is_new;

	while (is_waiting(kit) && (*n)++ < MOST) {
		inner = inner_unpark(&kit->gate_queue, 0);
		pthread_mutex_unlock(&kit->gate_lock);
		is_new = ((struct waiting *)inner)->is_new;
		request = inner_take(inner);
		inner_free(inner);
		if (request)
			kit_execute(kit, request, is_new);
		pthread_mutex_lock(&kit->gate_lock);
	}
}

/* The same, then leave. Drops the lock. */
static void leave(struct vfmig_kit *kit)
{
	unsigned n = 0;
	bool run;

	drain(kit, &n);
	if (atomic_load(&kit->power.allowed) && !is_waiting(kit)) {
		pthread_mutex_unlock(&kit->gate_lock);
		kit_power_rest(kit);
		pthread_mutex_lock(&kit->gate_lock);
		drain(kit, &n);
	}
	kit->gate_taken = false;
	run = kit->gate_run || is_waiting(kit);
	kit->gate_run = false;
	pthread_mutex_unlock(&kit->gate_lock);
	if (run)
		kit_wake(kit);
}

static void enter(struct vfmig_kit *kit, struct vfmig_request *request, bool is_new)
{
	struct waiting *waiting;

	pthread_mutex_lock(&kit->gate_lock);
	if (!kit->gate_taken && !is_waiting(kit)) {
		kit->gate_taken = true;
		pthread_mutex_unlock(&kit->gate_lock);
		kit_execute(kit, request, is_new);
		pthread_mutex_lock(&kit->gate_lock);
		leave(kit);
		return;
	}
	waiting = inner_alloc(&kit->gate_queue, request, sizeof(*waiting));
	if (waiting) {
		waiting->is_new = is_new;
		inner_park(&waiting->inner, 0);
	}
	if (waiting && !kit->gate_taken) {
		kit->gate_taken = true;
		leave(kit);
		return;
	}
	pthread_mutex_unlock(&kit->gate_lock);
	if (!waiting)
		request_complete_err(request, -ENOMEM, "%s: no memory for a request that waits",
				     kit->device.name);
}

void kit_enter(struct vfmig_kit *kit, struct vfmig_request *request)
{
	enter(kit, request, false);
}

void kit_enter_awake(struct vfmig_kit *kit, struct vfmig_request *request)
{
	enter(kit, request, true);
}

bool kit_take_back(struct vfmig_kit *kit, struct vfmig_request *request)
{
	bool had;

	pthread_mutex_lock(&kit->gate_lock);
	had = inner_cancel(&kit->gate_queue, request);
	pthread_mutex_unlock(&kit->gate_lock);
	return had;
}

/* One quantum of the model's work, if it may run; it keeps its kick until then if not. */
static void run(struct vfmig_kit *kit)
{
	if (atomic_load(&kit->level) != KIT_RUNS || !atomic_exchange(&kit->kicked, false))
		return;
	kit_power_wake(kit);
	if (kit->model->run && kit->model->run(kit, kit->self))
		vfmig_kit_wake(kit);
}

int kit_process(struct vfmig_device *device, struct vfmig_error *err)
{
	struct vfmig_kit *kit = kit_of(device);
	uint64_t count;
	ssize_t n;

	atomic_store(&kit->awake, false);
	n = read(kit->work_fd, &count, sizeof(count));
	(void)n; /* it may have been the unmask eventfd that made us readable */
	kit_unmask_poll(kit);
	pthread_mutex_lock(&kit->gate_lock);
	if (kit->gate_taken) {
		kit->gate_run = true;
		pthread_mutex_unlock(&kit->gate_lock);
		return 0;
	}
	kit->gate_taken = true;
	pthread_mutex_unlock(&kit->gate_lock);
	run(kit);
	pthread_mutex_lock(&kit->gate_lock);
	leave(kit);
	return 0;
}
