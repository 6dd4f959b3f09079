/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Revision v2 of the migration protocol: its two adapters.
 */
#ifndef V2_V2_H
#define V2_V2_H

#include "device/session.h"

/*
 * The driver side: a session and a logger, exposed as v2's features.
 * @session: the device's migration; NULL for a device that has none (its features are
 *	-ENOTTY then)
 * @logger: its DMA log, or NULL
 * @precopy_info_v2: the user has enabled REINIT
 * @inners: requests to the session, for features
 */
struct v2_driver {
	struct vfmig_session *session;
	struct logger *logger;
	atomic_bool precopy_info_v2;
	struct inner_list inners;
};

void v2_driver_init(struct v2_driver *driver, struct vfmig_session *session, struct logger *logger);
void v2_driver_fini(struct v2_driver *driver);

/**
 * v2_driver_submit() - answer a device's request
 * @driver: the driver side
 * @request: any of a device's requests
 *
 * Answers MIGRATION, MIG_DEVICE_STATE, MIG_DATA_SIZE, MIG_PRECOPY_INFOv2, the DMA_LOGGING
 * features, DATA_READ, DATA_WRITE and PRECOPY_INFO, with the uAPI's checks and errnos.
 *
 * Return: true if the request was v2's: it is completed, or will be. False if the request belongs
 * to other code.
 */
bool v2_driver_submit(struct v2_driver *driver, struct vfmig_request *request);

/** v2_driver_cancel() - vfmig_cancel(), for requests that this driver side answers */
bool v2_driver_cancel(struct v2_driver *driver, struct vfmig_request *request);

/**
 * v2_user_open() - user side: a session on a device that exposes v2
 *
 * The user side never sends a request that v2 refuses: it answers transitions that the state
 * machine blocks. A device that has no MIG_DATA_SIZE or no pre-copy info answers -ENOTTY. When
 * pre-copy has no data for now, a read returns -ENOMSG or 0, as the device returns it: both mean
 * the same there.
 *
 * Return: 0; -EOPNOTSUPP if the device does not expose it.
 */
int v2_user_open(struct vfmig_device *device, struct vfmig_session **session,
		 struct vfmig_error *err);

#endif
