/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Driver side of pfn: the migration region with the registers for written pages.
 */
#include "protocol/pfn/pfn.h"

int pfn_driver_open(struct vfmig_session *session, const struct region_log *log,
		    const struct region_options *options, struct region_driver **driver,
		    struct vfmig_error *err)
{
	return region_driver_open(session, log, VFMIG_REGION_PFN, options, driver, err);
}
