/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A layer that does not declare that it handles an optional part of a request never receives it, and neither does
 * the device inside. The control: a layer that declares it does.
 */
#include "device/filter.h"
#include "tests/lib/scripted_device.h"

static unsigned in_filter, in_device; /* DEVICE_HANDLES_*: what arrived there */

static unsigned parts(const struct vfmig_request *request)
{
	if (request->op == VFMIG_OP_FEATURE)
		return request->feature.runs ? DEVICE_HANDLES_RUNS : 0;
	return request->data.lent ? DEVICE_HANDLES_ZERO_COPY : 0;
}

static void device_submit(struct vfmig_device *device, struct vfmig_request *request)
{
	in_device |= parts(request);
	request_complete(request, 0);
}

static void back(struct inner *inner)
{
	inner_end(inner, inner->request.result);
}

static void forward(struct vfmig_device *device, struct vfmig_request *request)
{
	in_filter |= parts(request);
	filter_forward(device, request, back);
}

static void pass_on(struct vfmig_device *device, struct vfmig_request *request)
{
	in_filter |= parts(request);
	vfmig_submit(device->inner, request);
}

static void submit_through(void (*submit)(struct vfmig_device *device,
					  struct vfmig_request *request),
			   unsigned handles, unsigned device_handles)
{
	struct device_ops ops = {.handles = handles,
				 .submit = submit,
				 .cancel = filter_cancel,
				 .fd = filter_fd,
				 .process = filter_process,
				 .close = filter_close};
	struct scripted_device *scripted = scripted_new(NULL);
	struct device_ops inner_ops = *scripted->device.ops;
	struct vfmig_device *filter = calloc(1, sizeof(*filter));
	struct vfmig_request request = {.op = VFMIG_OP_FEATURE};
	struct vfmig_page_runs runs = {0};
	struct vfmig_lent lent = {0};

	inner_ops.handles = device_handles;
	inner_ops.submit = device_submit;
	scripted->device.ops = &inner_ops;
	CHECK(filter && !filter_init(filter, &ops, &scripted->device, "layer", NULL));
	in_filter = in_device = 0;
	request.feature.runs = &runs;
	CHECK_EQ(vfmig_call(filter, &request), 0);
	request = (struct vfmig_request){.op = VFMIG_OP_DATA_READ};
	request.data.lent = &lent;
	CHECK_EQ(vfmig_call(filter, &request), 0);
	CHECK_EQ(in_filter, handles);
	CHECK_EQ(in_device, handles & device_handles);
	vfmig_device_close(filter);
}

int main(void)
{
	for (unsigned handles = 0; handles < 4; handles++)
		for (unsigned device = 0; device < 4; device++) {
			submit_through(forward, handles, device);
			submit_through(pass_on, handles, device);
		}
	return 0;
}
