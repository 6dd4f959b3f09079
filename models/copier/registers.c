/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The registers: one table has the place, width and access of each.
 *
 * The effects of a write are beside the table, in copier_register_write().
 */
#include <string.h>

#include "copier.h"

enum access {
	RO,
	RW,
	RW_DISABLED, /* not while ENABLE is set */
	SPECIAL,     /* see copier_register_write() */
};

struct reg {
	uint16_t at;
	uint8_t bytes;
	uint8_t access;
	int16_t field; /* in struct copier_state; -1: computed by made_up() */
};

#define FIELD(name) offsetof(struct copier_state, name)

static const struct reg regs[] = {
	{COPIER_REG_ID, 4, RO, -1},
	{COPIER_REG_VERSION, 4, RO, -1},
	{COPIER_REG_OPERATIONS, 4, RO, -1},
	{COPIER_REG_MAX_LENGTH, 4, RO, -1},
	{COPIER_REG_BOARD_SIZE, 8, RO, -1},
	{COPIER_REG_CONTROL, 4, SPECIAL, FIELD(control)},
	{COPIER_REG_STATUS, 4, RO, -1},
	{COPIER_REG_ERROR, 4, RO, FIELD(error)},
	{COPIER_REG_ERROR_IOVA, 8, RO, FIELD(error_iova)},
	{COPIER_REG_INTR_STATUS, 4, SPECIAL, FIELD(intr_status)},
	{COPIER_REG_INTR_ENABLE, 4, SPECIAL, FIELD(intr_enable)},
	{COPIER_REG_RING_BASE, 8, RW_DISABLED, FIELD(ring_base)},
	{COPIER_REG_DONE_BASE, 8, RW_DISABLED, FIELD(done_base)},
	{COPIER_REG_RING_SIZE, 4, RW_DISABLED, FIELD(ring_size)},
	{COPIER_REG_HEAD, 4, RO, FIELD(head)},
	{COPIER_REG_TAIL, 4, SPECIAL, FIELD(tail)},
	{COPIER_REG_SEQUENCE, 8, RO, FIELD(sequence)},
	{COPIER_REG_POSITION, 8, RO, FIELD(position)},
	{COPIER_REG_COPIES, 8, RO, FIELD(copies)},
	{COPIER_REG_FILLS, 8, RO, FIELD(fills)},
	{COPIER_REG_CHECKSUMS, 8, RO, FIELD(checksums)},
	{COPIER_REG_ADDS, 8, RO, FIELD(adds)},
	{COPIER_REG_FAILURES, 8, RO, FIELD(failures)},
	{COPIER_REG_BYTES, 8, RO, FIELD(bytes)},
};

/* The register of an access: all of one, or one half of one that has 64 bits. */
static const struct reg *find(uint64_t offset, uint32_t len)
{
	for (size_t i = 0; i < sizeof(regs) / sizeof(regs[0]); i++) {
		const struct reg *r = &regs[i];

		if (offset == r->at && (len == 4 || len == r->bytes))
			return r;
		if (r->bytes == 8 && offset == r->at + 4u && len == 4)
			return r;
	}
	return NULL;
}

static uint32_t status(const struct copier_state *s)
{
	bool enabled = s->control & COPIER_CONTROL_ENABLE;

	return (enabled ? COPIER_STATUS_ENABLED : 0) |
	       (enabled && s->head != s->tail ? COPIER_STATUS_BUSY : 0) |
	       (s->error ? COPIER_STATUS_ERROR : 0);
}

static uint64_t made_up(const struct copier *c, uint16_t at)
{
	switch (at) {
	case COPIER_REG_ID:
		return COPIER_ID;
	case COPIER_REG_VERSION:
		return COPIER_VERSION;
	case COPIER_REG_OPERATIONS:
		return COPIER_OPERATIONS;
	case COPIER_REG_MAX_LENGTH:
		return COPIER_MAX_LENGTH;
	case COPIER_REG_BOARD_SIZE:
		return c->board_size;
	case COPIER_REG_STATUS:
		return status(&c->s);
	}
	return 0;
}

static uint64_t get(const struct copier *c, const struct reg *r)
{
	uint64_t value = 0;

	if (r->field < 0)
		return made_up(c, r->at);
	memcpy(&value, (const char *)&c->s + r->field, r->bytes);
	return value;
}

uint64_t copier_register_read(const struct copier *c, uint64_t offset, uint32_t len)
{
	const struct reg *r = find(offset, len);
	uint64_t value;

	if (!r)
		return 0;
	value = get(c, r);
	if (len == r->bytes)
		return value;
	return offset == r->at ? (uint32_t)value : value >> 32;
}

static bool tail_is_bad(const struct copier_state *s)
{
	return s->tail - s->head > s->ring_size;
}

static void write_control(struct copier *c, uint32_t value)
{
	struct copier_state *s = &c->s;
	bool was = s->control & COPIER_CONTROL_ENABLE;

	if (value & COPIER_CONTROL_RESET) {
		copier_reset(c);
		return;
	}
	if (s->error)
		return;
	s->control = value & COPIER_CONTROL_ENABLE;
	if (was || !s->control)
		return;
	if (copier_check_rings(c))
		copier_stop_with(c, COPIER_ERROR_BAD_RING, s->ring_base);
	else if (tail_is_bad(s))
		copier_stop_with(c, COPIER_ERROR_BAD_TAIL, s->tail);
	else
		copier_wake(c);
}

static void write_tail(struct copier *c, uint32_t value)
{
	struct copier_state *s = &c->s;

	s->tail = value;
	if (!(s->control & COPIER_CONTROL_ENABLE))
		return;
	if (tail_is_bad(s))
		copier_stop_with(c, COPIER_ERROR_BAD_TAIL, value);
	else
		copier_wake(c);
}

void copier_register_write(struct copier *c, uint64_t offset, uint64_t value, uint32_t len)
{
	const struct reg *r = find(offset, len);
	struct copier_state *s = &c->s;

	if (!r || r->access == RO)
		return;
	if (r->access == RW_DISABLED && (s->control & COPIER_CONTROL_ENABLE))
		return;
	switch (r->at) {
	case COPIER_REG_CONTROL:
		write_control(c, (uint32_t)value);
		return;
	case COPIER_REG_TAIL:
		write_tail(c, (uint32_t)value);
		return;
	case COPIER_REG_INTR_STATUS:
		s->intr_status &= ~(uint32_t)value;
		return;
	case COPIER_REG_INTR_ENABLE:
		s->intr_enable = value & (COPIER_INTR_COMPLETION | COPIER_INTR_ERROR);
		return;
	}
	memcpy((char *)s + r->field + (offset - r->at), &value, len);
}

/* CONTROL.RESET; a function-level reset clears the board memory as well, in copier.c. */
void copier_reset(struct copier *c)
{
	memset(&c->s, 0, sizeof(c->s));
}
