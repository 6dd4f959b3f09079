/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Describing a device for `vfmig info`: for people in columns, for programs an event for each thing.
 *
 * Each returns 0, or an exit code after a sentence.
 */
#ifndef CLI_DESCRIBE_H
#define CLI_DESCRIBE_H

#include <vfmig/info.h>

/* "a, b" of the words whose bit is set. */
const char *describe_words(uint64_t bits, const char *const *word, size_t count, char *out,
			   size_t size);

/* The device itself, its configuration space if it has one, and its capabilities. */
int describe_device(struct vfmig_device *device, const struct vfmig_device_details *about);
int describe_regions(struct vfmig_device *device, const struct vfmig_device_details *about);
int describe_irqs(struct vfmig_device *device, const struct vfmig_device_details *about);
/* What a container with the device in it says. */
int describe_iommu(struct vfmig_device *device);

#endif
