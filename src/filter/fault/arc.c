/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fault, on an arc: a state change fails at one arc of its path.
 *
 * One SET may pass several arcs, and a device whose third arc fails is left where the second ended.
 * So the filter queries the device's state. If the path from there passes the arc, the filter takes
 * the device to the state where the arc begins (when=after: where it ends), and injects the fault
 * there.
 */
#include <errno.h>
#include <string.h>

#include "filter/fault/fault.h"

static int parse_state(const char *text, size_t len, int *out)
{
	enum vfmig_state state;

	if (!len || (len == 3 && !memcmp(text, "any", 3))) {
		*out = -1;
		return 0;
	}
	if (!vfmig_state_parse(text, len, &state))
		return -EINVAL;
	*out = (int)state;
	return 0;
}

int fault_parse_arc(struct fault *fault, struct vfmig_error *err)
{
	const char *colon = strchr(fault->arc, ':');

	if (!colon || parse_state(fault->arc, (size_t)(colon - fault->arc), &fault->from) ||
	    parse_state(colon + 1, strlen(colon + 1), &fault->to))
		return vfmig_err(
			err, -EINVAL,
			"option arc: invalid arc '%s'; use FROM:TO with states or any (running:stop, any:resuming)",
			fault->arc);
	if (fault->act != FAULT_ERROR && fault->act != FAULT_HANG && fault->act != FAULT_DROP)
		return vfmig_err(err, -EINVAL,
				 "option arc works with do=error, do=hang and do=drop only");
	fault->arcs = true;
	return 0;
}

/* Find the first arc of the path that matches; false if no arc does. */
static bool find_arc(const struct fault *fault, uint32_t at, uint32_t to, uint32_t *from,
		     uint32_t *next)
{
	enum vfmig_state path[VFMIG_STATE_COUNT];
	size_t count;

	if (vfmig_v2_path(fault->flags, at, to, path, &count))
		return false;
	*from = at;
	for (size_t i = 0; i < count; i++) {
		*next = path[i];
		if ((fault->from < 0 || *from == (uint32_t)fault->from) &&
		    (fault->to < 0 || *next == (uint32_t)fault->to))
			return true;
		*from = *next;
	}
	return false;
}

static void strike(struct fault_call *call)
{
	if (fault_of(call)->act == FAULT_DROP)
		inner_end(&call->inner, 0);
	else
		fault_strike(call);
}

static void got_there(struct inner *inner)
{
	if (inner->request.result < 0)
		fault_pass(inner);
	else
		strike((struct fault_call *)inner);
}

static void got_state(struct inner *inner)
{
	struct fault_call *call = (struct fault_call *)inner;
	struct fault *fault = fault_of(call);
	const struct vfmig_feature_mig_state *asked = inner->outer->feature.data;
	uint32_t at = call->state.device_state, from, next;

	inner->request.feature = inner->outer->feature;
	if (inner->request.result < 0 || !find_arc(fault, at, asked->device_state, &from, &next) ||
	    !fault_strikes(fault)) {
		fault_send(call, fault_pass);
		return;
	}
	call->state.device_state = fault->after ? next : from;
	call->state.data_fd = -1;
	inner->request.feature.data = &call->state;
	inner->request.feature.size = sizeof(call->state);
	if (call->state.device_state == at)
		strike(call);
	else
		fault_send(call, got_there);
}

void fault_arc(struct fault *fault, struct vfmig_request *request)
{
	struct fault_call *call = fault_begin(fault, request);

	if (!call)
		return;
	call->inner.request.feature.flags = VFMIG_FEATURE_GET | VFMIG_FEATURE_MIG_STATE;
	call->inner.request.feature.data = &call->state;
	call->inner.request.feature.size = sizeof(call->state);
	fault_send(call, got_state);
}
