/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Revision pfn, the one before v1: its two adapters.
 */
#ifndef VFMIG_PROTOCOL_PFN_PFN_H
#define VFMIG_PROTOCOL_PFN_PFN_H

#include "protocol/region/offer.h"

/**
 * vfmig_offer_pfn_open() - driver side: vfmig_region_offer_open() for pfn
 * @log: which pages were written; it runs while the device is _SAVING. NULL: any, as far as is known
 */
int vfmig_offer_pfn_open(struct vfmig_session *session, const struct vfmig_region_log *log,
			 const struct vfmig_region_options *options,
			 struct vfmig_region_offer **offer, struct vfmig_error *err);

/**
 * vfmig_drive_pfn() - user side: a session on a device that shows pfn
 *
 * As vfmig_drive_v1(). If the device is attached to a space, that is told which pages the device wrote, in place of
 * DMA logging, until the session is closed.
 *
 * Return: 0; -EOPNOTSUPP if the device does not show it. A region that does not tell its revision is taken for pfn:
 * so it must have been asked for by name.
 */
int vfmig_drive_pfn(struct vfmig_device *device, struct vfmig_session **session,
		    struct vfmig_error *err);

#endif
