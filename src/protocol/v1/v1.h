/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Revision v1 of the migration protocol: its two adapters.
 */
#ifndef V1_V1_H
#define V1_V1_H

#include "protocol/region/driver.h"

/**
 * v1_driver_open() - driver side: region_driver_open() for v1
 *
 * v1 does not report written pages: the address space does.
 */
int v1_driver_open(struct vfmig_session *session, const struct region_options *options,
		   struct region_driver **driver, struct vfmig_error *err);

/**
 * v1_user_open() - user side: a session on a device that exposes v1
 *
 * P2P states are not among its flags. RESUMING to STOP goes through RUNNING, the only way out that
 * v1 draws, except for devices whose capability reports that they check without running.
 *
 * Return: 0; -EOPNOTSUPP if the device does not expose it.
 */
int v1_user_open(struct vfmig_device *device, struct vfmig_session **session,
		 struct vfmig_error *err);

#endif
