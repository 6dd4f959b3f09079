/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Little-endian numbers in a byte buffer, whatever the machine and the alignment.
 *
 * vfmig_getN and vfmig_putN check nothing: who calls has made sure that the bytes are there.
 * Compilers turn them into single loads and stores.
 *
 * vfmig_pack and vfmig_unpack do a whole structure, described by the widths of its members as
 * digits: "4488" is two 32-bit members and two 64-bit ones. That works because the structures of
 * the interface have no padding, so that a member lies at the same place in memory as it does in
 * the bytes; where one is packed, a static assertion says so.
 */
#ifndef VFMIG_SRC_ABI_LE_H
#define VFMIG_SRC_ABI_LE_H

#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>
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

/*
 * The bytes that such a description covers. Its first digits are looked at one by one, so that compilers make
 * a number of it where it is constant; a loop they leave as it is.
 */
static inline size_t vfmig_packed_size(const char *widths)
{
	size_t n = 0;

#define VFMIG_WIDTH(i)                                                                             \
	if (!widths[i])                                                                            \
		return n;                                                                          \
	n += (size_t)(widths[i] - '0')

	VFMIG_WIDTH(0);
	VFMIG_WIDTH(1);
	VFMIG_WIDTH(2);
	VFMIG_WIDTH(3);
	VFMIG_WIDTH(4);
	VFMIG_WIDTH(5);
	VFMIG_WIDTH(6);
	VFMIG_WIDTH(7);
#undef VFMIG_WIDTH
	for (widths += 8; *widths; widths++)
		n += (size_t)(*widths - '0');
	return n;
}

/* On such a machine the bytes are those in memory already. */
#define VFMIG_LITTLE_ENDIAN (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__)

/* Returns the bytes written, 0 if they do not fit in cap. */
static inline size_t vfmig_pack(void *buf, size_t cap, const char *widths, const void *object)
{
	size_t size = vfmig_packed_size(widths);
	const uint8_t *from = object;
	uint8_t *to = buf;
	uint16_t v16;
	uint32_t v32;
	uint64_t v64;

	if (size > cap)
		return 0;
	if (VFMIG_LITTLE_ENDIAN) {
		memcpy(to, from, size);
		return size;
	}
	for (; *widths; widths++) {
		size_t width = (size_t)(*widths - '0');

		if (width == 2) {
			memcpy(&v16, from, sizeof(v16));
			vfmig_put16(to, v16);
		} else if (width == 4) {
			memcpy(&v32, from, sizeof(v32));
			vfmig_put32(to, v32);
		} else {
			memcpy(&v64, from, sizeof(v64));
			vfmig_put64(to, v64);
		}
		from += width;
		to += width;
	}
	return size;
}

/* Returns false, and leaves the object alone, if len bytes are too few. */
static inline bool vfmig_unpack(const void *buf, size_t len, const char *widths, void *object)
{
	const uint8_t *from = buf;
	uint8_t *to = object;
	uint16_t v16;
	uint32_t v32;
	uint64_t v64;

	size_t size = vfmig_packed_size(widths);

	if (size > len)
		return false;
	if (VFMIG_LITTLE_ENDIAN) {
		memcpy(to, from, size);
		return true;
	}
	for (; *widths; widths++) {
		size_t width = (size_t)(*widths - '0');

		if (width == 2) {
			v16 = vfmig_get16(from);
			memcpy(to, &v16, sizeof(v16));
		} else if (width == 4) {
			v32 = vfmig_get32(from);
			memcpy(to, &v32, sizeof(v32));
		} else {
			v64 = vfmig_get64(from);
			memcpy(to, &v64, sizeof(v64));
		}
		from += width;
		to += width;
	}
	return true;
}

#endif
