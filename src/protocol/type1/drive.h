/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The user's side of a type1 container: what a source whose devices sit in one does with it. Maps go in and out,
 * and the container is a tracker of the space that they come from, in the place of its devices' own logs.
 *
 * How the container is asked is the caller's: by ioctl on a kernel's file descriptor, or a vfmig_type1_ioctl() of our own.
 */
#ifndef VFMIG_PROTOCOL_TYPE1_DRIVE_H
#define VFMIG_PROTOCOL_TYPE1_DRIVE_H

#include <vfmig/space.h>

#include "abi/type1.h"

struct vfmig_type1_drive;

/**
 * vfmig_type1_ask_fn() - one ioctl
 * @context: the caller's
 * @number: VFMIG_IOCTL_IOMMU_..., n of _IO(';', n)
 * @arg: its structure
 *
 * Return: 0 or a negative errno.
 */
typedef int (*vfmig_type1_ask_fn)(void *context, uint32_t number, void *arg);

/*
 * Asks the container what it says of itself. Nothing may be mapped in it yet.
 * Return: 0; what it answered; -EPROTO for an answer that makes no sense; -ENOMEM.
 */
int vfmig_type1_drive_new(vfmig_type1_ask_fn ask, void *context, struct vfmig_type1_drive **drive,
			  struct vfmig_error *err);
/* Leaves the maps to the container, which goes with them. The tracker must have been removed. NULL is fine. */
void vfmig_type1_drive_free(struct vfmig_type1_drive *drive);

/* What it said, but for dma_avail, which changes. */
const struct vfmig_type1_says *vfmig_type1_drive_says(const struct vfmig_type1_drive *drive);

/* A map of memory of this process goes in. Any other kind is refused with -EOPNOTSUPP. */
int vfmig_type1_drive_map(struct vfmig_type1_drive *drive, const struct vfmig_map *map,
			  struct vfmig_error *err);
/* It comes out, as it went in; what was written there is kept for the tracker. */
int vfmig_type1_drive_unmap(struct vfmig_type1_drive *drive, const struct vfmig_map *map,
			    struct vfmig_error *err);

/*
 * The tracker, for vfmig_space_add_tracker(): it speaks for @device (which may be NULL), and lives as long as the
 * drive. -EOPNOTSUPP at its start if the container has no MIGRATION capability.
 */
const struct vfmig_tracker *vfmig_type1_drive_tracker(struct vfmig_type1_drive *drive,
						      struct vfmig_device *device);

#endif
