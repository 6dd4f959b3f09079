/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A device that never answers: the call ends at its deadline, the device has forgotten the request, and an
 * answer that comes late finds nobody. Through a filter as well.
 */
#include "device/filter.h"
#include "tests/device/fake.h"

static void filter_submit(struct vfmig_device *device, struct vfmig_request *request)
{
	vfmig_forward(device, request, NULL, NULL, NULL);
}

static const struct vfmig_device_ops filter_ops = {
	.submit = filter_submit,
	.cancel = vfmig_filter_cancel,
	.fd = vfmig_filter_fd,
	.process = vfmig_filter_process,
	.close = vfmig_filter_close,
};

static void hang(struct vfmig_device *device, struct fake *fake)
{
	struct vfmig_error err = {0};
	struct vfmig_request request = {
		.verb = VFMIG_VERB_RESET, .deadline = vfmig_now() + 20000000, .err = &err};

	CHECK_EQ(vfmig_call(device, &request), -ETIMEDOUT);
	CHECKF(strstr(err.text, "reset") && strstr(err.text, "fake"), "%s", err.text);
	CHECK(!fake->held.first);
	fake_let_go(fake, 1);
	CHECK_EQ(vfmig_device_process(device, NULL), 0);
	CHECK(!vfmig_cancel(device, &request));

	/* The device's own limit. */
	vfmig_device_set_timeout(device, 20);
	CHECK_EQ(vfmig_device_reset(device, &err), -ETIMEDOUT);
	CHECK(!fake->held.first);
}

int main(void)
{
	struct fake *fake = fake_new(NULL);
	struct vfmig_device *filter = calloc(1, sizeof(*filter));

	hang(&fake->device, fake);
	CHECK_EQ(vfmig_filter_init(filter, &filter_ops, &fake->device, "pass", NULL), 0);
	CHECK_STR(vfmig_device_name(filter), "pass(fake)");
	hang(filter, fake);
	vfmig_device_close(filter);
	return 0;
}
