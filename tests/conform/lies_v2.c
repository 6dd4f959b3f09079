/* SPDX-License-Identifier: BSD-3-Clause */
/* Devices that break v2's rules, one each. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "tests/conform/liar.h"

#define GET   VFMIG_FEATURE_GET
#define SET   VFMIG_FEATURE_SET
#define PROBE VFMIG_FEATURE_PROBE

#define ASK(name)    static bool name(struct liar *liar, struct vfmig_request *r)
#define ANSWER(name) static ssize_t name(struct liar *liar, struct vfmig_request *r, ssize_t result)

static bool sets_any(const struct vfmig_request *r)
{
	return liar_feature(r, SET, VFMIG_FEATURE_MIG_STATE);
}

ASK(has_everything)
{
	return r->op == VFMIG_OP_FEATURE && r->feature.flags == (PROBE | 0x7eee) && liar_says(r, 0);
}

ASK(gets_and_sets)
{
	return liar_feature(r, GET | SET, VFMIG_FEATURE_MIG_STATE) && liar_says(r, 0);
}

ASK(resets_to_stop)
{
	return r->op == VFMIG_OP_RESET &&
	       liar_says(r, liar_reset(liar) ?: liar_go(liar, VFMIG_STATE_STOP));
}

ANSWER(has_no_stop_copy_flag)
{
	if (liar_feature(r, GET, VFMIG_FEATURE_MIGRATION))
		((struct vfmig_feature_migration *)r->feature.data)->flags &=
			~VFMIG_MIGRATION_STOP_COPY;
	return result;
}

ANSWER(has_a_strange_flag)
{
	if (liar_feature(r, GET, VFMIG_FEATURE_MIGRATION))
		((struct vfmig_feature_migration *)r->feature.data)->flags |= 8;
	return result;
}

ASK(cannot_resume)
{
	return liar_sets(r, VFMIG_STATE_RESUMING) && liar_says(r, -EINVAL);
}

ASK(only_says_p2p)
{
	return liar_sets(r, VFMIG_STATE_RUNNING_P2P) && liar->at == VFMIG_STATE_RUNNING &&
	       liar_says(r, 0);
}

ASK(stops_half_way)
{
	if (!liar_sets(r, VFMIG_STATE_RUNNING) || liar->at != VFMIG_STATE_STOP)
		return false;
	return liar_says(r, liar_go(liar, VFMIG_STATE_RUNNING_P2P));
}

ASK(wakes_up)
{
	if (r->op == VFMIG_OP_DEVICE_INFO && liar->at == VFMIG_STATE_STOP)
		liar_go(liar, VFMIG_STATE_RUNNING);
	return false;
}

ASK(cannot_read)
{
	return r->op == VFMIG_OP_DATA_READ && liar->at == VFMIG_STATE_STOP_COPY &&
	       liar_says(r, -EIO);
}

ASK(wants_words)
{
	return r->op == VFMIG_OP_DATA_WRITE && r->data.len == 1 && liar_says(r, -EINVAL);
}

ANSWER(gives_an_fd)
{
	if (liar_feature(r, GET, VFMIG_FEATURE_MIG_STATE))
		liar_state(r)->data_fd = 3;
	return result;
}

ANSWER(always_gives_data)
{
	return r->op == VFMIG_OP_DATA_READ && result == -EINVAL ? 8 : result;
}

ANSWER(always_takes_data)
{
	return r->op == VFMIG_OP_DATA_WRITE && result == -EINVAL && liar->at != VFMIG_STATE_RESUMING
		       ? (ssize_t)r->data.len
		       : result;
}

ASK(cannot_stop_from_p2p)
{
	return liar_sets(r, VFMIG_STATE_STOP) && liar->at == VFMIG_STATE_RUNNING_P2P &&
	       liar_says(r, -EIO);
}

ANSWER(drifts)
{
	if (r->op == VFMIG_OP_DATA_READ && result > 0 && liar->sessions == 2 && !liar->reads)
		((uint8_t *)r->data.buf)[result - 1] ^= 1;
	return result;
}

ASK(hides_configuration)
{
	return r->op == VFMIG_OP_REGION_READ && r->region.index == VFMIG_PCI_REGION_CONFIG &&
	       liar->at == VFMIG_STATE_STOP && liar_says(r, -EINVAL);
}

ASK(starts_when_touched)
{
	if (r->op == VFMIG_OP_REGION_READ && r->region.index == 0 && liar->at == VFMIG_STATE_STOP)
		liar_go(liar, VFMIG_STATE_RUNNING);
	return false;
}

/* Saved after a load it says something else. */
ANSWER(loads_something_else)
{
	if (r->op == VFMIG_OP_RESET)
		liar->count = 0;
	if (liar_sets(r, VFMIG_STATE_STOP) && !result && liar->at == VFMIG_STATE_RESUMING)
		liar->count = 1;
	if (r->op == VFMIG_OP_DATA_READ && result > 0 && liar->count && !liar->reads)
		((uint8_t *)r->data.buf)[result - 1] ^= 1;
	return result;
}

