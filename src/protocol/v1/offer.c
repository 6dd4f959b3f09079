/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Driver side of v1: the migration region, and no more than that.
 */
#include "protocol/v1/v1.h"

int vfmig_offer_v1_open(struct vfmig_session *session, const struct vfmig_region_options *options,
			struct vfmig_region_offer **offer, struct vfmig_error *err)
{
	return vfmig_region_offer_open(session, NULL, VFMIG_REGION_V1, options, offer, err);
}
