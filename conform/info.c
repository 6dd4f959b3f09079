/* SPDX-License-Identifier: BSD-3-Clause */
/* Checks of a device's information. */
#include <vfmig/info.h>

#include "conform/suite.h"

/*
 * Request it with a buffer of @size bytes; returns the length that it reports, or a negative errno.
 */
static ssize_t ask(struct conform *c, struct vfmig_device_info *info, size_t size)
{
	struct vfmig_request request = {.op = VFMIG_OP_DEVICE_INFO, .err = &c->err};

	c->err = (struct vfmig_error){0};
	memset(info, 0, sizeof(*info));
	request.info.buf = info;
	request.info.size = size;
	return vfmig_call(c->device, &request);
}

static enum conform_verdict capabilities(struct conform *c)
{
	struct vfmig_device_details about;
	struct vfmig_device_info info;
	ssize_t len;

	c->err = (struct vfmig_error){0};
	MUST(c, vfmig_device_get_details(c->device, &about, &c->err));
	/*
	 * With a buffer too small for the capabilities, cap_offset must be 0, since it would point
	 * outside.
	 */
	MUST(c, len = ask(c, &info, sizeof(info)));
	if ((size_t)len >= sizeof(info) && info.flags & VFMIG_DEVICE_FLAG_CAPS &&
	    info.cap_offset >= sizeof(info))
		return conform_fail(c, "with room for %zu bytes its capabilities are at %u",
				    sizeof(info), info.cap_offset);
	MUST(c, len = ask(c, &info, offsetof(struct vfmig_device_info, cap_offset)));
	if (info.num_regions != about.num_regions || info.num_irqs != about.num_irqs)
		return conform_fail(c, "with less room it has other regions and interrupts");
	if (!(about.flags & VFMIG_DEVICE_FLAG_CAPS))
		return conform_pass(c, "it has no capabilities, and says so");
	return conform_pass(c, "its capabilities are where it says, and are left out whole");
}

const struct conform_check conform_info[] = {
	{"INFO-02", "flag CAPS and cap_offset lead to capabilities, and nowhere else", 0, false,
	 capabilities},
	{NULL},
};
