/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The operations that the filter calls; mediate.h describes the design.
 *
 * arg= is the revision of the migration region: pfn (the default) or v1.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "mediate.h"

/* A window of more than this has no bitmap here. */
#define BOARD_MAX (64ull << 30)

int mc_fail(struct vfmig_error *err, int code, const char *why)
{
	if (err) {
		err->code = code;
		snprintf(err->text, sizeof(err->text), "%s", why);
	}
	return code;
}

static void release(void *self)
{
	struct mc *mc = self;

	if (mc->memory)
		munmap(mc->memory, MC_REGION_SIZE);
	if (mc->fd >= 0)
		close(mc->fd);
	mc_pages_free(&mc->pages);
	free(mc->board);
	free(mc);
}

static int open_parts(struct mc *mc, struct vfmig_error *err)
{
	void *memory;

	mc->board = calloc((size_t)(mc->board_pages + 63) / 64, 8);
	mc->fd = memfd_create("mediate-copier", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	/* Sealed against shrinking, so that a process that maps it cannot get SIGBUS. */
	if (!mc->board || mc->fd < 0 || ftruncate(mc->fd, MC_REGION_SIZE) ||
	    fcntl(mc->fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL))
		return mc_fail(err, -ENOMEM, "no memory to mediate a copier");
	memory = mmap(NULL, MC_REGION_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, mc->fd, 0);
	if (memory == MAP_FAILED)
		return mc_fail(err, -ENOMEM, "no memory to mediate a copier");
	mc->memory = memory;
	return 0;
}

static int open_it(const struct vfmig_mediator_device *device, struct vfmig_mediator_host *host,
		   uint64_t *caps, void **self, struct vfmig_error *err)
{
	bool v1 = !strcmp(device->argument, "v1");
	struct mc *mc;
	uint64_t size;
	int ret;

	if (!(device->flags & VFMIG_DEVICE_FLAG_PCI) || device->vendor != CP_VENDOR ||
	    device->device != CP_DEVICE || device->regions <= MC_CONFIG)
		return -ENODEV;
	size = device->region[MC_BAR_WINDOW].size;
	if (size % MC_PAGE || !size || size > BOARD_MAX)
		return mc_fail(err, -ENOTSUP, "a copier with a window that is not mediated");
	if (!v1 && *device->argument && strcmp(device->argument, "pfn"))
		return mc_fail(err, -EINVAL, "arg= is pfn or v1");
	mc = calloc(1, sizeof(*mc));
	if (!mc)
		return mc_fail(err, -ENOMEM, "no memory to mediate a copier");
	mc->host = host;
	mc->v1 = v1;
	mc->fd = -1;
	mc->index = device->migration_index;
	mc->bits = VFMIG_V1_RUNNING;
	mc->board_size = size;
	mc->board_pages = size / MC_PAGE;
	ret = open_parts(mc, err);
	if (ret) {
		release(mc);
		return ret;
	}
	*caps = VFMIG_MEDIATOR_CAP_MIGRATION | VFMIG_MEDIATOR_CAP_MEMORY;
	if (v1)
		*caps |= VFMIG_MEDIATOR_CAP_LOGGING;
	*self = mc;
	return 0;
}

static int get_region_info(void *self, struct vfmig_mediator_region *region,
			   struct vfmig_error *err)
{
	struct mc *mc = self;

	if (region->index == MC_BAR_REGS || region->index == MC_BAR_WINDOW)
		region->watch = 1;
	if (region->index != mc->index)
		return 0;
	region->size = MC_REGION_SIZE;
	region->flags |= VFMIG_REGION_FLAG_MMAP;
	region->areas = 1;
	region->area[0].offset = MC_DATA;
	region->area[0].size = MC_REGION_SIZE - MC_DATA;
	region->revision = mc->v1 ? VFMIG_REGION_V1 : VFMIG_REGION_PFN;
	region->revision_flags = VFMIG_REGION_REVISION_CHECKS;
	region->revision_capacity = MC_DATA_SIZE;
	return 0;
}

static int rw(void *self, uint32_t index, uint64_t offset, void *buf, uint32_t len, bool write,
	      struct vfmig_error *err)
{
	struct mc *mc = self;

	if (index == mc->index)
		return mc_region(mc, offset, buf, len, write, err);
	if (index == MC_BAR_REGS)
		return mc_register(mc, offset, buf, len, write, err);
	/* The copier does it before anything else happens here. */
	if (write)
		mc_mark_board(mc, offset, len);
	return VFMIG_MEDIATOR_PASS;
}

static int map(void *self, uint32_t index, int *fd, uint64_t *offset, struct vfmig_error *err)
{
	struct mc *mc = self;

	if (index != mc->index)
		return VFMIG_MEDIATOR_PASS;
	*fd = mc->fd;
	*offset = 0;
	return 0;
}

/* The rings, and what the copier was set to before anybody looked. */
static int attached(void *self, struct vfmig_error *err)
{
	struct mc *mc = self;
	uint64_t control = 0, iova;
	void *memory;
	int ret;

	if (mc->ring)
		return 0;
	ret = mc->host->memory(mc->host, CP_MAX_ENTRIES * sizeof(*mc->ring), &memory,
			       &mc->ring_iova, err);
	if (ret)
		return ret;
	mc->ring = memory;
	ret = mc->host->memory(
		mc->host, MC_EMPTY * (sizeof(struct cp_descriptor) + sizeof(struct cp_completion)),
		&memory, &iova, err);
	mc->empty_iova = iova;
	mc->waste_iova = iova + MC_EMPTY * sizeof(struct cp_descriptor);
	if (!ret)
		ret = mc_get(mc, CP_REG_CONTROL, &control, err);
	if (!ret && (control & CP_CONTROL_ENABLE))
		ret = mc_fail(err, -EBUSY, "the copier is at work already: reset it first");
	return ret;
}

static int reset(void *self, struct vfmig_error *err)
{
	struct mc *mc = self;

	mc_registers_reset(mc);
	mc_mark_board(mc, 0, mc->board_size);
	mc->bits = VFMIG_V1_RUNNING;
	mc->frozen = mc->reported = mc->loading = mc->loaded = mc->show_bitmap = false;
	mc->staged = 0;
	return 0;
}

static int written(void *self, uint64_t iova, uint64_t size, struct vfmig_error *err)
{
	return mc_retire(self, err);
}

extern const struct vfmig_mediator vfmig_mediator;

const struct vfmig_mediator vfmig_mediator = {
	.abi = VFMIG_MEDIATOR_ABI,
	.size = sizeof(struct vfmig_mediator),
	.name = "mediate-copier",
	.open = open_it,
	.release = release,
	.get_region_info = get_region_info,
	.rw = rw,
	.mmap = map,
	.attached = attached,
	.reset = reset,
	.written = written,
};
