/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Ranges of an address space that do not overlap, in order: a balanced tree, whose nodes are part of what they are about.
 *
 * Whatever the number of ranges and the order in which they come, to find, add or remove one takes a few steps: a treap
 * (a tree in order of address, and a heap by random priority), whose expected depth is logarithmic.
 *
 * The caller has a lock.
 */
#ifndef VFMIG_DEVICE_RANGES_H
#define VFMIG_DEVICE_RANGES_H

#include <stddef.h>
#include <stdint.h>

/* @first, @last: inclusive, so that a range may end with the space */
struct vfmig_range {
	uint64_t first, last;
	struct vfmig_range *left, *right;
	uint32_t priority;
};

/* All zeros is an empty one. */
struct vfmig_ranges {
	struct vfmig_range *root;
	size_t count;
	uint32_t random;
};

/* The first range that ends at @at or after it, or NULL. */
struct vfmig_range *vfmig_ranges_find(const struct vfmig_ranges *ranges, uint64_t at);

/* The one behind @range, or NULL. */
struct vfmig_range *vfmig_ranges_next(const struct vfmig_ranges *ranges,
				      const struct vfmig_range *range);

/* Add a range that overlaps none. */
void vfmig_ranges_add(struct vfmig_ranges *ranges, struct vfmig_range *range);

/* Remove a range that is there. */
void vfmig_ranges_remove(struct vfmig_ranges *ranges, struct vfmig_range *range);

#endif
