/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Ranges of an address space that do not overlap, in order: a balanced tree with the nodes embedded
 * in the caller's structures.
 *
 * Finding, adding and removing a range takes a few steps, whatever the number of ranges and the
 * order in which they come. The tree is a treap (in order of address, and a heap by random
 * priority); its expected depth is logarithmic.
 *
 * The caller holds a lock.
 */
#ifndef DEVICE_RANGES_H
#define DEVICE_RANGES_H

#include <stddef.h>
#include <stdint.h>

/* @first, @last: inclusive, so that a range may end with the space */
struct ranges_node {
	uint64_t first, last;
	struct ranges_node *left, *right;
	uint32_t priority;
};

/* All zeros is an empty one. */
struct ranges {
	struct ranges_node *root;
	size_t count;
	uint32_t random;
};

/* The first range that ends at @at or after it, or NULL. */
struct ranges_node *ranges_find(const struct ranges *ranges, uint64_t at);

/* The one behind @range, or NULL. */
struct ranges_node *ranges_next(const struct ranges *ranges, const struct ranges_node *range);

/* Add a range that overlaps none. */
void ranges_add(struct ranges *ranges, struct ranges_node *range);

/* Remove a range that is there. */
void ranges_remove(struct ranges *ranges, struct ranges_node *range);

#endif
