/* SPDX-License-Identifier: BSD-3-Clause */
/* Working a device: one thread polls its fd and processes, the others wait for that thread. */
#ifndef DEVICE_WORK_H
#define DEVICE_WORK_H

#include "device/device.h"

/*
 * Whether there will be nothing to process until the device gets another request; as ops->is_idle().
 */
bool device_is_idle(struct vfmig_device *device);

/* The last of device_init() and the first of device_fini(). */
int work_init(struct vfmig_device *device, struct vfmig_error *err);
void work_fini(struct vfmig_device *device);

#endif
