/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Random operations on a map and on an array of bools, which must agree after each: page sizes from
 * 4 KiB to 1 GiB, windows that lie across the seams of the tree (leaf, directory, group, both ends of
 * the address space), ranges of any alignment, with and without memory pressure.
 *
 * The array knows the rule for a page that is partly in a range (it is reported and stays dirty),
 * written out once more from the header's words, one page at a time.
 *
 * Rules: DMA-14, DMA-17.
 */
#include "dirty/map.h"
#include "tests/lib/check.h"

#define PAGES 70000u /* a bit more than two leaves */

static uint64_t seed = 88172645463325252ull;

static uint64_t rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

struct naive {
	uint64_t base, last; /* the map's bytes */
	uint64_t start;	     /* of the window: page 0 of the array, page-aligned */
	uint64_t page;	     /* page size */
	bool dirty[PAGES];
};

struct range {
	uint64_t addr, len, last;
};

static struct naive one, two;

/* The part of page n that is in both the range and the map; false if none. */
static bool part(const struct naive *naive, uint64_t n, const struct range *r, uint64_t *first,
		 uint64_t *last)
{
	*first = naive->start + n * naive->page;
	*last = *first + (naive->page - 1);
	if (*last < *first) /* past 2^64 */
		return false;
	if (*first < naive->base)
		*first = naive->base;
	if (*last > naive->last)
		*last = naive->last;
	if (*first < r->addr)
		*first = r->addr;
	if (*last > r->last)
		*last = r->last;
	return *first <= *last;
}

/* Is all of page n that is the map's in the range? */
static bool whole(const struct naive *naive, uint64_t n, const struct range *r)
{
	const struct range all = {0, UINT64_MAX, UINT64_MAX};
	uint64_t a, b, c, d;

	return part(naive, n, r, &a, &b) && part(naive, n, &all, &c, &d) && a == c && b == d;
}

static struct range any_range(const struct naive *naive)
{
	uint64_t bytes = PAGES * naive->page, off = rnd() % bytes, len;
	struct range r;

	switch (rnd() % 6) {
	case 0:
		len = 1 + rnd() % (3 * naive->page);
		break;
	case 1:
		off -= off % naive->page;
		len = naive->page * (1 + rnd() % 200);
		break;
	case 2:
		off = 0;
		len = bytes;
		break;
	case 3: /* around a leaf */
		off = 32767 * naive->page;
		len = naive->page * (32768 + rnd() % 3);
		break;
	default:
		len = 1 + rnd() % bytes;
	}
	if (len > bytes - off)
		len = bytes - off;
	r.addr = naive->start + off;
	r.len = len;
	r.last = r.addr + (len - 1);
	if (r.last < r.addr)
		r.last = UINT64_MAX;
	if (r.addr < naive->start) { /* the window passes 2^64 */
		r.addr = naive->start;
		r.last = r.addr + (len - 1);
		if (r.last < r.addr)
			r.last = UINT64_MAX;
	}
	return r;
}

static void naive_mark(struct naive *naive, const struct range *r)
{
	uint64_t a, b;

	for (uint64_t n = 0; n < PAGES; n++)
		if (part(naive, n, r, &a, &b))
			naive->dirty[n] = true;
}

static void naive_take(struct naive *naive, const struct range *r)
{
	for (uint64_t n = 0; n < PAGES; n++)
		if (whole(naive, n, r))
			naive->dirty[n] = false;
}

static uint64_t naive_count(const struct naive *naive, const struct range *r)
{
	uint64_t a, b, count = 0;

	for (uint64_t n = 0; n < PAGES; n++)
		count += naive->dirty[n] && part(naive, n, r, &a, &b);
	return count;
}

/* Holds the runs that a map gives against the array. */
struct expect {
	const struct naive *naive;
	struct range r;
	uint64_t n; /* next page to look at */
	unsigned int stop_at, runs;
	uint64_t stopped_page;
};

static bool next_run(struct expect *e, uint64_t *first, uint64_t *last)
{
	uint64_t a, b;

	for (; e->n < PAGES; e->n++)
		if (e->naive->dirty[e->n] && part(e->naive, e->n, &e->r, first, last))
			break;
	if (e->n == PAGES)
		return false;
	while (++e->n < PAGES && e->naive->dirty[e->n] && part(e->naive, e->n, &e->r, &a, &b))
		*last = b;
	return true;
}

