/* SPDX-License-Identifier: BSD-3-Clause */
/* Chains of capabilities: see caps.h. */
#include "abi/caps.h"
#include "abi/le.h"
#include "abi/range.h"

#define ALIGN 8U

const char *abi_caps_walk(const void *buf, size_t len, size_t fixed, uint32_t first,
			  const struct abi_caps_words *words, abi_cap_fn *get, void *context)
{
	struct {
		size_t start, end;
	} span[ABI_CAPS_MAX];
	const uint8_t *bytes = buf;
	size_t at = first;

	for (uint32_t n = 0; at; n++) {
		size_t size = ABI_CAP_HEADER;
		const char *why;

		if (n == ABI_CAPS_MAX)
			return words->many;
		if (at < fixed)
			return words->inside;
		if (at > len || len - at < ABI_CAP_HEADER)
			return words->leaves;
		why = get(context, abi_get16(bytes + at), abi_get16(bytes + at + 2), bytes + at,
			  len - at, &size);
		if (why)
			return why;
		span[n].start = at;
		span[n].end = abi_sum(at, size);
		for (uint32_t k = 0; k < n; k++)
			if (at < span[k].end && span[k].start < span[n].end)
				return words->overlap;
		at = abi_get32(bytes + at + 4);
	}
	return NULL;
}

uint8_t *abi_caps_put(void *buf, size_t *at, size_t *link, uint32_t id, uint32_t version,
		      size_t size)
{
	uint8_t *bytes = buf, *cap = bytes + *at;
	size_t whole = abi_pages(size, ALIGN) * ALIGN;

	memset(cap, 0, whole);
	abi_put16(cap, (uint16_t)id);
	abi_put16(cap + 2, (uint16_t)version);
	abi_put32(bytes + *link, (uint32_t)*at);
	*link = *at + 4;
	*at += whole;
	return cap;
}
