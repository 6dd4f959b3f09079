/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A mediator sees the accesses to the regions that it watches, which cannot be mapped any more, and may pass,
 * answer or change each. Of other regions it hears nothing. Its own region is what it says it is.
 *
 * Rules: MED-01, MED-02, MED-03, MED-05, MED-06.
 */
#include <errno.h>

#include "filter/mediate/mediate.h"
#include "tests/lib/check.h"
#include "tests/mediate/bad.h"

struct watcher {
	struct vfmig_mediator_host *host;
	unsigned accesses[16], infos, attached, detached, resets;
	uint64_t iova;
	void *memory;
	bool brings_nothing;
};

static struct watcher it;

static int open_it(const struct vfmig_mediator_device *device, struct vfmig_mediator_host *host,
		   uint64_t *caps, void **self, struct vfmig_error *err)
{
	CHECK_EQ(device->vendor, 0x5646);
	CHECK_EQ(device->device, 1);
	CHECK_EQ(device->class_code, 0x120000);
	CHECK_EQ(device->region[2].size, 65536);
	CHECK(!strcmp(device->argument, "hello"));
	it.host = host;
	*caps = it.brings_nothing ? 0 : VFMIG_MEDIATOR_CAP_MIGRATION | VFMIG_MEDIATOR_CAP_MEMORY;
	*self = &it;
	return 0;
}

static void release(void *self)
{
}

static int info(void *self, struct vfmig_mediator_region *region, struct vfmig_error *err)
{
	it.infos++;
	if (region->index == 0 || region->index == 2)
		region->watch = 1;
	if (region->index == 9) {
		CHECK_EQ(region->size, 0);
		CHECK_EQ(region->flags, VFMIG_REGION_FLAG_READ | VFMIG_REGION_FLAG_WRITE);
		region->size = 65536;
		region->revision = VFMIG_REGION_V1;
		region->revision_flags = VFMIG_REGION_REVISION_CHECKS;
	}
	return 0;
}

static int rw(void *self, uint32_t index, uint64_t offset, void *buf, uint32_t len, bool write,
	      struct vfmig_error *err)
{
	uint32_t word = 0xabcd;

	it.accesses[index]++;
	if (index == 9) {
		memset(buf, 0x5a, write ? 0 : len);
		return 0;
	}
	if (index == 0 && offset == 0x004) {
		memcpy(buf, &word, 4);
		return 0;
	}
	if (index == 0 && offset == 0x050 && write)
		*(uint32_t *)buf *= 2;
	if (index == 0 && offset == 0x018)
		return -EACCES;
	return VFMIG_MEDIATOR_PASS;
}

static int attached(void *self, struct vfmig_error *err)
{
	it.attached++;
	return it.host->memory(it.host, 100, &it.memory, &it.iova, err);
}

static void detached(void *self)
{
	it.detached++;
}

static int reset(void *self, struct vfmig_error *err)
{
	it.resets++;
	return 0;
}

static const struct vfmig_mediator mediator = {
	.abi = VFMIG_MEDIATOR_ABI,
	.size = sizeof(mediator),
	.name = "watcher",
	.open = open_it,
	.release = release,
	.get_region_info = info,
	.rw = rw,
	.attached = attached,
	.detached = detached,
	.reset = reset,
};

static uint32_t read32(struct vfmig_device *device, uint32_t index, uint64_t offset)
{
	struct vfmig_error err = {0};
	uint32_t word = 0;

	CHECKF(!vfmig_device_region_read(device, index, offset, &word, 4, &err), "%s", err.text);
	return word;
}