static int run(void *opaque, uint64_t addr, uint64_t len)
{
	struct expect *e = opaque;
	uint64_t first, last;

	CHECK(next_run(e, &first, &last));
	CHECK_EQ(addr, first);
	CHECK_EQ(len, last - first + 1);
	if (++e->runs != e->stop_at)
		return 0;
	e->stopped_page = (addr - e->naive->start) / e->naive->page;
	return -7;
}

static void check_runs(struct expect *e, int ret)
{
	uint64_t first, last;

	if (e->stop_at && e->runs == e->stop_at) {
		CHECK_EQ(ret, -7);
		return;
	}
	CHECK_EQ(ret, 0);
	CHECK(!next_run(e, &first, &last));
}

static void check_all(struct vfmig_dirty *map, const struct naive *naive)
{
	struct expect e = {naive, {0, UINT64_MAX, UINT64_MAX}, 0, 0, 0, 0};

	check_runs(&e, dirty_read(map, 0, UINT64_MAX, run, &e));
	CHECK_EQ(dirty_count(map, 0, UINT64_MAX), naive_count(naive, &e.r));
}

static bool bit(const uint64_t *bitmap, uint64_t n)
{
	return bitmap[n / 64] >> n % 64 & 1;
}

static uint64_t any_page_size(uint64_t len, uint64_t page)
{
	uint64_t size = page;

	for (uint64_t n = rnd() % 6; n; n--)
		size = rnd() & 1 ? size << 1 : size >> 1;
	if (rnd() % 8 == 0)
		size = 1ull << rnd() % 64;
	while (len / size > 200000)
		size <<= 1;
	return size;
}

static void do_report(struct vfmig_dirty *map, struct naive *naive, struct range r)
{
	uint64_t size = any_page_size(r.len, naive->page), a, b;
	size_t bytes = dirty_bitmap_bytes(r.len, size);
	uint64_t *got = malloc(bytes), *want = malloc(bytes);

	for (size_t i = 0; i < bytes / 8; i++)
		got[i] = want[i] = rnd() & rnd() & rnd() & rnd();
	for (uint64_t n = 0; n < PAGES; n++)
		if (naive->dirty[n] && part(naive, n, &r, &a, &b))
			for (uint64_t i = (a - r.addr) / size; i <= (b - r.addr) / size; i++)
				want[i / 64] |= 1ull << i % 64;
	CHECK_EQ(dirty_read_clear_bitmap(map, r.addr, r.len, size, got), 0);
	CHECK(!memcmp(got, want, bytes));
	naive_take(naive, &r);
	free(got);
	free(want);
}

static void do_mark_bitmap(struct vfmig_dirty *map, struct naive *naive, struct range r)
{
	uint64_t size = any_page_size(r.len, naive->page), dense = rnd() % 3;
	size_t bytes = dirty_bitmap_bytes(r.len, size), odd = rnd() % 8;
	uint64_t *bits = malloc(bytes);
	char *from = malloc(bytes + odd);

	/* Bits past the end are set too: nobody may look at them. */
	for (size_t i = 0; i < bytes / 8; i++)
		bits[i] = dense == 0   ? rnd() & rnd() & rnd() & rnd() & rnd() & rnd()
			  : dense == 1 ? -(rnd() & 1)
				       : ~0ull;
	memcpy(from + odd, bits, bytes);
	CHECK_EQ(dirty_mark_bitmap(map, r.addr, r.len, size, from + odd), 0);
	for (uint64_t n = 0; n < PAGES; n++) {
		uint64_t a, b;

		if (!part(naive, n, &r, &a, &b))
			continue;
		for (uint64_t i = (a - r.addr) / size; i <= (b - r.addr) / size; i++)
			naive->dirty[n] |= bit(bits, i);
	}
	free(bits);
	free(from);
}

