/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The numbered objects of an iommufd's file: for the calls of the file itself, and for those of a device that is bound to
 * it. All under the file's lock.
 */
#ifndef EXPORT_DEV_VFIO_IOMMUFD_H
#define EXPORT_DEV_VFIO_IOMMUFD_H

#include "export/dev-vfio/priv.h"

enum dv_object_kind { DV_OBJECT_NONE, DV_OBJECT_IOAS, DV_OBJECT_HWPT, DV_OBJECT_DEVICE };

/*
 * @uses: devices attached, page tables over it
 * @automatic: made by an attachment to an IOAS, and gone with it
 */
struct dv_object {
	enum dv_object_kind kind;
	unsigned uses;
	bool automatic, tracks;
	uint32_t ioas_id;
	struct dv_ioas *ioas;
	struct dv_slot *slot;
};

struct dv_iommufd {
	atomic_uint refs;
	struct dev_vfio *view;
	pthread_mutex_t lock;
	struct dv_object *objects; /* the number is the place; 0 is none */
	uint32_t count;
};

/* NULL if there is none of this kind by this number. Good until one is added. */
struct dv_object *dev_vfio_object(struct dv_iommufd *iommufd, uint32_t id,
				  enum dv_object_kind kind);
/* Its number, or 0. */
uint32_t dev_vfio_object_add(struct dv_iommufd *iommufd, const struct dv_object *object);
void dev_vfio_object_remove(struct dv_iommufd *iommufd, uint32_t id);
/* A page table over an IOAS that there is. */
uint32_t dev_vfio_hwpt_add(struct dv_iommufd *iommufd, uint32_t ioas_id, bool tracks,
			   bool automatic);

#endif
