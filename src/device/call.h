/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A call: a request that a caller waits for. A device's operations and a session's share this code;
 * they differ only in the object that the request is submitted to.
 */
#ifndef DEVICE_CALL_H
#define DEVICE_CALL_H

#include "device/device.h"

/*
 * Submit @request to @session, or to @device if @session is NULL. Work @device until the request is done, and take the
 * request back at the deadline. @device may be NULL if the session completes every request in submit.
 */
ssize_t call_wait(struct vfmig_request *request, struct vfmig_device *device,
		  struct vfmig_session *session);

#endif
