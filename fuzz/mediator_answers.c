/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A mediator whose answers are the input's: what it says of itself, of regions, of accesses, mappings and memory, with
 * a user that does what the input says. Whatever it answers, the filter refuses the device or shows one that keeps
 * its promises: regions are of a size that can be, areas to map lie in them, results are what they can be.
 */
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include <vfmig/open.h>

#include "abi/region.h"
#include "filter/mediate/mediate.h"
#include "fuzz/property.h"

/* A fuzz target is one thread but for the filter's, and they take turns. */
static struct {
	const uint8_t *at;
	size_t left;
	struct vfmig_mediator_host *host;
	int fd;
} in;

static uint64_t take(size_t bytes)
{
	uint64_t value = 0;

	bytes = bytes < in.left ? bytes : in.left;
	memcpy(&value, in.at, bytes);
	in.at += bytes;
	in.left -= bytes;
	return value;
}

/* Mostly what is good, or nothing would get far. */
static int answer(struct vfmig_error *err)
{
	uint8_t how = (uint8_t)take(1);

	if (how < 160)
		return 0;
	if (how < 200)
		return VFMIG_MEDIATOR_PASS;
	if (how < 220)
		memset(err->text, 'x', sizeof(err->text));
	return (int)(int32_t)take(4);
}

static int open_it(const struct vfmig_mediator_device *device, struct vfmig_mediator_host *host,
		   uint64_t *caps, void **self, struct vfmig_error *err)
{
	uint8_t how = (uint8_t)take(1);

	HOLDS(device->regions == 9 && device->region[0].size == 4096);
	in.host = host;
	*caps = how & 128 ? take(8) : how & 7;
	*self = how & 64 ? NULL : &in;
	return how & 32 ? answer(err) : 0;
}

static void release(void *self)
{
	HOLDS(self == &in);
}

static int info(void *self, struct vfmig_mediator_region *region, struct vfmig_error *err)
{
	static const uint64_t sizes[] = {8192, 65, 64, 0, 1 << 20, 1ull << 40, UINT64_MAX, 4097};
	uint8_t how = (uint8_t)take(1);

	region->watch = how & 1;
	if (how & 2)
		region->flags ^= (uint32_t)take(1);
	if (how & 4)
		region->size = take(8);
	if (how & 8)
		((uint8_t *)region)[take(1) % sizeof(*region)] ^= (uint8_t)take(1);
	if (region->index == 9) {
		region->size = sizes[take(1) % 8];
		region->revision = (uint32_t)take(1) % 4;
		region->areas = (uint32_t)take(1) % 20;
		for (uint32_t i = 0; i < region->areas && i < VFMIG_MEDIATOR_AREAS; i++) {
			region->area[i].offset = how & 16 ? take(8) : 4096 * take(1);
			region->area[i].size = how & 16 ? take(8) : 4096 * take(1);
		}
	}
	return how & 32 ? answer(err) : 0;
}

/* What a mediator may ask, in the middle of whatever. */
static void ask(void)
{
	uint8_t how = (uint8_t)take(1);
	struct vfmig_error err = {0};
	uint8_t buf[64];
	uint64_t iova;
	void *ptr;

	switch (how % 8) {
	case 0:
		in.host->read(in.host, (uint32_t)take(1), take(2), buf, how >> 3, &err);
		return;
	case 1:
		memset(buf, how, sizeof(buf));
		/* Not what makes the copier work: it would do so for long. */
		in.host->write(in.host, 2, take(2), buf, how >> 3, &err);
		return;
	case 2:
		in.host->dma_read(in.host, take(8), buf, how >> 3, &err);
		return;
	case 3:
		in.host->mark(in.host, take(8), take(8));
		return;
	case 4:
		if (!in.host->memory(in.host, take(how & 64 ? 8 : 2), &ptr, &iova, &err))
			*(volatile uint8_t *)ptr = how;
		return;
	case 5:
		in.host->reset(in.host, &err);
		return;
	default:
		return;
	}
}

static int rw(void *self, uint32_t index, uint64_t offset, void *buf, uint32_t len, bool write,
	      struct vfmig_error *err)
{
	HOLDS(len && offset <= 1 << 20 && len <= (1 << 20) - offset);
	ask();
	memset(buf, 0xee, len);
	return answer(err);
}

static int map(void *self, uint32_t index, int *fd, uint64_t *offset, struct vfmig_error *err)
{
	uint8_t how = (uint8_t)take(1);

	*fd = how & 1 ? in.fd : how & 2 ? -1 : 12345;
	if (how & 4)
		*offset = take(8);
	return answer(err);
}

static int attached(void *self, struct vfmig_error *err)
{
	ask();
	return answer(err);
}

