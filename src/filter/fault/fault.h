/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The inside of the fault filter: when it strikes (fault.c), what it does then (act.c), and
 * arcs (arc.c).
 */
#ifndef VFMIG_FILTER_FAULT_H
#define VFMIG_FILTER_FAULT_H

#include "device/filter.h"
#include "filter/match.h"

enum vfmig_fault_act {
	VFMIG_FAULT_ERROR,
	VFMIG_FAULT_SHORT,
	VFMIG_FAULT_CORRUPT,
	VFMIG_FAULT_DROP,
	VFMIG_FAULT_TWICE,
	VFMIG_FAULT_HANG,
};

struct vfmig_fault;

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
struct vfmig_fault_call {
	struct vfmig_fault *fault;
	struct vfmig_request *outer;
	struct vfmig_fault_call *next, **link;
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
struct vfmig_fault {
	struct vfmig_device device;
	struct vfmig_match match;
	char *arc, *error;
	uint64_t act, nth, times, chance, seed, after, bit, bytes;
	int errnum;
	bool arcs;
	int from, to;
	uint64_t flags;

	pthread_mutex_t lock;
	uint64_t seen, struck, random;
	struct vfmig_fault_call *calls;
	struct vfmig_request_list hung;
	uint8_t *again;
	size_t again_at, again_len;
};

/** vfmig_fault_strikes() - whether the request that just came is one of those; counts */
bool vfmig_fault_strikes(struct vfmig_fault *fault);

/** vfmig_fault_act() - what is to happen to a request that is struck */
void vfmig_fault_act(struct vfmig_fault *fault, struct vfmig_request *request);

/** vfmig_fault_arc() - a SET of the state: find out whether it passes the arc, and act there */
void vfmig_fault_arc(struct vfmig_fault *fault, struct vfmig_request *request);
int vfmig_fault_parse_arc(struct vfmig_fault *fault, struct vfmig_error *err);

/* A call's beginning; NULL after it has completed the request for want of memory. */
struct vfmig_fault_call *vfmig_fault_begin(struct vfmig_fault *fault,
					   struct vfmig_request *request);

/* Whether a call goes on; false: it was cancelled, and is ended. */
bool vfmig_fault_goes_on(struct vfmig_fault_call *call);

/* A call's end: free it, and complete, fail, or hang the request. */
void vfmig_fault_end(struct vfmig_fault_call *call, ssize_t result);
void vfmig_fault_fail(struct vfmig_fault_call *call);
void vfmig_fault_hang(struct vfmig_fault_call *call);

#endif
