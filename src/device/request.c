/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Requests: their names and their completion.
 */
#include <stdio.h>
#include <time.h>

#include "device/device.h"

static const char *const names[VFMIG_OP_COUNT] = {
	[VFMIG_OP_DEVICE_INFO] = "device-info",
	[VFMIG_OP_REGION_INFO] = "region-info",
	[VFMIG_OP_IRQ_INFO] = "irq-info",
	[VFMIG_OP_REGION_READ] = "region-read",
	[VFMIG_OP_REGION_WRITE] = "region-write",
	[VFMIG_OP_REGION_FD] = "region-fd",
	[VFMIG_OP_SET_IRQS] = "set-irqs",
	[VFMIG_OP_RESET] = "reset",
	[VFMIG_OP_FEATURE] = "feature",
	[VFMIG_OP_DATA_READ] = "data-read",
	[VFMIG_OP_DATA_WRITE] = "data-write",
	[VFMIG_OP_PRECOPY_INFO] = "precopy-info",
	[VFMIG_OP_ATTACH] = "attach",
	[VFMIG_OP_DETACH] = "detach",
	[VFMIG_OP_SPACE_MAP] = "space-map",
	[VFMIG_OP_SPACE_UNMAP] = "space-unmap",
	[VFMIG_OP_SET_STATE] = "set-state",
	[VFMIG_OP_GET_STATE] = "get-state",
	[VFMIG_OP_DATA_SIZE] = "data-size",
};

const char *vfmig_op_name(enum vfmig_op op)
{
	return (unsigned)op < VFMIG_OP_COUNT ? names[op] : "?";
}

void request_submit(struct vfmig_request *request, struct vfmig_device *device,
		    struct vfmig_session *session)
{
	if (session)
		vfmig_session_submit(session, request);
	else
		vfmig_submit(device, request);
}

bool request_cancel(struct vfmig_request *request, struct vfmig_device *device,
		    struct vfmig_session *session)
{
	return session ? vfmig_session_cancel(session, request) : vfmig_cancel(device, request);
}

int64_t device_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ll + ts.tv_nsec;
}

void request_complete(struct vfmig_request *request, ssize_t result)
{
	request->result = result;
	request->done(request); /* and the request may be gone */
}

void request_complete_err(struct vfmig_request *request, int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfmig_verr(request->err, code, fmt, ap);
	va_end(ap);
	request_complete(request, code);
}
