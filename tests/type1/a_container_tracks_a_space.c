/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A space whose devices sit in a container, as a kernel's do: the maps of the one go into the other, and the container
 * tells what was written there, in the place of the devices' logs, which they have not. The container is one of our
 * own over another space, asked by its ioctls. No page is lost in an unmap; where the container fails, everything
 * was written; one that cannot log cannot track.
 */
#include "protocol/type1/user.h"
#include "tests/type1/setup.h"

static struct setup kernel;
static struct type1_user *drive;
static int fails[128];	  /* by ioctl: what it comes to */
static bool old, strange; /* it has no MIGRATION; it tells nonsense */

static int ask(void *context, uint32_t number, void *arg)
{
	struct vfmig_type1_info *info = arg;
	int ret = fails[number];

	CHECK(context == &kernel);
	if (!ret)
		ret = vfmig_type1_ioctl(kernel.type1, number, arg, SIZE_MAX, NULL);
	if (number != VFMIG_IOCTL_IOMMU_GET_INFO || ret)
		return ret;
	if (old)
		info->flags &= ~VFMIG_TYPE1_INFO_CAPS;
	if (strange && info->cap_offset)
		info->cap_offset = 0x10000000;
	return 0;
}

/* The device in the user's space: what it is told goes to the container. */
static ssize_t in_container(struct scripted_device *fake, struct vfmig_request *request)
{
	switch (request->op) {
	case VFMIG_OP_SPACE_MAP:
		return type1_user_map(drive, request->map, request->err);
	case VFMIG_OP_SPACE_UNMAP:
		return type1_user_unmap(drive, request->map, request->err);
	case VFMIG_OP_FEATURE:
		return -ENOTTY;
	default:
		return 0;
	}
}

static int sum(void *context, uint64_t iova, uint64_t size)
{
	for (; size; size -= PAGE, iova += PAGE)
		*(uint64_t *)context |= 1ull << ((iova - 0x8000) / PAGE);
	return 0;
}

static uint64_t pages(struct vfmig_cursor *cursor, int ret)
{
	uint64_t set = 0;

	CHECK_EQ(vfmig_cursor_merge(cursor, NULL), ret);
	vfmig_cursor_read_clear(cursor, 0, UINT64_MAX, sum, &set);
	return set;
}

static void last_words(struct writer *writer, const struct vfmig_map *map)
{
	vfmig_dirty_mark(writer->wrote, map->iova + 2 * PAGE, 1);
}

