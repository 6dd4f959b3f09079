/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The rings: a descriptor is read, executed piece by piece, and completed; then the next.
 *
 * Each of these is one step that is executed completely, with its state, or not at all. The copier
 * is only stopped between steps, so the next copier can always continue from a saved state.
 */
#include <string.h>

#include "copier.h"

static uint64_t slot(const struct copier_state *s, uint64_t base, uint32_t bytes)
{
	return base + (uint64_t)(s->head & (s->ring_size - 1)) * bytes;
}

static bool ring_leaves_space(uint64_t base, uint64_t entries, uint64_t bytes)
{
	/* The last byte of the address space may be in the ring. */
	return base > UINT64_MAX - (entries * bytes - 1);
}

enum copier_error copier_check_rings(const struct copier *c)
{
	const struct copier_state *s = &c->s;

	if (s->ring_size < COPIER_RING_MIN || s->ring_size > COPIER_RING_MAX ||
	    (s->ring_size & (s->ring_size - 1)) || s->ring_base % COPIER_RING_ALIGN ||
	    s->done_base % COPIER_RING_ALIGN ||
	    ring_leaves_space(s->ring_base, s->ring_size, sizeof(struct copier_descriptor)) ||
	    ring_leaves_space(s->done_base, s->ring_size, sizeof(struct copier_completion)))
		return COPIER_ERROR_BAD_RING;
	return COPIER_ERROR_NONE;
}

static void raise_interrupt(struct copier *c, enum copier_vector vector)
{
	c->s.intr_status |= 1u << vector;
	if (c->s.intr_enable & (1u << vector))
		copier_interrupt(c, vector);
}

void copier_stop_with(struct copier *c, enum copier_error error, uint64_t iova)
{
	c->s.control &= ~COPIER_CONTROL_ENABLE;
	c->s.error = error;
	c->s.error_iova = iova;
	raise_interrupt(c, COPIER_VECTOR_ERROR);
}

static void count(struct copier_state *s, enum copier_status status)
{
	s->sequence++;
	if (status) {
		s->failures++;
		return;
	}
	switch (s->descriptor.operation) {
	case COPIER_COPY:
		s->copies++;
		break;
	case COPIER_FILL:
		s->fills++;
		break;
	case COPIER_CHECKSUM:
		s->checksums++;
		break;
	case COPIER_ADD:
		s->adds++;
		break;
	}
}

static void complete(struct copier *c, enum copier_status status)
{
	struct copier_state *s = &c->s;
	struct copier_completion done = {
		.sequence = s->sequence + 1,
		.cookie = s->descriptor.cookie,
		.result = s->position,
		.status = status,
		.index = s->head,
	};
	uint64_t iova = slot(s, s->done_base, sizeof(done));
	bool interrupt = s->descriptor.flags & COPIER_FLAG_INTERRUPT;
	const size_t first = sizeof(done.sequence);
	bool lost;

	if (!status && s->descriptor.operation == COPIER_CHECKSUM)
		done.result = s->sum;

	/* The sequence number makes the rest valid, so it goes last. */
	lost = copier_dma_write(c, iova + first, (char *)&done + first, sizeof(done) - first) ||
	       copier_dma_write(c, iova, &done.sequence, first);

	count(s, status);
	s->head++;
	s->active = false;
	s->position = 0;
	s->sum = 0;
	memset(&s->descriptor, 0, sizeof(s->descriptor));
	if (lost)
		copier_stop_with(c, COPIER_ERROR_DONE_FAULT, iova);
	else if (interrupt)
		raise_interrupt(c, COPIER_VECTOR_COMPLETION);
}

static void fetch(struct copier *c)
{
	struct copier_state *s = &c->s;
	uint64_t iova = slot(s, s->ring_base, sizeof(s->descriptor));
	struct copier_descriptor d;
	enum copier_status status;

	if (copier_dma_read(c, iova, &d, sizeof(d))) {
		copier_stop_with(c, COPIER_ERROR_RING_FAULT, iova);
		return;
	}
	s->descriptor = d;
	s->position = 0;
	s->sum = d.value;
	status = copier_check(c, &d);
	if (status)
		complete(c, status);
	else
		s->active = true;
}

bool copier_has_work(const struct copier *c)
{
	return (c->s.control & COPIER_CONTROL_ENABLE) && c->s.head != c->s.tail;
}

bool copier_work(struct copier *c)
{
	struct copier_state *s = &c->s;
	uint64_t bytes_then = s->bytes;
	uint64_t sequence_then = s->sequence;

	while (copier_has_work(c) && s->bytes - bytes_then < COPIER_QUANTUM_BYTES &&
	       s->sequence - sequence_then < COPIER_QUANTUM_DESCRIPTORS) {
		enum copier_status status;

		if (!s->active) {
			fetch(c);
			continue;
		}
		status = copier_step(c);
		if (status || s->position == s->descriptor.length)
			complete(c, status);
	}
	return copier_has_work(c);
}
