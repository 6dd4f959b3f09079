/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A device that never answers: the call ends at its deadline, the device has forgotten the request, and an
 * answer that comes late finds nobody. Through a filter as well. A map over which it hangs may be done all the same, so the
 * device is told that it is gone.
 */
#include <vfmig/space.h>

#include "device/filter.h"
#include "tests/lib/scripted_device.h"

static void back(struct inner *inner)
{
	inner_end(inner, inner->request.result);
}

static void filter_submit(struct vfmig_device *device, struct vfmig_request *request)
{
	filter_forward(device, request, back);
}

static const struct device_ops filter_ops = {
	.submit = filter_submit,
	.cancel = filter_cancel,
	.fd = filter_fd,
	.process = filter_process,
	.close = filter_close,
};

static void hang(struct vfmig_device *device, struct scripted_device *fake)
{
	struct vfmig_error err = {0};
	struct vfmig_request request = {
		.op = VFMIG_OP_RESET, .deadline = device_now() + 20000000, .err = &err};

	CHECK_EQ(vfmig_call(device, &request), -ETIMEDOUT);
	CHECKF(strstr(err.text, "reset") && strstr(err.text, "fake"), "%s", err.text);
	CHECK(!fake->held.first);
	scripted_let_go(fake, 1);
	CHECK_EQ(vfmig_device_process(device, NULL), 0);
	CHECK(!vfmig_cancel(device, &request));

	/* The device's own limit. */
	vfmig_device_set_timeout(device, 20);
	CHECK_EQ(vfmig_device_reset(device, &err), -ETIMEDOUT);
	CHECK(!fake->held.first);
}

static unsigned gone;

static ssize_t hang_over_maps(struct scripted_device *fake, struct vfmig_request *request)
{
	gone += request->op == VFMIG_OP_SPACE_UNMAP && request->map->iova == 4096;
	return request->op == VFMIG_OP_SPACE_MAP ? SCRIPTED_HOLD : 0;
}

static void hang_over_a_map(void)
{
	struct scripted_device *fake = scripted_new(hang_over_maps);
	struct vfmig_space *space = vfmig_space_new();
	static uint8_t page[4096];
	struct vfmig_map map = {.iova = 4096,
				.size = sizeof(page),
				.prot = VFMIG_PROT_READ,
				.kind = VFMIG_MAP_MEMORY,
				.ptr = page,
				.fd = -1};

	CHECK(space);
	CHECK_EQ(vfmig_space_attach(space, &fake->device, NULL), 0);
	vfmig_device_set_timeout(&fake->device, 20);
	CHECK_EQ(vfmig_space_map(space, &map, NULL), -ETIMEDOUT);
	CHECK_EQ(gone, 1);
	CHECK_EQ(vfmig_space_unmap(space, 4096, 4096, NULL), -ENOENT);
	vfmig_device_close(&fake->device);
	vfmig_space_free(space);
}

int main(void)
{
	struct scripted_device *fake = scripted_new(NULL);
	struct vfmig_device *filter = calloc(1, sizeof(*filter));

	hang(&fake->device, fake);
	CHECK_EQ(filter_init(filter, &filter_ops, &fake->device, "pass", NULL), 0);
	CHECK_STR(vfmig_device_name(filter), "pass(fake)");
	hang(filter, fake);
	vfmig_device_close(filter);
	hang_over_a_map();
	return 0;
}
