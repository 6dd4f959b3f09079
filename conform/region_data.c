/* SPDX-License-Identifier: BSD-3-Clause */
/* Checks of v1 and pfn: transactions out of a device, and into it. */
#include <stdlib.h>

#include "conform/region.h"

#define STOP	  VFMIG_V1_STATE_STOP
#define RUNNING	  VFMIG_V1_STATE_RUNNING
#define STOP_COPY VFMIG_V1_STATE_STOP_COPY
#define PRE_COPY  VFMIG_V1_STATE_PRE_COPY
#define RESUMING  VFMIG_V1_STATE_RESUMING

#define ULL(x) ((unsigned long long)(x))

/* Transactions of pre-copy that are read at most: a busy device always has more. */
#define SOME 64

static enum conform_verdict an_iteration_is_stable(struct conform *c)
{
	uint64_t pending[2], offset[2], len[2];

	NEED(c, region_go(c, STOP_COPY));
	MUST(c, region_get64(c, REG(pending_bytes), &pending[0]));
	MUST(c, region_get64(c, REG(pending_bytes), &pending[1]));
	if (pending[0] != pending[1])
		return conform_fail(c, "pending_bytes, read twice, is %llu and %llu",
				    ULL(pending[0]), ULL(pending[1]));
	if (!pending[0])
		return conform_na(c, "nothing is pending");
	for (int i = 0; i < 2; i++) {
		MUST(c, region_get64(c, REG(data_offset), &offset[i]));
		MUST(c, region_get64(c, REG(data_size), &len[i]));
	}
	if (offset[0] != offset[1] || len[0] != len[1])
		return conform_fail(
			c, "in one iteration it says %llu bytes at 0x%llx, and %llu at 0x%llx",
			ULL(len[0]), ULL(offset[0]), ULL(len[1]), ULL(offset[1]));
	return conform_pass(c, "%llu bytes at 0x%llx, however often it is asked", ULL(len[0]),
			    ULL(offset[0]));
}

static enum conform_verdict pending_has_no_side_effects(struct conform *c)
{
	uint64_t first, now;

	NEED(c, region_go(c, STOP_COPY));
	MUST(c, region_get64(c, REG(pending_bytes), &first));
	for (int i = 0; i < 8; i++) {
		MUST(c, region_get64(c, REG(pending_bytes), &now));
		if (now != first)
			return conform_fail(c, "pending_bytes was %llu, and read again %llu",
					    ULL(first), ULL(now));
	}
	return conform_pass(c, "read nine times, pending_bytes is %llu", ULL(first));
}

static enum conform_verdict data_lies_in_the_region(struct conform *c)
{
	uint64_t info = c->has & CONFORM_PFN ? sizeof(struct vfmig_pfn_migration_info)
					     : sizeof(struct vfmig_v1_migration_info);
	uint64_t pending, offset, len;

	NEED(c, region_go(c, STOP_COPY));
	NEED(c, region_get64(c, REG(pending_bytes), &pending));
	if (!pending)
		return conform_na(c, "nothing is pending");
	MUST(c, region_get64(c, REG(data_offset), &offset));
	MUST(c, region_get64(c, REG(data_size), &len));
	if (offset < info)
		return conform_fail(c, "data_offset is %llu, among the registers", ULL(offset));
	if (offset > c->layout.size || len > c->layout.size - offset)
		return conform_fail(c, "%llu bytes at 0x%llx leave the region of 0x%llx", ULL(len),
				    ULL(offset), ULL(c->layout.size));
	return conform_pass(c, "%llu bytes at 0x%llx of 0x%llx", ULL(len), ULL(offset),
			    ULL(c->layout.size));
}

static enum conform_verdict it_comes_to_an_end(struct conform *c)
{
	uint64_t pending;

	NEED(c, region_go(c, STOP_COPY));
	MUST(c, region_fetch_all(c, &c->data[0], &c->data[1], ~0u));
	for (int i = 0; i < 3; i++) {
		MUST(c, region_get64(c, REG(pending_bytes), &pending));
		if (pending)
			return conform_fail(
				c, "after %zu bytes nothing was pending, and then %llu were",
				c->data[0].len, ULL(pending));
	}
	return conform_pass(c, "%zu bytes in %zu transactions, and then nothing is pending",
			    c->data[0].len, c->data[1].len / 8);
}

static enum conform_verdict data_is_handed_over_once(struct conform *c)
{
	uint64_t before, len, after;

	NEED(c, region_go(c, STOP_COPY));
	NEED(c, region_get64(c, REG(pending_bytes), &before));
	if (!before)
		return conform_na(c, "nothing is pending");
	NEED(c, region_fetch(c, &c->data[0], &c->data[1], &len));
	MUST(c, region_get64(c, REG(pending_bytes), &after));
	if (after >= before)
		return conform_fail(c, "%llu were pending, %llu were fetched, and %llu are pending",
				    ULL(before), ULL(len), ULL(after));
	return conform_pass(c, "%llu were pending, %llu were fetched, and %llu are pending",
			    ULL(before), ULL(len), ULL(after));
}