static int reset(void *self, struct vfmig_error *err)
{
	ask();
	return answer(err);
}

static int written(void *self, uint64_t iova, uint64_t size, struct vfmig_error *err)
{
	ask();
	return answer(err);
}

static void check(struct vfmig_device *device)
{
	struct vfmig_device_info about;
	struct vfmig_region region;

	HOLDS(!vfmig_device_get_info(device, &about, NULL));
	HOLDS(about.num_regions == 9 || about.num_regions == 10);
	for (uint32_t i = 0; i < about.num_regions; i++) {
		if (vfmig_device_get_region_info(device, i, &region, NULL))
			continue;
		for (uint32_t k = 0; k < region.areas; k++)
			HOLDS(region.area[k].offset <= region.size &&
			      region.area[k].size <= region.size - region.area[k].offset);
		if (i < 9)
			continue;
		HOLDS(region.size > 32 && region.size <= VFMIG_MEDIATOR_REGION_MAX);
		HOLDS(region.revision == VFMIG_REGION_PFN || region.revision == VFMIG_REGION_V1);
		HOLDS(region.type == VFMIG_REGION_TYPE_MIGRATION);
	}
}

static void use(struct vfmig_device *device)
{
	struct vfmig_request request = {.op = VFMIG_OP_REGION_FD};
	struct vfmig_feature_dma_logging_report report = {.page_size = 4096};
	struct vfmig_dma_logging_range range = {0, 1 << 20};
	struct vfmig_feature_dma_logging_control control = {
		.page_size = 4096, .num_ranges = 1, .ranges = (uintptr_t)&range};
	uint8_t how = (uint8_t)take(1), buf[256];
	uint64_t bitmap[4];

	switch (how % 8) {
	case 0:
	case 1:
		vfmig_device_region_read(device, (uint32_t)take(1) % 11, take(how & 8 ? 8 : 1), buf,
					 how >> 3, NULL);
		return;
	case 2:
		memset(buf, how, sizeof(buf));
		vfmig_device_region_write(device, how & 128 ? 9 : 2, take(how & 8 ? 8 : 1), buf,
					  (how >> 4) & 7, NULL);
		return;
	case 3:
		request.region_fd.index = (uint32_t)take(1) % 11;
		if (vfmig_call(device, &request) >= 0) {
			HOLDS(request.region_fd.fd >= 0);
			close(request.region_fd.fd);
		}
		return;
	case 4:
		vfmig_device_reset(device, NULL);
		return;
	case 5:
		vfmig_device_call_feature(device,
					  VFMIG_FEATURE_SET | VFMIG_FEATURE_DMA_LOGGING_START,
					  &control, sizeof(control), NULL);
		return;
	case 6:
		report.iova = 4096 * take(1);
		report.length = 4096 * (take(1) % 256);
		report.bitmap = (uintptr_t)bitmap;
		vfmig_device_call_feature(device,
					  VFMIG_FEATURE_GET | VFMIG_FEATURE_DMA_LOGGING_REPORT,
					  &report, sizeof(report), NULL);
		return;
	default:
		vfmig_device_call_feature(
			device, VFMIG_FEATURE_SET | VFMIG_FEATURE_DMA_LOGGING_STOP, NULL, 0, NULL);
		return;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vfmig_mediator mediator = {
		.abi = VFMIG_MEDIATOR_ABI,
		.size = sizeof(mediator),
		.name = "fuzz",
		.open = open_it,
		.release = release,
		.get_region_info = info,
		.rw = rw,
		.mmap = map,
		.attached = attached,
		.reset = reset,
		.written = written,
	};
	struct vfmig_device *inner, *device;
	struct vfmig_space *space = vfmig_space_new();
	uint8_t how;

	in.at = data;
	in.left = size;
	in.fd = memfd_create("fuzz", MFD_CLOEXEC);
	HOLDS(space && in.fd >= 0 && !ftruncate(in.fd, 8192));
	how = (uint8_t)take(1);
	if (how & 128)
		((uint8_t *)&mediator)[take(1) % 8] ^= (uint8_t)take(1);
	if (how & 64)
		mediator.mmap = NULL;
	HOLDS(!vfmig_open("model:copier,size=64K,window=mapped,migration=off,logging=off", &inner,
			  NULL));
	if (mediate_with(inner, &mediator, "", &device, NULL)) {
		vfmig_device_close(inner);
	} else {
		check(device);
		vfmig_space_attach(space, device, NULL);
		while (in.left)
			use(device);
		check(device);
		vfmig_device_close(device);
	}
	vfmig_space_free(space);
	close(in.fd);
	return 0;
}
