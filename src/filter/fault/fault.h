/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The inside of the fault filter: when it strikes (fault.c), what it does then (act.c), and
 * arcs (arc.c).
 */
#ifndef FILTER_FAULT_H
#define FILTER_FAULT_H

#include "device/filter.h"
#include "filter/match.h"

enum fault_act {
	FAULT_ERROR,
	FAULT_SHORT,
	FAULT_CORRUPT,
	FAULT_DROP,
	FAULT_TWICE,
	FAULT_HANG,
};

struct fault;

/*
 * A request that was struck, while more than one step is needed for it.
 *
 * @fault, @outer: whose
 * @next, @link: in the filter's list, under its lock
 * @cancelled: its cancel came between two steps: the next one ends it
 * @passed: what the device inside said
 * @copy: a changed payload
 * @len: of @copy
 * @state: where the device is, and then where it is sent instead
 */
struct fault_call {
	struct fault *fault;
	struct vfmig_request *outer;
	struct fault_call *next, **link;
	bool cancelled;
	ssize_t passed;
	void *copy;
	size_t len;
	struct vfmig_feature_mig_state state;
};

/*
 * @act … @bytes: options
 * @errnum: of @error
 * @from, @to: the arc's states, -1 for any; @arcs says whether there is one
 * @flags: the device's migration flags, for arcs
 * @lock: of all below
 * @seen: requests that match, so far
 * @struck: those that were struck
 * @random: the generator's state
 * @calls: under way
 * @hung: held for ever
 * @again: a chunk that is to be read once more, from @again_at to @again_len
 */
struct fault {
	struct vfmig_device device;
	struct filter_match match;
	char *arc, *error;
	uint64_t act, nth, times, chance, seed, after, bit, bytes;
	int errnum;
	bool arcs;
	int from, to;
	uint64_t flags;

	pthread_mutex_t lock;
	uint64_t seen, struck, random;
	struct fault_call *calls;
	struct request_list hung;
	uint8_t *again;
	size_t again_at, again_len;
};

/** fault_strikes() - whether the request that just came is one of those; counts */
bool fault_strikes(struct fault *fault);

/** fault_apply() - what is to happen to a request that is struck */
void fault_apply(struct fault *fault, struct vfmig_request *request);

/** fault_arc() - a SET of the state: find out whether it passes the arc, and act there */
void fault_arc(struct fault *fault, struct vfmig_request *request);
int fault_parse_arc(struct fault *fault, struct vfmig_error *err);

/* A call's beginning; NULL after it has completed the request for want of memory. */
struct fault_call *fault_begin(struct fault *fault, struct vfmig_request *request);

/* Whether a call goes on; false: it was cancelled, and is ended. */
bool fault_goes_on(struct fault_call *call);

/* A call's end: free it, and complete, fail, or hang the request. */
void fault_end(struct fault_call *call, ssize_t result);
void fault_fail(struct fault_call *call);
void fault_hang(struct fault_call *call);

#endif
