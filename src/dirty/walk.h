/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One walk over a map, for all that look or take; what differs is where the pages go, which a
 * sink says. For the files of src/dirty only.
 */
#ifndef DIRTY_WALK_H
#define DIRTY_WALK_H

#include "dirty/tree.h"

struct dirty_walk;

/*
 * Where pages go, in ascending order; after they were taken, so that data may be read at once.
 *
 * @pages:  pages first..last. Required.
 * @line:   pages of one line: bit n of words[w] is page + w * 64 + n. Bit w of dirty: words[w] may
 *          be other than 0. May be NULL: then the runs go to @pages.
 *
 * @pages may call dirty_walk_stop, and then neither is called again.
 */
struct dirty_sink {
	void (*pages)(struct dirty_walk *walk, uint64_t first, uint64_t last);
	void (*line)(struct dirty_walk *walk, uint64_t page, const uint64_t *words,
		     unsigned int dirty);
};

/*
 * Lines that have been found and asked for from memory, but not looked at. The next cache misses
 * happen while this one is waited for: that is most of what makes scattered pages cheap.
 */
#define DIRTY_AHEAD 16u

struct dirty_pending {
	struct dirty_dir *dir;
	_Atomic uint64_t *leaf;
	uint64_t page;
};

struct dirty_walk {
	/* The caller's. */
	struct vfmig_dirty *map;
	const struct dirty_sink *sink;
	bool keep; /* look, do not take */

	/* The range in bytes, cut to the map, for the sink. */
	uint64_t addr, last_addr;

	uint64_t first, last;		  /* pages that are being walked */
	uint64_t taken_first, taken_last; /* pages that are taken; none if first is above last */
	int stopped;			  /* what dirty_walk_stop was given */
	bool muted;			  /* take, but give to nobody: it will be given whole */

	struct dirty_pending pending[DIRTY_AHEAD];
	unsigned int head, tail;

	uint64_t summaries, words;
};

/*
 * Walks the bytes (addr, len). Pages wholly in the range are taken, unless walk->keep; those
 * partly in it are given to the sink too, and stay dirty.
 *
 * Returns 0, or what stopped it; then all that was taken and not given out is dirty again.
 */
int dirty_walk_range(struct dirty_walk *walk, uint64_t addr, uint64_t len);

/* For a sink: give me no more. What it was given just now it must have put back itself. */
void dirty_walk_stop(struct dirty_walk *walk, int why);

/* For a sink: make pages that this walk has taken dirty again. */
void dirty_walk_return(struct dirty_walk *walk, uint64_t first, uint64_t last);

#endif
