/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a device's file does with an iommufd: it is bound to one, and attached to a page table or an IOAS of it.
 */
#include <errno.h>

#include "export/dev-vfio/iommufd.h"

long vfmig_dv_bind(struct dv_file *file, void *arg)
{
	struct dv_slot *slot = file->slot;
	struct vfmig_bind_iommufd bind;
	struct dv_object object = {.kind = DV_OBJECT_DEVICE, .slot = slot};
	struct dv_file *other;
	size_t take;
	long ret = 0;

	if (!file->cdev)
		return -ENOTTY;
	if (vfmig_dv_copy_in(&bind, arg, sizeof(bind)))
		return -EFAULT;
	if (vfmig_ioctl_check(VFMIG_IOCTL_DEVICE_BIND_IOMMUFD, &bind, sizeof(bind), &take) ||
	    bind.iommufd < 0)
		return -EINVAL;
	other = vfmig_dev_vfio_known(file->view, bind.iommufd)
			? vfmig_dv_get(file->view, bind.iommufd)
			: NULL;
	if (!other)
		return -EBADF;
	pthread_mutex_lock(&slot->lock);
	if (other->kind != DV_IOMMUFD) {
		ret = -EBADF;
	} else if (slot->iommufd) {
		ret = -EINVAL;
	} else {
		pthread_mutex_lock(&other->iommufd->lock);
		bind.out_devid = vfmig_dv_object_add(other->iommufd, &object);
		pthread_mutex_unlock(&other->iommufd->lock);
		ret = bind.out_devid ? 0 : -ENOMEM;
	}
	if (!ret) {
		slot->iommufd = other->iommufd;
		slot->devid = bind.out_devid;
		atomic_fetch_add(&slot->iommufd->refs, 1);
		file->bound = true;
	}
	pthread_mutex_unlock(&slot->lock);
	vfmig_dv_put(other);
	return ret ? ret : vfmig_dv_copy_out(arg, &bind, sizeof(bind));
}

/* Under the slot's lock. */
static void detach(struct dv_slot *slot)
{
	struct dv_iommufd *iommufd = slot->iommufd;
	struct dv_object *hwpt;

	if (!slot->ioas)
		return;
	vfmig_dv_ioas_detach(slot);
	pthread_mutex_lock(&iommufd->lock);
	hwpt = vfmig_dv_object(iommufd, slot->pt, DV_OBJECT_HWPT);
	if (hwpt && !--hwpt->uses && hwpt->automatic)
		vfmig_dv_object_remove(iommufd, slot->pt);
	pthread_mutex_unlock(&iommufd->lock);
	slot->pt = 0;
}

/* The page table that is meant, in use; an IOAS gets one of its own. */
static long choose(struct dv_iommufd *iommufd, uint32_t *id, struct dv_ioas **ioas)
{
	struct dv_object *hwpt;

	if (vfmig_dv_object(iommufd, *id, DV_OBJECT_IOAS)) {
		*id = vfmig_dv_hwpt_add(iommufd, *id, true, true);
		if (!*id)
			return -ENOMEM;
	}
	hwpt = vfmig_dv_object(iommufd, *id, DV_OBJECT_HWPT);
	if (!hwpt)
		return -ENOENT;
	hwpt->uses++;
	*ioas = hwpt->ioas;
	return 0;
}

long vfmig_dv_attach_pt(struct dv_file *file, void *arg)
{
	struct dv_slot *slot = file->slot;
	struct vfmig_attach_pt attach;
	struct vfmig_error err = {0};
	struct dv_ioas *ioas = NULL;
	struct dv_object *hwpt;
	size_t take;
	long ret;

	if (vfmig_dv_copy_in(&attach, arg, sizeof(attach)))
		return -EFAULT;
	if (vfmig_ioctl_check(VFMIG_IOCTL_DEVICE_ATTACH_PT, &attach, sizeof(attach), &take))
		return -EINVAL;
	pthread_mutex_lock(&slot->lock);
	pthread_mutex_lock(&slot->iommufd->lock);
	ret = choose(slot->iommufd, &attach.pt_id, &ioas);
	pthread_mutex_unlock(&slot->iommufd->lock);
	if (!ret) {
		/* To attach it elsewhere is to move it. */
		detach(slot);
		ret = vfmig_dv_ioas_attach(ioas, slot, &err);
		if (!ret) {
			slot->pt = attach.pt_id;
		} else {
			vfmig_dv_say(slot->view, "%s", err.text);
			pthread_mutex_lock(&slot->iommufd->lock);
			hwpt = vfmig_dv_object(slot->iommufd, attach.pt_id, DV_OBJECT_HWPT);
			if (!--hwpt->uses && hwpt->automatic)
				vfmig_dv_object_remove(slot->iommufd, attach.pt_id);
			pthread_mutex_unlock(&slot->iommufd->lock);
		}
	}
	pthread_mutex_unlock(&slot->lock);
	return ret ? ret : vfmig_dv_copy_out(arg, &attach, sizeof(attach));
}

long vfmig_dv_detach_pt(struct dv_file *file, void *arg)
{
	struct vfmig_detach_pt given;
	size_t take;

	if (vfmig_dv_copy_in(&given, arg, sizeof(given)))
		return -EFAULT;
	if (vfmig_ioctl_check(VFMIG_IOCTL_DEVICE_DETACH_PT, &given, sizeof(given), &take))
		return -EINVAL;
	pthread_mutex_lock(&file->slot->lock);
	detach(file->slot);
	pthread_mutex_unlock(&file->slot->lock);
	return 0;
}

/* Under the slot's lock. */
void vfmig_dv_unbind(struct dv_slot *slot)
{
	struct dv_iommufd *iommufd = slot->iommufd;

	if (!iommufd)
		return;
	detach(slot);
	pthread_mutex_lock(&iommufd->lock);
	vfmig_dv_object_remove(iommufd, slot->devid);
	pthread_mutex_unlock(&iommufd->lock);
	slot->iommufd = NULL;
	vfmig_dv_iommufd_put(iommufd);
}