/* Into a map of another page size, and (sometimes) one that begins elsewhere. */
static void do_gather(struct vfmig_dirty *map, struct naive *naive, struct range r)
{
	struct vfmig_dirty *into[2];
	struct dirty_config config = {0, 0, naive->page, 0};
	uint64_t a, b;

	two = *naive;
	memset(two.dirty, 0, sizeof(two.dirty));
	for (uint64_t n = 0; n < PAGES; n++)
		two.dirty[n] = naive->dirty[n] && part(naive, n, &r, &a, &b);
	if (rnd() & 1) {
		config.base = two.base = naive->start + 1000 * naive->page + 5;
		config.size = 50000 * naive->page;
		two.last = two.base + config.size - 1;
		for (uint64_t n = 0; n < PAGES; n++) {
			const struct range all = {0, UINT64_MAX, UINT64_MAX};

			two.dirty[n] &= part(&two, n, &all, &a, &b);
		}
		if (two.last < two.base)
			config.base = config.size = 0;
	}
	if (!config.size) {
		two.base = 0;
		two.last = UINT64_MAX;
		for (uint64_t n = 0; n < PAGES; n++)
			two.dirty[n] = naive->dirty[n] && part(naive, n, &r, &a, &b);
	}
	CHECK_EQ(dirty_create(&into[0], &config), 0);
	config = (struct dirty_config){.page_size = DIRTY_PAGE_MAX};
	CHECK_EQ(dirty_create(&into[1], &config), 0);
	dirty_merge(map, r.addr, r.len, into, 2);
	check_all(into[0], &two);
	for (uint64_t n = 0; n < PAGES; n++)
		if (naive->dirty[n] && part(naive, n, &r, &a, &b))
			CHECK(dirty_test(into[1], a, b - a + 1));
	CHECK_EQ(dirty_test(into[1], 0, UINT64_MAX), naive_count(naive, &r) != 0);
	naive_take(naive, &r);
	dirty_free(into[0]);
	dirty_free(into[1]);
}

static void do_harvest(struct vfmig_dirty *map, struct naive *naive, struct range r)
{
	struct expect e = {naive, r, 0, rnd() % 3 ? 0 : 1 + rnd() % 4, 0, 0};
	int ret = dirty_read_clear(map, r.addr, r.len, run, &e);

	check_runs(&e, ret);
	if (ret) { /* what lies before the refused run is gone, the rest is as it was */
		for (uint64_t n = 0; n < e.stopped_page; n++)
			if (whole(naive, n, &r))
				naive->dirty[n] = false;
		return;
	}
	naive_take(naive, &r);
}

static void play(uint64_t base, uint64_t size, uint64_t page, uint64_t start, unsigned int steps)
{
	struct dirty_config config = {base, size, page, 0};
	struct vfmig_dirty *map;

	CHECK_EQ(dirty_create(&map, &config), 0);
	CHECK_EQ(dirty_page_size(map), page);
	memset(&one, 0, sizeof(one));
	one.base = base;
	one.last = size ? base + (size - 1) : UINT64_MAX;
	one.start = start;
	one.page = page;

	while (steps--) {
		struct range r = any_range(&one);

		switch (rnd() % 12) {
		case 0:
		case 1:
		case 2:
			for (unsigned int i = rnd() % 50; i; i--) {
				struct range few = r;

				few.addr += rnd() % r.len;
				if (few.addr < r.addr || few.addr > r.last)
					few.addr = r.last;
				few.len = 1 + rnd() % (2 * page);
				few.last = few.addr + (few.len - 1);
				if (few.last < few.addr)
					few.last = UINT64_MAX;
				vfmig_dirty_mark(map, few.addr, few.len);
				naive_mark(&one, &few);
			}
			break;
		case 3:
			vfmig_dirty_mark(map, r.addr, r.len);
			naive_mark(&one, &r);
			break;
		case 4:
			do_mark_bitmap(map, &one, r);
			break;
		case 5:
			do_report(map, &one, r);
			break;
		case 6:
			do_gather(map, &one, r);
			break;
		case 7:
			dirty_clear(map, r.addr, r.len);
			naive_take(&one, &r);
			break;
		case 8:
			CHECK_EQ(dirty_count(map, r.addr, r.len), naive_count(&one, &r));
			CHECK_EQ(dirty_test(map, r.addr, r.len), naive_count(&one, &r) != 0);
			break;
		default:
			do_harvest(map, &one, r);
		}
		check_all(map, &one);
	}
	dirty_free(map);
}

int main(void)
{
	for (uint64_t page = DIRTY_PAGE_MIN; page <= DIRTY_PAGE_MAX; page <<= 6) {
		uint64_t window = PAGES * page;

		/* A map of just the window, begun and ended within a page; all of memory: low, */
		play(0x5000 * page + 77, window - 1000, page, 0x5000 * page, 25);
		play(0, 0, page, 0, 25);
		/* across two directories, */
		play(0, 0, page, (1ull << 28) * page - 40000 * page, 25);
		/* and to the last byte. */
		play(0, 0, page, 0 - window, 25);
		play(0 - window, window, page, 0 - window, 25);
	}
	/* Across two groups. */
	play(0, 0, 4096, (1ull << 52) - 4096 * 33000ull, 25);
	play(0, 1ull << 34, DIRTY_PAGE_MAX, 0, 25);
	return 0;
}
