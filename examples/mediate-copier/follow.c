/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Following the descriptors.
 *
 * Pages are marked when a descriptor is completed, which is after all that it writes. A descriptor
 * under way may have written already. But before the last piece is saved, the copier is stopped
 * with no descriptor under way, and pages that were reported earlier are reported again. So no
 * write is missed.
 *
 * If the driver's ring cannot be read, the copier gets that ring itself, so that it fails as it
 * would have failed. From then on the mediator cannot see its descriptors, and everything counts as
 * written.
 */
#include <stdatomic.h>
#include <string.h>

#include "mediate.h"

#define COMPLETION sizeof(struct cp_completion)

void mc_mark_board(struct mc *mc, uint64_t at, uint64_t len)
{
#ifndef MC_FORGETS_BOARD
	uint64_t last;

	if (at >= mc->board_size || !len)
		return;
	last = len - 1 < mc->board_size - 1 - at ? at + (len - 1) : mc->board_size - 1;
	for (uint64_t page = at / MC_PAGE; page <= last / MC_PAGE; page++) {
		uint64_t bit = 1ull << page % 64;

		mc->board_dirty += !(mc->board[page / 64] & bit);
		mc->board[page / 64] |= bit;
	}
#endif
}

void mc_mark_host(struct mc *mc, uint64_t at, uint64_t len)
{
#ifndef MC_FORGETS_PAGES
	if (mc->v1)
		mc->host->mark(mc->host, at, len);
	else
		mc_pages_mark(&mc->pages, at, len);
#endif
}

void mc_mark_all(struct mc *mc)
{
	mc->pages.all = true;
	if (mc->v1)
		mc->host->mark(mc->host, 0, UINT64_MAX);
	mc_mark_board(mc, 0, mc->board_size);
}

static void mark(struct mc *mc, const struct mc_target *target)
{
	if (target->board)
		mc_mark_board(mc, target->at, target->len);
	else if (target->len)
		mc_mark_host(mc, target->at, target->len);
}

static void mark_completion(struct mc *mc, uint32_t number)
{
	uint32_t slot = number & (mc->shadow.ring_size - 1);

	mc_mark_host(mc, mc->shadow.done_base + slot * COMPLETION, COMPLETION);
}

static void retire_one(struct mc *mc, uint32_t number)
{
	mark(mc, &mc->target[number & (mc->shadow.ring_size - 1)]);
	mark_completion(mc, number);
}

int mc_retire(struct mc *mc, struct vfmig_error *err)
{
	uint64_t head;
	int ret;

	if (mc->untracked && !mc->frozen)
		mc_mark_all(mc);
	if (mc->untracked || mc->retired == mc->seen)
		return 0;
	ret = mc_get(mc, CP_REG_HEAD, &head, err);
	if (ret)
		return ret;
	if (mc->has_under_way && (uint32_t)head != mc->under_way_at) {
		mark(mc, &mc->under_way);
		mc->has_under_way = false;
	}
	/* What was not seen cannot be done: it would not be a copier. */
	if ((uint32_t)head - mc->retired > mc->seen - mc->retired)
		head = mc->seen;
	for (; mc->retired != (uint32_t)head; mc->retired++)
		retire_one(mc, mc->retired);
	return 0;
}

void mc_drop(struct mc *mc)
{
	if (mc->untracked)
		mc_mark_all(mc);
	if (mc->has_under_way)
		mark(mc, &mc->under_way);
	mc->has_under_way = false;
	for (; !mc->untracked && mc->retired != mc->seen; mc->retired++)
		retire_one(mc, mc->retired);
	mc->seen = mc->retired = 0;
	mc->untracked = false;
}

static void remember(struct mc *mc, uint32_t slot)
{
	const struct cp_descriptor *d = &mc->ring[slot];
	struct mc_target *target = &mc->target[slot];

	*target = (struct mc_target){0};
	if (d->operation != CP_COPY && d->operation != CP_FILL && d->operation != CP_ADD)
		return;
	if (d->length > CP_MAX_LENGTH)
		return; /* refused, with nothing touched */
	target->at = d->destination;
	target->len = d->length;
	target->board = d->flags & CP_TO_BOARD;
}

int mc_follow(struct mc *mc, uint32_t from, uint32_t to, struct vfmig_error *err)
{
	const struct mc_shadow *s = &mc->shadow;

	while (from != to) {
		uint32_t slot = from & (s->ring_size - 1), n = to - from;
		int ret;

		if (n > s->ring_size - slot)
			n = s->ring_size - slot;
		ret = mc->host->dma_read(mc->host, s->ring_base + slot * sizeof(*mc->ring),
					 &mc->ring[slot], n * sizeof(*mc->ring), err);
		if (ret)
			return ret;
		for (uint32_t i = 0; i < n; i++)
			remember(mc, slot + i);
		from += n;
	}
	mc->seen = to;
	/* The doorbell comes after the descriptors. */
	atomic_thread_fence(memory_order_release);
	return 0;
}
