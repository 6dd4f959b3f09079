/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Little-endian numbers in a byte buffer, on any machine and at any alignment.
 *
 * abi_getN and abi_putN check nothing: the caller must have checked that the bytes are there.
 * Compilers turn them into single loads and stores.
 *
 * abi_pack and abi_unpack convert a whole structure, described by the widths of its members as
 * digits: "4488" is two 32-bit members and two 64-bit ones. That works because the structures of
 * the interface have no padding, so that a member lies at the same place in memory as it does in
 * the bytes; if one is packed, a static assertion checks that.
 */
#ifndef ABI_LE_H
#define ABI_LE_H

#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>
#include <string.h>

static inline uint16_t abi_get16(const void *p)
{
	const uint8_t *b = p;

	return (uint16_t)(b[0] | b[1] << 8);
}

static inline uint32_t abi_get32(const void *p)
{
	const uint8_t *b = p;

	return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

static inline uint64_t abi_get64(const void *p)
{
	const uint8_t *b = p;

	return (uint64_t)abi_get32(b) | (uint64_t)abi_get32(b + 4) << 32;
}

static inline void abi_put16(void *p, uint16_t v)
{
	uint8_t *b = p;

	b[0] = (uint8_t)v;
	b[1] = (uint8_t)(v >> 8);
}

static inline void abi_put32(void *p, uint32_t v)
{
	uint8_t *b = p;

	abi_put16(b, (uint16_t)v);
	abi_put16(b + 2, (uint16_t)(v >> 16));
}

static inline void abi_put64(void *p, uint64_t v)
{
	uint8_t *b = p;

	abi_put32(b, (uint32_t)v);
	abi_put32(b + 4, (uint32_t)(v >> 32));
}

/*
 * The bytes that such a description covers. Its first digits are tested one by one, so that
 * compilers fold a constant description into a number; they do not fold a loop.
 */
static inline size_t abi_packed_size(const char *widths)
{
	size_t n = 0;

#define ABI_WIDTH(i)                                                                               \
	if (!widths[i])                                                                            \
		return n;                                                                          \
	n += (size_t)(widths[i] - '0')

	ABI_WIDTH(0);
	ABI_WIDTH(1);
	ABI_WIDTH(2);
	ABI_WIDTH(3);
	ABI_WIDTH(4);
	ABI_WIDTH(5);
	ABI_WIDTH(6);
	ABI_WIDTH(7);
#undef ABI_WIDTH
	for (widths += 8; *widths; widths++)
		n += (size_t)(*widths - '0');
	return n;
}

/* On such a machine the bytes are those in memory already. */
#define ABI_LITTLE_ENDIAN (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__)

/* Returns the bytes written, 0 if they do not fit in cap. */
static inline size_t abi_pack(void *buf, size_t cap, const char *widths, const void *object)
{
	size_t size = abi_packed_size(widths);
	const uint8_t *from = object;
	uint8_t *to = buf;
	uint16_t v16;
	uint32_t v32;
	uint64_t v64;

	if (size > cap)
		return 0;
	if (ABI_LITTLE_ENDIAN) {
		memcpy(to, from, size);
		return size;
	}
	for (; *widths; widths++) {
		size_t width = (size_t)(*widths - '0');

		if (width == 2) {
			memcpy(&v16, from, sizeof(v16));
			abi_put16(to, v16);
		} else if (width == 4) {
			memcpy(&v32, from, sizeof(v32));
			abi_put32(to, v32);
		} else {
			memcpy(&v64, from, sizeof(v64));
			abi_put64(to, v64);
		}
		from += width;
		to += width;
	}
	return size;
}

/* Returns false, and does not change the object, if len bytes are too few. */
static inline bool abi_unpack(const void *buf, size_t len, const char *widths, void *object)
{
	const uint8_t *from = buf;
	uint8_t *to = object;
	uint16_t v16;
	uint32_t v32;
	uint64_t v64;

	size_t size = abi_packed_size(widths);

	if (size > len)
		return false;
	if (ABI_LITTLE_ENDIAN) {
		memcpy(to, from, size);
		return true;
	}
	for (; *widths; widths++) {
		size_t width = (size_t)(*widths - '0');

		if (width == 2) {
			v16 = abi_get16(from);
			memcpy(to, &v16, sizeof(v16));
		} else if (width == 4) {
			v32 = abi_get32(from);
			memcpy(to, &v32, sizeof(v32));
		} else {
			v64 = abi_get64(from);
			memcpy(to, &v64, sizeof(v64));
		}
		from += width;
		to += width;
	}
	return true;
}

#endif
