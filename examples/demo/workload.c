/* SPDX-License-Identifier: BSD-3-Clause */
#include "examples/demo/workload.h"

#include <errno.h>
#include <string.h>

#include <vfmig/error.h>

#include "examples/demo/ballast.h"
#include "examples/demo/steps.h"

#define MAGIC 0x64616f6c6b726f77ull /* "workload" */

_Static_assert(sizeof(struct workload_state) <= WORKLOAD_QUEUE_AT, "the state fits in");
_Static_assert(WORKLOAD_ADDENDS_AT - WORKLOAD_LEDGER_AT >= WORKLOAD_LEDGER_BYTES,
	       "the ledger, too");
_Static_assert(WORKLOAD_FILE_AT - WORKLOAD_ADDENDS_AT >= WORKLOAD_LEDGER_BYTES, "and the addends");

uint64_t workload_file_offset(void)
{
	return WORKLOAD_FILE_AT;
}

uint64_t workload_file_max(uint64_t guest_size, uint64_t board_size, uint64_t chunk)
{
	uint64_t guest =
		guest_size > WORKLOAD_FILE_AT ? (guest_size - WORKLOAD_FILE_AT) / chunk : 0;
	uint64_t board = board_size > WORKLOAD_LEDGER_BYTES
				 ? (board_size - WORKLOAD_LEDGER_BYTES) / chunk
				 : 0;
	uint64_t chunks = guest < board ? guest : board;

	return (chunks < WORKLOAD_CHUNKS_MAX ? chunks : WORKLOAD_CHUNKS_MAX) * chunk;
}

/* Descriptor number @k of step @step: what is put in, and what its completion is checked against. */
static struct cp_descriptor descriptor_of(const struct workload_state *s, uint64_t step, unsigned k)
{
	uint64_t round = step / s->chunks, i = step % s->chunks;
	bool to_board = round % 2 == 0;
	uint64_t from = workload_place(s, i, round), to = workload_place(s, i, round + 1);
	uint64_t at = step / 2 % WORKLOAD_LEDGER * sizeof(struct workload_entry);
	uint64_t addend = step % WORKLOAD_LEDGER * sizeof(struct workload_entry);
	struct cp_descriptor d = {.length = s->chunk, .cookie = step * WORKLOAD_PER_STEP + k};

	if (to_board)
		from += s->iova + WORKLOAD_FILE_AT;
	else
		to += s->iova + WORKLOAD_FILE_AT;
	switch (k) {
	case 0:
		d.operation = CP_COPY;
		d.flags = to_board ? CP_TO_BOARD : CP_FROM_BOARD;
		d.source = from;
		d.destination = to;
		break;
	case 1:
		d.operation = CP_CHECKSUM;
		d.flags = to_board ? CP_FROM_BOARD : 0;
		d.source = to;
		break;
	case 2:
		d.operation = CP_FILL;
		d.flags = to_board ? 0 : CP_TO_BOARD;
		d.destination = from;
		d.value = workload_mix(step);
		break;
	default:
		d.operation = CP_ADD;
		d.flags = CP_INTERRUPT | (step % 2 ? CP_TO_BOARD : 0);
		d.source = s->iova + WORKLOAD_ADDENDS_AT + addend;
		d.destination = step % 2 ? workload_board_ledger(s) + at
					 : s->iova + WORKLOAD_LEDGER_AT + at;
		d.length = sizeof(struct workload_entry);
		break;
	}
	return d;
}

static int begin_step(struct workload *w)
{
	struct workload_state *s = w->state;
	struct workload_entry *addends = (void *)(w->guest + WORKLOAD_ADDENDS_AT);

	addends[s->begun % WORKLOAD_LEDGER] = (struct workload_entry){.count = 1, .sum = s->begun};
	for (unsigned k = 0; k < WORKLOAD_PER_STEP; k++) {
		struct cp_descriptor d = descriptor_of(s, s->begun, k);
		int ret = cp_put(&w->driver, &d);

		if (ret)
			return ret;
		s->put[d.operation]++;
	}
	s->begun++;
	return 0;
}

int workload_once(struct workload *w, struct cp_descriptor d, uint64_t *result,
		  struct vfmig_error *err)
{
	struct cp_completion c;
	int ret;

	d.cookie = ~0ull;
	d.flags |= CP_INTERRUPT;
	w->state->put[d.operation]++;
	ret = cp_do(&w->driver, &d, &c, err);
	if (ret)
		return ret;
	if (c.status || c.cookie != d.cookie)
		return vfmig_err(err, -EBADE, "a descriptor ended with status %u, cookie 0x%llx",
				 c.status, (unsigned long long)c.cookie);
	if (result)
		*result = c.result;
	return 0;
}

/* ---- beginning and going on ---- */

