/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Arithmetic on untrusted numbers of any value: nothing here wraps around. A sum or product that
 * does not fit is the largest number, which no limit admits.
 * tests/lint/sums_from_peers_are_checked.py lists where these functions must be used.
 */
#ifndef ABI_RANGE_H
#define ABI_RANGE_H

#include <stdint.h>
#include <stdbool.h>

/* Whether start + length is not a 64-bit number. As in Linux, a range that ends at 2^64 is one. */
static inline bool abi_passes_the_end(uint64_t start, uint64_t length)
{
	return length > UINT64_MAX - start;
}

static inline uint64_t abi_sum(uint64_t a, uint64_t b)
{
	uint64_t sum;

	return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

static inline uint64_t abi_product(uint64_t a, uint64_t b)
{
	uint64_t product;

	return __builtin_mul_overflow(a, b, &product) ? UINT64_MAX : product;
}

/* How many pages it takes for @size bytes; @page must not be 0. */
static inline uint64_t abi_pages(uint64_t size, uint64_t page)
{
	return size / page + (size % page != 0);
}

static inline bool abi_power_of_two(uint64_t n)
{
	return n && !(n & (n - 1));
}

#endif
