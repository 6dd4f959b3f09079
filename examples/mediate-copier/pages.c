/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>
#include <string.h>

#include "mediate.h"

#define CHUNK_PAGES 32768u
#define CHUNK_BYTES ((uint64_t)CHUNK_PAGES * MC_PAGE)

/* As many as tell of 1 TiB. */
#define CHUNKS_MAX 8192u

void mc_pages_clear(struct mc_pages *pages)
{
	pages->count = 0;
	pages->all = false;
}

void mc_pages_free(struct mc_pages *pages)
{
	free(pages->chunk);
	memset(pages, 0, sizeof(*pages));
}

static struct mc_chunk *find(const struct mc_pages *pages, uint64_t number)
{
	for (size_t i = 0; i < pages->count; i++)
		if (pages->chunk[i].number == number)
			return &pages->chunk[i];
	return NULL;
}

static struct mc_chunk *add(struct mc_pages *pages, uint64_t number)
{
	struct mc_chunk *chunk = find(pages, number), *more;

	if (chunk)
		return chunk;
	if (pages->count == pages->capacity) {
		size_t capacity = pages->capacity ? 2 * pages->capacity : 8;

		more = capacity > CHUNKS_MAX ? NULL
					     : realloc(pages->chunk, capacity * sizeof(*more));
		if (!more)
			return NULL;
		pages->chunk = more;
		pages->capacity = capacity;
	}
	chunk = &pages->chunk[pages->count++];
	memset(chunk, 0, sizeof(*chunk));
	chunk->number = number;
	return chunk;
}

/* A range as bits of the chunk that it begins in; moves on to what is behind it. False at its end. */
static bool next(uint64_t *at, uint64_t *len, uint64_t *number, unsigned *first, unsigned *last)
{
	uint64_t end = *len ? *at + (*len - 1) : 0, page = *at / MC_PAGE;

	if (!*len)
		return false;
	*number = page / CHUNK_PAGES;
	*first = page % CHUNK_PAGES;
	*last = CHUNK_PAGES - 1;
	if (end / CHUNK_BYTES == *number) {
		*last = end / MC_PAGE % CHUNK_PAGES;
		*len = 0;
	} else {
		*at = (*number + 1) * CHUNK_BYTES;
		*len = end - *at + 1;
	}
	return true;
}

void mc_pages_mark(struct mc_pages *pages, uint64_t at, uint64_t len)
{
	unsigned first, last;
	uint64_t number;

	/* A descriptor of the driver's may pass the end; the copier refuses it. */
	if (len && at > UINT64_MAX - (len - 1))
		return;
	while (!pages->all && next(&at, &len, &number, &first, &last)) {
		struct mc_chunk *chunk = add(pages, number);

		pages->all = !chunk;
		for (unsigned i = first; chunk && i <= last; i++)
			chunk->bits[i / 64] |= 1ull << i % 64;
	}
}

bool mc_pages_take(struct mc_pages *pages, uint64_t at, uint64_t len)
{
	bool any = pages->all;
	unsigned first, last;
	uint64_t number;

	while (next(&at, &len, &number, &first, &last)) {
		struct mc_chunk *chunk = find(pages, number);

		for (unsigned i = first; chunk && i <= last; i++) {
			any |= chunk->bits[i / 64] >> i % 64 & 1;
			chunk->bits[i / 64] &= ~(1ull << i % 64);
		}
	}
	return any;
}

bool mc_pages_any(const struct mc_pages *pages, uint64_t at, uint64_t len)
{
	unsigned first, last;
	uint64_t number;

	if (pages->all)
		return true;
	while (next(&at, &len, &number, &first, &last)) {
		const struct mc_chunk *chunk = find(pages, number);

		for (unsigned i = first; chunk && i <= last; i++)
			if (chunk->bits[i / 64] >> i % 64 & 1)
				return true;
	}
	return false;
}