static int fill_board(struct workload *w, struct vfmig_error *err)
{
	const struct workload_state *s = w->state;
	struct cp_descriptor d = {
		.operation = CP_FILL,
		.flags = CP_TO_BOARD,
		.destination = workload_board_ledger(s),
		.length = WORKLOAD_LEDGER_BYTES,
	};
	uint64_t end = w->driver.board_size;
	int ret = workload_once(w, d, NULL, err);

	for (uint64_t at = workload_board_ballast(s); !ret && s->ballast && at < end;
	     at += s->chunk) {
		d.destination = at;
		d.length = end - at < s->chunk ? end - at : s->chunk;
		d.value = workload_board_ballast_value(at);
		ret = workload_once(w, d, NULL, err);
	}
	return ret;
}

int workload_start(struct workload *w, struct vfmig_device *device,
		   const struct workload_plan *plan, bool interrupts, struct vfmig_error *err)
{
	struct workload_state *s = (struct workload_state *)plan->guest;
	uint8_t *file = plan->guest + WORKLOAD_FILE_AT;
	uint64_t capacity;
	int ret;

	*w = (struct workload){.state = s, .guest = plan->guest};
	ret = cp_open(&w->driver, device, plan->guest + WORKLOAD_QUEUE_AT,
		      plan->iova + WORKLOAD_QUEUE_AT, WORKLOAD_ENTRIES, err);
	if (ret)
		return ret;
	capacity = workload_file_max(plan->guest_size, w->driver.board_size, plan->chunk);
	if (!plan->file_size || plan->file_size > capacity || plan->chunk % 4096 || !plan->depth ||
	    plan->depth > WORKLOAD_ENTRIES / WORKLOAD_PER_STEP)
		return vfmig_err(
			err, -EINVAL,
			"no room for a file of %llu bytes (%llu at the most), or no good plan",
			(unsigned long long)plan->file_size, (unsigned long long)capacity);
	*s = (struct workload_state){
		.magic = MAGIC,
		.iova = plan->iova,
		.guest_size = plan->guest_size,
		.chunk = plan->chunk,
		.chunks = (plan->file_size + plan->chunk - 1) / plan->chunk,
		.file_size = plan->file_size,
		.ballast = plan->ballast,
		.depth = plan->depth,
	};
	memset(plan->guest + WORKLOAD_LEDGER_AT, 0, WORKLOAD_LEDGER_BYTES);
	memset(file + s->file_size, 0, s->chunks * s->chunk - s->file_size);
	for (uint64_t i = 0; i < s->chunks; i++)
		workload_sums(w)[i] = cp_fletcher64(0, file + i * s->chunk, s->chunk);
	if (s->ballast)
		ballast_fill(plan->guest + workload_guest_ballast(s),
			     s->guest_size - workload_guest_ballast(s));
	if (interrupts)
		ret = cp_interrupts(&w->driver, err);
	if (!ret)
		ret = fill_board(w, err);
	s->before = w->driver.queue->submitted;
	return ret;
}

int workload_adopt(struct workload *w, struct vfmig_device *device, uint8_t *guest, bool interrupts,
		   struct vfmig_error *err)
{
	struct workload_state *s = (struct workload_state *)guest;
	int ret;

	*w = (struct workload){.state = s, .guest = guest};
	if (s->magic != MAGIC)
		return vfmig_err(err, -EBADE, "there is no workload in this memory");
	ret = cp_adopt(&w->driver, device, guest + WORKLOAD_QUEUE_AT, s->iova + WORKLOAD_QUEUE_AT,
		       err);
	if (!ret && interrupts)
		ret = cp_interrupts(&w->driver, err);
	return ret;
}

void workload_stop(struct workload *w)
{
	cp_close(&w->driver);
}

/* ---- working ---- */

static int check_completion(const struct workload *w, uint64_t number,
			    const struct cp_completion *c, struct vfmig_error *err)
{
	uint64_t step = (number - w->state->before) / WORKLOAD_PER_STEP;
	unsigned k = (number - w->state->before) % WORKLOAD_PER_STEP;
	struct cp_descriptor d = descriptor_of(w->state, step, k);
	uint64_t chunk = step % w->state->chunks;
	bool summed = d.operation == CP_CHECKSUM;
	uint64_t expected = summed ? workload_sums(w)[chunk] : d.length;

	if (c->status)
		return vfmig_err(err, -EBADE, "step %llu: descriptor %u ended with status %u",
				 (unsigned long long)step, k, c->status);
	if (c->cookie != d.cookie || c->index != (uint32_t)number)
		return vfmig_err(err, -EBADE,
				 "step %llu: the completion of descriptor %u is of another one "
				 "(cookie 0x%llx, index %u)",
				 (unsigned long long)step, k, (unsigned long long)c->cookie,
				 c->index);
	if (c->result != expected && summed)
		return vfmig_err(err, -EBADE, "step %llu: chunk %llu is not what it was",
				 (unsigned long long)step, (unsigned long long)chunk);
	if (c->result != expected)
		return vfmig_err(err, -EBADE, "step %llu: descriptor %u gave 0x%llx",
				 (unsigned long long)step, k, (unsigned long long)c->result);
	return 0;
}

