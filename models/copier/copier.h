/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The copier's insides. Three files have the hardware, and know nothing of what is around them:
 *
 *	registers.c	what a driver's accesses do
 *	ring.c		descriptors in, completions out
 *	ops.c		the work between the two
 *
 * and copier.c makes a device of it: the state table, and the four functions at the end of this
 * page through which the hardware reaches the outside.
 */
#ifndef COPIER_H
#define COPIER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vfmig/model.h>

#include "regs.h"

/*
 * Work is done in pieces, and @position moves on with each: between two pieces the copier can be stopped,
 * saved, and continued elsewhere. So a piece is also what a descriptor can have written beyond the
 * "result" of a completion that failed.
 */
#define COPIER_PIECE 65536u

/* How much a call of copier_work() does before it returns. About what a stop has to wait for. */
#define COPIER_QUANTUM_BYTES	   (512u * 1024)
#define COPIER_QUANTUM_DESCRIPTORS 64u

/*
 * All that changes, and so all that is saved; the names are those of the data sheet. Beside it, only the board
 * memory is saved.
 */
struct copier_state {
	uint32_t control;
	uint32_t error;
	uint64_t error_iova;
	uint32_t intr_status;
	uint32_t intr_enable;
	uint64_t ring_base;
	uint64_t done_base;
	uint32_t ring_size;
	uint32_t head;
	uint32_t tail;
	uint64_t sequence;
	uint64_t copies;
	uint64_t fills;
	uint64_t checksums;
	uint64_t adds;
	uint64_t failures;
	uint64_t bytes;

	/* The descriptor under way: as it was read, how far it is, and the sum so far. */
	bool active;
	struct copier_descriptor descriptor;
	uint64_t position;
	uint64_t sum;
};

/*
 * @s: see above
 * @board_size: the option size=
 * @window: the option window=, an enum copier_window
 * @board: the board memory
 * @kit: the outside
 * @piece: room for what comes from host memory: the source, and what is added to
 */
struct copier {
	struct copier_state s;
	uint64_t board_size;
	uint64_t window;
	struct vfmig_block *board;
	struct vfmig_kit *kit;
	_Alignas(64) uint8_t piece[2][COPIER_PIECE];
};

/* registers.c */
uint64_t copier_register_read(const struct copier *c, uint64_t offset, uint32_t len);
void copier_register_write(struct copier *c, uint64_t offset, uint64_t value, uint32_t len);
void copier_reset(struct copier *c);

/* ring.c */

/* Is there anything to do? */
bool copier_has_work(const struct copier *c);
/* Do a quantum of it. Returns whether there is more. */
bool copier_work(struct copier *c);
/* What is wrong with the rings' registers, as ERROR has it. */
enum copier_error copier_check_rings(const struct copier *c);
void copier_stop_with(struct copier *c, enum copier_error error, uint64_t iova);

/* ops.c */

/* What is wrong with a descriptor, before any of it is done. */
enum copier_status copier_check(const struct copier *c, const struct copier_descriptor *d);
/* Do the next piece of the descriptor under way, and move @position on. */
enum copier_status copier_step(struct copier *c);

/* copier.c: the outside. Reads and writes return 0, or not if some of it could not be reached. */

int copier_dma_read(struct copier *c, uint64_t iova, void *buf, uint32_t len);
int copier_dma_write(struct copier *c, uint64_t iova, const void *buf, uint32_t len);
void copier_interrupt(struct copier *c, enum copier_vector vector);
void copier_wake(struct copier *c);

#endif
