/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Chains of capabilities, which follow the fixed part of information on devices, regions and
 * containers. Each begins with a header that has the offset of the next one. The writer of a chain
 * is not trusted: the chain must stay in the buffer and out of the fixed part, must not overlap
 * itself or loop, and must end.
 */
#ifndef ABI_CAPS_H
#define ABI_CAPS_H

#include <vfmig/abi.h>

#define ABI_CAPS_MAX   16U
#define ABI_CAP_HEADER 8U

/* The messages for chains that are refused, by the structure that the chain belongs to. */
struct abi_caps_words {
	const char *many, *inside, *leaves, *overlap;
};

/*
 * One capability: cap has room bytes to the end of the buffer, at least the header. *size,
 * initially the header's, becomes the size of the capability. Returns NULL, or why it is refused.
 * An unknown id or version is skipped.
 */
typedef const char *abi_cap_fn(void *context, uint32_t id, uint32_t version, const uint8_t *cap,
			       size_t capacity, size_t *size);

/* first: the offset of the first one in buf; 0: no chain. fixed: bytes of the fixed part. */
const char *abi_caps_walk(const void *buf, size_t len, size_t fixed, uint32_t first,
			  const struct abi_caps_words *words, abi_cap_fn *get, void *context);

/*
 * Append a capability: *at is its offset, *link the position to write that offset to; both move
 * on, *at to a multiple of 8. Writes the header and returns the payload's address. The caller has
 * checked that the buffer has space.
 */
uint8_t *abi_caps_put(void *buf, size_t *at, size_t *link, uint32_t id, uint32_t version,
		      size_t size);

#endif