/* Takes anything, and is as after a reset then. */
ANSWER(takes_any_data)
{
	return r->op == VFMIG_OP_DATA_WRITE && liar->at == VFMIG_STATE_RESUMING && result < 0
		       ? (ssize_t)r->data.len
		       : result;
}

ASK(takes_anything)
{
	uint32_t to = sets_any(r) ? liar_state(r)->device_state : 0;

	if ((to != VFMIG_STATE_RUNNING && to != VFMIG_STATE_STOP) ||
	    liar->at != VFMIG_STATE_RESUMING)
		return false;
	return liar_says(r, liar_go(liar, to) ? liar_reset(liar) ?: liar_go(liar, to) : 0);
}

ASK(ignores_what_it_loads)
{
	if (r->op == VFMIG_OP_DATA_WRITE && liar->at == VFMIG_STATE_RESUMING)
		return liar_says(r, (ssize_t)r->data.len);
	if (liar->at != VFMIG_STATE_RESUMING ||
	    (!liar_sets(r, VFMIG_STATE_RUNNING) && !liar_sets(r, VFMIG_STATE_STOP)))
		return false;
	return liar_says(r, liar_reset(liar) ?: liar_go(liar, liar_state(r)->device_state));
}

/* At most once, so that the checks after it have a device. */
ASK(will_not_be_interrupted)
{
	return r->op == VFMIG_OP_RESET && liar->at == VFMIG_STATE_RESUMING && liar->writes &&
	       !liar->count++ && liar_says(r, -EBUSY);
}

ANSWER(reads_the_last_word_twice)
{
	if (r->op != VFMIG_OP_DATA_READ || liar->at != VFMIG_STATE_STOP_COPY)
		return result;
	liar->count = result ? 0 : liar->count + 1;
	return liar->count == 2 ? 8 : result;
}

ASK(takes_no_data)
{
	return r->op == VFMIG_OP_DATA_WRITE && liar_says(r, -EIO);
}

ASK(goes_to_error)
{
	return liar_sets(r, VFMIG_STATE_ERROR) && liar_says(r, 0);
}

ASK(does_not_combine)
{
	return liar_sets(r, VFMIG_STATE_STOP_COPY) && liar->at == VFMIG_STATE_RUNNING_P2P &&
	       liar_says(r, -EINVAL);
}

ANSWER(is_dumb_after_a_failure)
{
	if (r->op == VFMIG_OP_RESET)
		liar->count = 0;
	if (liar_sets(r, VFMIG_STATE_RUNNING) && result < 0 && liar->at == VFMIG_STATE_RESUMING)
		liar->count = 1;
	return liar_feature(r, GET, VFMIG_FEATURE_MIG_STATE) && liar->count ? -EIO : result;
}

ASK(knows_a_ninth_state)
{
	return liar_sets(r, 9) && liar_says(r, 0);
}

ASK(pretends_to_have_p2p)
{
	return liar_sets(r, VFMIG_STATE_RUNNING_P2P) && liar_says(r, 0);
}

ASK(reads_whole_pages_only)
{
	return r->op == VFMIG_OP_DATA_READ && r->data.len == 4093 && liar_says(r, -EINVAL);
}

