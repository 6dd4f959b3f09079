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
 * A request that was struck.
 *
 * @passed: the result of the device inside
 * @copy: a changed payload, or NULL
 * @len: of @copy
 * @state: the state of the device, and then the state to send it to instead
 */
struct fault_call {
	struct inner inner; /* first */
	ssize_t passed;
	void *copy;
	size_t len;
	struct vfmig_feature_mig_state state;
};

/*
 * @act … @bytes: options
 * @errnum: of @error
 * @from, @to: the arc's states, -1 for any; @arcs is true if the option names an arc
 * @flags: the device's migration flags, for arcs
 * @lock: protects the fields below
 * @seen: requests that match, so far
 * @struck: requests that got the fault, so far
 * @random: the generator's state
 * @again: a chunk that is read a second time, from @again_at to @again_len
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
	uint8_t *again;
	size_t again_at, again_len;
};

/** fault_strikes() - whether the request that just came is one of those; counts */
bool fault_strikes(struct fault *fault);

/** fault_apply() - apply the option's fault to a request */
void fault_apply(struct fault *fault, struct vfmig_request *request);

/** fault_arc() - a SET of the state: find out whether it passes the arc, and act there */
void fault_arc(struct fault *fault, struct vfmig_request *request);
int fault_parse_arc(struct fault *fault, struct vfmig_error *err);

/* A call for @request; NULL after it has completed the request for want of memory. */
struct fault_call *fault_begin(struct fault *fault, struct vfmig_request *request);

static inline struct fault *fault_of(const struct fault_call *call)
{
	return (struct fault *)filter_of(&call->inner);
}

/* Send the call's request, which may be changed, to the device inside; @back is next. */
void fault_send(struct fault_call *call, void (*back)(struct inner *inner));

/* Give the result of the device inside to the outer request; a @back. */
void fault_pass(struct inner *inner);

/* do=error, or do=hang */
void fault_strike(struct fault_call *call);

#endif
