/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The tree of a space's maps stays shallow with 350,000 maps, in whatever order they come and go: the rate at which maps
 * are made does not fall with their number. Counted in steps, not in time.
 */
#include <stdlib.h>

#include "device/ranges.h"
#include "tests/lib/check.h"

#define COUNT 350000u
#define PAGE  4096u
/* A tree of random priorities is about 2.5 * log2(n) deep, 46 here; twice that happens in no lifetime. */
#define DEEPEST 92u

static struct ranges_node *range;

static unsigned depth(const struct ranges_node *node)
{
	unsigned left, right;

	if (!node)
		return 0;
	left = depth(node->left);
	right = depth(node->right);
	return 1 + (left > right ? left : right);
}

/* The nth of an order of all numbers below COUNT: up, down, or mixed by a factor that is prime to it. */
static uint32_t nth(unsigned order, uint32_t n)
{
	switch (order) {
	case 0:
		return n;
	case 1:
		return COUNT - 1 - n;
	default:
		return (uint32_t)((uint64_t)n * 179426549u % COUNT);
	}
}

static void in_order(unsigned order)
{
	struct ranges ranges = {0};
	struct ranges_node *r;
	uint32_t n = 0;

	for (uint32_t i = 0; i < COUNT; i++) {
		r = &range[nth(order, i)];
		/* A page each, and a page of nothing behind it. */
		r->first = (uint64_t)(r - range) * 2 * PAGE;
		r->last = r->first + PAGE - 1;
		ranges_add(&ranges, r);
	}
	CHECK_EQ(ranges.count, COUNT);
	CHECKF(depth(ranges.root) <= DEEPEST, "%u steps", depth(ranges.root));
	for (r = ranges_find(&ranges, 0); r; r = ranges_next(&ranges, r))
		CHECK(r == &range[n++]);
	CHECK_EQ(n, COUNT);
	CHECK(ranges_find(&ranges, 7 * 2 * PAGE + PAGE - 1) == &range[7]);
	CHECK(ranges_find(&ranges, 7 * 2 * PAGE + PAGE) == &range[8]);
	CHECK(!ranges_find(&ranges, UINT64_MAX));
	/* Half of them go, of the others each is found; then the rest. */
	for (uint32_t i = 0; i < COUNT; i++)
		if (nth(2, i) % 2)
			ranges_remove(&ranges, &range[nth(2, i)]);
	CHECK(depth(ranges.root) <= DEEPEST);
	for (uint32_t i = 0; i < COUNT - 1; i++)
		CHECK(ranges_find(&ranges, (uint64_t)i * 2 * PAGE) == &range[i + i % 2]);
	for (uint32_t i = 0; i < COUNT; i += 2)
		ranges_remove(&ranges, &range[i]);
	CHECK(!ranges.root && !ranges.count);
}

int main(void)
{
	range = calloc(COUNT, sizeof(*range));
	CHECK(range);
	for (unsigned order = 0; order < 3; order++)
		in_order(order);
	free(range);
	return 0;
}
