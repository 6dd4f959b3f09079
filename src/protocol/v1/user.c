/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * User side of v1: the migration region and nothing else.
 */
#include "protocol/region/user.h"
#include "protocol/v1/v1.h"

static const struct session_ops ops = {
	.protocol = "v1",
	.submit = region_user_submit,
	.cancel = region_user_cancel,
	.close = region_user_close,
};

int v1_user_open(struct vfmig_device *device, struct vfmig_session **session,
		 struct vfmig_error *err)
{
	return region_user_open(device, VFMIG_REGION_V1, &ops, session, err);
}
