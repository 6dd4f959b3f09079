/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Pages that were never touched stay so, at both ends: of the source's memory as much is resident after a migration
 * as before, of the destination's what it had and what was sent. Memory of each kind of which that can be told.
 * And the destination has what the source has, also where it was not fresh.
 */
#include <sys/sysinfo.h>

#include "tests/engine/kinds.h"

#define SIZE  (16ul << 20)
#define PAGES (SIZE / KIND_PAGE)

struct look {
	unsigned char page[PAGES];
	blkcnt_t blocks;
};

static struct look look(const struct memory *memory)
{
	struct look look = {0};
	struct stat file;

	CHECK(!mincore(memory->bytes, SIZE, look.page));
	for (size_t i = 0; i < PAGES; i++)
		look.page[i] &= 1;
	if (memory->fd >= 0) {
		CHECK(!fstat(memory->fd, &file));
		look.blocks = file.st_blocks;
	}
	return look;
}

/* What the source has written in a page; 0 is nothing. Pages of its own, rows, and between them wide holes. */
static int written(size_t page)
{
	if (page == PAGES - 1 || (page >= PAGES / 2 && page < PAGES / 2 + 700))
		return (int)(page % 255 + 1);
	return page < 1000 && page % 7 < 2 ? (int)(page % 255 + 1) : 0;
}

/* Touched, but zero. */
static bool zeroed(size_t page)
{
	return page >= 2400 && page < 2420;
}

/* What the destination has in the beginning. */
static bool stale(size_t page)
{
	return page % 50 == 0 && page < PAGES / 4 * 3;
}

static void fill(struct memory *from, struct memory *to)
{
	for (size_t i = 0; i < PAGES; i++) {
		if (written(i) || zeroed(i))
			memset(from->bytes + i * KIND_PAGE, written(i), KIND_PAGE);
		if (stale(i))
			memset(to->bytes + i * KIND_PAGE, 0xee, KIND_PAGE);
	}
}

/* Was something in the page's allocation unit sent? */
static bool sent(enum kind kind, size_t page)
{
	size_t unit = kind_page(kind) / KIND_PAGE, first = page / unit * unit;

	for (size_t i = first; i < first + unit; i++)
		if (written(i))
			return true;
	return false;
}

static void one(enum kind kind)
{
	struct memory from = memory_new(kind, SIZE), to = memory_new(kind, SIZE);
	struct vfmig_migration_result result;
	struct look before, there_before, after, there;

	fill(&from, &to);
	before = look(&from);
	there_before = look(&to);
	result = memory_move(&from, &to);
	after = look(&from);
	there = look(&to);
	CHECK_EQ(result.memory_bytes + result.zero_pages * KIND_PAGE, SIZE);
	CHECKF(after.blocks == before.blocks, "%s: %ld blocks, and before %ld", kind_name[kind],
	       (long)after.blocks, (long)before.blocks);
	CHECKF(there.blocks <= before.blocks + there_before.blocks, "%s: %ld blocks of %ld and %ld",
	       kind_name[kind], (long)there.blocks, (long)before.blocks, (long)there_before.blocks);
	for (size_t i = 0; i < PAGES; i++) {
		/* The kernel reads a file on a disk ahead, and drops its pages: the blocks are what counts. */
		if (kind == KIND_FILE)
			break;
		CHECKF(after.page[i] == before.page[i], "%s: page %zu of the source was touched",
		       kind_name[kind], i);
		CHECKF(there.page[i] <= (there_before.page[i] || sent(kind, i)),
		       "%s: page %zu of the destination was touched", kind_name[kind], i);
	}
	for (size_t i = 0; i < SIZE; i++)
		CHECKF(to.bytes[i] == written(i / KIND_PAGE), "%s: byte %zu is %d", kind_name[kind],
		       i, to.bytes[i]);
	memory_free(&from);
	memory_free(&to);
}

int main(void)
{
	struct sysinfo info;

	RUN(one(KIND_MEMFD));
	RUN(one(KIND_FILE));
	if (!sysinfo(&info) && !info.totalswap) {
		RUN(one(KIND_ANONYMOUS));
		RUN(one(KIND_SHARED));
	} else {
		printf("the system has swap: without memory that has no descriptor\n");
	}
	if (!kind_huge_pages(2 * SIZE / KIND_HUGE)) {
		printf("no huge pages of 2 MiB to be had: without them\n");
		return 0;
	}
	RUN(one(KIND_HUGE_MEMFD));
	RUN(one(KIND_HUGE_ANONYMOUS));
	return 0;
}
