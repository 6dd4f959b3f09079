/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Marks, harvests and reports of the dirty map, each compared with a bare flat bitmap of one bit per
 * 4 KiB page that does the least that the same result needs. Ratios below 1 are faster than that.
 *
 *     mark      a random page of 64 GiB              a `lock or` of its bit
 *     harvest   1 TiB: clean, sparse                 look at each word, exchange it if it is not zero
 *     report    64 GiB into a bitmap                 the same, OR into the bitmap
 *
 * Both sides do what they did in the run before: memory that both have touched, the same pages dirty.
 */
#include "bench/bench.h"
#include "dirty/map.h"

#include <stdatomic.h>
#include <stdbool.h>

#define PAGE  4096ull
#define GIB   (1ull << 30)
#define RUNS  21
#define MARKS 2000000u

typedef _Atomic uint64_t word;

static uint64_t seed;

static inline uint64_t rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

/* ---- the limit ---- */

static word *flat_create(uint64_t pages)
{
	word *flat = aligned_alloc(1 << 21, pages / 8);

	if (!flat)
		abort();
	memset(flat, 0, pages / 8);
	return flat;
}

static void flat_mark(word *flat, uint64_t addr)
{
	atomic_fetch_or(&flat[addr / PAGE / 64], 1ull << addr / PAGE % 64);
}

static uint64_t taken;

/* The least that a harvest of runs can do: see each dirty page's bit. */
static void flat_harvest(word *flat, uint64_t pages)
{
	for (uint64_t w = 0; w < pages / 64; w++)
		if (atomic_load_explicit(&flat[w], memory_order_relaxed))
			taken += (unsigned int)__builtin_popcountll(atomic_exchange(&flat[w], 0));
}

static void flat_report(word *flat, uint64_t pages, uint64_t *bitmap)
{
	for (uint64_t w = 0; w < pages / 64; w++)
		if (atomic_load_explicit(&flat[w], memory_order_relaxed))
			bitmap[w] |= atomic_exchange(&flat[w], 0);
}

/* ---- what is dirty ---- */

struct pages {
	uint64_t *addr;
	size_t count;
};

/* About one in @one_in pages of @bytes, in runs of @run. */
static struct pages choose(uint64_t bytes, uint64_t one_in, uint64_t run)
{
	uint64_t pages = bytes / PAGE;
	struct pages p = {NULL, pages / one_in / run * run};

	p.addr = malloc(p.count * sizeof(*p.addr) + 1);
	for (size_t i = 0; i < p.count; i += run) {
		uint64_t first = one_in == 1 ? i : rnd() % (pages - run);

		for (size_t n = 0; n < run; n++)
			p.addr[i + n] = (first + n) * PAGE;
	}
	return p;
}

static struct vfmig_dirty *map_create(uint64_t size)
{
	struct dirty_config config = {.size = size};
	struct vfmig_dirty *map;

	if (dirty_create(&map, &config) || dirty_reserve(map, 0, size))
		abort();
	return map;
}

static int run(void *opaque, uint64_t addr, uint64_t len)
{
	taken -= len / PAGE;
	return 0;
}

/* ---- the rows ---- */

static void mark(const char *name, const struct dirty_config *config, uint64_t at)
{
	struct bench b = {.name = name, .unit = "ns", .limit = "lock or on a flat bitmap"};
	word *flat = flat_create(64 * GIB / PAGE);
	struct vfmig_dirty *map;

	if (dirty_create(&map, config))
		abort();
	for (int i = -1; i < RUNS; i++) {
		uint64_t t0, t1, t2, was = 88172645463325252ull + (uint64_t)i;

		seed = was;
		t0 = bench_now();
		for (unsigned int n = 0; n < MARKS; n++)
			flat_mark(flat, rnd() % (64 * GIB));
		t1 = bench_now();
		seed = was;
		for (unsigned int n = 0; n < MARKS; n++)
			vfmig_dirty_mark(map, at + rnd() % (64 * GIB), 1);
		t2 = bench_now();
		if (i >= 0)
			bench_pair(&b, (double)(t2 - t1) / MARKS, (double)(t1 - t0) / MARKS);
	}
	bench_report(&b);
	dirty_free(map);
	free(flat);
}

