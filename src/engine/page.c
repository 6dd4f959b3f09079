/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Pages, copied and tested for zero in one pass.
 *
 * A device or a CPU may write to the page during the copy. Such a page is marked after the write and sent again. The
 * zero test, the checksum and the channel all use the copy, so they agree. ThreadSanitizer would report the race, so
 * these functions are excluded from it.
 */
#include <stdint.h>
#include <string.h>

#include "abi/stream.h"
#include "engine/memory.h"

typedef uint64_t piece __attribute__((vector_size(16), may_alias, aligned(1)));
#define UNROLL 8

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define NO_TSAN __attribute__((no_sanitize("thread")))
#endif
#elif defined(__SANITIZE_THREAD__)
#define NO_TSAN __attribute__((no_sanitize_thread))
#endif
#ifndef NO_TSAN
#define NO_TSAN
#endif

NO_TSAN bool engine_page_copy(void *to, const void *from)
{
	const piece *in = from;
	piece *out = to, any = {0, 0};

	for (unsigned i = 0; i < ABI_STREAM_PAGE / sizeof(piece); i += UNROLL) {
		piece a = in[i], b = in[i + 1], c = in[i + 2], d = in[i + 3];
		piece e = in[i + 4], f = in[i + 5], g = in[i + 6], h = in[i + 7];

		out[i] = a;
		out[i + 1] = b;
		out[i + 2] = c;
		out[i + 3] = d;
		out[i + 4] = e;
		out[i + 5] = f;
		out[i + 6] = g;
		out[i + 7] = h;
		any |= (a | b | c | d) | (e | f | g | h);
	}
	return any[0] | any[1];
}

bool engine_page_zero(const void *page)
{
	const piece *in = page;
	piece any = {0, 0};

	for (unsigned i = 0; i < ABI_STREAM_PAGE / sizeof(piece); i++)
		any |= in[i];
	return !(any[0] | any[1]);
}

void engine_bytes_zero(void *at, uint64_t len)
{
	char *page = at;

	for (; len; len -= ABI_STREAM_PAGE, page += ABI_STREAM_PAGE)
		if (!engine_page_zero(page))
			memset(page, 0, ABI_STREAM_PAGE);
}
