/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fault: what happens to a request that is struck.
 *
 * Each act is a step or two: something before the device inside gets the request, or after, or both.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "abi/feature.h"
#include "filter/fault/fault.h"

static uint32_t feature_index(const struct vfmig_request *request)
{
	return request->feature.flags & VFMIG_FEATURE_MASK;
}

static bool feature_is(const struct vfmig_request *request, uint32_t op)
{
	return (request->feature.flags & ~VFMIG_FEATURE_MASK) == op;
}

/* Whether the request carries data to the device, from it, or neither that could be changed. */
enum way { NEITHER, TO_DEVICE, FROM_DEVICE };

static enum way way_of(const struct vfmig_request *request)
{
	switch (request->op) {
	case VFMIG_OP_DATA_WRITE:
	case VFMIG_OP_REGION_WRITE:
		return TO_DEVICE;
	case VFMIG_OP_DATA_READ:
	case VFMIG_OP_REGION_READ:
	case VFMIG_OP_DEVICE_INFO:
	case VFMIG_OP_REGION_INFO:
	case VFMIG_OP_IRQ_INFO:
		return FROM_DEVICE;
	case VFMIG_OP_FEATURE:
		/* START's payload is a pointer and a length: to flip bits there is to break the
		 * caller, not the device. */
		if (feature_is(request, VFMIG_FEATURE_GET))
			return FROM_DEVICE;
		if (feature_is(request, VFMIG_FEATURE_SET) &&
		    feature_index(request) != VFMIG_FEATURE_DMA_LOGGING_START)
			return TO_DEVICE;
		return NEITHER;
	default:
		return NEITHER;
	}
}

/* Where the request's buffer is, to be read or replaced. */
static void **buffer(struct vfmig_request *request)
{
	switch (request->op) {
	case VFMIG_OP_DATA_READ:
	case VFMIG_OP_DATA_WRITE:
		return &request->data.buf;
	case VFMIG_OP_REGION_READ:
	case VFMIG_OP_REGION_WRITE:
		return &request->region.buf;
	case VFMIG_OP_FEATURE:
		return &request->feature.data;
	default:
		return &request->info.buf;
	}
}

static size_t length(const struct vfmig_request *request)
{
	switch (request->op) {
	case VFMIG_OP_DATA_READ:
	case VFMIG_OP_DATA_WRITE:
		return request->data.len;
	case VFMIG_OP_REGION_READ:
	case VFMIG_OP_REGION_WRITE:
		return request->region.len;
	case VFMIG_OP_FEATURE:
		return request->feature.size;
	default:
		return request->info.size;
	}
}

/* What a request returns that is said to have been done. */
static ssize_t claim(const struct vfmig_request *request)
{
	if (request->op == VFMIG_OP_DATA_WRITE || request->op == VFMIG_OP_REGION_WRITE)
		return (ssize_t)length(request);
	return 0;
}

static void flip(const struct fault *fault, void *buf, size_t len)
{
	uint64_t bit;

	if (!len)
		return;
	bit = fault->bit % (len * 8);
	((uint8_t *)buf)[bit / 8] ^= (uint8_t)(1u << bit % 8);
}

/* ---- error, hang ---- */

static void strike(struct fault_call *call)
{
	if (call->fault->act == FAULT_ERROR)
		fault_fail(call);
	else
		fault_hang(call);
}

static void done_then_strike(void *context, struct vfmig_request *outer, ssize_t result)
{
	if (fault_goes_on(context))
		strike(context);
}

/* ---- short ---- */

static void shorten(void *context, struct vfmig_request *copy)
{
	struct fault_call *call = context;

	if (copy->op == VFMIG_OP_DATA_READ || copy->op == VFMIG_OP_DATA_WRITE)
		copy->data.len = call->len;
	else
		copy->region.len = (uint32_t)call->len;
}

static void passed(void *context, struct vfmig_request *outer, ssize_t result)
{
	fault_end(context, result);
}

static void act_short(struct fault_call *call)
{
	uint64_t bytes = call->fault->bytes;
	size_t len = length(call->outer);

	call->len = bytes > len ? len / 2 : (size_t)bytes;
	if (call->len)
		filter_forward(&call->fault->device, call->outer, shorten, passed, call);
	else
		fault_end(call, 0);
}

/* ---- corrupt ---- */

static void use_copy(void *context, struct vfmig_request *copy)
{
	*buffer(copy) = ((struct fault_call *)context)->copy;
}

static void give_back(void *context, struct vfmig_request *outer, ssize_t result)
{
	struct fault_call *call = context;

	/* A feature's payload is also where the answer goes. */
	if (outer->op == VFMIG_OP_FEATURE && result >= 0)
		memcpy(outer->feature.data, call->copy, call->len);
	fault_end(call, result);
}

