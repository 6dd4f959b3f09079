/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A device's file: information, regions, interrupts, reset. What a device answers is laid out as the uAPI has it already;
 * here it gets the caller's sizes, and the places of its regions in the file.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "export/dev-vfio/priv.h"

/* A region has no more to say of itself than fits here. */
#define REGION_INFO_MAX 65536u

/* ---- opening and closing ---- */

/*
 * As Linux: opening a device resets it, if it has a reset, so that it is RUNNING, whatever its last
 * user left.
 */
static int begin_reset(struct vfmig_device *device, struct vfmig_error *err)
{
	struct vfmig_device_info info = {0};
	int ret = vfmig_device_get_info(device, &info, err);

	if (ret || !(info.flags & VFMIG_DEVICE_FLAG_RESET))
		return ret;
	ret = vfmig_device_reset(device, err);
	return ret ? vfmig_err_at(err, ret, "device %s: reset at open", vfmig_device_name(device))
		   : 0;
}

/* Regions get places of one size in the device's file, so that no access to one reaches the next. */
static int lay_out(struct dev_vfio_slot *slot, struct vfmig_error *err)
{
	struct vfmig_device_info info = {0};
	int ret = vfmig_device_get_info(slot->device, &info, err);

	slot->shift = DEV_VFIO_REGION_SHIFT;
	for (uint32_t i = 0; i < info.num_regions && !ret; i++) {
		struct vfmig_region_info region = {.argsz = sizeof(region), .index = i};
		struct vfmig_request request = {.op = VFMIG_OP_REGION_INFO};

		request.info.index = i;
		request.info.buf = &region;
		request.info.size = sizeof(region);
		if (vfmig_call(slot->device, &request) < (ssize_t)sizeof(region))
			continue; /* one that there is not */
		while (slot->shift < 63 && region.size > 1ull << slot->shift)
			slot->shift++;
		/* Offsets in a file have 63 bits. */
		if (info.num_regions > 1ull << (63 - slot->shift))
			ret = vfmig_err(
				err, -EFBIG,
				"device %s: its %u regions, of which region %u has 0x%llx bytes, do not fit into the offsets of a file",
				vfmig_device_name(slot->device), info.num_regions, i,
				(unsigned long long)region.size);
	}
	return ret;
}

/* Under the slot's lock. */
static int begin(struct dev_vfio_slot *slot, struct vfmig_error *err)
{
	struct dev_vfio *view = slot->view;
	int ret = view->config.open(view->config.context, slot->n, &slot->device, err);

	if (ret)
		return ret;
	/* A device that writes to memory on its own does so in a thread, as hardware would. */
	ret = vfmig_device_start(slot->device, err);
	if (!ret)
		ret = lay_out(slot, err);
	if (!ret)
		ret = begin_reset(slot->device, err);
	if (!ret)
		dev_vfio_migration_begin(slot);
	if (ret) {
		vfmig_device_close(slot->device);
		slot->device = NULL;
	}
	return ret;
}

int dev_vfio_slot_use(struct dev_vfio_slot *slot, struct vfmig_error *err)
{
	int ret = 0;

	pthread_mutex_lock(&slot->lock);
	if (!slot->device)
		ret = begin(slot, err);
	if (!ret)
		slot->users++;
	pthread_mutex_unlock(&slot->lock);
	return ret;
}

void dev_vfio_slot_unuse(struct dev_vfio_slot *slot)
{
	pthread_mutex_lock(&slot->lock);
	if (!--slot->users) {
		dev_vfio_unbind(slot);
		dev_vfio_ioas_detach(slot);
		vfmig_device_close(slot->device);
		slot->device = NULL;
		slot->session++;
	}
	pthread_mutex_unlock(&slot->lock);
}

int dev_vfio_device_file(struct dev_vfio_slot *slot, bool cdev, int flags)
{
	struct dev_vfio_file *file = dev_vfio_file(slot->view, DEV_VFIO_DEVICE);
	int fd;

	if (!file) {
		dev_vfio_slot_unuse(slot);
		return -ENOMEM;
	}
	file->slot = slot;
	file->cdev = cdev;
	file->bound = !cdev;
	fd = dev_vfio_install(file, "vfio-device", flags);
	if (fd < 0)
		dev_vfio_slot_unuse(slot);
	return fd;
}

/* One VMM at a time has a device's own file, and not while its group is open. */
int dev_vfio_open_cdev(struct dev_vfio_slot *slot, int flags)
{
	struct vfmig_error err = {0};
	bool busy;
	int ret;

	pthread_mutex_lock(&slot->lock);
	busy = slot->group_open || slot->users;
	pthread_mutex_unlock(&slot->lock);
	if (busy)
		return -EBUSY;
	ret = dev_vfio_slot_use(slot, &err);
	if (ret) {
		dev_vfio_say(slot->view, "%s", err.text);
		return ret;
	}
	return dev_vfio_device_file(slot, true, flags);
}

