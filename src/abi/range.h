/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The two questions that every decoder asks of numbers from outside.
 */
#ifndef VFMIG_SRC_ABI_RANGE_H
#define VFMIG_SRC_ABI_RANGE_H

#include <stdint.h>
#include <stdbool.h>

/* Whether start + length is not a 64-bit number. As in Linux, a range that ends at 2^64 is one. */
static inline bool vfmig_passes_the_end(uint64_t start, uint64_t length)
{
	return length > UINT64_MAX - start;
}

static inline bool vfmig_power_of_two(uint64_t n)
{
	return n && !(n & (n - 1));
}

#endif