int workload_turn(struct workload *w, uint64_t steps, struct vfmig_error *err)
{
	struct workload_state *s = w->state;
	struct cp_queue *q = w->driver.queue;
	uint64_t then = workload_steps(w), now;
	struct cp_completion c;
	int ret;

	while (q->completed < q->submitted && cp_take(&w->driver, &c)) {
		ret = check_completion(w, q->completed - 1, &c, err);
		if (ret)
			return ret;
	}
	now = workload_steps(w);
	while (s->begun < steps && s->begun - now < s->depth) {
		ret = begin_step(w);
		if (ret)
			return vfmig_err(err, ret, "the ring is full, and should not be");
	}
	ret = cp_ring(&w->driver, err);
	return ret ? ret : (int)(now - then);
}

int workload_wait(struct workload *w, int msec, struct vfmig_error *err)
{
	int ret = cp_wait(&w->driver, msec, err);

	return ret < 0 ? ret : 0;
}

/*
 * No completion has come for a while. The machine may be slow; but if the device reports that it
 * has completed all of its work, and the completions are not in memory, data was lost.
 */
static int look_after(struct workload *w, struct vfmig_error *err)
{
	struct cp_queue *q = w->driver.queue;
	uint64_t status, error = 0, sequence = 0, then = q->completed;
	struct vfmig_error lost = {0};
	int ret = cp_read(&w->driver, CP_REG_STATUS, &status, err);

	if (!ret)
		ret = cp_read(&w->driver, CP_REG_ERROR, &error, err);
	if (!ret)
		ret = cp_read(&w->driver, CP_REG_SEQUENCE, &sequence, err);
	if (ret || (status & CP_STATUS_BUSY))
		return ret;
	if (status & CP_STATUS_ERROR)
		return vfmig_err(err, -EBADE, "the device has stopped with error %llu",
				 (unsigned long long)error);
	vfmig_err(&lost, -EBADE,
		  "completion %llu is lost: the device has nothing more to do, SEQUENCE %llu; the "
		  "workload put in %llu",
		  (unsigned long long)q->completed + 1, (unsigned long long)sequence,
		  (unsigned long long)q->submitted);
	/* It became idle before we asked: all that it wrote is there, if it ever was. */
	ret = workload_turn(w, w->state->begun, err);
	if (!ret && q->completed == then)
		return vfmig_err(err, -EBADE, "%s", lost.text);
	return ret < 0 ? ret : 0;
}

int workload_run(struct workload *w, uint64_t steps, int msec, struct vfmig_error *err)
{
	const int slice = 10, patience = 100;
	int waited = 0;

	for (;;) {
		uint64_t then = w->driver.queue->completed;
		int ret = workload_turn(w, steps, err);

		if (ret < 0)
			return ret;
		if (workload_steps(w) >= steps)
			return 0;
		waited = w->driver.queue->completed == then ? waited + slice : 0;
		if (waited > msec)
			return vfmig_err(err, -ETIMEDOUT, "nothing was completed for %d ms", msec);
		ret = waited > patience ? look_after(w, err) : 0;
		if (!ret)
			ret = workload_wait(w, slice, err);
		if (ret)
			return ret;
	}
}

/* ---- looking ---- */

uint64_t workload_steps(const struct workload *w)
{
	return (w->driver.queue->completed - w->state->before) / WORKLOAD_PER_STEP;
}

uint64_t workload_chunks(const struct workload *w)
{
	return w->state->chunks;
}

uint64_t workload_chunk_size(const struct workload *w)
{
	return w->state->chunk;
}

uint64_t workload_file_size(const struct workload *w)
{
	return w->state->file_size;
}

uint64_t workload_home(const struct workload *w, uint64_t after)
{
	uint64_t both = 2 * w->state->chunks;

	if (after < w->state->begun)
		after = w->state->begun;
	return (after + both - 1) / both * both;
}

int workload_file(const struct workload *w, int (*fn)(void *context, const void *bytes, size_t len),
		  void *context)
{
	const struct workload_state *s = w->state;
	uint64_t rounds = s->begun / s->chunks;

	for (uint64_t i = 0; i < s->chunks; i++) {
		uint64_t left = s->file_size - i * s->chunk;
		int ret = fn(context, w->guest + WORKLOAD_FILE_AT + workload_place(s, i, rounds),
			     left < s->chunk ? left : s->chunk);

		if (ret)
			return ret;
	}
	return 0;
}