int main(void)
{
	struct vfmig_device *inner, *device;
	struct vfmig_error err = {0};
	struct vfmig_device_info about;
	struct vfmig_region region;
	struct vfmig_space *space = vfmig_space_new();
	static _Alignas(4096) char memory[8192];
	struct vfmig_map map = {.iova = 0x7f00000000,
				.size = 4096,
				.prot = VFMIG_PROT_READ,
				.kind = VFMIG_MAP_MEMORY,
				.ptr = memory,
				.fd = -1};
	uint32_t word = 8;

	CHECK(!vfmig_open("model:copier,size=64K,window=mapped,migration=off", &inner, &err));
	CHECKF(!mediate_with(inner, &mediator, "hello", &device, &err), "%s", err.text);

	/* Regions: watched ones cannot be mapped; the migration region says what it is. */
	CHECK(!vfmig_device_get_region_info(inner, 2, &region, &err));
	CHECK(region.flags & VFMIG_REGION_FLAG_MMAP);
	CHECK(!vfmig_device_get_region_info(device, 2, &region, &err));
	CHECK(!(region.flags & VFMIG_REGION_FLAG_MMAP) && region.size == 65536);
	CHECK(!vfmig_device_get_region_info(device, 9, &region, &err));
	CHECK_EQ(region.type, VFMIG_REGION_TYPE_MIGRATION);
	CHECK_EQ(region.revision, VFMIG_REGION_V1);
	CHECK_EQ(region.revision_flags, VFMIG_REGION_REVISION_CHECKS);
	CHECK_EQ(region.size, 65536);

	/* Pass, answer, change, refuse. */
	CHECK_EQ(read32(device, 0, 0), 0x59504f43);
	CHECK_EQ(read32(device, 0, 4), 0xabcd);
	CHECK(!vfmig_device_region_write(device, 0, 0x50, &word, 4, &err));
	CHECK_EQ(read32(inner, 0, 0x50), 16);
	CHECK_EQ(vfmig_device_region_write(device, 0, 0x18, &word, 4, &err), -EACCES);
	CHECK_EQ(read32(device, 9, 100), 0x5a5a5a5a);
	CHECK_EQ(it.accesses[0], 4);
	CHECK_EQ(it.accesses[9], 1);

	/* Unwatched, and out of bounds: it hears nothing. */
	CHECK_EQ(read32(device, 7, 0), 0x00015646);
	CHECK_EQ(it.accesses[7], 0);
	CHECK(vfmig_device_region_read(device, 9, 65534, &word, 4, &err) < 0);
	CHECK(vfmig_device_region_read(device, 0, 1ull << 40, &word, 4, &err) < 0);
	CHECK_EQ(it.accesses[9], 1);
	CHECK_EQ(it.accesses[0], 4);

	/* Its memory is the device's and not the user's, and who maps over it is told. */
	CHECKF(!vfmig_space_attach(space, device, &err), "%s", err.text);
	CHECK_EQ(it.attached, 1);
	CHECK(it.memory && it.iova == 0x7f00000000);
	CHECK(vfmig_space_read(space, it.iova, memory, 1, NULL) == -EFAULT);
	CHECK_EQ(vfmig_space_map(space, &map, &err), -EEXIST);
	CHECKF(strstr(err.text, "iova="), "%s", err.text);
	map.iova = 0x1000;
	CHECKF(!vfmig_space_map(space, &map, &err), "%s", err.text);
	memory[5] = 42;
	CHECK(!it.host->dma_read(it.host, 0x1005, &word, 1, &err) && (word & 0xff) == 42);
	CHECKF(!vfmig_space_unmap(space, 0x1000, 4096, &err), "%s", err.text);
	CHECK_EQ(it.host->dma_read(it.host, 0x1005, &word, 1, &err), -EFAULT);

	CHECK(!vfmig_device_reset(device, &err));
	CHECK_EQ(it.resets, 1);
	vfmig_device_close(device);
	CHECK_EQ(it.detached, 1);

	/* Who does not bring migration gets no region for it. */
	it.brings_nothing = true;
	it.infos = 0;
	CHECK(!vfmig_open("model:copier,size=64K,migration=off", &inner, &err));
	CHECKF(!mediate_with(inner, &mediator, "hello", &device, &err), "%s", err.text);
	CHECK(!vfmig_device_get_info(device, &about, &err));
	CHECK_EQ(about.num_regions, 9);
	CHECK(vfmig_device_get_region_info(device, 9, &region, &err) || !region.size);
	vfmig_device_close(device);
	vfmig_space_free(space);
	return 0;
}