ASK(minds_being_told_twice)
{
	return sets_any(r) && liar_state(r)->device_state == liar->at && liar_says(r, -EINVAL);
}

/* What is stopped on paper only: GET says so, and it runs. */
ASK(stops_on_paper)
{
	if (liar_feature(r, GET, VFMIG_FEATURE_MIG_STATE) && liar->count) {
		*liar_state(r) = (struct vfmig_feature_mig_state){liar->at, -1};
		return liar_says(r, 0);
	}
	if (!sets_any(r) && r->op != VFMIG_OP_RESET)
		return false;
	liar->count = liar_sets(r, VFMIG_STATE_STOP) || liar_sets(r, VFMIG_STATE_STOP_COPY);
	if (!liar->count)
		return false;
	liar->at = liar_state(r)->device_state;
	return liar_says(r, 0);
}

ASK(rings_in_its_sleep)
{
	if (r->op == VFMIG_OP_DEVICE_INFO && liar->at == VFMIG_STATE_STOP)
		return write(liar->event, &(uint64_t){1}, 8) < 0;
	return false;
}

ASK(takes_no_vectors_in_stop)
{
	return r->op == VFMIG_OP_SET_IRQS && liar->at == VFMIG_STATE_STOP && liar_says(r, -EINVAL);
}

ASK(only_says_pre_copy_p2p)
{
	return liar_sets(r, VFMIG_STATE_PRE_COPY_P2P) && liar->at == VFMIG_STATE_PRE_COPY &&
	       liar_says(r, 0);
}

ASK(cannot_read_in_pre_copy)
{
	return r->op == VFMIG_OP_DATA_READ && liar->at == VFMIG_STATE_PRE_COPY &&
	       liar_says(r, -EIO);
}

ANSWER(ends_in_pre_copy)
{
	return r->op == VFMIG_OP_DATA_READ && result == -ENOMSG ? 0 : result;
}

/* What is read first in pre-copy is not said. */
ANSWER(loses_a_byte)
{
	if (r->op != VFMIG_OP_DATA_READ || liar->at != VFMIG_STATE_PRE_COPY || result < 2 ||
	    liar->reads)
		return result;
	memmove(r->data.buf, (char *)r->data.buf + 1, (size_t)result - 1);
	return result - 1;
}

ASK(goes_back_to_pre_copy)
{
	return liar_sets(r, VFMIG_STATE_PRE_COPY) && liar->at == VFMIG_STATE_STOP_COPY &&
	       liar_says(r, 0);
}

ANSWER(grows)
{
	if (r->op == VFMIG_OP_PRECOPY_INFO && !result)
		r->precopy.initial_bytes = ++liar->count << 20;
	return result;
}

ASK(does_not_give_up)
{
	return liar_sets(r, VFMIG_STATE_RUNNING) && liar->at == VFMIG_STATE_PRE_COPY &&
	       liar->reads && liar_says(r, -EBUSY);
}

ANSWER(says_that_it_is_empty)
{
	if (liar_feature(r, GET, VFMIG_FEATURE_MIG_DATA_SIZE))
		((struct vfmig_feature_mig_data_size *)r->feature.data)->stop_copy_length = 0;
	return result;
}

ASK(must_be_read)
{
	return liar_sets(r, VFMIG_STATE_STOP_COPY) && vfmig_v2_state_saving(liar->at) &&
	       liar->at != VFMIG_STATE_STOP_COPY && !liar->reads && liar_says(r, -EBUSY);
}

ANSWER(always_has_info)
{
	return r->op == VFMIG_OP_PRECOPY_INFO && result < 0 ? 0 : result;
}

/* Whoever stops it loses what it was at. */
ASK(forgets)
{
	return liar_sets(r, VFMIG_STATE_STOP) &&
	       liar_says(r, liar_reset(liar) ?: liar_go(liar, VFMIG_STATE_STOP));
}

