/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Several threads wait for one device, with and without a thread of the library's: each gets its own answer,
 * whoever of them works the device.
 */
#include "tests/lib/scripted_device.h"

#define THREADS 4
#define CALLS	200

static atomic_uint answered;

static void *caller(void *context)
{
	struct scripted_device *fake = context;

	for (int i = 0; i < CALLS; i++) {
		struct vfmig_request request = {.op = VFMIG_OP_RESET};

		CHECK_EQ(vfmig_call(&fake->device, &request), 7);
		CHECK_EQ(request.result, 7);
		atomic_fetch_add(&answered, 1);
	}
	return NULL;
}

static void round_of(bool with_thread)
{
	struct scripted_device *fake = scripted_new(NULL);
	pthread_t threads[THREADS];

	atomic_store(&answered, 0);
	if (with_thread) {
		CHECK_EQ(vfmig_device_start(&fake->device, NULL), 0);
		CHECK_EQ(vfmig_device_start(&fake->device, NULL), -EALREADY);
	}
	for (int i = 0; i < THREADS; i++)
		CHECK_EQ(pthread_create(&threads[i], NULL, caller, fake), 0);
	for (unsigned sent = 0; sent < THREADS * CALLS; sent++) {
		/* A byte too early would be dropped: only as many as are asked. */
		for (;;) {
			unsigned held;

			pthread_mutex_lock(&fake->lock);
			held = fake->count;
			pthread_mutex_unlock(&fake->lock);
			if (held && atomic_load(&answered) + held > sent)
				break;
			sched_yield();
		}
		scripted_let_go(fake, 7);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	CHECK_EQ(atomic_load(&answered), THREADS * CALLS);
	vfmig_device_close(&fake->device);
}

int main(void)
{
	RUN(round_of(false));
	RUN(round_of(true));
	return 0;
}
