/* SPDX-License-Identifier: BSD-3-Clause */
/* Devices whose migration region breaks a rule of v1 or of pfn, one each. */
#include <errno.h>
#include <string.h>

#include <vfmig/abi_region.h>

#include "tests/conform/liar.h"

#define REG(field) offsetof(struct vfmig_pfn_migration_info, field)

#define STOP	  VFMIG_V1_STATE_STOP
#define RUNNING	  VFMIG_V1_STATE_RUNNING
#define STOP_COPY VFMIG_V1_STATE_STOP_COPY
#define PRE_COPY  VFMIG_V1_STATE_PRE_COPY
#define RESUMING  VFMIG_V1_STATE_RESUMING

/* As the options below have it. */
#define SECTION 512

#define ASK(name)    static bool name(struct liar *liar, struct vfmig_request *r)
#define ANSWER(name) static ssize_t name(struct liar *liar, struct vfmig_request *r, ssize_t result)

/* A write that asks for this state. */
static bool goes(const struct vfmig_request *r, uint32_t bits)
{
	return liar_writes(r, REG(device_state)) && (liar_value(r) & 7) == bits;
}

/* The data section, wherever it is. */
static bool is_data(const struct vfmig_request *r)
{
	return (r->op == VFMIG_OP_REGION_READ || r->op == VFMIG_OP_REGION_WRITE) &&
	       r->region.index == LIAR_REGION && r->region.offset >= 64 && r->region.len;
}

static bool takes(struct vfmig_request *r)
{
	return liar_says(r, r->region.len);
}

ASK(has_no_register_there)
{
	return liar_reads(r, REG(pending_bytes)) && liar_says(r, -EIO);
}

ASK(answers_any_width)
{
	return r->op == VFMIG_OP_REGION_READ && r->region.index == LIAR_REGION &&
	       r->region.len < 4 && takes(r);
}

ANSWER(goes_astray_when_refused)
{
	if (liar_writes(r, REG(device_state)))
		liar->count = result < 0;
	if (liar_reads(r, REG(device_state)) && result > 0 && liar->count &&
	    liar->shown == PRE_COPY)
		liar_put(r, RUNNING);
	return result;
}

ASK(resets_to_stop)
{
	uint32_t stop = STOP;
	ssize_t ret;

	if (r->op != VFMIG_OP_RESET)
		return false;
	ret = liar_reset(liar);
	if (!ret)
		ret = vfmig_device_region_write(liar->device.inner, LIAR_REGION, 0, &stop, 4, NULL);
	liar->shown = STOP;
	return liar_says(r, ret);
}

ASK(stops_on_paper)
{
	if (liar_reads(r, REG(device_state)) && liar->shown == STOP) {
		liar_put(r, STOP);
		return takes(r);
	}
	if (!goes(r, STOP))
		return false;
	liar->shown = STOP;
	return takes(r);
}

ASK(wants_no_bits)
{
	if (liar_writes(r, REG(device_state)))
		liar_put(r, liar_value(r) & 0xf);
	return false;
}

ANSWER(has_a_bit_that_moves)
{
	if (liar_reads(r, REG(device_state)) && result > 0)
		liar_put(r, liar_value(r) | (liar->count++ % 3 == 1) << 8);
	return result;
}

ASK(takes_101b)
{
	return goes(r, 5) && takes(r);
}

ASK(takes_110b)
{
	return goes(r, 6) && takes(r);
}

ASK(must_not_be_stopped)
{
	return goes(r, STOP) && liar->shown == RUNNING && liar_says(r, -EBUSY);
}

ASK(must_be_copied_before)
{
	return goes(r, STOP_COPY) && liar->shown == RUNNING && liar_says(r, -EBUSY);
}

ANSWER(spoils_pre_copy)
{
	if (is_data(r) && r->op == VFMIG_OP_REGION_READ && result > 0 && liar->shown == PRE_COPY)
		((uint8_t *)r->region.buf)[result - 1] ^= 1;
	return result;
}

