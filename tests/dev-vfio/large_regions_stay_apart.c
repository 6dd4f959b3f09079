/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A region over 1 TiB gets all of its place in the device's file: no offset in it leads to another region. One that the
 * offsets of a file have no room for is refused when the device is opened.
 */
#include "tests/dev-vfio/setup.h"
#include "tests/lib/scripted_device.h"

static uint64_t size;
static struct {
	uint32_t index;
	uint64_t offset;
} last;

static ssize_t answer(struct scripted_device *fake, struct vfmig_request *request)
{
	struct vfmig_region_info *region = request->info.buf;
	struct vfmig_device_info *info = request->info.buf;

	switch (request->op) {
	case VFMIG_OP_DEVICE_INFO:
		memset(info, 0, request->info.size);
		info->num_regions = 9;
		return (ssize_t)request->info.size;
	case VFMIG_OP_REGION_INFO:
		*region = (struct vfmig_region_info){.argsz = sizeof(*region),
						     .flags = 3,
						     .index = request->info.index,
						     .size = 4096};
		if (region->index == 2)
			region->size = size;
		return sizeof(*region);
	case VFMIG_OP_REGION_READ:
	case VFMIG_OP_REGION_WRITE:
		last.index = request->region.index;
		last.offset = request->region.offset;
		return request->region.len;
	case VFMIG_OP_ATTACH:
	case VFMIG_OP_DETACH:
		return 0;
	default:
		return -ENOTTY;
	}
}

static int open_fake(void *context, unsigned n, struct vfmig_device **device,
		     struct vfmig_error *err)
{
	*device = &scripted_new(answer)->device;
	return 0;
}

static uint64_t place_of(int device, uint32_t index)
{
	struct vfmig_region_info info = {.argsz = sizeof(info), .index = index};

	CHECK_EQ(setup_ioctl(device, VFMIG_IOCTL_DEVICE_GET_REGION_INFO, &info), 0);
	return info.offset;
}

static void reaches(int device, uint64_t at, uint32_t index, uint64_t offset)
{
	setup_set(device, at, 1, 4);
	CHECK_EQ(last.index, index);
	CHECK_EQ(last.offset, offset);
	setup_get(device, at, 4);
	CHECK_EQ(last.index, index);
	CHECK_EQ(last.offset, offset);
}

static int open_device(int *container, int *group)
{
	*container = setup_container();
	*group = setup_group(*container, 0);
	setup_iommu(*container);
	return (int)setup_ioctl(*group, ABI_IOCTL_GROUP_GET_DEVICE_FD, "vfmig0");
}

static void close_device(int device, int container, int group)
{
	if (device >= 0)
		setup_close(device);
	setup_close(group);
	setup_close(container);
}

int main(void)
{
	const struct dev_vfio_config config = {
		.devices = 1, .first = SETUP_FIRST, .open = open_fake, .say = setup_say};
	struct vfmig_error err = {0};
	int device, container, group;

	CHECKF(!dev_vfio_new(&config, &view, &err), "%s", err.text);
	size = 1ull << 40;
	device = open_device(&container, &group);
	/* Where programs that know Linux look without asking. */
	for (uint32_t i = 0; i < 9; i++)
		CHECK_EQ(place_of(device, i), (uint64_t)i << 40);
	reaches(device, (3ull << 40) - 4, 2, size - 4);
	close_device(device, container, group);

	size = (4ull << 40) + 4096;
	device = open_device(&container, &group);
	reaches(device, place_of(device, 2), 2, 0);
	reaches(device, place_of(device, 2) + (1ull << 40), 2, 1ull << 40);
	reaches(device, place_of(device, 2) + size - 4, 2, size - 4);
	reaches(device, place_of(device, 3), 3, 0);
	reaches(device, place_of(device, 7) + 64, 7, 64);
	close_device(device, container, group);

	size = 1ull << 60;
	CHECK_EQ(open_device(&container, &group), -EFBIG);
	CHECKF(strstr(setup_said, "region 2 has 0x1000000000000000 bytes"), "%s", setup_said);
	close_device(-1, container, group);
	dev_vfio_free(view);
	return 0;
}
