/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A mediator that gives migration to a copier which has none (docs/models/copier.md is its data sheet).
 *
 *	mediate.c	the operations: which regions it watches, and how it handles an access
 *	registers.c	the registers as the driver sees them
 *	follow.c	the descriptors: the pages that the copier will write, and has written
 *	region.c	the migration region: its registers and its states
 *	state.c		the saved state, and how a copier is brought into that state
 *	pages.c		a set of pages of the host's memory
 *
 * How it works:
 *
 * - The copier reads its descriptors from a ring of the mediator's, into which the driver's are copied when it
 *   rings the doorbell. So what the mediator has read is what the copier does, and a descriptor that was
 *   completed tells which pages were written.
 * - It is stopped by CONTROL.ENABLE, and a descriptor that is under way then is completed, alone.
 *   So the state never has half of a descriptor.
 * - HEAD and SEQUENCE cannot be written, but they count: after as many empty descriptors as another
 *   copier had descriptors, a copier has the values of that copier.
 * - The other counters, and bits that cannot be set, the mediator adds when they are read.
 */
#ifndef EXAMPLES_MEDIATE_COPIER_H
#define EXAMPLES_MEDIATE_COPIER_H

#include <vfmig/mediator.h>

#include "examples/copier-driver.h"

#define MC_BAR_REGS   CP_BAR_REGS
#define MC_BAR_WINDOW CP_BAR_WINDOW
#define MC_CONFIG     VFMIG_PCI_REGION_CONFIG

#define MC_PAGE 4096u

/* The migration region: registers, data, bitmap. */
#define MC_DATA	       MC_PAGE
#define MC_PIECE       (1u << 20)	    /* of board memory in a transaction */
#define MC_DATA_SIZE   (MC_PIECE + MC_PAGE) /* with its header */
#define MC_BITMAP      (MC_DATA + MC_DATA_SIZE)
#define MC_BITMAP_SIZE 65536u
#define MC_REGION_SIZE (MC_BITMAP + MC_BITMAP_SIZE)

/* Empty descriptors are given so many at a time. */
#define MC_EMPTY 4096u

/* More completions than this a copier is not caught up with: it would take minutes. */
#define MC_SEQUENCE_MAX (1ull << 28)

/* COPIES, FILLS, CHECKSUMS, ADDS, FAILURES, BYTES. */
#define MC_COUNTERS 6u

/* ---- pages.c ---- */

/* Pages of 32768 each, in no order; with too many of them it is all pages. */
struct mc_chunk {
	uint64_t number;
	uint64_t bits[512];
};

struct mc_pages {
	struct mc_chunk *chunk;
	size_t count, capacity;
	bool all;
};

void mc_pages_clear(struct mc_pages *pages);
void mc_pages_free(struct mc_pages *pages);
void mc_pages_mark(struct mc_pages *pages, uint64_t at, uint64_t len);
/* Is any of these bytes in a page of the set? Takes the pages out. */
bool mc_pages_take(struct mc_pages *pages, uint64_t at, uint64_t len);
/* Does the set have any page of these? */
bool mc_pages_any(const struct mc_pages *pages, uint64_t at, uint64_t len);

/* ---- the mediator ---- */

/* What a descriptor writes beside its completion. */
struct mc_target {
	uint64_t at, len;
	bool board;
};

/* The registers that are the driver's to write, as it wrote them. */
struct mc_shadow {
	uint32_t control, ring_size, tail;
	uint64_t ring_base, done_base;
};

