/* SPDX-License-Identifier: BSD-3-Clause */
/* Checks of pfn: the region tells which pages the device wrote, while it saves. */
#include "conform/region.h"

#define PAGE  CONFORM_PAGE
#define FIRST (CONFORM_IOVA / PAGE)
#define PAGES (CONFORM_SIZE / PAGE)

#define ULL(x) ((unsigned long long)(x))

static void set(struct conform *c, uint64_t page)
{
	c->scratch[page / 64] |= 1ull << page % 64;
}

/* One answer: how many pages it is about, into *done. */
static int piece(struct conform *c, uint64_t from, uint64_t count, uint64_t *done)
{
	uint8_t bitmap[CONFORM_WORDS * 8];
	uint64_t copied, offset;
	int ret = region_put64(c, REG(start_pfn), FIRST + from);

	if (!ret)
		ret = region_put64(c, REG(page_size), PAGE);
	if (!ret)
		ret = region_put64(c, REG(total_pfns), count);
	if (!ret)
		ret = region_get64(c, REG(copied_pfns), &copied);
	if (ret)
		return ret;
	*done = count;
	if (copied == VFMIG_PFN_DIRTY_NONE)
		return 0;
	if (copied == VFMIG_PFN_DIRTY_ALL) {
		for (uint64_t i = 0; i < count; i++)
			set(c, from + i);
		return 0;
	}
	if (copied > count)
		return vfmig_err(&c->err, -EPROTO,
				 "%llu pages were asked about, and copied_pfns is %llu", ULL(count),
				 ULL(copied));
	*done = copied;
	ret = region_get64(c, REG(data_offset), &offset);
	if (!ret)
		ret = region_read_data(c, offset, bitmap, (copied + 7) / 8);
	for (uint64_t i = 0; !ret && i < copied; i++)
		if (bitmap[i / 8] >> i % 8 & 1)
			set(c, from + i);
	return ret;
}

/* All of a range, piece by piece, into c->scratch. */
static int ask(struct conform *c, uint64_t from, uint64_t count)
{
	int ret = 0;

	memset(c->scratch, 0, CONFORM_WORDS * 8);
	for (uint64_t done = 0; !ret && count; from += done, count -= done)
		ret = piece(c, from, count, &done);
	return ret;
}

static int write_page(struct conform *c, uint64_t page)
{
	return c->work->write(c, CONFORM_IOVA + page * PAGE, PAGE);
}

static const uint64_t some_pages[] = {0, 1, 63, 64, 200, 511, PAGES - 1};
#define SOME (sizeof(some_pages) / sizeof(some_pages[0]))

static enum conform_verdict each_write_is_told(struct conform *c)
{
	NEED(c, region_go(c, VFMIG_V1_STATE_PRE_COPY));
	NEED(c, ask(c, 0, PAGES));
	for (size_t i = 0; i < SOME; i++)
		NEED(c, write_page(c, some_pages[i]));
	MUST(c, ask(c, 0, PAGES));
	for (size_t i = 0; i < SOME; i++)
		if (!conform_told(c, some_pages[i]))
			return conform_fail(
				c, "page %llu was written in pre-copy, and is not reported",
				ULL(some_pages[i]));
	return conform_pass(c, "all %zu written pages were reported, with %llu others", SOME,
			    ULL(conform_told_count(c) - SOME));
}

static enum conform_verdict no_more_than_was_written(struct conform *c)
{
	NEED(c, region_go(c, VFMIG_V1_STATE_PRE_COPY));
	NEED(c, ask(c, 0, PAGES));
	NEED(c, write_page(c, 70));
	NEED(c, ask(c, 0, PAGES));
	if (conform_told_count(c) != 1 || !conform_told(c, 70))
		return conform_fail(c, "one page was written, the 70th, and %llu were reported",
				    ULL(conform_told_count(c)));
	return conform_pass(c, "one page was written, and one was reported");
}

static enum conform_verdict none_is_none(struct conform *c)
{
	uint64_t copied;

