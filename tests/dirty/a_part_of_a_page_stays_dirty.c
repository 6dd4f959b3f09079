/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The edges: a page that is partly in a range is reported for that part and stays dirty, unless the
 * rest of it is not the map's. And ranges at the end of the address space, and maps that cannot be.
 */
#include <errno.h>

#include "dirty/map.h"
#include "tests/lib/check.h"

#define PAGE 4096ull

static struct vfmig_dirty *map;
static uint64_t got_addr[8], got_len[8];
static unsigned int got;

static int run(void *opaque, uint64_t addr, uint64_t len)
{
	CHECK(got < 8);
	got_addr[got] = addr;
	got_len[got++] = len;
	return 0;
}

static void create(uint64_t base, uint64_t size, uint64_t page_size)
{
	struct dirty_config config = {base, size, page_size, 0};

	CHECK_EQ(dirty_create(&map, &config), 0);
}

static void harvest(uint64_t addr, uint64_t len)
{
	got = 0;
	CHECK_EQ(dirty_read_clear(map, addr, len, run, NULL), 0);
}

static int refused(uint64_t base, uint64_t size, uint64_t page_size)
{
	struct dirty_config config = {base, size, page_size, 0};
	struct vfmig_dirty *none;

	return dirty_create(&none, &config);
}

static void part_of_a_page(void)
{
	create(0, 0, 0);
	vfmig_dirty_mark(map, 10 * PAGE, 3 * PAGE);

	/* One run, cut to the range; the middle page is taken and the outer two are not. */
	harvest(10 * PAGE + 100, 2 * PAGE);
	CHECK(got == 1 && got_addr[0] == 10 * PAGE + 100 && got_len[0] == 2 * PAGE);
	CHECK_EQ(dirty_count(map, 0, UINT64_MAX), 2);
	harvest(10 * PAGE, 1);
	CHECK(got == 1 && got_len[0] == 1);
	harvest(12 * PAGE + 5, 1);
	CHECK(got == 1 && got_len[0] == 1);
	harvest(0, UINT64_MAX);
	CHECK(got == 2 && got_len[0] == PAGE && got_len[1] == PAGE);
	CHECK(!dirty_test(map, 0, UINT64_MAX));

	/* A mark of one byte is a page; of none, none. */
	vfmig_dirty_mark(map, 5 * PAGE - 1, 2);
	vfmig_dirty_mark(map, 9 * PAGE, 0);
	CHECK_EQ(dirty_count(map, 0, UINT64_MAX), 2);
	dirty_free(map);
}

static void a_map_that_ends_within_a_page(void)
{
	create(2 * PAGE + 1000, 3 * PAGE, 2 << 20);
	vfmig_dirty_mark(map, 0, PAGE); /* not the map's */
	CHECK(!dirty_test(map, 0, UINT64_MAX));
	vfmig_dirty_mark(map, 0, UINT64_MAX);
	CHECK_EQ(dirty_count(map, 0, UINT64_MAX), 1);
	harvest(2 * PAGE + 1000, 3 * PAGE - 1);
	CHECK(got == 1 && got_len[0] == 3 * PAGE - 1);
	harvest(2 * PAGE + 1000, 3 * PAGE);
	CHECK(got == 1 && got_addr[0] == 2 * PAGE + 1000 && got_len[0] == 3 * PAGE);
	CHECK(!dirty_test(map, 0, UINT64_MAX));
	dirty_free(map);
}

static void the_end_of_the_address_space(void)
{
	create(0, 0, 0);
	vfmig_dirty_mark(map, UINT64_MAX, UINT64_MAX);
	vfmig_dirty_mark(map, UINT64_MAX - 3 * PAGE, 1);
	CHECK_EQ(dirty_count(map, 0, UINT64_MAX), 2);
	CHECK_EQ(dirty_count(map, UINT64_MAX, 1), 1);
	harvest(0 - PAGE, UINT64_MAX);
	CHECK(got == 1 && got_addr[0] == 0 - PAGE && got_len[0] == PAGE);
	harvest(0, UINT64_MAX);
	CHECK(got == 1 && got_addr[0] == 0 - 4 * PAGE && got_len[0] == PAGE);

	/* 2^64 dirty bytes have no length. */
	dirty_mark_all(map);
	CHECK_EQ(dirty_count(map, 0, UINT64_MAX), 1ull << 52);
	harvest(0, UINT64_MAX);
	CHECK(got == 2 && got_addr[1] == 1ull << 63 && got_len[0] == 1ull << 63);
	CHECK_EQ(got_len[1], 1ull << 63);
	CHECK(!dirty_test(map, 0, UINT64_MAX));
	dirty_free(map);

	create(UINT64_MAX, 1, 1 << 30); /* a map of one byte */
	dirty_mark_all(map);
	harvest(0, UINT64_MAX);
	CHECK(got == 1 && got_addr[0] == UINT64_MAX && got_len[0] == 1);
	dirty_free(map);
}

int main(void)
{
	RUN(part_of_a_page());
	RUN(a_map_that_ends_within_a_page());
	RUN(the_end_of_the_address_space());

	CHECK_EQ(refused(0, 0, 2048), -EINVAL);
	CHECK_EQ(refused(0, 0, 2ull << 30), -EINVAL);
	CHECK_EQ(refused(0, 0, 3 * PAGE), -EINVAL);
	CHECK_EQ(refused(PAGE, UINT64_MAX, 0), -EINVAL);
	CHECK_EQ(refused(UINT64_MAX, 2, 0), -EINVAL);
	return 0;
}
