/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The copier's insides. Three files have the hardware, and do not depend on the code around them:
 *
 *	registers.c	what a driver's accesses do
 *	ring.c		descriptors in, completions out
 *	ops.c		the work between the two
 *
 * copier.c makes a device of it: the state table, and the four functions at the end of this page
 * through which the hardware reaches the outside.
 */
#ifndef COPIER_H
#define COPIER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vfmig/model.h>

#include "regs.h"

/*
 * Work is done in pieces, and @position moves on with each: between two pieces the copier can be
 * stopped, saved, and continued elsewhere. So a failed completion's descriptor can have written up
 * to one piece beyond the completion's "result".
 */
#define COPIER_PIECE 65536u

/* The work that a call of copier_work() does before it returns. A stop waits about as long. */
#define COPIER_QUANTUM_BYTES	   (512u * 1024)
#define COPIER_QUANTUM_DESCRIPTORS 64u

/*
 * All that changes, and so all that is saved; the names are those of the data sheet. In addition,
 * only the board memory is saved.
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

	/* The current descriptor: its contents, its position, and the sum so far. */
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
 * @piece: buffer for data from host memory: the source, and the destination of an addition
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

/* Whether there is work. */
bool copier_has_work(const struct copier *c);
/* Do a quantum of it. Returns whether there is more. */
bool copier_work(struct copier *c);
/* The error in the rings' registers, as a value of ERROR. */
enum copier_error copier_check_rings(const struct copier *c);
void copier_stop_with(struct copier *c, enum copier_error error, uint64_t iova);

/* ops.c */

/* The error in a descriptor, before any of it is executed. */
enum copier_status copier_check(const struct copier *c, const struct copier_descriptor *d);
/* Execute the next piece of the current descriptor, and move @position on. */
enum copier_status copier_step(struct copier *c);

/*
 * copier.c: the outside. Reads and writes return 0, or another value if a part could not be
 * reached.
 */

int copier_dma_read(struct copier *c, uint64_t iova, void *buf, uint32_t len);
int copier_dma_write(struct copier *c, uint64_t iova, const void *buf, uint32_t len);
void copier_interrupt(struct copier *c, enum copier_vector vector);
void copier_wake(struct copier *c);

#endif
