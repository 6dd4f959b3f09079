/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Chains of capabilities, as information on devices, regions and containers has them behind its fixed part: each begins
 * with a header that says where the next one is. Who wrote the chain is not trusted: it must stay in the buffer and
 * out of the fixed part, must not overlap itself or loop, and must end.
 */
#ifndef ABI_CAPS_H
#define ABI_CAPS_H

#include <vfmig/abi.h>

#define ABI_CAPS_MAX   16U
#define ABI_CAP_HEADER 8U

/* What is said of a chain that is refused, by what it belongs to. */
struct abi_caps_words {
	const char *many, *inside, *leaves, *overlap;
};

/*
 * One capability: cap has room bytes to the end of the buffer, at least the header. *size, which is the header's, becomes
 * what the capability takes. NULL, or why it is refused. One of an unknown id or version is passed over.
 */
typedef const char *abi_cap_fn(void *context, uint32_t id, uint32_t version, const uint8_t *cap,
			       size_t capacity, size_t *size);

/* first: where the first one is, from buf on; 0: there is none. fixed: bytes of the fixed part. */
const char *abi_caps_walk(const void *buf, size_t len, size_t fixed, uint32_t first,
			  const struct abi_caps_words *words, abi_cap_fn *get, void *context);

/*
 * Put one behind the last: *at is where it goes, *link where its place is to be written; both move on, *at to a
 * multiple of 8. The header is written, and the payload's place returned; the caller has seen to it that there is room.
 */
uint8_t *abi_caps_put(void *buf, size_t *at, size_t *link, uint32_t id, uint32_t version,
		      size_t size);

#endif