static void flip_answer(void *context, struct vfmig_request *outer, ssize_t result)
{
	struct fault_call *call = context;
	size_t len = length(outer);

	if (result < 0) {
		fault_end(call, result);
		return;
	}
	if (outer->op == VFMIG_OP_FEATURE) {
		struct vfmig_feature_dma_logging_report *report = outer->feature.data;

		if (feature_index(outer) == VFMIG_FEATURE_DMA_LOGGING_REPORT)
			flip(call->fault, (void *)(uintptr_t)report->bitmap,
			     abi_bitmap_bytes(report->length, report->page_size));
		else
			flip(call->fault, outer->feature.data, len);
	} else {
		flip(call->fault, *buffer(outer), (size_t)result < len ? (size_t)result : len);
	}
	fault_end(call, result);
}

static void act_corrupt(struct fault_call *call)
{
	struct vfmig_request *outer = call->outer;

	if (way_of(outer) == FROM_DEVICE) {
		filter_forward(&call->fault->device, outer, NULL, flip_answer, call);
		return;
	}
	call->len = length(outer);
	if (way_of(outer) == TO_DEVICE && call->len)
		call->copy = malloc(call->len);
	if (!call->copy) {
		filter_forward(&call->fault->device, outer, NULL, passed, call);
		return;
	}
	memcpy(call->copy, *buffer(outer), call->len);
	flip(call->fault, call->copy, call->len);
	filter_forward(&call->fault->device, outer, use_copy, give_back, call);
}

/* ---- drop ---- */

static void skip_chunk(void *context, struct vfmig_request *outer, ssize_t result)
{
	struct fault_call *call = context;

	if (!fault_goes_on(call))
		return;
	if (result <= 0)
		fault_end(call, result);
	else
		filter_forward(&call->fault->device, outer, NULL, passed, call);
}

static void act_drop(struct fault_call *call)
{
	if (call->outer->op == VFMIG_OP_DATA_READ)
		filter_forward(&call->fault->device, call->outer, NULL, skip_chunk, call);
	else
		/* A report that is not asked for leaves its bitmap as clean as it came. */
		fault_end(call, claim(call->outer));
}

/* ---- twice ---- */

static void second_done(void *context, struct vfmig_request *outer, ssize_t result)
{
	struct fault_call *call = context;

	fault_end(call, result < 0 ? result : call->passed);
}

static void first_done(void *context, struct vfmig_request *outer, ssize_t result)
{
	struct fault_call *call = context;

	if (!fault_goes_on(call))
		return;
	call->passed = result;
	if (result < 0) {
		fault_end(call, result);
		return;
	}
	call->len = (size_t)result; /* the same bytes again, no more */
	filter_forward(&call->fault->device, outer,
		       outer->op == VFMIG_OP_DATA_WRITE ? shorten : NULL, second_done, call);
}

static void keep_chunk(void *context, struct vfmig_request *outer, ssize_t result)
{
	struct fault_call *call = context;
	struct fault *fault = call->fault;
	uint8_t *chunk = result > 0 ? malloc((size_t)result) : NULL;

	if (chunk) {
		memcpy(chunk, outer->data.buf, (size_t)result);
		pthread_mutex_lock(&fault->lock);
		free(fault->again);
		fault->again = chunk;
		fault->again_at = 0;
		fault->again_len = (size_t)result;
		pthread_mutex_unlock(&fault->lock);
	}
	fault_end(call, result);
}

static void act_twice(struct fault_call *call)
{
	bool reads = call->outer->op == VFMIG_OP_DATA_READ;

	filter_forward(&call->fault->device, call->outer, NULL, reads ? keep_chunk : first_done,
		       call);
}

void fault_apply(struct fault *fault, struct vfmig_request *request)
{
	struct fault_call *call = fault_begin(fault, request);

	if (!call)
		return;
	/* They are to be in the buffer, where they can be spoilt. */
	if (request->op == VFMIG_OP_DATA_READ)
		request->data.lent = NULL;
	switch ((enum fault_act)fault->act) {
	case FAULT_ERROR:
	case FAULT_HANG:
		if (fault->after)
			filter_forward(&fault->device, request, NULL, done_then_strike, call);
		else
			strike(call);
		break;
	case FAULT_SHORT:
		act_short(call);
		break;
	case FAULT_CORRUPT:
		act_corrupt(call);
		break;
	case FAULT_DROP:
		act_drop(call);
		break;
	case FAULT_TWICE:
		act_twice(call);
		break;
	}
}
