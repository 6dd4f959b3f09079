/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the tests of the dev-vfio export share: a view, calls that must succeed or fail as they should, and a VMM's
 * first steps to a device.
 */
#ifndef TESTS_DEV_VFIO_RIG_H
#define TESTS_DEV_VFIO_RIG_H

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <vfmig/export.h>
#include <vfmig/open.h>

#include "abi/ioctl.h"
#include "export/dev-vfio/dev_vfio.h"
#include "models/copier/regs.h"
#include "tests/check.h"

#define RIG_FIRST 9000u
#define RIG_IOVA  0x10000000ull

static struct dev_vfio *view;
static const char *rig_devices[] = {"model:copier,size=1M", "model:copier,size=1M"};
static const char *rig_filter;
static char rig_said[1024];

static inline int rig_open(void *context, unsigned n, struct vfmig_device **device,
			   struct vfmig_error *err)
{
	return vfmig_open_filtered(rig_devices[n], &rig_filter, rig_filter != NULL, device, err);
}

static inline void rig_say(void *context, const char *sentence)
{
	snprintf(rig_said, sizeof(rig_said), "%s", sentence);
}

/* A device that a server has, which is in this process; rig_devices gets its address. */
struct rig_server {
	char folder[32], name[64];
	struct vfmig_device *device;
	struct vfmig_export *server;
};

static inline void rig_serve(struct rig_server *s, unsigned n, const char *device)
{
	struct vfmig_vfio_user_config config = {.fd = -1};
	struct vfmig_error err = {0};

	strcpy(s->folder, "/tmp/vfmig-test-XXXXXX");
	CHECK(mkdtemp(s->folder));
	snprintf(s->name, sizeof(s->name), "vfio-user:%s/socket", s->folder);
	config.socket_path = strchr(s->name, ':') + 1;
	CHECKF(!vfmig_open(device, &s->device, &err), "%s", err.text);
	CHECKF(!vfmig_device_start(s->device, &err), "%s", err.text);
	CHECKF(!vfmig_export_vfio_user(s->device, &config, &s->server, &err), "%s", err.text);
	CHECKF(!vfmig_export_start(s->server, &err), "%s", err.text);
	rig_devices[n] = s->name;
}

static inline void rig_serve_end(struct rig_server *s)
{
	vfmig_export_close(s->server);
	vfmig_device_close(s->device);
	unlink(strchr(s->name, ':') + 1);
	CHECK_EQ(rmdir(s->folder), 0);
}

static inline void rig_begin(void)
{
	const struct dev_vfio_config config = {
		.devices = 2, .first = RIG_FIRST, .open = rig_open, .say = rig_say, .by_fd = 3};
	struct vfmig_error err = {0};

	CHECKF(!dev_vfio_new(&config, &view, &err), "%s", err.text);
}

static inline long rig_ioctl(int fd, uint32_t nr, const void *arg)
{
	return dev_vfio_ioctl(view, fd, (unsigned long)ABI_IOCTL_TYPE << 8 | nr,
			      (void *)(uintptr_t)arg);
}

static inline int rig_path(const char *path)
{
	return dev_vfio_open(view, path, O_RDWR | O_CLOEXEC);
}

static inline void rig_close(int fd)
{
	CHECK_EQ(dev_vfio_close(view, fd), 0);
}

/* A container with an IOMMU, and a group in it. */
static inline int rig_group(int container, unsigned n)
{
	char path[64];
	int group;

	snprintf(path, sizeof(path), "/dev/vfio/%u", RIG_FIRST + n);
	group = rig_path(path);
	CHECK(group >= 0);
	CHECK_EQ(rig_ioctl(group, ABI_IOCTL_GROUP_SET_CONTAINER, &container), 0);
	return group;
}

static inline int rig_container(void)
{
	int container = rig_path("/dev/vfio/vfio");

	CHECK(container >= 0);
	CHECK_EQ(rig_ioctl(container, VFMIG_IOCTL_GET_API_VERSION, NULL), 0);
	return container;
}

