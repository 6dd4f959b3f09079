/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Driver side of v1: the migration region and nothing else.
 */
#include "protocol/v1/v1.h"

int v1_driver_open(struct vfmig_session *session, const struct region_options *options,
		   struct region_driver **driver, struct vfmig_error *err)
{
	return region_driver_open(session, NULL, VFMIG_REGION_V1, options, driver, err);
}
