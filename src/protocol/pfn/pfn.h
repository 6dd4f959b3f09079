/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Revision pfn, the one before v1: its two adapters.
 */
#ifndef VFMIG_PROTOCOL_PFN_PFN_H
#define VFMIG_PROTOCOL_PFN_PFN_H

#include "protocol/region/offer.h"

/**
 * vfmig_offer_pfn_open() - driver side: vfmig_region_offer_open() for pfn
 * @logger: which pages were written; it runs while the device is _SAVING. NULL: any, as far as is known
 */
int vfmig_offer_pfn_open(struct vfmig_session *session, struct vfmig_logger *logger,
			 const struct vfmig_region_options *options,
			 struct vfmig_region_offer **offer, struct vfmig_error *err);

#endif
