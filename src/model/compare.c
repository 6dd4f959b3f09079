/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Blocks that others may write: compared at the stop with what was sent.
 *
 * Once another process has a descriptor of a block, no log covers its writes. Sending the whole
 * block after the stop would make pre-copy useless for it, so the block is read instead and
 * compared with a hash of each page as it was sent. XXH3 reads at several times the speed at which
 * a page is copied and sent. A block that has hardly changed costs a fraction of the downtime that
 * sending it would cost; one that has changed everywhere costs that fraction more. The hashes take
 * 16 bytes for each page, 4 MiB for 1 GiB, as long as the migration lasts.
 *
 * The hash covers the bytes that were sent and not the memory, which may have changed meanwhile.
 * Each block and session has a new random seed, so a guest cannot prepare two pages with the same
 * hash.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "model/save.h"

#define STRETCH (256u * KIT_PAGE) /* compared in one go; sending continues in between */

static bool shared(const struct kit_save_block *b)
{
	return atomic_load(&b->block->shared);
}

void kit_save_watch(struct kit_save_block *b)
{
	static const uint8_t nothing[KIT_PAGE];

	if (b->sent || b->unhashed || !shared(b) || b->compared == b->block->block.size)
		return;
	b->sent = calloc(b->block->block.size / KIT_PAGE, sizeof(*b->sent));
	if (!b->sent || getrandom(&b->seed, sizeof(b->seed), 0) != sizeof(b->seed)) {
		free(b->sent);
		b->sent = NULL;
		b->unhashed = true;
		return;
	}
	b->zero = XXH3_128bits_withSeed(nothing, sizeof(nothing), b->seed);
}

void kit_save_remember(struct kit_save_block *b, uint64_t at, const void *sent, size_t len)
{
	const uint8_t *from = sent;

	while (b->sent && len) {
		uint64_t in_page = at % KIT_PAGE;
		size_t n = KIT_PAGE - in_page;
		XXH128_hash_t *hash = &b->sent[at / KIT_PAGE];

		if (n > len)
			n = len;
		if (n == KIT_PAGE) {
			*hash = XXH3_128bits_withSeed(from, n, b->seed);
		} else {
			/*
			 * The page was cut by the end of the reader's buffer; its remainder comes
			 * next.
			 */
			memcpy(b->cut + in_page, from, n);
			*hash = in_page + n < KIT_PAGE
					? (XXH128_hash_t){0, 0}
					: XXH3_128bits_withSeed(b->cut, KIT_PAGE, b->seed);
		}
		at += n;
		from += n;
		len -= n;
	}
}

void kit_save_remember_zero(struct kit_save_block *b, uint64_t at, uint64_t len)
{
	for (uint64_t i = 0; b->sent && i < len / KIT_PAGE; i++)
		b->sent[at / KIT_PAGE + i] = b->zero;
}

static bool differs(const struct kit_save_block *b, uint64_t at, bool hole)
{
	XXH128_hash_t now, sent = b->sent[at / KIT_PAGE];

	if (!sent.low64 && !sent.high64)
		return true;
	now = hole ? b->zero : XXH3_128bits_withSeed(b->block->block.bytes + at, KIT_PAGE, b->seed);
	return !XXH128_isEqual(now, sent);
}

bool kit_save_compare(struct kit_save_block *b)
{
	uint64_t at = b->compared, size = b->block->block.size, end, hole_end = at;
	bool data = true;

	if (at == size || !shared(b))
		return false;
	if (!b->sent) {
		/*
		 * The block was sent before it was found to be shared, or there is no memory for
		 * hashes: mark all of it.
		 */
		vfmig_dirty_mark(b->marks, 0, size);
		b->compared = size;
		return true;
	}
	end = size - at > STRETCH ? at + STRETCH : size;
	for (; at < end; at += KIT_PAGE) {
		if (at >= hole_end)
			hole_end = kit_save_extent(b, at, &data);
		if (differs(b, at, !data))
			vfmig_dirty_mark(b->marks, at, KIT_PAGE);
	}
	b->compared = end;
	return true;
}

uint64_t kit_save_compare_left(const struct kit_save_block *b)
{
	return shared(b) ? b->block->block.size - b->compared : 0;
}
