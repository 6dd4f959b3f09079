/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Answers that follow the uAPI's rule of argsz, for code that makes a region of its own. A buffer
 * smaller than the fixed part is refused. A buffer too small for the capabilities gets the fixed
 * part, the flag that there are more, and the size they take.
 */
#ifndef DEVICE_ANSWER_H
#define DEVICE_ANSWER_H

#include "abi/vfio_user.h" /* its region information is the uAPI's */
#include "device/device.h"

/** answer_region() - the result of a REGION_INFO; @caps may be NULL. Does not complete it */
ssize_t answer_region(struct vfmig_request *request, const struct vfmig_region_info *info,
		      const struct abi_msg_region_caps *caps);

/** answer_no_region() - the same for one that is not there, between others that are */
ssize_t answer_no_region(struct vfmig_request *request);

#endif