void dev_vfio_device_close(struct dev_vfio_file *file)
{
	dev_vfio_slot_unuse(file->slot);
}

/* ---- information ---- */

/* The caller's argsz, at least what the structure had in the beginning; the structure into @buf. */
static long fetch(uint32_t nr, void *buf, const void *arg, size_t *take)
{
	const struct abi_ioctl_kind *kind = abi_ioctl_find_kind(nr);

	if (dev_vfio_copy_in(buf, arg, kind->min))
		return -EFAULT;
	return abi_ioctl_check(nr, buf, kind->min, take) ? -EINVAL : 0;
}

static long device_info(struct vfmig_device *device, void *arg)
{
	struct vfmig_device_info info = {0}, given;
	size_t take;
	long ret = fetch(VFMIG_IOCTL_DEVICE_GET_INFO, &given, arg, &take);

	if (!ret)
		ret = vfmig_device_get_info(device, &info, NULL);
	if (ret)
		return ret;
	/* As long as no device has capabilities to show here. */
	info.flags &= VFMIG_DEVICE_FLAG_RESET | VFMIG_DEVICE_FLAG_PCI;
	info.cap_offset = 0;
	info.argsz = given.argsz < sizeof(info) ? sizeof(info) - sizeof(info.pad) : given.argsz;
	return dev_vfio_copy_out(arg, &info, take);
}

static long region_info(struct dev_vfio_slot *slot, void *arg)
{
	struct vfmig_region_info given, *info;
	struct vfmig_request request = {.op = VFMIG_OP_REGION_INFO};
	size_t take, len;
	long ret = fetch(VFMIG_IOCTL_DEVICE_GET_REGION_INFO, &given, arg, &take);

	if (ret)
		return ret;
	len = given.argsz < REGION_INFO_MAX ? given.argsz : REGION_INFO_MAX;
	info = calloc(1, len);
	if (!info)
		return -ENOMEM;
	request.info.index = given.index;
	request.info.buf = info;
	request.info.size = len;
	ret = vfmig_call(slot->device, &request);
	if (ret >= 0 && (size_t)ret < sizeof(*info))
		ret = -EIO;
	if (ret >= 0) {
		info->argsz = (uint32_t)ret;
		info->offset = (uint64_t)given.index << slot->shift;
		/*
		 * If the capabilities do not fit, they are left out; argsz is the size for the next
		 * call.
		 */
		if ((size_t)ret > len)
			info->cap_offset = 0;
		ret = dev_vfio_copy_out(arg, info, (size_t)ret < len ? (size_t)ret : len);
	}
	free(info);
	return ret;
}

static long irq_info(struct vfmig_device *device, void *arg)
{
	struct vfmig_irq_info info;
	size_t take;
	uint32_t index;
	long ret = fetch(VFMIG_IOCTL_DEVICE_GET_IRQ_INFO, &info, arg, &take);

	if (ret)
		return ret;
	index = info.index;
	ret = vfmig_device_get_irq_info(device, index, &info, NULL);
	if (ret)
		return ret;
	/* As the kernel has it for functions without error reporting: a VMM warns of a count of 0. */
	if (index == VFMIG_PCI_IRQ_ERR && !info.count)
		return -EINVAL;
	info.argsz = sizeof(info);
	return dev_vfio_copy_out(arg, &info, sizeof(info));
}

/* ---- interrupts, reset ---- */

static long set_irqs(struct vfmig_device *device, void *arg)
{
	struct vfmig_request request = {.op = VFMIG_OP_SET_IRQS};
	struct vfmig_irq_set set;
	size_t bytes, take;
	uint8_t *data = NULL;
	long ret = fetch(VFMIG_IOCTL_DEVICE_SET_IRQS, &set, arg, &take);

	if (ret)
		return ret;
	if (abi_irq_set_check(&set, &bytes))
		return -EINVAL;
	if (bytes) {
		data = malloc(bytes);
		if (!data)
			return -ENOMEM;
		if (dev_vfio_copy_in(data, (const char *)arg + sizeof(set), bytes)) {
			free(data);
			return -EFAULT;
		}
	}
	request.irqs.flags = set.flags;
	request.irqs.index = set.index;
	request.irqs.start = set.start;
	request.irqs.count = set.count;
	if (set.flags & VFMIG_IRQ_SET_DATA_EVENTFD)
		request.irqs.fds = (const int32_t *)(void *)data;
	else
		request.irqs.bools = data;
	ret = vfmig_call(device, &request);
	free(data);
	return ret;
}

