/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The numbered objects of an iommufd's file: for the calls of the file itself, and for those of a device that is bound to
 * it. All under the file's lock.
 */
#ifndef EXPORT_DEV_VFIO_IOMMUFD_H
#define EXPORT_DEV_VFIO_IOMMUFD_H

#include "export/dev-vfio/priv.h"

enum dev_vfio_object_kind {
	DEV_VFIO_OBJECT_NONE,
	DEV_VFIO_OBJECT_IOAS,
	DEV_VFIO_OBJECT_HWPT,
	DEV_VFIO_OBJECT_DEVICE
};

/*
 * @uses: devices attached, page tables over it
 * @automatic: made by an attachment to an IOAS, and gone with it
 */
struct dev_vfio_object {
	enum dev_vfio_object_kind kind;
	unsigned uses;
	bool automatic, tracks;
	uint32_t ioas_id;
	struct dev_vfio_ioas *ioas;
	struct dev_vfio_slot *slot;
};

struct dev_vfio_iommufd {
	atomic_uint refs;
	struct dev_vfio *view;
	pthread_mutex_t lock;
	struct dev_vfio_object *objects; /* the number is the place; 0 is invalid */
	uint32_t count;
};

/*
 * Returns NULL if there is no object of this kind with this number. Valid until an object is added.
 */
struct dev_vfio_object *dev_vfio_object(struct dev_vfio_iommufd *iommufd, uint32_t id,
					enum dev_vfio_object_kind kind);
/* Its number, or 0. */
uint32_t dev_vfio_object_add(struct dev_vfio_iommufd *iommufd,
			     const struct dev_vfio_object *object);
void dev_vfio_object_remove(struct dev_vfio_iommufd *iommufd, uint32_t id);
/* A page table over an IOAS that there is. */
uint32_t dev_vfio_hwpt_add(struct dev_vfio_iommufd *iommufd, uint32_t ioas_id, bool tracks,
			   bool automatic);

#endif
