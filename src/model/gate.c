/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The gate: one thread at a time in the model, and nobody waits to get in.
 *
 * Whoever comes while another is inside leaves the request in the queue; the one inside does what is in the
 * queue before it leaves. (Not for ever: a crowd is left to who works the device.) That keeps the order in
 * which requests came, and it keeps the promise that submitting never waits: not for a register access
 * behind a quantum of work, and not for a quantum that waits for DMA which the submitting thread itself
 * would have to serve.
 */
#include <unistd.h>

#include "model/kit.h"

/* So many for others; then who works the device has to see to the rest, as they wait for it anyway. */
#define MOST 64

/* With gate_lock held and the gate taken: do what is in the queue. */
static void drain(struct vfmig_kit *kit, unsigned *n)
{
	struct vfmig_request *request;

	while ((*n)++ < MOST && (request = request_shift(&kit->gate_queue))) {
		pthread_mutex_unlock(&kit->gate_lock);
		kit_execute(kit, request);
		pthread_mutex_lock(&kit->gate_lock);
	}
}

/* The same, then leave. Drops the lock. */
static void leave(struct vfmig_kit *kit)
{
	unsigned n = 0;
	bool run;

	drain(kit, &n);
	if (atomic_load(&kit->power.allowed) && !kit->gate_queue.first) {
		pthread_mutex_unlock(&kit->gate_lock);
		kit_power_rest(kit);
		pthread_mutex_lock(&kit->gate_lock);
		drain(kit, &n);
	}
	kit->gate_taken = false;
	run = kit->gate_run || kit->gate_queue.first;
	kit->gate_run = false;
	pthread_mutex_unlock(&kit->gate_lock);
	if (run)
		kit_wake(kit);
}

static void enter(struct vfmig_kit *kit, struct vfmig_request *request, bool is_new)
{
	request->held[1] = is_new;
	pthread_mutex_lock(&kit->gate_lock);
	request_push(&kit->gate_queue, request);
	if (kit->gate_taken) {
		pthread_mutex_unlock(&kit->gate_lock);
		return;
	}
	kit->gate_taken = true;
	leave(kit);
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
	had = request_remove(&kit->gate_queue, request);
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
