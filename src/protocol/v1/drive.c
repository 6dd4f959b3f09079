/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * User side of v1: the migration region, and no more than that.
 */
#include "protocol/region/drive.h"
#include "protocol/v1/v1.h"

static const struct vfmig_session_ops ops = {
	.protocol = "v1",
	.submit = vfmig_region_drive_submit,
	.cancel = vfmig_region_drive_cancel,
	.close = vfmig_region_drive_close,
};

int vfmig_drive_v1(struct vfmig_device *device, struct vfmig_session **session,
		   struct vfmig_error *err)
{
	return vfmig_region_drive_open(device, VFMIG_REGION_V1, &ops, session, err);
}
