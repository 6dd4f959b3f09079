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
#include "tests/lib/check.h"

#define SETUP_FIRST 9000u
#define SETUP_IOVA  0x10000000ull

static struct dev_vfio *view;
static const char *setup_devices[] = {"model:copier,size=1M", "model:copier,size=1M"};
static const char *setup_filter;
static char setup_said[1024];

static inline int setup_open(void *context, unsigned n, struct vfmig_device **device,
			     struct vfmig_error *err)
{
	return vfmig_open_filtered(setup_devices[n], &setup_filter, setup_filter != NULL, device,
				   err);
}

static inline void setup_say(void *context, const char *sentence)
{
	snprintf(setup_said, sizeof(setup_said), "%s", sentence);
}

/* A device that a server has, which is in this process; setup_devices gets its address. */
struct setup_server {
	char folder[32], name[64];
	struct vfmig_device *device;
	struct vfmig_export *server;
};

static inline void setup_serve(struct setup_server *s, unsigned n, const char *device)
{
	struct vfmig_export_options config = {.struct_size = sizeof(struct vfmig_export_options),
					      .fd = -1};
	struct vfmig_error err = {0};

	strcpy(s->folder, "/tmp/vfmig-test-XXXXXX");
	CHECK(mkdtemp(s->folder));
	snprintf(s->name, sizeof(s->name), "vfio-user:%s/socket", s->folder);
	config.socket_path = strchr(s->name, ':') + 1;
	CHECKF(!vfmig_open(device, &s->device, &err), "%s", err.text);
	CHECKF(!vfmig_device_start(s->device, &err), "%s", err.text);
	CHECKF(!vfmig_export_open_vfio_user(s->device, &config, &s->server, &err), "%s", err.text);
	CHECKF(!vfmig_export_start(s->server, &err), "%s", err.text);
	setup_devices[n] = s->name;
}

static inline void setup_serve_end(struct setup_server *s)
{
	vfmig_export_close(s->server);
	vfmig_device_close(s->device);
	unlink(strchr(s->name, ':') + 1);
	CHECK_EQ(rmdir(s->folder), 0);
}

static inline void setup_begin(void)
{
	const struct dev_vfio_config config = {.devices = 2,
					       .first = SETUP_FIRST,
					       .open = setup_open,
					       .say = setup_say,
					       .by_fd = 3};
	struct vfmig_error err = {0};

	CHECKF(!dev_vfio_new(&config, &view, &err), "%s", err.text);
}

static inline long setup_ioctl(int fd, uint32_t nr, const void *arg)
{
	return dev_vfio_ioctl(view, fd, (unsigned long)ABI_IOCTL_TYPE << 8 | nr,
			      (void *)(uintptr_t)arg);
}

static inline int setup_path(const char *path)
{
	return dev_vfio_open(view, path, O_RDWR | O_CLOEXEC);
}

static inline void setup_close(int fd)
{
	CHECK_EQ(dev_vfio_close(view, fd), 0);
}

/* A container with an IOMMU, and a group in it. */
static inline int setup_group(int container, unsigned n)
{
	char path[64];
	int group;

	snprintf(path, sizeof(path), "/dev/vfio/%u", SETUP_FIRST + n);
	group = setup_path(path);
	CHECK(group >= 0);
	CHECK_EQ(setup_ioctl(group, ABI_IOCTL_GROUP_SET_CONTAINER, &container), 0);
	return group;
}

static inline int setup_container(void)
{
	int container = setup_path("/dev/vfio/vfio");

	CHECK(container >= 0);
	CHECK_EQ(setup_ioctl(container, VFMIG_IOCTL_GET_API_VERSION, NULL), 0);
	return container;
}

static inline void setup_iommu(int container)
{
	CHECK_EQ(setup_ioctl(container, VFMIG_IOCTL_SET_IOMMU, (void *)VFMIG_EXTENSION_TYPE1V2), 0);
}

static inline int setup_device(int group, unsigned n)
{
	char name[16];
	int fd;

	snprintf(name, sizeof(name), "vfmig%u", n);
	fd = (int)setup_ioctl(group, ABI_IOCTL_GROUP_GET_DEVICE_FD, name);
	CHECKF(fd >= 0, "%d %s", fd, setup_said);
	return fd;
}

static inline long setup_map(int container, uint64_t iova, void *ptr, uint64_t size)
{
	struct vfmig_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = VFMIG_DMA_MAP_READ | VFMIG_DMA_MAP_WRITE,
		.vaddr = (uintptr_t)ptr,
		.iova = iova,
		.size = size,
	};

	return setup_ioctl(container, VFMIG_IOCTL_IOMMU_MAP_DMA, &map);
}

/* ---- registers, and a device that works ---- */

static inline void setup_set(int device, uint64_t reg, uint64_t value, size_t len)
{
	CHECK_EQ(dev_vfio_pwrite(view, device, &value, len, (int64_t)reg), (long)len);
}

static inline uint64_t setup_get(int device, uint64_t reg, size_t len)
{
	uint64_t value = 0;

	CHECK_EQ(dev_vfio_pread(view, device, &value, len, (int64_t)reg), (long)len);
	return value;
}

/*
 * Have the copier fill a page: descriptors at @base of its memory, completions a page further, and what it fills at @to.
 * Waits by looking at HEAD.
 */
static inline void setup_fill(int device, void *memory, uint64_t iova, uint64_t to, uint64_t value)
{
	uint64_t *d = memory;
	uint32_t tail = (uint32_t)setup_get(device, COPIER_REG_TAIL, 4);

	if (!(setup_get(device, COPIER_REG_CONTROL, 4) & 1)) {
		setup_set(device, COPIER_REG_RING_BASE, iova, 8);
		setup_set(device, COPIER_REG_DONE_BASE, iova + 4096, 8);
		setup_set(device, COPIER_REG_RING_SIZE, 32, 4);
		setup_set(device, COPIER_REG_CONTROL, 1, 4);
	}
	d += tail % 32 * 8;
	memset(d, 0, 64);
	d[0] = 2;
	d[2] = to;
	d[3] = 4096;
	d[4] = value;
	setup_set(device, COPIER_REG_TAIL, tail + 1, 4);
	while (setup_get(device, COPIER_REG_HEAD, 4) != tail + 1)
		usleep(100);
}

/* ---- features ---- */

static inline long setup_feature(int device, uint32_t flags, void *payload, size_t size)
{
	struct {
		struct vfmig_device_feature head;
		uint8_t payload[64];
	} f = {.head = {(uint32_t)(sizeof(f.head) + size), flags}};
	long ret;

	if (size)
		memcpy(f.payload, payload, size);
	ret = setup_ioctl(device, VFMIG_IOCTL_DEVICE_FEATURE, &f);
	if (size)
		memcpy(payload, f.payload, size);
	return ret;
}

/* Go to a state: the data's file, or -1 for none; below that an errno. */
static inline long setup_go(int device, enum vfmig_state state)
{
	struct vfmig_feature_mig_state s = {state, -1};
	long ret =
		setup_feature(device, VFMIG_FEATURE_SET | VFMIG_FEATURE_MIG_STATE, &s, sizeof(s));

	return ret ? ret - 1000 : s.data_fd;
}

static inline uint8_t *setup_memory(size_t size)
{
	uint8_t *memory =
		mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(memory != MAP_FAILED);
	return memory;
}

#endif