ASK(stays_in_pre_copy)
{
	return goes(r, STOP_COPY) && liar->shown == PRE_COPY && liar_says(r, -EBUSY);
}

ASK(has_no_pre_copy)
{
	return goes(r, PRE_COPY) && liar_says(r, -EINVAL);
}

ASK(does_not_give_up)
{
	return goes(r, RUNNING) && liar->shown == PRE_COPY && liar_says(r, -EBUSY);
}

ASK(does_not_load)
{
	return goes(r, RESUMING) && liar_says(r, -EINVAL);
}

ASK(ignores_what_it_loads)
{
	if (liar_writes(r, REG(data_size)) && liar->shown == RESUMING && liar_value(r) <= SECTION)
		return takes(r);
	return goes(r, RUNNING) && liar->shown == RESUMING && !liar_reset(liar) && takes(r);
}

ANSWER(has_something_reserved)
{
	if (liar_reads(r, REG(reserved)) && result > 0)
		liar_put(r, 7);
	return result;
}

ASK(keeps_a_written_pending)
{
	if (liar_writes(r, REG(pending_bytes)))
		return liar->count = liar_value(r), takes(r);
	if (liar_reads(r, REG(pending_bytes)) && liar->count)
		return liar_put(r, liar->count), takes(r);
	if (r->op == VFMIG_OP_RESET)
		liar->count = 0;
	return false;
}

ASK(keeps_a_written_offset)
{
	if (liar_writes(r, REG(data_offset)))
		return liar->count = liar_value(r), takes(r);
	if (liar_reads(r, REG(data_offset)) && liar->count)
		return liar_put(r, liar->count), takes(r);
	if (r->op == VFMIG_OP_RESET)
		liar->count = 0;
	return false;
}

ANSWER(points_at_its_registers)
{
	if (liar_reads(r, REG(data_offset)) && result > 0)
		liar_put(r, 16);
	return result;
}

ANSWER(points_into_a_page)
{
	if (liar_reads(r, REG(data_offset)) && result > 0)
		liar_put(r, liar_value(r) + 8);
	return result;
}

ANSWER(reads_what_is_not_mapped)
{
	if (is_data(r) && r->op == VFMIG_OP_REGION_READ && result > 0 && liar->shown == RESUMING)
		memset(r->region.buf, 0xee, (size_t)result);
	return result;
}

/* Counted anew with each reset. */
ANSWER(counts_its_askers)
{
	if (r->op == VFMIG_OP_RESET)
		liar->count = 0;
	if (liar_reads(r, REG(pending_bytes)) && result > 0 && liar_value(r))
		liar_put(r, liar_value(r) + liar->count++);
	return result;
}

ANSWER(changes_its_mind)
{
	if (liar_reads(r, REG(pending_bytes)))
		liar->count = 0;
	if (liar_reads(r, REG(data_size)) && result > 0 && liar->count++)
		liar_put(r, liar_value(r) - 1);
	return result;
}

ANSWER(never_has_less)
{
	if (r->op == VFMIG_OP_RESET)
		liar->count = 0;
	if (liar_reads(r, REG(pending_bytes)) && result > 0) {
		if (liar_value(r) > liar->count)
			liar->count = liar_value(r);
		if (liar_value(r))
			liar_put(r, liar->count);
	}
	return result;
}

ANSWER(begins_again_at_the_end)
{
	if (r->op == VFMIG_OP_RESET)
		liar->count = 0;
	if (liar_reads(r, REG(pending_bytes)) && result > 0 && !liar_value(r) &&
	    liar->shown == STOP_COPY && ++liar->count == 3)
		liar_put(r, 5);
	return result;
}

