/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Working a device: who polls its fd, and who waits for whom.
 */
#ifndef VFMIG_DEVICE_WORK_H
#define VFMIG_DEVICE_WORK_H

#include "device/device.h"

/* A request of this device is done: whoever waits may want to look. */
void vfmig_work_done(struct vfmig_device *device);

/* Whether there will be nothing to process until the device is asked something; as ops->rests(). */
bool vfmig_device_rests(struct vfmig_device *device);

/* The last of vfmig_device_init() and the first of vfmig_device_fini(). */
int vfmig_work_init(struct vfmig_device *device, struct vfmig_error *err);
void vfmig_work_fini(struct vfmig_device *device);

#endif
