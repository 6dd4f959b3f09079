/* SPDX-License-Identifier: BSD-3-Clause */
/* Filters in a stack are called from several threads at once; each call is struck, delayed or let through once. */
#include "tests/filter/filtered.h"

#define THREADS 4
#define CALLS	200

static struct vfmig_device *device;
static atomic_uint failed;
static atomic_uint reached;

static ssize_t count(struct scripted_device *fake, struct vfmig_request *r)
{
	atomic_fetch_add(&reached, 1);
	return 0;
}

static void *calls(void *context)
{
	for (int i = 0; i < CALLS; i++)
		if (vfmig_device_reset(device, NULL))
			atomic_fetch_add(&failed, 1);
	return NULL;
}

int main(void)
{
	struct scripted_device *fake = scripted_new(count);
	pthread_t thread[THREADS];
	char options[64];
	int fds[2];

	CHECK_EQ(pipe(fds), 0);
	snprintf(options, sizeof(options), "op=attach,fd=%d", fds[1]);
	device = around(&fake->device, &filter_trace, options);
	device = around(device, &filter_delay, "latency-us=10");
	device = around(device, &filter_fault, "op=reset,nth=100,times=300");
	for (int i = 0; i < THREADS; i++)
		CHECK_EQ(pthread_create(&thread[i], NULL, calls, NULL), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	CHECK_EQ(failed, 300);
	CHECK_EQ(reached, THREADS * CALLS - 300);
	vfmig_device_close(device);
	close(fds[0]);
	close(fds[1]);
	return 0;
}
