/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A treap of ranges; see ranges.h.
 */
#include "device/ranges.h"

struct ranges_node *ranges_find(const struct ranges *ranges, uint64_t at)
{
	struct ranges_node *found = NULL, *node = ranges->root;

	while (node) {
		if (node->last < at) {
			node = node->right;
		} else {
			found = node;
			node = node->left;
		}
	}
	return found;
}

struct ranges_node *ranges_next(const struct ranges *ranges, const struct ranges_node *range)
{
	return range->last == UINT64_MAX ? NULL : ranges_find(ranges, range->last + 1);
}

/* Xorshift. A peer chooses addresses; without the seed, which is one of ours, it cannot choose priorities. */
static uint32_t draw(struct ranges *ranges)
{
	uint32_t x = ranges->random;

	if (!x)
		x = (uint32_t)((uintptr_t)ranges >> 4) | 1;
	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	ranges->random = x;
	return x;
}

void ranges_add(struct ranges *ranges, struct ranges_node *range)
{
	struct ranges_node **at = &ranges->root, **low = &range->left, **high = &range->right;
	struct ranges_node *node;

	range->priority = draw(ranges);
	while (*at && (*at)->priority >= range->priority)
		at = range->first < (*at)->first ? &(*at)->left : &(*at)->right;
	/* What was there goes below it, to the left and to the right. */
	for (node = *at; node;) {
		if (node->first < range->first) {
			*low = node;
			low = &node->right;
			node = node->right;
		} else {
			*high = node;
			high = &node->left;
			node = node->left;
		}
	}
	*low = *high = NULL;
	*at = range;
	ranges->count++;
}

void ranges_remove(struct ranges *ranges, struct ranges_node *range)
{
	struct ranges_node **at = &ranges->root, *low = range->left, *high = range->right;

	while (*at != range)
		at = range->first < (*at)->first ? &(*at)->left : &(*at)->right;
	/* What was below it takes its place. */
	while (low && high) {
		if (low->priority >= high->priority) {
			*at = low;
			at = &low->right;
			low = low->right;
		} else {
			*at = high;
			at = &high->left;
			high = high->left;
		}
	}
	*at = low ? low : high;
	ranges->count--;
}
