/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Calls of /dev/vfio out of an input: what, of which file, an ioctl's number, how long the structure is, the structure.
 * A word of a structure that begins with 0xfe is made into an address in a buffer, with 0xfd in memory that may be
 * mapped; all others lead where they lead.
 */
#ifndef VFMIG_FUZZ_DEV_VFIO_CALLS_H
#define VFMIG_FUZZ_DEV_VFIO_CALLS_H

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <vfmig/open.h>

#include "abi/ioctl.h"
#include "export/dev-vfio/dev_vfio.h"
#include "fuzz/threads.h"

#define FILES 12
#define RAM   (64u << 10)
#define TYPE  ((unsigned long)ABI_IOCTL_TYPE << 8)

static uint8_t ram[RAM] __attribute__((aligned(4096)));
static __thread uint64_t buffer[1024], argument[64];
static _Atomic int files[FILES];

static int open_device(void *context, unsigned n, struct vfmig_device **device,
		       struct vfmig_error *err)
{
	return vfmig_open(n ? "model:copier,size=64K,logging=off"
			    : "model:copier,size=64K,window=mapped",
			  device, err);
}

/* Only what may be written by a device that somebody has made work. */
static int find(void *context, const void *ptr, size_t len, bool write, int *fd, uint64_t *offset)
{
	const uint8_t *at = ptr;

	*fd = -1;
	return at >= ram && len <= RAM && (size_t)(at - ram) <= RAM - len ? 0 : -EFAULT;
}

static void remember(struct dev_vfio *view, unsigned n, long fd)
{
	int before;

	if (fd < 0)
		return;
	before = atomic_exchange(&files[n % FILES], (int)fd);
	if (before >= 0)
		dev_vfio_close(view, before);
}

static void addresses(void)
{
	for (unsigned i = 0; i < sizeof(argument) / 8; i++) {
		if (argument[i] >> 56 == 0xfe)
			argument[i] = (uintptr_t)buffer + (argument[i] & 0xff8);
		else if (argument[i] >> 56 == 0xfd)
			argument[i] = (uintptr_t)ram + (argument[i] & 0xf000);
	}
}

static void one(struct dev_vfio *view, const uint8_t *head, const uint8_t *rest, size_t len)
{
	static const char *const paths[] = {"/dev/vfio/vfio",
					    "/dev/iommu",
					    "/dev/vfio/9000",
					    "/dev/vfio/9001",
					    "/dev/vfio/devices/vfio9000",
					    "/dev/vfio/devices/vfio9001"};
	int fd = files[head[1] % FILES];
	struct stat st = {0};
	int64_t offset, place;
	int real;

	memset(argument, 0, sizeof(argument));
	memcpy(argument, rest, len);
	addresses();
	memcpy(&offset, argument, sizeof(offset));
	switch (head[0] % 8) {
	case 0:
		remember(view, head[1], dev_vfio_open(view, paths[head[2] % 6], O_RDWR));
		break;
	case 1:
		dev_vfio_pread(view, fd, buffer, head[2], offset);
		break;
	case 2:
		dev_vfio_pwrite(view, fd, argument + 1, head[2], offset);
		break;
	case 3:
		dev_vfio_read(view, fd, buffer, head[2] * 8u);
		break;
	case 4:
		dev_vfio_write(view, fd, argument, len);
		break;
	case 5:
		if (!dev_vfio_mmap(view, fd, 4096u * head[2], offset, &real, &place))
			close(real);
		dev_vfio_fstat(view, fd, &st);
		break;
	default:
		/* Descriptors in structures are numbers of files here. */
		if (head[2] == ABI_IOCTL_GROUP_SET_CONTAINER)
			argument[0] = (uint32_t)files[head[0] % FILES];
		if (head[2] == ABI_IOCTL_DEVICE_BIND_IOMMUFD)
			argument[1] = (uint32_t)files[head[0] % FILES];
		real = (int)dev_vfio_ioctl(view, fd, TYPE | head[2], argument);
		if (head[2] == ABI_IOCTL_GROUP_GET_DEVICE_FD)
			remember(view, head[1] + 1u, real);
		if (head[2] == VFMIG_IOCTL_DEVICE_FEATURE && !real &&
		    (((uint32_t *)argument)[1] & VFMIG_FEATURE_MASK) == VFMIG_FEATURE_MIG_STATE)
			remember(view, head[1] + 2u, ((int32_t *)argument)[3]);
	}
}

/* Where most of it can be reached from: a container with a device, … */
static void open_container(struct dev_vfio *view)
{
	int container = dev_vfio_open(view, "/dev/vfio/vfio", O_RDWR);

	files[0] = container;
	files[1] = dev_vfio_open(view, "/dev/vfio/9000", O_RDWR);
	dev_vfio_ioctl(view, files[1], TYPE | ABI_IOCTL_GROUP_SET_CONTAINER, &container);
	dev_vfio_ioctl(view, files[0], TYPE | VFMIG_IOCTL_SET_IOMMU, (void *)3);
	files[2] = (int)dev_vfio_ioctl(view, files[1], TYPE | ABI_IOCTL_GROUP_GET_DEVICE_FD,
				       (void *)(uintptr_t) "vfmig0");
}

/* … and another one with an iommufd. */
static void open_iommufd(struct dev_vfio *view)
{
	struct abi_bind_iommufd bind = {.argsz = sizeof(bind)};

	files[3] = dev_vfio_open(view, "/dev/iommu", O_RDWR);
	files[4] = dev_vfio_open(view, "/dev/vfio/devices/vfio9001", O_RDWR);
	bind.iommufd = files[3];
	dev_vfio_ioctl(view, files[4], TYPE | ABI_IOCTL_DEVICE_BIND_IOMMUFD, &bind);
}

/* What an input says, call by call. */
static void calls(struct dev_vfio *view, const uint8_t *data, size_t size)
{
	while (size >= 4) {
		size_t len = data[3] * 2u;

		/* A device costs more than all calls together: it is opened for the first that may need it. */
		if (files[0] < 0 && data[1] % FILES < 3)
			open_container(view);
		if (files[3] < 0 && data[1] % FILES >= 3)
			open_iommufd(view);
		len = len < size - 4 ? len : size - 4;
		one(view, data, data + 4, len < sizeof(argument) ? len : sizeof(argument));
		data += 4 + len;
		size -= 4 + len;
	}
}

static struct dev_vfio *new_view(void)
{
	const struct dev_vfio_config config = {
		.devices = 2, .first = 9000, .open = open_device, .memory = find};
	struct dev_vfio *view;

	fuzz_small_stacks();
	for (unsigned i = 0; i < FILES; i++)
		files[i] = -1;
	return dev_vfio_new(&config, &view, NULL) ? NULL : view;
}

#endif
