/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A request that the device inside has begun and cannot give back any more is not given back by a filter either: its
 * buffer and its sentence are in use. The filter's own part of it, before and after, is.
 */
#include "tests/filter/filtered.h"

static struct vfmig_request *begun;
static bool done;

/* It is in the middle of all that it is asked. */
static void submit(struct vfmig_device *device, struct vfmig_request *request)
{
	begun = request;
}

static bool cancel(struct vfmig_device *device, struct vfmig_request *request)
{
	return false;
}

static const struct device_ops busy = {
	.submit = submit,
	.cancel = cancel,
	.fd = scripted_fd,
	.process = scripted_process,
	.close = scripted_close,
};

static void set_done(struct vfmig_request *request)
{
	done = true;
}

static struct vfmig_device *filtered(const struct filter_kind *kind, const char *options)
{
	struct scripted_device *fake = scripted_new(NULL);

	fake->device.ops = &busy;
	done = false;
	begun = NULL;
	return around(&fake->device, kind, options);
}

static void in_use(const struct filter_kind *kind, const char *options, bool at_once)
{
	struct vfmig_device *device = filtered(kind, options);
	struct vfmig_error err = {0};
	struct vfmig_request request = {.op = VFMIG_OP_RESET, .done = set_done, .err = &err};

	vfmig_submit(device, &request);
	CHECK(begun);
	CHECK(!vfmig_cancel(device, &request));
	CHECK(!done);
	request_complete_err(begun, -EIO, "this is said late");
	if (at_once) {
		CHECK(done);
		CHECK(request.result < 0);
		CHECK_STR(err.text, "this is said late");
	} else {
		/* The device has done with it. */
		CHECK(!done);
		CHECK(vfmig_cancel(device, &request));
	}
	vfmig_device_close(device);
}

int main(void)
{
	in_use(&filter_trace, "file=/dev/null", true);
	in_use(&filter_fault, "op=reset,do=hang,when=after", true);
	in_use(&filter_delay, "latency-us=60000000", false);
	return 0;
}
