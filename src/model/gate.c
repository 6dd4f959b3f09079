/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The gate: one thread at a time in the model, and no thread waits to get in.
 *
 * A request that arrives while another thread is inside is parked. The thread inside executes the
 * parked requests before it leaves, up to a limit; the thread that drives the device executes the
 * others. That keeps requests in order of arrival, and submitting never waits: neither for a
 * register access behind a quantum of work, nor for a quantum whose DMA the submitting thread
 * itself would have to serve.
 */
#include <unistd.h>

#include "model/kit.h"

/* @is_new: not dispatched yet */
struct waiting {
	struct inner inner; /* first */
	bool is_new;
};

/*
 * The most parked requests that a thread executes for other threads. Their owners drive the device
 * while they wait, and execute the remaining ones.
 */
#define MOST 64

/* Parking and unparking need gate_lock. Called with gate_lock held. */
static bool is_waiting(const struct vfmig_kit *kit)
{
	return kit->gate_queue.chain[true].first;
}

/* Execute parked requests. Called with gate_lock held and the gate taken. */
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

/* Execute parked requests, then leave the gate. Drops gate_lock. */
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

/* Run one quantum of the model's work if the model may run; otherwise its wake stays pending. */
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
	(void)n; /* the descriptor may be readable because of the unmask eventfd */
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