/*
 * @shadow: see above; @control is only kept while the copier is @frozen
 * @error, @error_iova: that of a copier whose state came here, until the next reset
 * @interrupts: bits of INTR_STATUS that came with the state
 * @add: the difference between the driver's counters and the copier's
 *
 * @ring, @ring_iova: the mediator's own ring
 * @empty_iova, @waste_iova: a ring of empty descriptors, and where their completions go
 * @target: of each descriptor in the ring, those from @retired to @seen
 * @under_way: of a descriptor that the copier had begun before its ring was changed; it has number
 *	@under_way_at
 * @blind: descriptors cannot be followed: everything counts as written
 *
 * @pages: of the host's memory, written and not reported (pfn)
 * @board: a bit for each page on board, written and not saved; @next is where the next search
 *	starts
 *
 * @bits: device_state
 * @fd, @memory: of the migration region
 * @staged: bytes of the transaction that the user can read, 0 for none
 * @reported: the state itself was staged; @counted: in pre-copy, SEQUENCE since the last piece of the board
 * @loading, @loaded: transactions have come; the state was one of them
 * @show_bitmap: the next data_offset is the bitmap's
 * @range: start_pfn, page_size, total_pfns
 * @done, @asked: of @range, pages that were reported, and that it has changed
 */
struct mc {
	struct vfmig_mediator_host *host;
	bool v1;
	uint32_t index;
	uint64_t board_size;

	struct mc_shadow shadow;
	bool frozen;
	uint32_t error;
	uint64_t error_iova;
	uint32_t interrupts;
	uint64_t add[MC_COUNTERS];

	struct cp_descriptor *ring;
	uint64_t ring_iova, empty_iova, waste_iova;
	struct mc_target target[CP_MAX_ENTRIES];
	uint32_t seen, retired;
	struct mc_target under_way;
	uint32_t under_way_at;
	bool has_under_way, untracked;

	struct mc_pages pages;
	uint64_t *board;
	uint64_t board_pages, board_dirty, next;

	uint32_t bits;
	int fd;
	uint8_t *memory;
	uint64_t staged;
	bool reported, counted, loading, loaded, show_bitmap;
	uint64_t range[3], done;
	bool asked;
	uint8_t buf[MC_DATA_SIZE];
};

int mc_fail(struct vfmig_error *err, int code, const char *why);

/* ---- registers.c ---- */

int mc_get(struct mc *mc, enum cp_reg reg, uint64_t *value, struct vfmig_error *err);
int mc_put(struct mc *mc, enum cp_reg reg, uint64_t value, struct vfmig_error *err);
int mc_register(struct mc *mc, uint64_t offset, void *buf, uint32_t len, bool write,
		struct vfmig_error *err);
/* Stop and go: the copier begins nothing and has nothing under way; it goes on. */
int mc_freeze(struct mc *mc, struct vfmig_error *err);
int mc_thaw(struct mc *mc, struct vfmig_error *err);
/* Wait until the copier has come so far, or has stopped with an error. */
int mc_wait_for_head(struct mc *mc, uint32_t number, bool *error, struct vfmig_error *err);
/* After a reset of the registers. */
void mc_registers_reset(struct mc *mc);
bool mc_ring_is_good(const struct mc_shadow *shadow);

/* ---- follow.c ---- */

/* Copy the driver's descriptors from number @from up to @to, and remember what they write. */
int mc_follow(struct mc *mc, uint32_t from, uint32_t to, struct vfmig_error *err);
/* Mark what those have written that are completed by now. */
int mc_retire(struct mc *mc, struct vfmig_error *err);
/* None of those under way will be completed, but what they write may be written. */
void mc_drop(struct mc *mc);
void mc_mark_host(struct mc *mc, uint64_t at, uint64_t len);
void mc_mark_board(struct mc *mc, uint64_t at, uint64_t len);
void mc_mark_all(struct mc *mc);

/* ---- region.c ---- */

int mc_region(struct mc *mc, uint64_t offset, void *buf, uint32_t len, bool write,
	      struct vfmig_error *err);

/* ---- state.c ---- */

void mc_save_begin(struct mc *mc);
uint64_t mc_save_left(const struct mc *mc);
/* Build the next transaction: how many bytes. */
int mc_save_next(struct mc *mc, uint64_t *size, struct vfmig_error *err);
int mc_load(struct mc *mc, uint64_t size, struct vfmig_error *err);
int mc_load_begin(struct mc *mc, struct vfmig_error *err);

#endif
