/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A worker does its jobs in order, one at a time, while the thread that submits them does not wait. A job that hangs costs
 * its outer request no more than its deadline; one that is cancelled is over at once. Both, and those behind, are done
 * all the same, and what they bring is freed.
 */
#include <poll.h>
#include <sched.h>

#include "device/filter.h"
#include "device/worker.h"
#include "tests/lib/scripted_device.h"

#define JOBS 4

static struct worker worker;
static atomic_bool hangs;
static atomic_uint begun, freed;
static unsigned completed;

static ssize_t work(struct vfmig_device *device, struct vfmig_request *request)
{
	CHECK_EQ(request->region.index, atomic_fetch_add(&begun, 1) % JOBS);
	while (atomic_load(&hangs))
		sched_yield();
	return request->region.len;
}

static void released(struct inner *inner)
{
	atomic_fetch_add(&freed, 1);
}

static void back(struct inner *inner)
{
	inner_end(inner, inner->request.result);
}

static void submit(struct vfmig_device *device, struct vfmig_request *request)
{
	struct worker_job *job = inner_new(&device->inners, request, sizeof(*job));

	CHECK(job);
	job->inner.request = *request;
	job->inner.back = back;
	job->inner.release = released;
	worker_submit(&worker, job);
}

static int process(struct vfmig_device *device, struct vfmig_error *err)
{
	worker_process(&worker);
	return filter_process(device, err);
}

static const struct device_ops ops = {
	.submit = submit,
	.cancel = filter_cancel,
	.fd = filter_fd,
	.process = process,
	.close = filter_close,
};

static void done(struct vfmig_request *request)
{
	completed++;
}

int main(void)
{
	struct scripted_device *fake = scripted_new(NULL);
	struct vfmig_device *device;
	struct vfmig_request request[JOBS] = {{0}};
	struct vfmig_error err[JOBS] = {{0}};

	CHECK_EQ(filter_new(&device, sizeof(*device), &ops, &fake->device, "works", NULL), 0);
	worker_init(&worker, device, work);
	CHECK_EQ(worker_start(&worker, NULL), 0);
	CHECK_EQ(filter_watch(device, worker.fd, NULL), 0);
	for (unsigned i = 0; i < JOBS; i++) {
		struct vfmig_request call = {.op = VFMIG_OP_REGION_READ,
					     .region = {.index = i, .len = 4}};

		CHECK_EQ(vfmig_call(device, &call), 4);
	}
	/* One hangs; the two behind it wait. The first of these is cancelled, the others' time is over. */
	atomic_store(&hangs, true);
	for (unsigned i = 0; i < JOBS - 1; i++) {
		request[i] = (struct vfmig_request){.op = VFMIG_OP_REGION_READ,
						    .region = {.index = i, .len = 4},
						    .deadline = device_now() + 50000000,
						    .err = &err[i],
						    .done = done};
		vfmig_submit(device, &request[i]);
	}
	CHECK(vfmig_cancel(device, &request[1]));
	CHECK(!vfmig_cancel(device, &request[1]));
	while (completed < JOBS - 2) {
		struct pollfd fd = {.fd = vfmig_device_fd(device), .events = POLLIN};

		CHECK_EQ(poll(&fd, 1, 60000), 1);
		CHECK_EQ(vfmig_device_process(device, NULL), 0);
	}
	CHECK_EQ(request[0].result, -ETIMEDOUT);
	CHECK_EQ(request[2].result, -ETIMEDOUT);
	CHECKF(strstr(err[0].text, "region-read"), "%s", err[0].text);
	CHECK_EQ(atomic_load(&begun), JOBS + 1);
	atomic_store(&hangs, false);
	worker_stop(&worker);
	CHECK_EQ(atomic_load(&begun), JOBS + JOBS - 1);
	CHECK_EQ(atomic_load(&freed), JOBS + JOBS - 1);
	CHECK_EQ(completed, JOBS - 2);
	vfmig_device_close(device);
	return 0;
}
