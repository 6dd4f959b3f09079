/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A user in another process: what it points to is reached by callbacks, a piece at a time; what cannot be reached is
 * EFAULT, and no page is lost by it: an unmap that could not tell does not begin, and a question that could not
 * be answered leaves its pages for the next.
 *
 * Rules: T1-06, T1-09, T1-19.
 */
#include "tests/type1/setup.h"

/* The user's memory, from address BASE on. */
#define BASE 0x7000000000ull
static uint8_t memory[160 << 10];
static size_t limit = sizeof(memory), largest;
static unsigned maps;

static int reach(uint64_t addr, size_t len)
{
	if (addr < BASE || addr - BASE > limit || limit - (addr - BASE) < len)
		return -EFAULT;
	largest = len > largest ? len : largest;
	return 0;
}

static int copy_in(void *context, uint64_t addr, void *buf, size_t len)
{
	if (reach(addr, len))
		return -EFAULT;
	memcpy(buf, memory + (addr - BASE), len);
	return 0;
}

static int copy_out(void *context, uint64_t addr, const void *buf, size_t len)
{
	if (reach(addr, len))
		return -EFAULT;
	memcpy(memory + (addr - BASE), buf, len);
	return 0;
}

/* Its memory is shared at another address; one page it will not give. */
static int at_ours(void *context, struct vfmig_map *map, struct vfmig_error *err)
{
	maps++;
	if ((uintptr_t)map->ptr < BASE)
		return vfmig_err(err, -EFAULT, "no such memory");
	map->ptr = memory + ((uintptr_t)map->ptr - BASE);
	map->iova = 12345; /* not its to say */
	return 0;
}

static int see(void *context, const struct vfmig_map *map)
{
	if (map->iova == 0x8000)
		CHECK(map->ptr == memory + 2 * PAGE && map->size == PAGE);
	return 0;
}

int main(void)
{
	struct vfmig_type1_options options = {
		.user = {.read = copy_in, .write = copy_out, .map = at_ours}};
	/* Two pieces of bitmap and a bit: 4 GiB and 65 pages. */
	const uint64_t pages = (1u << 20) + 65, bytes = (1u << 17) + 16;
	struct vfmig_type1_dma_map m = {
		.argsz = 32, .flags = 3, .vaddr = BASE + 2 * PAGE, .iova = 0x8000, .size = PAGE};
	struct dirty_pages get;
	struct dma_unmap u;
	struct setup setup;

	setup_open(&setup, &options);
	CHECK_EQ(setup_map_as(&setup, m), 0);
	vfmig_space_each(setup.space, see, NULL);
	/* What is refused anyhow is not asked about. */
	CHECK_EQ(maps, 1);
	CHECK_EQ(setup_map_as(&setup, m), -EEXIST);
	CHECK_EQ(maps, 1);
	m.vaddr = 0x1000;
	m.iova = 0;
	CHECK_EQ(setup_map_as(&setup, m), -EFAULT);
	CHECK_EQ(maps, 2);

	m.vaddr = BASE;
	m.iova = 1ull << 40;
	m.size = pages * PAGE;
	CHECK_EQ(setup_map_as(&setup, m), 0);
	CHECK_EQ(setup_start(&setup), 0);
	get = setup_get_request(&setup, 1ull << 40, pages);
	get.get.bitmap.size = bytes;
	get.get.bitmap.data = BASE + 1;

	for (unsigned i = 0; i < 3; i++)
		setup_write(&setup, (1ull << 40) + i * 524288 * PAGE);
	setup_write(&setup, (1ull << 40) + (pages - 1) * PAGE);
	memory[0] = memory[1 + bytes] = 0xee;
	CHECK_EQ(setup_dirty_as(&setup, get), 0);
	CHECK(largest <= 64 << 10);
	for (size_t i = 0; i < bytes; i++)
		CHECK_EQ(memory[1 + i], i == 0 || i == 65536 || i == 131072 || i == 131080);
	CHECK(memory[0] == 0xee && memory[1 + bytes] == 0xee);

	/* The memory ends in the last piece: everything is told the next time. */
	memset(memory, 0, sizeof(memory));
	setup_write(&setup, 1ull << 40);
	limit = bytes;
	CHECK_EQ(setup_dirty_as(&setup, get), -EFAULT);
	limit = sizeof(memory);
	memset(memory, 0, sizeof(memory));
	CHECK_EQ(setup_dirty_as(&setup, get), 0);
	CHECK_EQ(memory[1], 0xff);
	memset(memory, 0, sizeof(memory));
	CHECK_EQ(setup_dirty_as(&setup, get), 0);
	CHECK_EQ(memory[1], 0);

	/* An unmap that could not tell has not begun. */
	u = (struct dma_unmap){
		.unmap = {.argsz = sizeof(u),
			  .flags = VFMIG_DMA_UNMAP_GET_DIRTY_BITMAP,
			  .iova = 1ull << 40,
			  .size = pages * PAGE},
		.bitmap = {.pgsize = PAGE, .size = bytes, .data = BASE + 1},
	};
	setup_write(&setup, (1ull << 40) + (pages - 1) * PAGE);
	limit = bytes;
	CHECK_EQ(setup_unmap_as(&setup, &u), -EFAULT);
	CHECK_EQ(u.unmap.size, pages * PAGE);
	limit = sizeof(memory);
	CHECK_EQ(setup_unmap_as(&setup, &u), 0);
	CHECK_EQ(u.unmap.size, pages * PAGE);
	CHECK_EQ(memory[1 + 131080], 1);
	setup_close(&setup);
	return 0;
}
