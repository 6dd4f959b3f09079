/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Revision v2 of the migration protocol: its two adapters.
 */
#ifndef VFMIG_PROTOCOL_V2_V2_H
#define VFMIG_PROTOCOL_V2_V2_H

#include "device/session.h"

/**
 * vfmig_offer_v2() - driver side: answer a device's request from a session and a logger
 * @session: the device's migration; NULL for a device that has none (its features are -ENOTTY then)
 * @logger: its DMA log, or NULL
 * @request: any of a device's requests
 *
 * Answers MIGRATION, MIG_DEVICE_STATE, MIG_DATA_SIZE, the DMA_LOGGING features, DATA_READ, DATA_WRITE and
 * PRECOPY_INFO, with the uAPI's checks and errnos.
 *
 * Return: true if the request was v2's: it is completed, or will be. False if it is for somebody else.
 */
bool vfmig_offer_v2(struct vfmig_session *session, struct vfmig_logger *logger,
		    struct vfmig_request *request);

/**
 * vfmig_drive_v2() - user side: a session on a device that shows v2
 *
 * Return: 0; -EOPNOTSUPP if the device does not show it.
 */
int vfmig_drive_v2(struct vfmig_device *device, struct vfmig_session **session,
		   struct vfmig_error *err);

#endif
