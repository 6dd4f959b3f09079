/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A call: a request that somebody waits for. The same for a device's operations and a session's, which differ
 * only in whom the request is given to.
 */
#ifndef DEVICE_CALL_H
#define DEVICE_CALL_H

#include "device/device.h"

/*
 * Submit @request with @submit to @whom, work @device until it is done, and take it back with @cancel at
 * the deadline. @device may be NULL for someone who completes all in submit.
 */
ssize_t call_through(struct vfmig_device *device, struct vfmig_request *request, void *whom,
		     void (*submit)(void *whom, struct vfmig_request *request),
		     bool (*cancel)(void *whom, struct vfmig_request *request));

#endif
