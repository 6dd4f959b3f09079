/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Containers and groups: the older way to a device. Each device is a group of its own, and groups in one
 * container share its address space.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "export/dev-vfio/priv.h"

/* The longest name by which a caller may request a device. */
#define NAME_MAX_HERE 64u

static void container_put(struct dev_vfio *view, struct dev_vfio_container *container)
{
	bool last;

	pthread_mutex_lock(&view->lock);
	last = !--container->refs;
	pthread_mutex_unlock(&view->lock);
	if (!last)
		return;
	dev_vfio_ioas_put(container->ioas);
	pthread_mutex_destroy(&container->lock);
	free(container);
}

int dev_vfio_open_container(struct dev_vfio *view, int flags)
{
	struct dev_vfio_file *file = dev_vfio_file(view, DEV_VFIO_CONTAINER);
	struct dev_vfio_container *container = calloc(1, sizeof(*container));
	int fd;

	if (!file || !container) {
		free(file);
		free(container);
		return -ENOMEM;
	}
	container->refs = 1;
	pthread_mutex_init(&container->lock, NULL);
	file->container = container;
	fd = dev_vfio_install(file, "vfio-container", flags);
	if (fd < 0)
		container_put(view, container);
	return fd;
}

void dev_vfio_container_close(struct dev_vfio_file *file)
{
	container_put(file->view, file->container);
}

int dev_vfio_open_group(struct dev_vfio_slot *slot, int flags)
{
	struct dev_vfio_file *file = dev_vfio_file(slot->view, DEV_VFIO_GROUP);
	bool busy;
	int fd;

	if (!file)
		return -ENOMEM;
	pthread_mutex_lock(&slot->lock);
	busy = slot->group_open || slot->users;
	if (!busy)
		slot->group_open = true;
	pthread_mutex_unlock(&slot->lock);
	if (busy) {
		free(file);
		return -EBUSY;
	}
	file->slot = slot;
	fd = dev_vfio_install(file, "vfio-group", flags);
	if (fd < 0) {
		pthread_mutex_lock(&slot->lock);
		slot->group_open = false;
		pthread_mutex_unlock(&slot->lock);
	}
	return fd;
}

/* A device that is still open stays in its address space; its group can be opened again when it is closed. */
void dev_vfio_group_close(struct dev_vfio_file *file)
{
	struct dev_vfio_slot *slot = file->slot;
	struct dev_vfio_container *container;

	pthread_mutex_lock(&slot->lock);
	container = slot->container;
	slot->container = NULL;
	slot->group_open = false;
	pthread_mutex_unlock(&slot->lock);
	if (!container)
		return;
	pthread_mutex_lock(&container->lock);
	container->groups--;
	pthread_mutex_unlock(&container->lock);
	container_put(file->view, container);
}

/* ---- a container ---- */

static long set_iommu(struct dev_vfio_file *file, struct dev_vfio_container *container,
		      unsigned long type)
{
	/*
	 * As the kernel: the container must have a group, whose IOMMU it is, and the IOMMU is set
	 * once.
	 */
	if (!container->groups || container->ioas)
		return -EINVAL;
	if (type != VFMIG_EXTENSION_TYPE1 && type != VFMIG_EXTENSION_TYPE1V2)
		return -ENODEV;
	container->ioas = dev_vfio_ioas_new(file->view);
	if (container->ioas && dev_vfio_type1_new(container->ioas, type == VFMIG_EXTENSION_TYPE1)) {
		dev_vfio_ioas_put(container->ioas);
		container->ioas = NULL;
	}
	return container->ioas ? 0 : -ENOMEM;
}

static long check_extension(unsigned long extension)
{
	switch (extension) {
	case VFMIG_EXTENSION_TYPE1:
	case VFMIG_EXTENSION_TYPE1V2:
	case VFMIG_EXTENSION_CC_IOMMU:
	case VFMIG_EXTENSION_UNMAP_ALL:
		return 1;
	default:
		return 0;
	}
}

long dev_vfio_container_ioctl(struct dev_vfio_file *file, uint32_t nr, void *arg)
{
	struct dev_vfio_container *container = file->container;
	struct dev_vfio_ioas *ioas;
	long ret;

	switch (nr) {
	case VFMIG_IOCTL_GET_API_VERSION:
		return 0;
	case VFMIG_IOCTL_CHECK_EXTENSION:
		return check_extension((unsigned long)(uintptr_t)arg);
	case VFMIG_IOCTL_SET_IOMMU:
		pthread_mutex_lock(&container->lock);
		ret = set_iommu(file, container, (unsigned long)(uintptr_t)arg);
		pthread_mutex_unlock(&container->lock);
		return ret;
	default:
		break;
	}
	pthread_mutex_lock(&container->lock);
	ioas = container->ioas;
	pthread_mutex_unlock(&container->lock);
	return ioas ? dev_vfio_type1_ioctl(ioas, nr, arg) : -EINVAL;
}

