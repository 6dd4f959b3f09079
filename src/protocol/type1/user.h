/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The user's side of a type1 container, for a source whose devices are in one. It maps and unmaps,
 * and the container is a tracker of the space that the maps come from, in place of the devices'
 * own logs.
 *
 * The caller provides the ioctl: a kernel's file descriptor, or a vfmig_type1_ioctl() of this
 * library.
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
 * Reads the container's information. The container must have no maps yet.
 * Return: 0; the container's error; -EPROTO for an invalid answer; -ENOMEM.
 */
int type1_user_new(type1_ask_fn ask, void *context, struct type1_user **user,
		   struct vfmig_error *err);
/*
 * Keeps the maps in the container; they go when it is closed. The tracker must have been removed.
 * NULL is allowed.
 */
void type1_user_free(struct type1_user *user);

/* The information, except dma_avail, which changes. */
const struct abi_type1_says *type1_user_reported(const struct type1_user *user);

/* Map memory of this process. Any other kind is refused with -EOPNOTSUPP. */
int type1_user_map(struct type1_user *user, const struct vfmig_map *map, struct vfmig_error *err);
/* Unmap, with the range of the map; its written pages are kept for the tracker. */
int type1_user_unmap(struct type1_user *user, const struct vfmig_map *map, struct vfmig_error *err);

/*
 * The tracker, for vfmig_space_add_tracker(): it reports for @device (which may be NULL), and
 * lives as long as the user side. Its start fails with -EOPNOTSUPP if the container has no
 * MIGRATION capability.
 */
const struct vfmig_tracker *type1_user_tracker(struct type1_user *user,
					       struct vfmig_device *device);

#endif