#define BY(name) NULL, name
const struct lie liar_v2[] = {
	{"V2-01", "has every feature, when probed", has_everything},
	{"V2-02", "gets and sets at once", gets_and_sets},
	{"V2-03 V2-30 V2-42 V2-51", "is stopped after a reset", resets_to_stop},
	{"V2-04 V2-53", "has no STOP_COPY flag", BY(has_no_stop_copy_flag)},
	{"V2-07", "has a flag that nobody knows", BY(has_a_strange_flag)},
	{"V2-05 V2-19 V2-37 V2-49", "cannot resume", cannot_resume},
	{"V2-06 V2-10 V2-19 V2-40 V2-52 V2-57", "goes to RUNNING_P2P in words only", only_says_p2p},
	{"V2-09 V2-49", "leaves STOP half-way", stops_half_way},
	{"V2-10", "wakes up by itself", wakes_up},
	{"V2-13 V2-35 V2-51 V2-55 V2-63 V2-66 V2-68", "cannot be read in STOP_COPY", cannot_read},
	{"V2-16", "takes no single bytes", wants_words},
	{"V2-17", "gives an fd in GET", BY(gives_an_fd)},
	{"V2-18 V2-25 V2-66", "always has data", BY(always_gives_data)},
	{"V2-18 V2-26", "always takes data", BY(always_takes_data)},
	{"V2-19", "cannot be stopped from RUNNING_P2P", cannot_stop_from_p2p},
	{"V2-21", "is stopped on paper only", stops_on_paper, .works = true, .only = "V2-21"},
	{"V2-34", "is stopped on paper only", stops_on_paper, .works = true, .only = "V2-34"},
	{"V2-58", "interrupts in STOP", rings_in_its_sleep, .works = true},
	{"V2-22 V2-33 V2-66", "changes in STOP", BY(drifts)},
	{"V2-23", "hides its configuration in STOP", hides_configuration},
	{"V2-24", "starts when it is touched", starts_when_touched},
	{"V2-27", "loads something else", BY(loads_something_else)},
	{"V2-28 V2-29 V2-56", "takes anything for a state", takes_anything, takes_any_data},
	{"V2-28 V2-29 V2-38 V2-56 V2-70", "ignores what it loads", ignores_what_it_loads,
	 .works = true},
	{"V2-30", "will not be reset while it loads", will_not_be_interrupted, .only = "V2-30"},
	{"V2-31", "forgets what it was at when stopped", forgets, .works = true, .only = "V2-31"},
	{"V2-32", "forgets what it was at when stopped", forgets, .works = true, .only = "V2-32"},
	{"V2-35", "has something to say after the end", BY(reads_the_last_word_twice)},
	{"V2-37", "takes no data", takes_no_data, .only = "V2-37"},
	{"V2-40", "goes to ERROR when asked to", goes_to_error},
	{"V2-49", "does not combine one pair", does_not_combine},
	{"V2-28 V2-29 V2-51", "says nothing after a failed SET", BY(is_dumb_after_a_failure)},
	{"V2-52", "knows a ninth state", knows_a_ninth_state},
	{"V2-53", "pretends to have P2P", pretends_to_have_p2p, .options = "migration=stop_copy"},
	{"V2-55", "gives whole pages only", reads_whole_pages_only},
	{"V2-57", "minds being told twice", minds_being_told_twice},
	{"V2-59", "takes no vectors in STOP", takes_no_vectors_in_stop},
	{"V2-19 V2-60", "goes to PRE_COPY_P2P in words only", only_says_pre_copy_p2p},
	{"V2-61", "cannot be read in PRE_COPY", cannot_read_in_pre_copy, .only = "V2-61"},
	{"V2-62", "gives 0 for ENOMSG", BY(ends_in_pre_copy)},
	{"V2-63", "loses a byte of pre-copy", BY(loses_a_byte)},
	{"V2-64", "goes back to PRE_COPY", goes_back_to_pre_copy},
	{"V2-65", "has more and more initial bytes", BY(grows)},
	{"V2-66", "does not give up what was begun", does_not_give_up},
	{"V2-67", "says that it is empty", BY(says_that_it_is_empty)},
	{"V2-19 V2-49 V2-66 V2-68", "must be read before it stops", must_be_read},
	{"V2-69", "always has pre-copy info", BY(always_has_info)},
	{NULL},
};
