/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A call: submit, wait, and at the deadline take back.
 */
#include <errno.h>
#include <string.h>

#include "device/call.h"

static void call_done(struct vfmig_request *request)
{
	atomic_store((atomic_bool *)request->user, true);
}

static bool call_ready(void *context)
{
	return atomic_load((atomic_bool *)context);
}

/* What went wrong, where a device gave a code and no sentence. */
static ssize_t finish(struct vfmig_device *device, struct vfmig_request *request)
{
	if (request->result < 0 && request->err && request->err->code != (int)request->result)
		vfmig_err(request->err, (int)request->result, "%s%s%s: %s",
			  device ? device->name : "", device ? ": " : "",
			  vfmig_verb_name(request->verb), strerror(-(int)request->result));
	return request->result;
}

ssize_t vfmig_call_through(struct vfmig_device *device, struct vfmig_request *request, void *whom,
			   void (*submit)(void *whom, struct vfmig_request *request),
			   bool (*cancel)(void *whom, struct vfmig_request *request))
{
	uint64_t limit = device ? atomic_load(&device->timeout_ms) : 0;
	int64_t deadline = request->deadline;
	atomic_bool done = false;
	int ret;

	if (!deadline && limit)
		deadline = vfmig_now() + (int64_t)limit * 1000000;
	request->done = call_done;
	request->user = &done;
	submit(whom, request);
	if (atomic_load(&done))
		return finish(device, request);
	if (!device)
		return vfmig_err(request->err, -EPROTO,
				 "%s: left undone by a session without a device",
				 vfmig_verb_name(request->verb));
	ret = vfmig_device_wait(device, call_ready, &done, deadline);
	if (!ret)
		return finish(device, request);
	if (cancel(whom, request)) {
		if (ret == -ETIMEDOUT)
			return vfmig_err(
				request->err, ret,
				"device %s: no answer to %s in time; it hangs, or the time "
				"limit is too short",
				device->name, vfmig_verb_name(request->verb));
		return vfmig_err(request->err, ret, "device %s: lost during %s", device->name,
				 vfmig_verb_name(request->verb));
	}
	/* It is being completed this moment, and its structure is in use until then. */
	while (vfmig_device_wait(device, call_ready, &done, vfmig_now() + 1000000))
		;
	return finish(device, request);
}

static void to_device(void *whom, struct vfmig_request *request)
{
	vfmig_submit(whom, request);
}

static bool from_device(void *whom, struct vfmig_request *request)
{
	return vfmig_cancel(whom, request);
}

ssize_t vfmig_call(struct vfmig_device *device, struct vfmig_request *request)
{
	return vfmig_call_through(device, request, device, to_device, from_device);
}
