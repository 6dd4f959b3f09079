/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The operations: a descriptor is checked once, then executed in pieces.
 *
 * A piece is read whole before any of it is written, and the position moves on as soon as it is
 * written. Board memory is processed in place; data in host memory goes through a buffer.
 */
#include <string.h>

#include "copier.h"

static bool all_zero(const void *bytes, size_t len)
{
	const uint8_t *b = bytes;

	for (size_t i = 0; i < len; i++)
		if (b[i])
			return false;
	return true;
}

/* Which fields an operation takes, and of how many bytes its length is a multiple. */
static const struct {
	bool source, destination, value;
	uint32_t unit;
} shape[] = {
	[COPIER_COPY] = {.source = true, .destination = true, .unit = 1},
	[COPIER_FILL] = {.destination = true, .value = true, .unit = 1},
	[COPIER_CHECKSUM] = {.source = true, .value = true, .unit = 4},
	[COPIER_ADD] = {.source = true, .destination = true, .unit = 8},
};

static bool leaves_memory(const struct copier *c, bool board, uint64_t at, uint64_t len)
{
	if (board)
		return at > c->board_size || len > c->board_size - at;
	return at > UINT64_MAX - (len - 1);
}

enum copier_status copier_check(const struct copier *c, const struct copier_descriptor *d)
{
	bool source_board = d->flags & COPIER_FLAG_SOURCE_ON_BOARD;
	bool destination_board = d->flags & COPIER_FLAG_DESTINATION_ON_BOARD;
	bool source, destination;

	if (d->operation < COPIER_COPY || d->operation > COPIER_ADD)
		return COPIER_BAD_OPERATION;
	source = shape[d->operation].source;
	destination = shape[d->operation].destination;
	if ((d->flags & ~COPIER_FLAGS) || !all_zero(d->zero1, sizeof(d->zero1)) ||
	    !all_zero(d->zero2, sizeof(d->zero2)) || (!source && (d->source || source_board)) ||
	    (!destination && (d->destination || destination_board)) ||
	    (!shape[d->operation].value && d->value))
		return COPIER_BAD_FLAGS;
	if (d->length == 0 || d->length > COPIER_MAX_LENGTH || d->length % shape[d->operation].unit)
		return COPIER_BAD_LENGTH;
	if ((source && leaves_memory(c, source_board, d->source, d->length)) ||
	    (destination && leaves_memory(c, destination_board, d->destination, d->length)))
		return COPIER_BAD_ADDRESS;
	if (source && destination && source_board == destination_board) {
		uint64_t apart = d->source > d->destination ? d->source - d->destination
							    : d->destination - d->source;

		if (apart < d->length)
			return COPIER_OVERLAP;
	}
	return COPIER_OK;
}

/* The bytes at @at: those on board themselves, or a copy of those in host memory. NULL: a fault. */
static uint8_t *bring(struct copier *c, bool board, uint64_t at, uint8_t *buffer, uint32_t len)
{
	if (board)
		return c->board->bytes + at;
	return copier_dma_read(c, at, buffer, len) ? NULL : buffer;
}

static void fill(uint8_t *to, uint64_t value, uint64_t position, uint32_t len)
{
	unsigned turn = position % 8 * 8;

	if (turn)
		value = value >> turn | value << (64 - turn);
	for (; len >= 8; len -= 8, to += 8)
		memcpy(to, &value, 8);
	memcpy(to, &value, len);
}

/*
 * Fletcher-64. Within one piece (16384 words) neither half can pass 2^64, so the division is
 * needed only once: a < 2^32 * 2^14.1, b < 2^32 * 2^27.1.
 */
static uint64_t checksum(uint64_t sum, const uint8_t *from, uint32_t len)
{
	uint64_t a = (uint32_t)sum, b = sum >> 32;

	for (uint32_t i = 0; i < len; i += 4) {
		uint32_t word;

		memcpy(&word, from + i, 4);
		a += word;
		b += a;
	}
	return b % UINT32_MAX << 32 | a % UINT32_MAX;
}

static void add(uint8_t *restrict to, const uint8_t *restrict from, uint32_t len)
{
	for (uint32_t i = 0; i < len; i += 8) {
		uint64_t x, y;

		memcpy(&x, to + i, 8);
		memcpy(&y, from + i, 8);
		x += y;
		memcpy(to + i, &x, 8);
	}
}

enum copier_status copier_step(struct copier *c)
{
	struct copier_state *s = &c->s;
	const struct copier_descriptor *d = &s->descriptor;
	bool source_board = d->flags & COPIER_FLAG_SOURCE_ON_BOARD;
	bool board = d->flags & COPIER_FLAG_DESTINATION_ON_BOARD;
	uint64_t left = d->length - s->position;
	uint32_t len = left < COPIER_PIECE ? (uint32_t)left : COPIER_PIECE;
	uint64_t to = d->destination + s->position;
	uint8_t *source = NULL;
	uint8_t *destination = board ? c->board->bytes + to : c->piece[1];

	if (shape[d->operation].source) {
		source = bring(c, source_board, d->source + s->position, c->piece[0], len);
		if (!source)
			return COPIER_READ_FAULT;
	}
	switch (d->operation) {
	case COPIER_COPY:
		if (board)
			memcpy(destination, source, len);
		else
			destination = source;
		break;
	case COPIER_FILL:
		fill(destination, d->value, s->position, len);
		break;
	case COPIER_CHECKSUM:
		s->sum = checksum(s->sum, source, len);
		break;
	case COPIER_ADD:
		destination = bring(c, board, to, c->piece[1], len);
		if (!destination)
			return COPIER_READ_FAULT;
		add(destination, source, len);
		break;
	}
	if (board)
		vfmig_block_mark(c->board, to, len);
	else if (shape[d->operation].destination && copier_dma_write(c, to, destination, len))
		return COPIER_WRITE_FAULT;
	s->position += len;
	s->bytes += len;
	return COPIER_OK;
}
