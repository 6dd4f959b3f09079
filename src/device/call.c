/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A call: submit, wait, and at the deadline take back.
 */
#include <errno.h>
#include <string.h>

#include "device/call.h"

struct call {
	atomic_bool done;
	pthread_t caller;
	struct vfmig_device *device;
};

/* A register that is read in this process must not cost a system call: it only wakes a caller in another thread. */
static void call_done(struct vfmig_request *request)
{
	struct call *call = request->user;
	struct vfmig_device *device = call->device;
	bool elsewhere = !pthread_equal(call->caller, pthread_self());

	atomic_store(&call->done, true); /* and the call may be gone */
	if (device && elsewhere)
		vfmig_device_wake(device);
}

static bool call_ready(void *context)
{
	return atomic_load(&((struct call *)context)->done);
}

/* What went wrong, where a device gave a code and no sentence. */
static ssize_t finish(struct vfmig_device *device, struct vfmig_request *request)
{
	if (request->result < 0 && request->err && request->err->code != (int)request->result)
		vfmig_err(request->err, (int)request->result, "%s%s%s: %s",
			  device ? device->name : "", device ? ": " : "",
			  vfmig_op_name(request->op), strerror(-(int)request->result));
	return request->result;
}

ssize_t call_wait(struct vfmig_request *request, struct vfmig_device *device,
		  struct vfmig_session *session)
{
	uint64_t limit = device ? atomic_load(&device->timeout_ms) : 0;
	int64_t deadline = request->deadline;
	struct call call = {.caller = pthread_self(), .device = device};
	int ret;

	request->done = call_done;
	request->user = &call;
	request_submit(request, device, session);
	if (call_ready(&call))
		return finish(device, request);
	if (!device)
		return vfmig_err(
			request->err, -EPROTO,
			"%s: the session did not complete the request, and it has no device to wait for",
			vfmig_op_name(request->op));
	if (!deadline && limit)
		deadline = device_now() + (int64_t)limit * 1000000;
	ret = vfmig_device_wait(device, call_ready, &call, deadline);
	if (!ret)
		return finish(device, request);
	while (!request_cancel(request, device, session))
		/* It is being done this moment, and its structure is in use until then. */
		if (!vfmig_device_wait(device, call_ready, &call, device_now() + 1000000))
			return finish(device, request);
	if (ret != -ETIMEDOUT)
		return vfmig_err(request->err, ret,
				 "device %s: lost while the request %s was pending", device->name,
				 vfmig_op_name(request->op));
	return vfmig_err(
		request->err, ret,
		"device %s: no reply to %s within the time limit; reset the device or raise the limit",
		device->name, vfmig_op_name(request->op));
}

ssize_t vfmig_call(struct vfmig_device *device, struct vfmig_request *request)
{
	return call_wait(request, device, NULL);
}
