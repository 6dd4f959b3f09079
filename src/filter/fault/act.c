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

/* The result of a request that falsely reports success. */
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

static void done_then_strike(struct inner *inner)
{
	fault_strike((struct fault_call *)inner);
}

static void act_strike(struct fault_call *call)
{
	if (fault_of(call)->after)
		fault_send(call, done_then_strike);
	else
		fault_strike(call);
}

/* ---- short ---- */

static void shorten(struct vfmig_request *request, size_t len)
{
	if (request->op == VFMIG_OP_DATA_READ || request->op == VFMIG_OP_DATA_WRITE)
		request->data.len = len;
	else
		request->region.len = (uint32_t)len;
}

static void act_short(struct fault_call *call)
{
	struct vfmig_request *request = &call->inner.request;
	uint64_t bytes = fault_of(call)->bytes;
	size_t len = length(request);

	len = bytes > len ? len / 2 : (size_t)bytes;
	shorten(request, len);
	if (len)
		fault_send(call, fault_pass);
	else
		inner_end(&call->inner, 0);
}

/* ---- corrupt ---- */

static void give_back(struct inner *inner)
{
	struct fault_call *call = (struct fault_call *)inner;

	/* A feature's payload is also where the answer goes. */
	if (inner->request.op == VFMIG_OP_FEATURE && inner->request.result >= 0)
		memcpy(inner->outer->feature.data, call->copy, call->len);
	fault_pass(inner);
}

static void flip_answer(struct inner *inner)
{
	struct fault *fault = fault_of((struct fault_call *)inner);
	struct vfmig_request *request = &inner->request;
	size_t len = length(request);

	if (request->result < 0) {
		fault_pass(inner);
		return;
	}
	if (request->op == VFMIG_OP_FEATURE) {
		struct vfmig_feature_dma_logging_report *report = request->feature.data;

		if (feature_index(request) == VFMIG_FEATURE_DMA_LOGGING_REPORT)
			flip(fault, (void *)(uintptr_t)report->bitmap,
			     abi_bitmap_bytes(report->length, report->page_size));
		else
			flip(fault, request->feature.data, len);
	} else {
		flip(fault, *buffer(request),
		     (size_t)request->result < len ? (size_t)request->result : len);
	}
	fault_pass(inner);
}

static void act_corrupt(struct fault_call *call)
{
	struct vfmig_request *request = &call->inner.request;

	if (way_of(request) == FROM_DEVICE) {
		fault_send(call, flip_answer);
		return;
	}
	call->len = length(request);
	if (way_of(request) == TO_DEVICE && call->len)
		call->copy = malloc(call->len);
	if (!call->copy) {
		fault_send(call, fault_pass);
		return;
	}
	memcpy(call->copy, *buffer(request), call->len);
	flip(fault_of(call), call->copy, call->len);
	*buffer(request) = call->copy;
	fault_send(call, give_back);
}

/* ---- drop ---- */

static void skip_chunk(struct inner *inner)
{
	if (inner->request.result <= 0)
		fault_pass(inner);
	else
		fault_send((struct fault_call *)inner, fault_pass);
}

static void act_drop(struct fault_call *call)
{
	if (call->inner.request.op == VFMIG_OP_DATA_READ)
		fault_send(call, skip_chunk);
	else
		/* Without a report from the device, the bitmap stays as it came. */
		inner_end(&call->inner, claim(&call->inner.request));
}

/* ---- twice ---- */

static void second_done(struct inner *inner)
{
	if (inner->request.result < 0)
		fault_pass(inner);
	else
		inner_end(inner, ((struct fault_call *)inner)->passed);
}

static void first_done(struct inner *inner)
{
	struct fault_call *call = (struct fault_call *)inner;

	call->passed = inner->request.result;
	if (call->passed < 0) {
		fault_pass(inner);
		return;
	}
	/* The same bytes again, no more. */
	if (inner->request.op == VFMIG_OP_DATA_WRITE)
		shorten(&inner->request, (size_t)call->passed);
	fault_send(call, second_done);
}

static void keep_chunk(struct inner *inner)
{
	struct fault *fault = fault_of((struct fault_call *)inner);
	ssize_t result = inner->request.result;
	uint8_t *chunk = result > 0 ? malloc((size_t)result) : NULL;

	if (chunk) {
		memcpy(chunk, inner->request.data.buf, (size_t)result);
		pthread_mutex_lock(&fault->lock);
		free(fault->again);
		fault->again = chunk;
		fault->again_at = 0;
		fault->again_len = (size_t)result;
		pthread_mutex_unlock(&fault->lock);
	}
	fault_pass(inner);
}

static void act_twice(struct fault_call *call)
{
	bool reads = call->inner.request.op == VFMIG_OP_DATA_READ;

	fault_send(call, reads ? keep_chunk : first_done);
}

void fault_apply(struct fault *fault, struct vfmig_request *request)
{
	struct fault_call *call = fault_begin(fault, request);

	if (!call)
		return;
	switch ((enum fault_act)fault->act) {
	case FAULT_ERROR:
	case FAULT_HANG:
		act_strike(call);
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
