/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Driver side of pfn: the migration region with the registers for written pages.
 */
#include "protocol/pfn/pfn.h"

int vfmig_offer_pfn_open(struct vfmig_session *session, const struct vfmig_region_log *log,
			 const struct vfmig_region_options *options,
			 struct vfmig_region_offer **offer, struct vfmig_error *err)
{
	return vfmig_region_offer_open(session, log, VFMIG_REGION_PFN, options, offer, err);
}
