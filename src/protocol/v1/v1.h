/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Revision v1 of the migration protocol: its two adapters.
 */
#ifndef VFMIG_PROTOCOL_V1_V1_H
#define VFMIG_PROTOCOL_V1_V1_H

#include "protocol/region/offer.h"

/**
 * vfmig_offer_v1_open() - driver side: vfmig_region_offer_open() for v1
 *
 * Which pages were written is not v1's to tell: the address space is asked for them.
 */
int vfmig_offer_v1_open(struct vfmig_session *session, const struct vfmig_region_options *options,
			struct vfmig_region_offer **offer, struct vfmig_error *err);

/**
 * vfmig_drive_v1() - user side: a session on a device that shows v1
 *
 * P2P states are not among its flags. RESUMING to STOP is by way of RUNNING, for that is the only way out that v1 draws,
 * but for devices that say that they check without running.
 *
 * Return: 0; -EOPNOTSUPP if the device does not show it.
 */
int vfmig_drive_v1(struct vfmig_device *device, struct vfmig_session **session,
		   struct vfmig_error *err);

#endif