/* Looks at the data when the next one is asked for. */
ASK(consumes_it_later)
{
	uint64_t size = liar->count;

	if (liar_writes(r, REG(data_size)) && liar->shown == RESUMING && liar_value(r) <= SECTION)
		return liar->count = liar_value(r), takes(r);
	if (size && (liar_reads(r, REG(data_offset)) || liar_writes(r, REG(device_state)))) {
		liar->count = 0;
		if (vfmig_device_region_write(liar->device.inner, LIAR_REGION, REG(data_size),
					      &size, 8, NULL))
			return liar_says(r, -EIO);
	}
	if (r->op == VFMIG_OP_RESET)
		liar->count = 0;
	return false;
}

ASK(takes_one_transaction)
{
	if (r->op == VFMIG_OP_RESET)
		liar->count = 0;
	return liar_writes(r, REG(data_size)) && liar->count++ && liar_value(r) <= SECTION &&
	       liar_says(r, -EINVAL);
}

ASK(takes_any_size)
{
	return liar_writes(r, REG(data_size)) && liar_value(r) > SECTION && takes(r);
}

/* ---- pfn's own ---- */

ASK(shows_what_is_asked)
{
	if (!liar_reads(r, REG(total_pfns)) && !liar_reads(r, REG(start_pfn)) &&
	    !liar_reads(r, REG(page_size)))
		return false;
	liar_put(r, 0);
	return takes(r);
}

ASK(takes_an_answer)
{
	return liar_writes(r, REG(copied_pfns)) && takes(r);
}

ANSWER(says_all)
{
	if (liar_reads(r, REG(copied_pfns)) && result > 0)
		liar_put(r, VFMIG_PFN_DIRTY_ALL);
	return result;
}

ANSWER(says_all_for_none)
{
	if (liar_reads(r, REG(copied_pfns)) && result > 0 && !liar_value(r))
		liar_put(r, VFMIG_PFN_DIRTY_ALL);
	return result;
}

ANSWER(says_none)
{
	if (liar_reads(r, REG(copied_pfns)) && result > 0)
		liar_put(r, VFMIG_PFN_DIRTY_NONE);
	return result;
}

ANSWER(says_none_at_the_stop)
{
	if (liar_reads(r, REG(copied_pfns)) && result > 0 && liar->shown == STOP_COPY)
		liar_put(r, VFMIG_PFN_DIRTY_NONE);
	return result;
}

/* Whatever is asked about, it begins at the start. */
ASK(looks_at_the_first_pages)
{
	if (liar_writes(r, REG(start_pfn)) && liar_value(r) == 0x10040)
		liar_put(r, 0x10000);
	return false;
}

