/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A type1 container under a hostile user: ioctls with any bytes, any argsz, as much memory behind the argument as the
 * input says, and addresses that lead anywhere. One ioctl is an operation, a length, and so many bytes of argument.
 *
 * What holds: nothing outside of the user's memory is touched; what is refused changes nothing of the argument; what
 * GET_INFO says can be read back and is true; the bits of a bitmap stay within its range.
 */
#include <errno.h>
#include <stdlib.h>

#include <vfmig/type1.h>

#include "abi/type1.h"
#include "fuzz/property.h"

/* The user's memory: of so many bytes, at this address. */
#define BASE 0x10000u
static uint8_t memory[0x3000];

static int in(void *context, uint64_t addr, void *buf, size_t len)
{
	if (addr < BASE || addr - BASE > sizeof(memory) || sizeof(memory) - (addr - BASE) < len)
		return -EFAULT;
	memcpy(buf, memory + (addr - BASE), len);
	return 0;
}

static int out(void *context, uint64_t addr, const void *buf, size_t len)
{
	if (addr < BASE || addr - BASE > sizeof(memory) || sizeof(memory) - (addr - BASE) < len)
		return -EFAULT;
	memcpy(memory + (addr - BASE), buf, len);
	return 0;
}

/* Every other time the memory is not there. */
static int mapped(void *context, struct vfmig_map *map, struct vfmig_error *err)
{
	return (uintptr_t)map->ptr & 0x100000 ? -EFAULT : 0;
}

/* Somebody writes the first page of every map, and fails at some. */
static int writes(void *context, uint64_t iova, uint64_t size, struct vfmig_dirty *into,
		  struct vfmig_error *err)
{
	vfmig_dirty_mark(into, iova, 1);
	return iova & 0x200000 ? -EIO : 0;
}

struct sum {
	uint64_t count;
};

static int count(void *context, const struct vfmig_map *map)
{
	struct sum *sum = context;

	sum->count++;
	return 0;
}

static void check_info(struct vfmig_space *space, const void *before, const void *arg,
		       size_t capacity)
{
	uint32_t argsz;

	struct vfmig_type1_iova_range ranges[4];
	struct abi_type1_says says = {.ranges = ranges};
	struct vfmig_type1_info info = {0};
	struct sum sum = {0};

	memcpy(&argsz, before, sizeof(argsz));
	if (argsz < sizeof(info))
		return; /* what is behind it was not written */
	memcpy(&info, arg, sizeof(info));
	if (!info.cap_offset)
		return;
	vfmig_space_each(space, count, &sum);
	HOLDS(!abi_type1_get_info(arg, capacity, &says, 4));
	HOLDS(says.has_migration && says.has_dma_avail && says.range_count == 1);
	HOLDS(says.dma_avail == (sum.count < 16 ? 16 - sum.count : 0));
}

/* Bits behind the end of the range are as they were. */
static void check_bits(const struct vfmig_type1_dirty_get *get)
{
	uint64_t pages = get->size / VFMIG_PAGE_SIZE;

	for (uint64_t bit = pages; bit % 64; bit++)
		HOLDS(!(memory[get->bitmap.data - BASE + bit / 8] & 1u << bit % 8));
}

static void one(struct vfmig_type1 *t, struct vfmig_space *space, uint8_t op, uint8_t *arg,
		size_t capacity)
{
	static const uint32_t numbers[] = {VFMIG_IOCTL_IOMMU_GET_INFO, VFMIG_IOCTL_IOMMU_MAP_DMA,
					   VFMIG_IOCTL_IOMMU_UNMAP_DMA,
					   VFMIG_IOCTL_IOMMU_DIRTY_PAGES};
	uint32_t number = numbers[op % 4];
	struct vfmig_error err = {0};
	uint8_t before[256];
	int ret;

	memcpy(before, arg, capacity);
	memset(memory, 0, sizeof(memory));
	ret = vfmig_type1_ioctl(t, number, arg, capacity, &err);
	HOLDS(ret <= 0);
	if (ret) {
		HOLDS(err.code == ret && err.text[0]);
		HOLDS(!memcmp(before, arg, capacity));
		return;
	}
	if (number == VFMIG_IOCTL_IOMMU_GET_INFO) {
		check_info(space, before, arg, capacity);
	} else if (number == VFMIG_IOCTL_IOMMU_DIRTY_PAGES) {
		struct vfmig_type1_dirty_get get;

		HOLDS(!memcmp(before, arg, capacity));
		if (arg[4] != VFMIG_TYPE1_DIRTY_GET_BITMAP)
			return;
		memcpy(&get, arg + sizeof(struct vfmig_type1_dirty_pages), sizeof(get));
		check_bits(&get);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct vfmig_tracker tracker = {.name = "writer", .read_clear = writes};
	struct vfmig_type1_options options = {.dma_limit = 16,
					      .user = {.read = in, .write = out, .map = mapped}};
	struct vfmig_space *space = vfmig_space_new();
	struct vfmig_type1 *t;

	if (!space || vfmig_type1_new(space, &options, &t, NULL))
		abort();
	HOLDS(!vfmig_space_add_tracker(space, &tracker, NULL));
	while (size >= 2) {
		size_t capacity = data[1] < size - 2 ? data[1] : size - 2;
		uint8_t *arg = malloc(capacity ? capacity
					       : 1); /* of its own size: a sanitizer sees the end */

		if (!arg)
			abort();
		memcpy(arg, data + 2, capacity);
		one(t, space, data[0], arg, capacity);
		free(arg);
		data += 2 + capacity;
		size -= 2 + capacity;
	}
	vfmig_type1_free(t);
	vfmig_space_remove_tracker(space, &tracker);
	vfmig_space_free(space);
	return 0;
}
