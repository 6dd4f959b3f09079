/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Devices: what all of them have in common, and the way in.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <vfmig/space.h>

#include "device/device.h"
#include "device/work.h"

#define TIMEOUT_MS 30000

int device_init(struct vfmig_device *device, const struct device_ops *ops, const char *name,
		struct vfmig_error *err)
{
	int ret;

	memset(device, 0, sizeof(*device));
	device->ops = ops;
	device->name = strdup(name);
	if (!device->name)
		return vfmig_err(err, -ENOMEM, "no memory for device %s", name);
	atomic_init(&device->timeout_ms, TIMEOUT_MS);
	ret = work_init(device, err);
	if (ret) {
		free(device->name);
		return ret;
	}
	inner_list_init(&device->inners);
	return 0;
}

void device_fini(struct vfmig_device *device)
{
	inner_list_fini(&device->inners);
	work_fini(device);
	free(device->name);
}

/* A device that does not answer when it is closed is not waited for longer than this: its connection ends anyway. */
#define CLOSE_MS 500

void vfmig_device_close(struct vfmig_device *device)
{
	uint64_t limit;

	if (!device)
		return;
	limit = atomic_load(&device->timeout_ms);
	vfmig_device_set_timeout(device, limit && limit < CLOSE_MS ? limit : CLOSE_MS);
	if (device->space)
		vfmig_space_detach(device->space, device, NULL);
	vfmig_device_stop(device);
	device->ops->close(device);
}

const char *vfmig_device_name(const struct vfmig_device *device)
{
	return device->name;
}

void vfmig_device_set_timeout(struct vfmig_device *device, uint64_t msec)
{
	atomic_store(&device->timeout_ms, msec);
}

void vfmig_submit(struct vfmig_device *device, struct vfmig_request *request)
{
	unsigned handles = device->ops->handles;

	if (request->op == VFMIG_OP_FEATURE && !(handles & DEVICE_HANDLES_RUNS))
		request->feature.runs = NULL;
	else if (request->op == VFMIG_OP_DATA_READ && !(handles & DEVICE_HANDLES_ZERO_COPY))
		request->data.lent = NULL;
	device->ops->submit(device, request);
}

bool vfmig_cancel(struct vfmig_device *device, struct vfmig_request *request)
{
	return device->ops->cancel(device, request);
}
