/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Little-endian numbers in a byte buffer, whatever the machine and the alignment.
 *
 * The functions check nothing: who calls has made sure that the bytes are there. Compilers turn
 * them into single loads and stores.
 */
#ifndef VFMIG_SRC_ABI_LE_H
#define VFMIG_SRC_ABI_LE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint16_t vfmig_get16(const void *p)
{
	const uint8_t *b = p;

	return (uint16_t)(b[0] | b[1] << 8);
}

static inline uint32_t vfmig_get32(const void *p)
{
	const uint8_t *b = p;

	return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

static inline uint64_t vfmig_get64(const void *p)
{
	const uint8_t *b = p;

	return (uint64_t)vfmig_get32(b) | (uint64_t)vfmig_get32(b + 4) << 32;
}

static inline void vfmig_put16(void *p, uint16_t v)
{
	uint8_t *b = p;

	b[0] = (uint8_t)v;
	b[1] = (uint8_t)(v >> 8);
}

static inline void vfmig_put32(void *p, uint32_t v)
{
	uint8_t *b = p;

	vfmig_put16(b, (uint16_t)v);
	vfmig_put16(b + 2, (uint16_t)(v >> 16));
}

static inline void vfmig_put64(void *p, uint64_t v)
{
	uint8_t *b = p;

	vfmig_put32(b, (uint32_t)v);
	vfmig_put32(b + 4, (uint32_t)(v >> 32));
}

#endif
