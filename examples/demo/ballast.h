/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Ballast: bytes that only add to the amount of data. They do not repeat, so no part of them can
 * stand for another. The offset of the first byte determines all of them.
 */
#ifndef EXAMPLES_DEMO_BALLAST_H
#define EXAMPLES_DEMO_BALLAST_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define BALLAST_PIECE 4096u

/* Multiples of two odd numbers: no two words of any pieces nearby are the same. */
static inline uint64_t ballast_word(uint64_t piece, uint64_t word)
{
	return (piece + 1) * 0x9e3779b97f4a7c15ull + word * 0xd1342543de82ef95ull;
}

/* Both for @size bytes, a multiple of 8, counted from a piece's start. */
static inline void ballast_fill(uint8_t *bytes, uint64_t size)
{
	for (uint64_t i = 0; i < size; i += 8) {
		uint64_t word = ballast_word(i / BALLAST_PIECE, i % BALLAST_PIECE);

		memcpy(bytes + i, &word, 8);
	}
}

static inline bool ballast_check(const uint8_t *bytes, uint64_t size, uint64_t *wrong)
{
	for (uint64_t i = 0; i < size; i += 8) {
		uint64_t word = ballast_word(i / BALLAST_PIECE, i % BALLAST_PIECE);

		if (memcmp(bytes + i, &word, 8)) {
			*wrong = i;
			return false;
		}
	}
	return true;
}

#endif