static inline void rig_iommu(int container)
{
	CHECK_EQ(rig_ioctl(container, VFMIG_IOCTL_SET_IOMMU, (void *)VFMIG_EXTENSION_TYPE1V2), 0);
}

static inline int rig_device(int group, unsigned n)
{
	char name[16];
	int fd;

	snprintf(name, sizeof(name), "vfmig%u", n);
	fd = (int)rig_ioctl(group, ABI_IOCTL_GROUP_GET_DEVICE_FD, name);
	CHECKF(fd >= 0, "%d %s", fd, rig_said);
	return fd;
}

static inline long rig_map(int container, uint64_t iova, void *ptr, uint64_t size)
{
	struct vfmig_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = VFMIG_DMA_MAP_READ | VFMIG_DMA_MAP_WRITE,
		.vaddr = (uintptr_t)ptr,
		.iova = iova,
		.size = size,
	};

	return rig_ioctl(container, VFMIG_IOCTL_IOMMU_MAP_DMA, &map);
}

/* ---- registers, and a device that works ---- */

static inline void rig_set(int device, uint64_t reg, uint64_t value, size_t len)
{
	CHECK_EQ(dev_vfio_pwrite(view, device, &value, len, (int64_t)reg), (long)len);
}

static inline uint64_t rig_get(int device, uint64_t reg, size_t len)
{
	uint64_t value = 0;

	CHECK_EQ(dev_vfio_pread(view, device, &value, len, (int64_t)reg), (long)len);
	return value;
}

/*
 * Have the copier fill a page: descriptors at @base of its memory, completions a page further, and what it fills at @to.
 * Waits by looking at HEAD.
 */
static inline void rig_fill(int device, void *memory, uint64_t iova, uint64_t to, uint64_t value)
{
	uint64_t *d = memory;
	uint32_t tail = (uint32_t)rig_get(device, COPIER_REG_TAIL, 4);

	if (!(rig_get(device, COPIER_REG_CONTROL, 4) & 1)) {
		rig_set(device, COPIER_REG_RING_BASE, iova, 8);
		rig_set(device, COPIER_REG_DONE_BASE, iova + 4096, 8);
		rig_set(device, COPIER_REG_RING_SIZE, 32, 4);
		rig_set(device, COPIER_REG_CONTROL, 1, 4);
	}
	d += tail % 32 * 8;
	memset(d, 0, 64);
	d[0] = 2;
	d[2] = to;
	d[3] = 4096;
	d[4] = value;
	rig_set(device, COPIER_REG_TAIL, tail + 1, 4);
	while (rig_get(device, COPIER_REG_HEAD, 4) != tail + 1)
		usleep(100);
}

/* ---- features ---- */

static inline long rig_feature(int device, uint32_t flags, void *payload, size_t size)
{
	struct {
		struct vfmig_device_feature head;
		uint8_t payload[64];
	} f = {.head = {(uint32_t)(sizeof(f.head) + size), flags}};
	long ret;

	if (size)
		memcpy(f.payload, payload, size);
	ret = rig_ioctl(device, VFMIG_IOCTL_DEVICE_FEATURE, &f);
	if (size)
		memcpy(payload, f.payload, size);
	return ret;
}

/* Go to a state: the data's file, or -1 for none; below that an errno. */
static inline long rig_go(int device, enum vfmig_state state)
{
	struct vfmig_feature_mig_state s = {state, -1};
	long ret = rig_feature(device, VFMIG_FEATURE_SET | VFMIG_FEATURE_MIG_STATE, &s, sizeof(s));

	return ret ? ret - 1000 : s.data_fd;
}

static inline uint8_t *rig_memory(size_t size)
{
	uint8_t *memory =
		mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(memory != MAP_FAILED);
	return memory;
}

#endif
