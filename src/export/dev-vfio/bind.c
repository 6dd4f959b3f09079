/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a device's file does with an iommufd: it is bound to one, and attached to a page table or an IOAS of it.
 */
#include <errno.h>

#include "export/dev-vfio/iommufd.h"

long dev_vfio_bind(struct dev_vfio_file *file, void *arg)
{
	struct dev_vfio_slot *slot = file->slot;
	struct abi_bind_iommufd bind;
	struct dev_vfio_object object = {.kind = DEV_VFIO_OBJECT_DEVICE, .slot = slot};
	struct dev_vfio_file *other;
	size_t take;
	long ret = 0;

	if (!file->cdev)
		return -ENOTTY;
	if (dev_vfio_copy_in(&bind, arg, sizeof(bind)))
		return -EFAULT;
	if (abi_ioctl_check(ABI_IOCTL_DEVICE_BIND_IOMMUFD, &bind, sizeof(bind), &take) ||
	    bind.iommufd < 0)
		return -EINVAL;
	other = dev_vfio_known(file->view, bind.iommufd) ? dev_vfio_get(file->view, bind.iommufd)
							 : NULL;
	if (!other)
		return -EBADF;
	pthread_mutex_lock(&slot->lock);
	if (other->kind != DEV_VFIO_IOMMUFD) {
		ret = -EBADF;
	} else if (slot->iommufd) {
		ret = -EINVAL;
	} else {
		pthread_mutex_lock(&other->iommufd->lock);
		bind.out_devid = dev_vfio_object_add(other->iommufd, &object);
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
	dev_vfio_put(other);
	return ret ? ret : dev_vfio_copy_out(arg, &bind, sizeof(bind));
}

/* Under the slot's lock. */
static void detach(struct dev_vfio_slot *slot)
{
	struct dev_vfio_iommufd *iommufd = slot->iommufd;
	struct dev_vfio_object *hwpt;

	if (!slot->ioas)
		return;
	dev_vfio_ioas_detach(slot);
	pthread_mutex_lock(&iommufd->lock);
	hwpt = dev_vfio_object(iommufd, slot->pt, DEV_VFIO_OBJECT_HWPT);
	if (hwpt && !--hwpt->uses && hwpt->automatic)
		dev_vfio_object_remove(iommufd, slot->pt);
	pthread_mutex_unlock(&iommufd->lock);
	slot->pt = 0;
}

/* The page table that is meant, in use; an IOAS gets one of its own. */
static long choose(struct dev_vfio_iommufd *iommufd, uint32_t *id, struct dev_vfio_ioas **ioas)
{
	struct dev_vfio_object *hwpt;

	if (dev_vfio_object(iommufd, *id, DEV_VFIO_OBJECT_IOAS)) {
		*id = dev_vfio_hwpt_add(iommufd, *id, true, true);
		if (!*id)
			return -ENOMEM;
	}
	hwpt = dev_vfio_object(iommufd, *id, DEV_VFIO_OBJECT_HWPT);
	if (!hwpt)
		return -ENOENT;
	hwpt->uses++;
	*ioas = hwpt->ioas;
	return 0;
}

long dev_vfio_attach_pt(struct dev_vfio_file *file, void *arg)
{
	struct dev_vfio_slot *slot = file->slot;
	struct abi_attach_pt attach;
	struct vfmig_error err = {0};
	struct dev_vfio_ioas *ioas = NULL;
	struct dev_vfio_object *hwpt;
	size_t take;
	long ret;

	if (dev_vfio_copy_in(&attach, arg, sizeof(attach)))
		return -EFAULT;
	if (abi_ioctl_check(ABI_IOCTL_DEVICE_ATTACH_PT, &attach, sizeof(attach), &take))
		return -EINVAL;
	pthread_mutex_lock(&slot->lock);
	pthread_mutex_lock(&slot->iommufd->lock);
	ret = choose(slot->iommufd, &attach.pt_id, &ioas);
	pthread_mutex_unlock(&slot->iommufd->lock);
	if (!ret) {
		/* To attach it elsewhere is to move it. */
		detach(slot);
		ret = dev_vfio_ioas_attach(ioas, slot, &err);
		if (!ret) {
			slot->pt = attach.pt_id;
		} else {
			dev_vfio_say(slot->view, "%s", err.text);
			pthread_mutex_lock(&slot->iommufd->lock);
			hwpt = dev_vfio_object(slot->iommufd, attach.pt_id, DEV_VFIO_OBJECT_HWPT);
			if (!--hwpt->uses && hwpt->automatic)
				dev_vfio_object_remove(slot->iommufd, attach.pt_id);
			pthread_mutex_unlock(&slot->iommufd->lock);
		}
	}
	pthread_mutex_unlock(&slot->lock);
	return ret ? ret : dev_vfio_copy_out(arg, &attach, sizeof(attach));
}

long dev_vfio_detach_pt(struct dev_vfio_file *file, void *arg)
{
	struct abi_detach_pt given;
	size_t take;

	if (dev_vfio_copy_in(&given, arg, sizeof(given)))
		return -EFAULT;
	if (abi_ioctl_check(ABI_IOCTL_DEVICE_DETACH_PT, &given, sizeof(given), &take))
		return -EINVAL;
	pthread_mutex_lock(&file->slot->lock);
	detach(file->slot);
	pthread_mutex_unlock(&file->slot->lock);
	return 0;
}

/* Under the slot's lock. */
void dev_vfio_unbind(struct dev_vfio_slot *slot)
{
	struct dev_vfio_iommufd *iommufd = slot->iommufd;

	if (!iommufd)
		return;
	detach(slot);
	pthread_mutex_lock(&iommufd->lock);
	dev_vfio_object_remove(iommufd, slot->devid);
	pthread_mutex_unlock(&iommufd->lock);
	slot->iommufd = NULL;
	dev_vfio_iommufd_put(iommufd);
}