	NEED(c, region_go(c, VFMIG_V1_STATE_PRE_COPY));
	NEED(c, ask(c, 0, PAGES));
	NEED(c, region_put64(c, REG(start_pfn), FIRST));
	NEED(c, region_put64(c, REG(page_size), PAGE));
	NEED(c, region_put64(c, REG(total_pfns), PAGES));
	MUST(c, region_get64(c, REG(copied_pfns), &copied));
	if (copied == VFMIG_PFN_DIRTY_NONE)
		return conform_pass(c, "nothing was written, and copied_pfns is 0");
	return conform_fail(c, "nothing was written, and copied_pfns is %llu", ULL(copied));
}

static enum conform_verdict stop_and_copy_tells_the_last(struct conform *c)
{
	NEED(c, region_go(c, VFMIG_V1_STATE_PRE_COPY));
	NEED(c, ask(c, 0, PAGES));
	NEED(c, write_page(c, 33));
	NEED(c, region_go(c, VFMIG_V1_STATE_STOP_COPY));
	MUST(c, ask(c, 0, PAGES));
	if (!conform_told(c, 33))
		return conform_fail(
			c, "page 33 was written in pre-copy, and stop-and-copy does not tell it");
	return conform_pass(c, "what pre-copy wrote last, stop-and-copy told");
}

static enum conform_verdict a_part_is_told_of_a_part(struct conform *c)
{
	NEED(c, region_go(c, VFMIG_V1_STATE_PRE_COPY));
	NEED(c, ask(c, 0, PAGES));
	NEED(c, write_page(c, 10));
	NEED(c, write_page(c, 100));
	MUST(c, ask(c, 64, 64));
	if (!conform_told(c, 100))
		return conform_fail(
			c, "page 100 was written, and asked from page 64 on it is not told");
	MUST(c, ask(c, 0, 64));
	if (!conform_told(c, 10))
		return conform_fail(c, "page 10 was written, and asking about others took it away");
	return conform_pass(c, "asked about 64 pages, it told its own, and left the others");
}

static enum conform_verdict the_range_is_written_only(struct conform *c)
{
	static const uint32_t regs[] = {REG(start_pfn), REG(page_size), REG(total_pfns)};
	uint64_t value;

	NEED(c, region_go(c, VFMIG_V1_STATE_PRE_COPY));
	for (size_t i = 0; i < 3; i++) {
		int ret = region_get64(c, regs[i], &value);

		if (!ret)
			return conform_fail(
				c, "the register at %u, which can only be written, was read",
				regs[i]);
		if (conform_lost(ret))
			return conform_failed(c, CONFORM_FAIL);
	}
	return conform_pass(c, "refused: %s", c->err.text);
}

static enum conform_verdict copied_is_read_only(struct conform *c)
{
	int ret;

	NEED(c, region_go(c, VFMIG_V1_STATE_PRE_COPY));
	ret = region_put64(c, REG(copied_pfns), 77);
	if (!ret)
		return conform_fail(c, "copied_pfns, which can only be read, was written");
	if (conform_lost(ret))
		return conform_failed(c, CONFORM_FAIL);
	return conform_pass(c, "refused: %s", c->err.text);
}

#define WORKING (CONFORM_PFN | CONFORM_WORK)

const struct conform_check conform_pfn[] = {
	{"PFN-11", "start_pfn, page_size and total_pfns cannot be read", CONFORM_PFN, true,
	 the_range_is_written_only},
	{"PFN-14", "copied_pfns cannot be written", CONFORM_PFN, true, copied_is_read_only},
	{"PFN-15", "only written pages are reported", WORKING, true, no_more_than_was_written},
	{"PFN-16", "nothing written is 0", CONFORM_PFN, true, none_is_none},
	{"PFN-27", "each page that the device writes while it saves is reported", WORKING, false,
	 each_write_is_told},
	{"PFN-36", "stop-and-copy reports the last writes", WORKING, false,
	 stop_and_copy_tells_the_last},
	{"PFN-37", "a report of a part clears only that part", WORKING, false,
	 a_part_is_told_of_a_part},
	{NULL},
};