static void tracks(void)
{
	struct vfmig_map map = {.iova = 0x8000,
				.size = 8 * PAGE,
				.prot = VFMIG_PROT_READ | VFMIG_PROT_WRITE,
				.ptr = (void *)0x10000000,
				.fd = -1};
	struct vfmig_map other = map, region = map;
	struct vfmig_space *space = vfmig_space_new();
	struct scripted_device *fake = scripted_new(in_container);
	const struct vfmig_tracker *tracker;
	struct vfmig_cursor *cursor;

	CHECK_EQ(type1_user_new(ask, &kernel, &drive, NULL), 0);
	CHECK(type1_user_reported(drive)->has_migration);
	CHECK_EQ(type1_user_reported(drive)->range_count, 1);
	tracker = type1_user_tracker(drive, &fake->device);
	CHECK_EQ(vfmig_space_map(space, &map, NULL), 0);
	CHECK_EQ(vfmig_space_attach(space, &fake->device, NULL), 0);
	/* A region of another device is not memory. */
	region.kind = VFMIG_MAP_REGION;
	region.device = &fake->device;
	region.iova = 0x800000;
	CHECK_EQ(vfmig_space_map(space, &region, NULL), -EOPNOTSUPP);

	CHECK_EQ(vfmig_cursor_open(space, &cursor, NULL), -EOPNOTSUPP); /* nobody can tell yet */
	CHECK_EQ(vfmig_space_add_tracker(space, tracker, NULL), 0);
	setup_write(&kernel, 0x8000);
	CHECK_EQ(vfmig_cursor_open(space, &cursor, NULL), 0);
	CHECK_EQ(pages(cursor, 0), 0);
	setup_write(&kernel, 0x8000 + 5 * PAGE);
	setup_write(&kernel, 0x8000);
	CHECK_EQ(pages(cursor, 0), 0x21);
	CHECK_EQ(pages(cursor, 0), 0);

	/* To the last moment of a map. */
	setup_write(&kernel, 0x8000 + 7 * PAGE);
	kernel.writer.last_words = last_words;
	CHECK_EQ(vfmig_space_unmap(space, 0x8000, 8 * PAGE, NULL), 0);
	kernel.writer.last_words = NULL;
	CHECK_EQ(pages(cursor, 0), 0x84);
	CHECK_EQ(vfmig_space_map(space, &map, NULL), 0);
	CHECK_EQ(pages(cursor, 0), 0xff);
	CHECK_EQ(pages(cursor, 0), 0);

	/* It refuses a bitmap: everything, as long as it does. */
	fails[VFMIG_IOCTL_IOMMU_DIRTY_PAGES] = -EFAULT;
	CHECK_EQ(pages(cursor, -EFAULT), 0xff);
	CHECK_EQ(pages(cursor, -EFAULT), 0xff);
	fails[VFMIG_IOCTL_IOMMU_DIRTY_PAGES] = 0;
	CHECK_EQ(pages(cursor, 0), 0);
	setup_write(&kernel, 0x9000);
	CHECK_EQ(pages(cursor, 0), 2);

	/* It refuses an unmap: said, and everything there was written. */
	fails[VFMIG_IOCTL_IOMMU_UNMAP_DMA] = -EBUSY;
	CHECK_EQ(vfmig_space_unmap(space, 0x8000, 8 * PAGE, NULL), -EBUSY);
	CHECK_EQ(pages(cursor, 0), 0xff);
	fails[VFMIG_IOCTL_IOMMU_UNMAP_DMA] = 0;
	CHECK_EQ(setup_unmap(&kernel, 0x8000, 8), 8 * PAGE);
	/* And a map: it is not there. */
	fails[VFMIG_IOCTL_IOMMU_MAP_DMA] = -ENOMEM;
	CHECK_EQ(vfmig_space_map(space, &other, NULL), -ENOMEM);
	fails[VFMIG_IOCTL_IOMMU_MAP_DMA] = 0;
	CHECK_EQ(vfmig_space_map(space, &other, NULL), 0);
	vfmig_cursor_close(cursor);
	/* The log ended with the last reader. */
	CHECK_EQ(setup_get(&kernel, 0x8000, 8), -EINVAL);

	vfmig_space_detach(space, &fake->device, NULL);
	CHECK_EQ(setup_unmap(&kernel, 0, 0x1000), 0);
	vfmig_space_remove_tracker(space, tracker);
	vfmig_space_free(space);
	vfmig_device_close(&fake->device);
	type1_user_free(drive);
}

/* Those that cannot be driven, or only without a log. */
static void cannot(void)
{
	struct vfmig_space *space = vfmig_space_new();
	const struct vfmig_tracker *tracker;
	struct vfmig_cursor *cursor;
	struct vfmig_error err = {0};

	fails[VFMIG_IOCTL_IOMMU_GET_INFO] = -ENOTTY;
	CHECK_EQ(type1_user_new(ask, &kernel, &drive, &err), -ENOTTY);
	CHECK(err.text[0]);
	fails[VFMIG_IOCTL_IOMMU_GET_INFO] = 0;
	strange = true;
	CHECK_EQ(type1_user_new(ask, &kernel, &drive, &err), -EPROTO);
	strange = false;
	old = true;
	CHECK_EQ(type1_user_new(ask, &kernel, &drive, NULL), 0);
	old = false;
	tracker = type1_user_tracker(drive, NULL);
	CHECK_EQ(vfmig_space_add_tracker(space, tracker, NULL), 0);
	CHECK_EQ(vfmig_cursor_open(space, &cursor, NULL), -EOPNOTSUPP);
	vfmig_space_remove_tracker(space, tracker);
	type1_user_free(drive);
	vfmig_space_free(space);
}

int main(void)
{
	setup_open(&kernel, NULL);
	RUN(tracks());
	RUN(cannot());
	setup_close(&kernel);
	return 0;
}
