/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The base of a filter: pass on, or hand on a copy and wait for it to come back.
 *
 * A forwarded copy has two who may end it: its completion, and a cancel of the outer request. The outer
 * request is in the filter's list for as long as nobody has; whoever takes it out ends it. The copy itself
 * lives until the last of the two lets go.
 *
 * What the copy points to is the outer request's. So a cancel ends the outer one only if the device inside
 * gives the copy back; else that is being done this moment, in another thread, and ends both.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "device/filter.h"

struct forward {
	struct vfmig_request copy;
	struct vfmig_request *outer;
	struct vfmig_device *filter;
	void (*back)(void *context, struct vfmig_request *outer, ssize_t result);
	void *context;
	atomic_int refs;
};

static void forward_put(struct forward *forward)
{
	if (atomic_fetch_sub(&forward->refs, 1) == 1)
		free(forward);
}

/*
 * Whoever gets true owns the end of the outer request. After a cancel its place in memory may hold another request,
 * forwarded anew: it is this one only if it still points here.
 */
static bool take_outer(struct vfmig_device *filter, struct forward *forward)
{
	struct vfmig_request *at;

	pthread_mutex_lock(&filter->held_lock);
	for (at = filter->held.first; at; at = at->link[1])
		if (at == forward->outer && at->held[0] == (uintptr_t)forward)
			break;
	if (at)
		request_remove(&filter->held, at);
	pthread_mutex_unlock(&filter->held_lock);
	return at;
}

/* What an operation brings back in the request itself. */
static void copy_results(struct vfmig_request *to, const struct vfmig_request *from)
{
	switch (from->op) {
	case VFMIG_OP_REGION_FD:
		to->region_fd = from->region_fd;
		break;
	case VFMIG_OP_PRECOPY_INFO:
		to->precopy = from->precopy;
		break;
	case VFMIG_OP_GET_STATE:
		to->state = from->state;
		break;
	case VFMIG_OP_DATA_SIZE:
		to->data_size = from->data_size;
		break;
	default:
		break;
	}
}

static void forward_done(struct vfmig_request *copy)
{
	struct forward *forward = copy->user;

	if (take_outer(forward->filter, forward)) {
		copy_results(forward->outer, copy);
		if (forward->back)
			forward->back(forward->context, forward->outer, copy->result);
		else
			request_complete(forward->outer, copy->result);
	}
	forward_put(forward);
}

void filter_forward(struct vfmig_device *device, struct vfmig_request *outer,
		    void (*change)(void *context, struct vfmig_request *copy),
		    void (*back)(void *context, struct vfmig_request *outer, ssize_t result),
		    void *context)
{
	struct forward *forward = malloc(sizeof(*forward));

	if (!forward) {
		request_complete_err(outer, -ENOMEM, "%s: no memory", device->name);
		return;
	}
	*forward = (struct forward){
		.copy = *outer,
		.outer = outer,
		.filter = device,
		.back = back,
		.context = context,
		.refs = 1,
	};
	forward->copy.done = forward_done;
	forward->copy.user = forward;
	/* Who looks at what comes back looks for it in the bitmap. */
	if (outer->op == VFMIG_OP_FEATURE)
		forward->copy.feature.runs = NULL;
	if (change)
		change(context, &forward->copy);
	pthread_mutex_lock(&device->held_lock);
	outer->held[0] = (uintptr_t)forward;
	request_push(&device->held, outer);
	pthread_mutex_unlock(&device->held_lock);
	vfmig_submit(device->inner, &forward->copy);
}

/* The copy of an outer request that is in the list, with a reference to it. */
static struct forward *find_forward(struct vfmig_device *filter, struct vfmig_request *outer)
{
	struct forward *forward = NULL;
	struct vfmig_request *at;

	pthread_mutex_lock(&filter->held_lock);
	for (at = filter->held.first; at && at != outer; at = at->link[1])
		;
	if (at) {
		forward = (struct forward *)(uintptr_t)outer->held[0];
		atomic_fetch_add(&forward->refs, 1);
	}
	pthread_mutex_unlock(&filter->held_lock);
	return forward;
}

bool filter_cancel(struct vfmig_device *device, struct vfmig_request *request)
{
	struct forward *forward = find_forward(device, request);
	bool taken;

	if (!forward)
		/* Passed on as it is, or done already. */
		return vfmig_cancel(device->inner, request);
	taken = vfmig_cancel(device->inner, &forward->copy);
	if (taken) {
		take_outer(device, forward);
		forward_put(forward); /* the completion that will not come */
	}
	forward_put(forward);
	return taken;
}

int filter_fd(struct vfmig_device *device)
{
	return vfmig_device_fd(device->inner);
}

int filter_process(struct vfmig_device *device, struct vfmig_error *err)
{
	return vfmig_device_process(device->inner, err);
}

void filter_close(struct vfmig_device *device)
{
	vfmig_device_close(device->inner);
	device_fini(device);
	free(device);
}

int filter_init(struct vfmig_device *device, const struct device_ops *ops,
		struct vfmig_device *inner, const char *label, struct vfmig_error *err)
{
	char name[256];
	int ret;

	snprintf(name, sizeof(name), "%s(%s)", label, inner->name);
	ret = device_init(device, ops, name, err);
	if (!ret)
		device->inner = inner;
	return ret;
}
