/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One walk over a map, shared by all functions that read or clear it; a sink receives the pages. For the files
 * of src/dirty only.
 */
#ifndef DIRTY_WALK_H
#define DIRTY_WALK_H

#include "dirty/tree.h"

struct dirty_walk;

/*
 * Receives pages in ascending order, after they were cleared, so it may read their data.
 *
 * @pages:  pages first..last. Required.
 * @line:   pages of one line: bit n of words[w] is page + w * 64 + n. Bit w of dirty is set if words[w] may
 *          be other than 0. If NULL, @pages is called for each run instead.
 *
 * @pages may call dirty_walk_stop(); neither is called again then.
 */
struct dirty_sink {
	void (*pages)(struct dirty_walk *walk, uint64_t first, uint64_t last);
	void (*line)(struct dirty_walk *walk, uint64_t page, const uint64_t *words,
		     unsigned int dirty);
};

/*
 * Number of lines that are prefetched and not read yet. Their cache misses overlap, which makes scattered pages
 * cheap.
 */
#define DIRTY_AHEAD 16u

struct dirty_pending {
	struct dirty_dir *dir;
	_Atomic uint64_t *leaf;
	uint64_t page;
};

struct dirty_walk {
	/* Set by the caller. */
	struct vfmig_dirty *map;
	const struct dirty_sink *sink;
	bool keep; /* read without clearing */

	/* The range in bytes, clipped to the map, for the sink. */
	uint64_t addr, last_addr;

	uint64_t first, last; /* pages of the current walk */
	uint64_t cleared_first,
		cleared_last; /* pages that are cleared; none if first is above last */
	int stopped;	      /* argument of dirty_walk_stop() */
	bool muted; /* clear without calling the sink: it gets the whole stretch afterwards */

	struct dirty_pending pending[DIRTY_AHEAD];
	unsigned int head, tail;

	uint64_t summaries, words;
};

/*
 * Walk the bytes (addr, len). Pages wholly in the range are cleared, unless walk->keep; the sink also gets pages partly
 * in it, which stay dirty.
 *
 * Returns 0, or the argument of dirty_walk_stop(); pages that were cleared and not passed to the sink are dirty again.
 */
int dirty_walk_range(struct dirty_walk *walk, uint64_t addr, uint64_t len);

/* For a sink: stop the walk. The sink marks the pages of its current call again itself. */
void dirty_walk_stop(struct dirty_walk *walk, int why);

/* For a sink: mark pages that this walk has cleared again. */
void dirty_walk_mark_again(struct dirty_walk *walk, uint64_t first, uint64_t last);

#endif
