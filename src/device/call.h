/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A call: a request that a caller waits for. A device's operations and a session's share this code;
 * they differ only in the object that the request is submitted to.
 */
#ifndef DEVICE_CALL_H
#define DEVICE_CALL_H

#include "device/device.h"

/*
 * Submit @request with @submit to @whom, work @device until the request is done, and take it back
 * with @cancel at the deadline. @device may be NULL if @submit completes every request before it
 * returns.
 */
ssize_t call_through(struct vfmig_device *device, struct vfmig_request *request, void *whom,
		     void (*submit)(void *whom, struct vfmig_request *request),
		     bool (*cancel)(void *whom, struct vfmig_request *request));

#endif