/* ---- a group ---- */

static long get_status(struct dev_vfio_slot *slot, void *arg)
{
	struct abi_group_status status;
	size_t take;

	if (dev_vfio_copy_in(&status, arg, sizeof(status)))
		return -EFAULT;
	if (abi_ioctl_check(ABI_IOCTL_GROUP_GET_STATUS, &status, sizeof(status), &take))
		return -EINVAL;
	pthread_mutex_lock(&slot->lock);
	status.flags = ABI_GROUP_VIABLE | (slot->container ? ABI_GROUP_CONTAINER_SET : 0);
	pthread_mutex_unlock(&slot->lock);
	return dev_vfio_copy_out(arg, &status, sizeof(status));
}

static long set_container(struct dev_vfio_slot *slot, void *arg)
{
	struct dev_vfio_file *file;
	int32_t fd;
	long ret = 0;

	if (dev_vfio_copy_in(&fd, arg, sizeof(fd)))
		return -EFAULT;
	file = dev_vfio_known(slot->view, fd) ? dev_vfio_get(slot->view, fd) : NULL;
	if (!file)
		return -EBADF;
	pthread_mutex_lock(&slot->lock);
	if (file->kind != DEV_VFIO_CONTAINER) {
		ret = -EINVAL;
	} else if (slot->container) {
		ret = -EINVAL;
	} else {
		slot->container = file->container;
		pthread_mutex_lock(&file->container->lock);
		file->container->groups++;
		pthread_mutex_unlock(&file->container->lock);
		pthread_mutex_lock(&slot->view->lock);
		file->container->refs++;
		pthread_mutex_unlock(&slot->view->lock);
	}
	pthread_mutex_unlock(&slot->lock);
	dev_vfio_put(file);
	return ret;
}

static long unset_container(struct dev_vfio_slot *slot)
{
	struct dev_vfio_container *container;
	struct dev_vfio_ioas *ioas = NULL;

	pthread_mutex_lock(&slot->lock);
	container = slot->users ? NULL : slot->container;
	if (container)
		slot->container = NULL;
	pthread_mutex_unlock(&slot->lock);
	if (!container)
		return slot->users ? -EBUSY : -EINVAL;
	pthread_mutex_lock(&container->lock);
	/* Without groups a container has no IOMMU any more, and its maps go with it. */
	if (!--container->groups) {
		ioas = container->ioas;
		container->ioas = NULL;
	}
	pthread_mutex_unlock(&container->lock);
	dev_vfio_ioas_put(ioas);
	container_put(slot->view, container);
	return 0;
}

static bool is_name(const struct dev_vfio_slot *slot, const void *arg)
{
	char name[NAME_MAX_HERE] = "", own[NAME_MAX_HERE];

	snprintf(own, sizeof(own), "vfmig%u", slot->n);
	return !dev_vfio_copy_in(name, arg, strlen(own) + 1) && !strcmp(name, own);
}

static long get_device(struct dev_vfio_slot *slot, void *arg)
{
	struct vfmig_error err = {0};
	struct dev_vfio_container *container;
	struct dev_vfio_ioas *ioas = NULL;
	long ret;

	if (!is_name(slot, arg))
		return -ENODEV;
	pthread_mutex_lock(&slot->lock);
	container = slot->container;
	if (container) {
		pthread_mutex_lock(&container->lock);
		ioas = container->ioas;
		if (ioas)
			atomic_fetch_add(&ioas->refs, 1);
		pthread_mutex_unlock(&container->lock);
	}
	pthread_mutex_unlock(&slot->lock);
	if (!ioas)
		return -EINVAL;
	ret = dev_vfio_slot_use(slot, &err);
	if (!ret) {
		pthread_mutex_lock(&slot->lock);
		if (!slot->ioas)
			ret = dev_vfio_ioas_attach(ioas, slot, &err);
		pthread_mutex_unlock(&slot->lock);
		if (ret)
			dev_vfio_slot_unuse(slot);
	}
	if (ret)
		dev_vfio_say(slot->view, "%s", err.text);
	else
		ret = dev_vfio_device_file(slot, false, O_CLOEXEC);
	dev_vfio_ioas_put(ioas);
	return ret;
}

long dev_vfio_group_ioctl(struct dev_vfio_file *file, uint32_t nr, void *arg)
{
	switch (nr) {
	case ABI_IOCTL_GROUP_GET_STATUS:
		return get_status(file->slot, arg);
	case ABI_IOCTL_GROUP_SET_CONTAINER:
		return set_container(file->slot, arg);
	case ABI_IOCTL_GROUP_UNSET_CONTAINER:
		return unset_container(file->slot);
	case ABI_IOCTL_GROUP_GET_DEVICE_FD:
		return get_device(file->slot, arg);
	default:
		return -ENOTTY;
	}
}