static long reset(struct dev_vfio_slot *slot)
{
	struct vfmig_error err = {0};
	long ret;

	pthread_mutex_lock(&slot->lock);
	ret = vfmig_device_reset(slot->device, &err);
	dev_vfio_migration_reset(slot);
	pthread_mutex_unlock(&slot->lock);
	if (ret)
		dev_vfio_say(slot->view, "reset: %s", err.text);
	return ret;
}

long dev_vfio_device_ioctl(struct dev_vfio_file *file, uint32_t nr, void *arg)
{
	struct vfmig_device *device = file->slot->device;

	if (nr == ABI_IOCTL_DEVICE_BIND_IOMMUFD)
		return dev_vfio_bind(file, arg);
	if (!file->bound)
		return -EINVAL;
	switch (nr) {
	case VFMIG_IOCTL_DEVICE_GET_INFO:
		return device_info(device, arg);
	case VFMIG_IOCTL_DEVICE_GET_REGION_INFO:
		return region_info(file->slot, arg);
	case VFMIG_IOCTL_DEVICE_GET_IRQ_INFO:
		return irq_info(device, arg);
	case VFMIG_IOCTL_DEVICE_SET_IRQS:
		return set_irqs(device, arg);
	case VFMIG_IOCTL_DEVICE_RESET:
		return reset(file->slot);
	case ABI_IOCTL_DEVICE_HOT_RESET_INFO:
		return -ENODEV; /* as where neither slot nor bus can be reset */
	case VFMIG_IOCTL_DEVICE_FEATURE:
		return dev_vfio_feature(file->slot, arg);
	case ABI_IOCTL_DEVICE_ATTACH_PT:
		return file->cdev ? dev_vfio_attach_pt(file, arg) : -ENOTTY;
	case ABI_IOCTL_DEVICE_DETACH_PT:
		return file->cdev ? dev_vfio_detach_pt(file, arg) : -ENOTTY;
	default:
		return -ENOTTY;
	}
}

/* ---- regions ---- */

ssize_t dev_vfio_region(struct dev_vfio_file *file, void *buf, size_t len, int64_t offset,
			bool write)
{
	struct vfmig_request request = {.op = write ? VFMIG_OP_REGION_WRITE : VFMIG_OP_REGION_READ};
	uint64_t at = (uint64_t)offset;

	if (offset < 0 || !file->bound)
		return -EINVAL;
	if (!len)
		return 0;
	request.region.index = (uint32_t)(at >> file->slot->shift);
	request.region.offset = at & ((1ull << file->slot->shift) - 1);
	/* Short reads are allowed: the caller continues after one. */
	request.region.len = len < 1u << 30 ? (uint32_t)len : 1u << 30;
	request.region.buf = buf;
	return vfmig_call(file->slot->device, &request);
}

static int mappable(const struct vfmig_region *region, uint64_t at, size_t len)
{
	for (uint32_t i = 0; i < region->areas; i++)
		if (at >= region->area[i].offset && len <= region->area[i].size &&
		    at - region->area[i].offset <= region->area[i].size - len)
			return 0;
	return -EINVAL;
}

int dev_vfio_mmap(struct dev_vfio *view, int fd, size_t len, int64_t offset, int *real,
		  int64_t *real_offset)
{
	struct dev_vfio_file *file = dev_vfio_get(view, fd);
	struct vfmig_request request = {.op = VFMIG_OP_REGION_FD};
	uint64_t at = 0;
	uint32_t index = 0;
	struct vfmig_region *region = malloc(sizeof(*region));
	int ret = -ENODEV;

	if (!file) {
		free(region);
		return DEV_VFIO_NOT_OURS;
	}
	if (!region) {
		ret = -ENOMEM;
	} else if (file->kind == DEV_VFIO_DEVICE && file->bound && offset >= 0) {
		at = (uint64_t)offset & ((1ull << file->slot->shift) - 1);
		index = (uint32_t)((uint64_t)offset >> file->slot->shift);
		ret = vfmig_device_get_region_info(file->slot->device, index, region, NULL);
	}
	if (!ret)
		ret = mappable(region, at, len);
	if (!ret) {
		request.region_fd.index = index;
		request.region_fd.fd = -1;
		ret = (int)vfmig_call(file->slot->device, &request);
	}
	if (!ret) {
		*real = request.region_fd.fd;
		*real_offset = (int64_t)(request.region_fd.file_offset + at);
	}
	free(region);
	dev_vfio_put(file);
	return ret;
}