/* What was saved loads, in the same transactions. */
static enum conform_verdict loads(struct conform *c)
{
	uint32_t bits;

	MUST(c, region_load(c));
	MUST(c, region_go(c, RUNNING));
	MUST(c, region_state(c, &bits));
	if (bits != RUNNING)
		return conform_fail(c, "loaded, it is in %s", region_word(bits));
	return conform_pass(c, "%zu bytes in %zu transactions were loaded, and it runs",
			    c->data[0].len, c->data[1].len / 8);
}

static enum conform_verdict what_is_saved_is_loaded(struct conform *c)
{
	NEED(c, region_save(c));
	return loads(c);
}

static enum conform_verdict pre_copy_is_part_of_it(struct conform *c)
{
	NEED(c, region_go(c, PRE_COPY));
	MUST(c, region_fetch_all(c, &c->data[0], &c->data[1], SOME));
	MUST(c, region_save(c));
	return loads(c);
}

static enum conform_verdict pre_copy_need_not_be_read(struct conform *c)
{
	uint64_t len;

	NEED(c, region_go(c, PRE_COPY));
	/* One transaction, whatever else is pending. */
	NEED(c, region_fetch(c, &c->data[0], &c->data[1], &len));
	MUST(c, region_go(c, STOP_COPY));
	MUST(c, region_fetch_all(c, &c->data[0], &c->data[1], ~0u));
	return loads(c);
}

static enum conform_verdict pre_copy_can_be_given_up(struct conform *c)
{
	uint64_t len;

	NEED(c, region_go(c, PRE_COPY));
	NEED(c, region_fetch(c, &c->data[0], &c->data[1], &len));
	MUST(c, region_go(c, RUNNING));
	c->data[0].len = c->data[1].len = 0;
	NEED(c, region_save(c));
	return loads(c);
}

/* From RUNNING, with work under way: by way of pre-copy or not, the work goes on where it was. */
static enum conform_verdict work_moves(struct conform *c)
{
	const char *why;

	NEED(c, c->work->keep(c, CONFORM_IOVA, CONFORM_KEEP, CONFORM_TIMES));
	NEED(c, region_go(c, PRE_COPY));
	NEED(c, region_fetch_all(c, &c->data[0], &c->data[1], SOME));
	MUST(c, region_save(c));
	MUST(c, region_load(c));
	MUST(c, region_go(c, RUNNING));
	MUST(c, c->work->adopt(c));
	MUST(c, c->work->drain(c));
	why = c->work->check(c);
	if (why)
		return conform_fail(c, "saved, reset and loaded it went on, and %s", why);
	return conform_pass(
		c, "saved in mid-work, reset and loaded, it went on, and the work came out right");
}

static enum conform_verdict stopped_it_writes_nothing(struct conform *c)
{
	uint64_t left;
	uint8_t *copy;
	int ret;
	bool same;

	NEED(c, conform_stop_at_work(c, region_go, STOP, RUNNING, &left));
	copy = malloc(CONFORM_SIZE);
	if (!copy)
		return conform_unseen(c, "no memory to keep a copy in");
	memcpy(copy, c->memory, CONFORM_SIZE);
	ret = conform_look_on(c);
	same = !memcmp(copy, c->memory, CONFORM_SIZE) && c->work->left(c) == left;
	free(copy);
	NEED(c, ret);
	if (!same)
		return conform_fail(c, "in STOP the device went on with its work");
	if (!left)
		return conform_unseen(c, "its work was done before it got to STOP");
	return conform_pass(c, "with work to do it wrote nothing in STOP");
}

static enum conform_verdict garbage_shows_as_an_error(struct conform *c)
{
	uint64_t offset;
	uint32_t bits;
	int ret;

	NEED(c, region_go(c, RESUMING));
	memset(c->scratch, 0xa5, sizeof(c->scratch));
	NEED(c, region_get64(c, REG(data_offset), &offset));
	NEED(c, region_write_data(c, offset, c->scratch, 512));
	ret = region_put64(c, REG(data_size), 512);
	if (!ret)
		ret = region_go(c, RUNNING);
	if (!ret)
		return conform_fail(c, "512 bytes of 0xa5 were taken for a state, and it runs");
	if (conform_lost(ret))
		return conform_failed(c, CONFORM_FAIL);
	MUST(c, region_state(c, &bits));
	return conform_pass(c, "512 bytes of 0xa5 were refused, and it is in %s",
			    region_word(bits));
}

static enum conform_verdict a_reset_recovers(struct conform *c)
{
	uint64_t offset;
	uint32_t bits;
	int ret;

