/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Describe a device for `vfmig info`: as columns, or as events with --json.
 *
 * Each function returns 0, or an exit code after printing an error.
 */
#ifndef CLI_DESCRIBE_H
#define CLI_DESCRIBE_H

#include <vfmig/info.h>

/* Join the words whose bit is set: "a, b". */
const char *describe_words(uint64_t bits, const char *const *word, size_t count, char *out,
			   size_t size);

/* The device, its configuration space if it has one, and its capabilities. */
int describe_device(struct vfmig_device *device, const struct vfmig_device_details *about);
int describe_regions(struct vfmig_device *device, const struct vfmig_device_details *about);
int describe_irqs(struct vfmig_device *device, const struct vfmig_device_details *about);
/* The properties of a container that the device is in. */
int describe_iommu(struct vfmig_device *device);

#endif
