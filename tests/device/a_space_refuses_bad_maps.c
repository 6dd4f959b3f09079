/* SPDX-License-Identifier: BSD-3-Clause */
/* Maps: what is refused, with which code; a device that refuses leaves nothing mapped anywhere. */
#include <vfmig/space.h>

#include "tests/lib/scripted_device.h"

static char page[4 * 4096];

static int map(struct vfmig_space *space, uint64_t iova, uint64_t size, uint32_t prot)
{
	struct vfmig_map m = {.iova = iova, .size = size, .prot = prot, .ptr = page, .fd = -1};
	struct vfmig_error err = {0};
	int ret = vfmig_space_map(space, &m, &err);

	CHECK(!ret || (err.code == ret && err.text[0]));
	return ret;
}

static int maps, fail_at;

static ssize_t count_maps(struct scripted_device *fake, struct vfmig_request *request)
{
	if (request->op == VFMIG_OP_SPACE_MAP) {
		if (fail_at && !--fail_at)
			return -ENOSPC;
		maps++;
	}
	if (request->op == VFMIG_OP_SPACE_UNMAP)
		maps--;
	return 0;
}

int main(void)
{
	struct vfmig_space *space = vfmig_space_new();
	struct scripted_device *one = scripted_new(count_maps), *two = scripted_new(count_maps);
	const uint32_t rw = VFMIG_PROT_READ | VFMIG_PROT_WRITE;
	struct vfmig_map region = {.size = 4096, .prot = rw, .kind = VFMIG_MAP_REGION};

	CHECK_EQ(map(space, 0, 0, rw), -EINVAL);
	CHECK_EQ(map(space, 0, 100, rw), -EINVAL);
	CHECK_EQ(map(space, 100, 4096, rw), -EINVAL);
	CHECK_EQ(map(space, 0, 4096, 0), -EINVAL);
	CHECK_EQ(map(space, 0, 4096, 8), -EINVAL);
	CHECK_EQ(map(space, UINT64_MAX - 4095, 8192, rw), -EINVAL);
	CHECK_EQ(map(space, 8192, UINT64_MAX - 4095, rw), -EINVAL);
	CHECK_EQ(vfmig_space_map(space, &region, NULL), -EINVAL);

	CHECK_EQ(map(space, UINT64_MAX - 4095, 4096, rw), 0); /* up to the very end */
	CHECK_EQ(map(space, 0x10000, 8192, rw), 0);
	CHECK_EQ(map(space, 0x11000, 4096, rw), -EEXIST);
	CHECK_EQ(map(space, 0xf000, 8192, rw), -EEXIST);
	CHECK_EQ(map(space, 0xf000, 4 * 4096, rw), -EEXIST);
	CHECK_EQ(map(space, 0xf000, 4096, rw), 0);
	CHECK_EQ(map(space, 0x12000, 4096, rw), 0);

	CHECK_EQ(vfmig_space_unmap(space, 0x10000, 4096, NULL), -EINVAL);
	CHECK_EQ(vfmig_space_unmap(space, 0x50000, 4096, NULL), -ENOENT);
	CHECK_EQ(vfmig_space_unmap(space, 0, 0, NULL), -EINVAL);
	CHECK_EQ(vfmig_space_unmap(space, 4096, UINT64_MAX, NULL), -EINVAL);
	CHECK_EQ(vfmig_space_unmap(space, 0xf000, 0x4000, NULL), 0);
	CHECK_EQ(map(space, 0xf000, 4 * 4096, rw), 0);

	/* Two devices; the second to be told refuses, so the first is told to forget. */
	CHECK_EQ(vfmig_space_attach(space, &one->device, NULL), 0);
	CHECK_EQ(vfmig_space_attach(space, &one->device, NULL), -EBUSY);
	CHECK_EQ(vfmig_space_attach(space, &two->device, NULL), 0);
	CHECK_EQ(maps, 4);
	fail_at = 2;
	CHECK_EQ(map(space, 0x80000, 4096, rw), -ENOSPC);
	CHECK_EQ(maps, 4);
	CHECK_EQ(vfmig_space_unmap(space, 0x80000, 4096, NULL), -ENOENT);
	CHECK_EQ(vfmig_space_detach(space, &two->device, NULL), 0);
	CHECK_EQ(vfmig_space_detach(space, &two->device, NULL), -ENOENT);
	CHECK_EQ(maps, 2);

	vfmig_device_close(&two->device);
	vfmig_device_close(&one->device); /* detaches */
	CHECK_EQ(maps, 0);
	vfmig_space_free(space);
	return 0;
}