static void harvest(const char *name, uint64_t one_in, uint64_t in_runs)
{
	struct bench b = {.name = name, .unit = "us", .limit = "scan and clear of a flat bitmap"};
	struct pages p = choose(1024 * GIB, one_in, in_runs);
	struct vfmig_dirty *map = map_create(1024 * GIB);
	word *flat = flat_create(1024 * GIB / PAGE);

	for (int i = -1; i < RUNS; i++) {
		uint64_t t0, t1, t2;

		/* Each is marked right before it is harvested: the same things are in the cache. */
		for (size_t n = 0; n < p.count; n++)
			flat_mark(flat, p.addr[n]);
		t0 = bench_now();
		flat_harvest(flat, 1024 * GIB / PAGE);
		t1 = bench_now() - t0;
		for (size_t n = 0; n < p.count; n++)
			vfmig_dirty_mark(map, p.addr[n], 1);
		t0 = bench_now();
		dirty_read_clear(map, 0, UINT64_MAX, run, NULL);
		t2 = bench_now() - t0;
		if (taken)
			abort();
		if (i >= 0)
			bench_pair(&b, (double)t2 / 1e3, (double)t1 / 1e3);
	}
	bench_report(&b);
	dirty_free(map);
	free(flat);
	free(p.addr);
}

static void harvest_clean(const char *name, bool reserved, uint64_t size)
{
	struct bench b = {.name = name, .unit = "us", .limit = "100 microseconds"};
	struct dirty_config config = {.size = size};
	struct dirty_stats stats;
	struct vfmig_dirty *map;

	if (reserved)
		map = map_create(size);
	else if (dirty_create(&map, &config))
		abort();
	vfmig_dirty_mark(map, 0, 1);
	dirty_clear(map, 0, UINT64_MAX);
	for (int i = 0; i < RUNS; i++) {
		uint64_t t0 = bench_now();

		dirty_read_clear(map, 0, UINT64_MAX, run, NULL);
		bench_pair(&b, (double)(bench_now() - t0) / 1e3, 100);
	}
	bench_report(&b);
	dirty_get_stats(map, &stats);
	fprintf(stderr, "%s: %zu bytes of memory\n", name, stats.bytes);
	dirty_free(map);
}

static void report(const char *name, uint64_t one_in, uint64_t in_runs)
{
	struct bench b = {.name = name, .unit = "us", .limit = "exchange each non-zero word"};
	struct pages p = choose(64 * GIB, one_in, in_runs);
	struct vfmig_dirty *map = map_create(64 * GIB);
	uint64_t *bitmap = calloc(1, dirty_bitmap_bytes(64 * GIB, PAGE));
	uint64_t *other = calloc(1, dirty_bitmap_bytes(64 * GIB, PAGE));
	word *flat = flat_create(64 * GIB / PAGE);

	for (int i = -1; i < RUNS; i++) {
		uint64_t t0, t1, t2;

		for (size_t n = 0; n < p.count; n++)
			flat_mark(flat, p.addr[n]);
		t0 = bench_now();
		flat_report(flat, 64 * GIB / PAGE, other);
		t1 = bench_now() - t0;
		for (size_t n = 0; n < p.count; n++)
			vfmig_dirty_mark(map, p.addr[n], 1);
		t0 = bench_now();
		dirty_read_clear_bitmap(map, 0, 64 * GIB, PAGE, bitmap);
		t2 = bench_now() - t0;
		if (memcmp(bitmap, other, dirty_bitmap_bytes(64 * GIB, PAGE)))
			abort();
		if (i >= 0)
			bench_pair(&b, (double)t2 / 1e3, (double)t1 / 1e3);
	}
	bench_report(&b);
	dirty_free(map);
	free(flat);
	free(bitmap);
	free(other);
	free(p.addr);
}

int main(void)
{
	const struct dirty_config small = {.size = 64 * GIB}, all = {0};

	mark("dirty-mark-64G", &small, 0);
	mark("dirty-mark-64G-of-2^64", &all, 0);
	mark("dirty-mark-64G-across-1T", &all, 1024 * GIB - 32 * GIB);
	harvest_clean("dirty-harvest-1T-clean", false, 1024 * GIB);
	harvest_clean("dirty-harvest-1T-clean-after-use", true, 1024 * GIB);
	harvest_clean("dirty-harvest-2^64-clean", false, 0);
	harvest("dirty-harvest-1T-0.01%-runs", 10000, 64);
	harvest("dirty-harvest-1T-0.01%-random", 10000, 1);
	harvest("dirty-harvest-1T-1%-random", 100, 1);
	report("dirty-report-64G-clean", 1ull << 40, 1);
	report("dirty-report-64G-0.01%", 10000, 1);
	report("dirty-report-64G-1%", 100, 1);
	report("dirty-report-64G-100%", 1, 1);
	return 0;
}