#define BY(name)  NULL, name
#define V1(more)  .options = "protocol=v1,transaction=512" more
#define PFN(more) .options = "protocol=pfn,transaction=512" more
#define WORK	  .works = true
const struct lie liar_v1[] = {
	{"V1-01", "has no register where one belongs", has_no_register_there, V1(),
	 .only = "V1-01"},
	{"V1-02", "answers any width", answers_any_width, V1()},
	{"V1-07 V1-15 V1-16", "goes astray when it has refused", BY(goes_astray_when_refused),
	 V1()},
	{"V1-07 V1-08 V1-15 V1-16 V1-17", "is stopped after a reset", resets_to_stop, V1()},
	{"V1-10", "is stopped on paper only", stops_on_paper, V1(), WORK, .only = "V1-10"},
	{"V1-13", "has a reserved bit that moves", wants_no_bits, has_a_bit_that_moves, V1()},
	{"V1-07 V1-15", "takes 101b", takes_101b, V1()},
	{"V1-07 V1-16", "takes 110b", takes_110b, V1()},
	{"V1-18", "must not be stopped", must_not_be_stopped, V1()},
	{"V1-08 V1-19", "must be copied before", must_be_copied_before, V1()},
	{"V1-20 V1-44", "spoils what pre-copy says", BY(spoils_pre_copy), V1()},
	{"V1-20 V1-21 V1-44", "stays in pre-copy", stays_in_pre_copy, V1()},
	{"V1-21 V1-22", "has no pre-copy", has_no_pre_copy, V1()},
	{"V1-23", "does not give up pre-copy", does_not_give_up, V1()},
	{"V1-20 V1-23 V1-24 V1-44 V1-54", "does not load", does_not_load, V1()},
	{"V1-25 V1-50", "ignores what it loads", ignores_what_it_loads, V1(), WORK},
	{"V1-27", "has something reserved", BY(has_something_reserved), V1()},
	{"V1-28", "keeps a pending_bytes that is written", keeps_a_written_pending, V1()},
	{"V1-29", "keeps a data_offset that is written", keeps_a_written_offset, V1()},
	{"V1-31", "points at its registers", BY(points_at_its_registers), V1(), .only = "V1-31"},
	{"V1-34", "points into a page", BY(points_into_a_page), V1(",data=mapped"),
	 .only = "V1-34"},
	{"V1-35", "reads what is not mapped", BY(reads_what_is_not_mapped), V1(",data=mapped")},
	{"V1-28 V1-37 V1-41", "counts its askers", BY(counts_its_askers), V1()},
	{"V1-41", "changes its mind", BY(changes_its_mind), V1()},
	{"V1-43", "never has less", BY(never_has_less), V1(), .only = "V1-43"},
	{"V1-45", "begins again at the end", BY(begins_again_at_the_end), V1()},
	{"V1-48", "consumes what it is given later", consumes_it_later, V1()},
	{"V1-54", "takes one transaction only", takes_one_transaction, V1(), .only = "V1-54"},
	{"V1-57", "takes any size", takes_any_size, V1()},
	{NULL},
};

const struct lie liar_pfn[] = {
	{"PFN-01", "has no register where one belongs", has_no_register_there, PFN(),
	 .only = "PFN-01"},
	{"PFN-02", "answers any width", answers_any_width, PFN()},
	{"PFN-03 PFN-07", "goes astray when it has refused", BY(goes_astray_when_refused), PFN()},
	{"PFN-04", "is stopped on paper only", stops_on_paper, PFN(), WORK, .only = "PFN-04"},
	{"PFN-05", "stays in pre-copy", stays_in_pre_copy, PFN()},
	{"PFN-06", "has a reserved bit that moves", wants_no_bits, has_a_bit_that_moves, PFN()},
	{"PFN-03 PFN-07", "takes 110b", takes_110b, PFN()},
	{"PFN-08", "keeps a pending_bytes that is written", keeps_a_written_pending, PFN()},
	{"PFN-11", "shows what it is asked", shows_what_is_asked, PFN()},
	{"PFN-14", "takes an answer", takes_an_answer, PFN()},
	{"PFN-15 PFN-16", "says all", BY(says_all), PFN(), WORK},
	{"PFN-16", "says all for none", BY(says_all_for_none), PFN()},
	{"PFN-19", "points at its registers", BY(points_at_its_registers), PFN(), .only = "PFN-19"},
	{"PFN-20", "reads what is not mapped", BY(reads_what_is_not_mapped), PFN(",data=mapped")},
	{"PFN-25", "never has less", BY(never_has_less), PFN(), .only = "PFN-25"},
	{"PFN-26", "begins again at the end", BY(begins_again_at_the_end), PFN()},
	{"PFN-15 PFN-27 PFN-36 PFN-37", "says none", BY(says_none), PFN(), WORK},
	{"PFN-33", "takes one transaction only", takes_one_transaction, PFN(), .only = "PFN-33"},
	{"PFN-36", "says none at the stop", BY(says_none_at_the_stop), PFN(), WORK},
	{"PFN-37", "looks at the first pages", looks_at_the_first_pages, PFN(), WORK},
	{"PFN-38", "ignores what it loads", ignores_what_it_loads, PFN(), WORK},
	{NULL},
};