	NEED(c, region_go(c, RESUMING));
	memset(c->scratch, 0xa5, sizeof(c->scratch));
	NEED(c, region_get64(c, REG(data_offset), &offset));
	NEED(c, region_write_data(c, offset, c->scratch, 512));
	ret = region_put64(c, REG(data_size), 512);
	if (!conform_lost(ret))
		ret = region_go(c, RUNNING);
	if (conform_lost(ret))
		return conform_failed(c, CONFORM_FAIL);
	MUST(c, conform_reset(c));
	MUST(c, region_state(c, &bits));
	if (bits != RUNNING)
		return conform_fail(c, "after garbage and a reset it is in %s", region_word(bits));
	MUST(c, region_save(c));
	return conform_pass(c, "after garbage and a reset it runs, and can be saved");
}

/* What is behind the write of data_size is the driver's own by then: the section may be overwritten. */
static enum conform_verdict data_is_consumed(struct conform *c)
{
	uint64_t at = 0, offset, len;

	NEED(c, region_save(c));
	NEED(c, conform_reset(c));
	NEED(c, region_go(c, RESUMING));
	memset(c->scratch, 0xa5, sizeof(c->scratch));
	for (size_t i = 0; i < c->data[1].len; i += 8) {
		memcpy(&len, c->data[1].bytes + i, 8);
		MUST(c, region_get64(c, REG(data_offset), &offset));
		MUST(c, region_write_data(c, offset, c->data[0].bytes + at, len));
		MUST(c, region_put64(c, REG(data_size), len));
		NEED(c, region_write_data(c, offset, c->scratch, len < 512 ? len : 512));
		at += len;
	}
	MUST(c, region_go(c, RUNNING));
	return conform_pass(
		c, "the data section was overwritten behind each of %zu transactions, and it runs",
		c->data[1].len / 8);
}

static enum conform_verdict more_than_the_region_is_refused(struct conform *c)
{
	int ret;

	NEED(c, region_go(c, RESUMING));
	ret = region_put64(c, REG(data_size), c->layout.size + 1);
	if (!ret)
		return conform_fail(c, "a data_size of more than the region has was taken");
	if (conform_lost(ret))
		return conform_failed(c, CONFORM_FAIL);
	ret = region_put64(c, REG(data_size), UINT64_MAX);
	if (!ret)
		return conform_fail(c, "a data_size of 2^64 - 1 was taken");
	if (conform_lost(ret))
		return conform_failed(c, CONFORM_FAIL);
	return conform_pass(c, "refused: %s", c->err.text);
}

#define V1  CONFORM_V1
#define PFN CONFORM_PFN

const struct conform_check conform_region_data[] = {
	{"V1-08", "a reset recovers from data that was refused", V1, false, a_reset_recovers},
	{"V1-10", "in STOP the device does no DMA", V1 | CONFORM_WORK, false,
	 stopped_it_writes_nothing},
	{"V1-20", "pre-copy's transactions and stop-and-copy's are one state", V1, false,
	 pre_copy_is_part_of_it},
	{"V1-23", "pre-copy can be given up, and what is saved then is whole", V1, true,
	 pre_copy_can_be_given_up},
	{"V1-25", "with its state, a device's work goes on", V1 | CONFORM_WORK, false, work_moves},
	{"V1-31", "the data section is behind the registers, in the region", V1, false,
	 data_lies_in_the_region},
	{"V1-37", "reading pending_bytes again does nothing", V1, false,
	 pending_has_no_side_effects},
	{"V1-41", "in an iteration data_offset and data_size stay", V1, false,
	 an_iteration_is_stable},
	{"V1-43", "reading pending_bytes says that the data was fetched", V1, false,
	 data_is_handed_over_once},
	{"V1-44", "pre-copy can be left with data pending", V1, false, pre_copy_need_not_be_read},
	{"V1-45", "stop-and-copy ends when nothing is pending", V1, false, it_comes_to_an_end},
	{"V1-48", "a write of data_size returns when the data is consumed", V1, false,
	 data_is_consumed},
	{"V1-50", "invalid data leads to an error", V1, true, garbage_shows_as_an_error},
	{"V1-54", "what was saved is loaded in the same transactions", V1, false,
	 what_is_saved_is_loaded},
	{"V1-57", "a data_size that cannot be is refused", V1, false,
	 more_than_the_region_is_refused},
	{"PFN-04", "in STOP the device does no DMA", PFN | CONFORM_WORK, false,
	 stopped_it_writes_nothing},
	{"PFN-19", "the data section is behind the registers, in the region", PFN, false,
	 data_lies_in_the_region},
	{"PFN-25", "each transaction is fetched once", PFN, false, data_is_handed_over_once},
	{"PFN-26", "saving ends when nothing is pending", PFN, false, it_comes_to_an_end},
	{"PFN-33", "what was saved is loaded in the same transactions", PFN, false,
	 what_is_saved_is_loaded},
	{"PFN-38", "with its state, a device's work goes on", PFN | CONFORM_WORK, false,
	 work_moves},
	{NULL},
};
