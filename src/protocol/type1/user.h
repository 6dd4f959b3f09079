/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The user's side of a type1 container: what a source whose devices sit in one does with it. Maps go in and out,
 * and the container is a tracker of the space that they come from, in the place of its devices' own logs.
 *
 * How the container is asked is the caller's: by ioctl on a kernel's file descriptor, or a vfmig_type1_ioctl() of our own.
 */
#ifndef TYPE1_USER_H
#define TYPE1_USER_H

#include <vfmig/space.h>

#include "abi/type1.h"

struct type1_user;

/**
 * type1_ask_fn() - one ioctl
 * @context: the caller's
 * @number: VFMIG_IOCTL_IOMMU_..., n of _IO(';', n)
 * @arg: its structure
 *
 * Return: 0 or a negative errno.
 */
typedef int (*type1_ask_fn)(void *context, uint32_t number, void *arg);

/*
 * Asks the container what it says of itself. Nothing may be mapped in it yet.
 * Return: 0; what it answered; -EPROTO for an answer that makes no sense; -ENOMEM.
 */
int type1_user_new(type1_ask_fn ask, void *context, struct type1_user **user,
		   struct vfmig_error *err);
/* Leaves the maps to the container, which goes with them. The tracker must have been removed. NULL is fine. */
void type1_user_free(struct type1_user *user);

/* What it said, but for dma_avail, which changes. */
const struct abi_type1_says *type1_user_reported(const struct type1_user *user);

/* A map of memory of this process goes in. Any other kind is refused with -EOPNOTSUPP. */
int type1_user_map(struct type1_user *user, const struct vfmig_map *map, struct vfmig_error *err);
/* It comes out, as it went in; what was written there is kept for the tracker. */
int type1_user_unmap(struct type1_user *user, const struct vfmig_map *map, struct vfmig_error *err);

/*
 * The tracker, for vfmig_space_add_tracker(): it speaks for @device (which may be NULL), and lives as long as the
 * drive. -EOPNOTSUPP at its start if the container has no MIGRATION capability.
 */
const struct vfmig_tracker *type1_user_tracker(struct type1_user *user,
					       struct vfmig_device *device);

#endif
