/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The proof: what memory, board and counters must hold follows from the number of steps alone, so each is
 * worked out here once more and compared.
 */
#include <errno.h>
#include <string.h>

#include <vfmig/error.h>

#include "examples/demo/ballast.h"
#include "examples/demo/steps.h"
#include "examples/demo/workload.h"

static int check_file(struct workload *w, struct vfmig_error *err)
{
	const struct workload_state *s = w->state;
	uint64_t rounds = s->begun / s->chunks;

	for (uint64_t i = 0; i < s->chunks; i++) {
		const uint8_t *at = w->guest + WORKLOAD_FILE_AT + workload_place(s, i, rounds);

		if (cp_fletcher64(0, at, s->chunk) != workload_sums(w)[i])
			return vfmig_err(err, -EBADE, "chunk %llu of the file is not what it was",
					 (unsigned long long)i);
	}
	return 0;
}

static int check_ledgers(struct workload *w, uint64_t *adds, struct vfmig_error *err)
{
	static const char *const where[] = {"in guest memory", "on board"};
	struct workload_entry found[2][WORKLOAD_LEDGER], expected[2][WORKLOAD_LEDGER] = {0};
	int ret;

	memcpy(found[0], w->guest + WORKLOAD_LEDGER_AT, WORKLOAD_LEDGER_BYTES);
	ret = vfmig_device_region_read(w->driver.device, CP_BAR_WINDOW,
				       workload_board_ledger(w->state), found[1],
				       WORKLOAD_LEDGER_BYTES, err);
	if (ret)
		return ret;
	for (uint64_t step = 0; step < w->state->begun; step++) {
		struct workload_entry *e = &expected[step % 2][step / 2 % WORKLOAD_LEDGER];

		e->count++;
		e->sum += step;
	}
	for (int side = 0; side < 2; side++) {
		for (unsigned i = 0; i < WORKLOAD_LEDGER; i++) {
			const struct workload_entry *f = &found[side][i], *e = &expected[side][i];

			*adds += f->count;
			if (f->count != e->count || f->sum != e->sum)
				return vfmig_err(err, -EBADE,
						 "the ledger %s shows %llu ADDs in entry %u (sum "
						 "%llu), and should show %llu (sum %llu)",
						 where[side], (unsigned long long)f->count, i,
						 (unsigned long long)f->sum,
						 (unsigned long long)e->count,
						 (unsigned long long)e->sum);
		}
	}
	return 0;
}

static int check_board_ballast(struct workload *w, uint64_t *bytes, struct vfmig_error *err)
{
	const struct workload_state *s = w->state;
	uint64_t end = w->driver.board_size;

	for (uint64_t at = workload_board_ballast(s); at < end; at += s->chunk) {
		const struct cp_descriptor d = {
			.operation = CP_CHECKSUM,
			.flags = CP_FROM_BOARD,
			.source = at,
			.length = end - at < s->chunk ? end - at : s->chunk,
		};
		uint64_t value = workload_board_ballast_value(at), sum, expected = 0;
		int ret = workload_once(w, d, &sum, err);

		if (ret)
			return ret;
		for (uint64_t i = 0; i < d.length; i += sizeof(value))
			expected = cp_fletcher64(expected, &value, sizeof(value));
		if (sum != expected)
			return vfmig_err(err, -EBADE,
					 "ballast on board at 0x%llx is not what was put there",
					 (unsigned long long)at);
		*bytes += d.length;
	}
	return 0;
}

static int check_ballast(struct workload *w, uint64_t *bytes, struct vfmig_error *err)
{
	const struct workload_state *s = w->state;
	uint64_t at = workload_guest_ballast(s), wrong = 0;

	if (!s->ballast)
		return 0;
	if (!ballast_check(w->guest + at, s->guest_size - at, &wrong))
		return vfmig_err(err, -EBADE,
				 "ballast in guest memory at 0x%llx is not what was put there",
				 (unsigned long long)(at + wrong));
	*bytes += s->guest_size - at;
	return check_board_ballast(w, bytes, err);
}

static int check_counters(struct workload *w, struct workload_proof *proof, struct vfmig_error *err)
{
	static const struct {
		enum cp_reg reg;
		int operation;
		const char *name;
	} counters[] = {
		{CP_REG_COPIES, CP_COPY, "COPIES"},
		{CP_REG_FILLS, CP_FILL, "FILLS"},
		{CP_REG_CHECKSUMS, CP_CHECKSUM, "CHECKSUMS"},
		{CP_REG_ADDS, CP_ADD, "ADDS"},
		{CP_REG_FAILURES, 0, "FAILURES"},
	};
	uint64_t value;
	int ret = cp_read(&w->driver, CP_REG_SEQUENCE, &proof->counted, err);

	proof->descriptors = w->driver.queue->submitted;
	proof->completed = w->driver.queue->completed;

	if (!ret && proof->counted != proof->descriptors)
		ret = vfmig_err(
			err, -EBADE, "the device counts %llu completions, the workload %llu",
			(unsigned long long)proof->counted, (unsigned long long)proof->descriptors);
	for (size_t i = 0; !ret && i < sizeof(counters) / sizeof(counters[0]); i++) {
		uint64_t expected = w->state->put[counters[i].operation];

		ret = cp_read(&w->driver, counters[i].reg, &value, err);
		if (!ret && value != expected)
			ret = vfmig_err(err, -EBADE, "the device counts %llu %s, the workload %llu",
					(unsigned long long)value, counters[i].name,
					(unsigned long long)expected);
	}
	return ret;
}

int workload_prove(struct workload *w, struct workload_proof *proof, struct vfmig_error *err)
{
	struct vfmig_error local = {0}, *e = err ? err : &local;
	uint64_t begun = w->state->begun;
	int ret = 0;

	*proof = (struct workload_proof){0};
	if (workload_steps(w) != begun || workload_home(w, begun) != begun)
		ret = vfmig_err(e, -EINVAL, "the workload is not at rest with its file at home");
	/* The device first: once it has answered, all that it wrote is there to be seen. */
	if (!ret)
		ret = check_counters(w, proof, e);
	if (!ret)
		ret = check_file(w, e);
	proof->file_ok = !ret;
	if (!ret)
		ret = check_ledgers(w, &proof->adds, e);
	if (!ret)
		ret = check_ballast(w, &proof->ballast_bytes, e);
	/* And again, with what the ballast took. */
	if (!ret)
		ret = check_counters(w, proof, e);
	if (ret)
		memcpy(proof->sentence, e->text, sizeof(proof->sentence));
	return ret;
}
