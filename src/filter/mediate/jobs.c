/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Requests for the mediator's thread (device/worker.h), as copies with buffers of their own.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "abi/feature.h"
#include "filter/mediate/mediate.h"

/* A feature's payload, where it is not a list or a bitmap, is a few words. */
#define PAYLOAD_MAX 4096u

/*
 * @job: its request has @data, @more and @map in the place of what the outer one points to
 * @data: a region's bytes, or a feature's payload
 * @more: the ranges or the bitmap that the payload points to
 */
struct mediate_job {
	struct worker_job job; /* first */
	struct vfmig_error err;
	struct vfmig_map map;
	void *data, *more;
	size_t more_size;
};

static void release(struct inner *inner)
{
	struct mediate_job *job = (struct mediate_job *)inner;
	const struct vfmig_request *copy = &inner->request;

	/* A descriptor that was not given to the outer request. */
	if (copy->op == VFMIG_OP_REGION_FD && copy->region_fd.fd >= 0)
		close(copy->region_fd.fd);
	free(job->data);
	free(job->more);
}

/* ---- copies ---- */

static uint32_t feature_of(const struct vfmig_request *request)
{
	return request->op == VFMIG_OP_FEATURE ? request->feature.flags & ~VFMIG_FEATURE_MASK : 0;
}

static bool is(const struct vfmig_request *request, uint32_t op, uint32_t index, size_t size)
{
	return request->op == VFMIG_OP_FEATURE && feature_of(request) == op &&
	       (request->feature.flags & VFMIG_FEATURE_MASK) == index &&
	       request->feature.size >= size;
}

static bool is_start(const struct vfmig_request *request)
{
	return is(request, VFMIG_FEATURE_SET, VFMIG_FEATURE_DMA_LOGGING_START,
		  sizeof(struct vfmig_feature_dma_logging_control));
}

static bool is_report(const struct vfmig_request *request)
{
	return is(request, VFMIG_FEATURE_GET, VFMIG_FEATURE_DMA_LOGGING_REPORT,
		  sizeof(struct vfmig_feature_dma_logging_report));
}

static int copy_bytes(void **to, const void *from, size_t size)
{
	*to = malloc(size ? size : 1);
	if (!*to)
		return -ENOMEM;
	if (from && size)
		memcpy(*to, from, size);
	return 0;
}

/*
 * Copy the ranges that a START points to, and allocate the bitmap of a REPORT. They are validated
 * later.
 */
static int copy_list(struct mediate_job *job)
{
	struct vfmig_feature_dma_logging_control *control = job->data;
	struct vfmig_feature_dma_logging_report *report = job->data;
	int ret = 0;

	if (is_start(&job->job.inner.request)) {
		const void *ranges = (const void *)(uintptr_t)control->ranges;

		if (!ranges || control->num_ranges > ABI_LOGGING_RANGES_MAX)
			return 0;
		ret = copy_bytes(&job->more, ranges,
				 control->num_ranges * sizeof(struct vfmig_dma_logging_range));
		control->ranges = (uintptr_t)job->more;
	} else if (is_report(&job->job.inner.request) && report->bitmap) {
		job->more_size = (size_t)abi_bitmap_bytes(report->length, report->page_size);
		if (job->more_size > ABI_BITMAP_BYTES_MAX)
			job->more_size = 0;
		job->more = calloc(1, job->more_size + 8);
		report->bitmap = (uintptr_t)job->more;
		ret = job->more ? 0 : -ENOMEM;
	}
	return ret;
}

static int copy_in(struct mediate_job *job, const struct vfmig_request *outer)
{
	struct vfmig_request *copy = &job->job.inner.request;
	int ret = 0;

	*copy = *outer;
	copy->err = &job->err;
	switch (copy->op) {
	case VFMIG_OP_REGION_READ:
	case VFMIG_OP_REGION_WRITE:
		ret = copy_bytes(&job->data,
				 copy->op == VFMIG_OP_REGION_WRITE ? outer->region.buf : NULL,
				 copy->region.len);
		copy->region.buf = job->data;
		return ret;
	case VFMIG_OP_SPACE_MAP:
	case VFMIG_OP_SPACE_UNMAP:
		job->map = *outer->map;
		copy->map = &job->map;
		return 0;
	case VFMIG_OP_FEATURE:
		if (copy->feature.size > PAYLOAD_MAX)
			return -E2BIG;
		ret = copy_bytes(&job->data, outer->feature.data, copy->feature.size);
		copy->feature.data = job->data;
		return ret ? ret : copy_list(job);
	case VFMIG_OP_REGION_FD:
		copy->region_fd.fd = -1;
		return 0;
	default:
		return 0;
	}
}

static void add_bits(uint64_t *to, const uint64_t *from, size_t bytes)
{
	for (size_t i = 0; i < bytes / 8; i++)
		to[i] |= from[i];
}

/* What the copy brought, for the outer request. */
static void copy_out(struct mediate_job *job, struct vfmig_request *outer)
{
	struct vfmig_request *copy = &job->job.inner.request;

	if (copy->result < 0) {
		if (outer->err)
			*outer->err = job->err;
		return;
	}
	switch (outer->op) {
	case VFMIG_OP_REGION_READ:
		memcpy(outer->region.buf, job->data, outer->region.len);
		return;
	case VFMIG_OP_REGION_FD:
		outer->region_fd = copy->region_fd;
		copy->region_fd.fd = -1;
		return;
	case VFMIG_OP_FEATURE:
		if (is_start(outer)) {
			struct vfmig_feature_dma_logging_control *control = outer->feature.data;

			control->page_size =
				((struct vfmig_feature_dma_logging_control *)job->data)->page_size;
		} else if (is_report(outer)) {
			const struct vfmig_feature_dma_logging_report *report = outer->feature.data;

			add_bits((uint64_t *)(uintptr_t)report->bitmap, job->more, job->more_size);
		}
		return;
	default:
		return;
	}
}

static void back(struct inner *inner)
{
	struct vfmig_request *outer = inner_take(inner);
	ssize_t result = inner->request.result;

	if (outer)
		copy_out((struct mediate_job *)inner, outer);
	inner_free(inner);
	if (outer)
		request_complete(outer, result);
}

void mediate_put(struct mediate *m, struct vfmig_request *request)
{
	struct mediate_job *job = inner_new(&m->device.inners, request, sizeof(*job));
	struct inner *inner = &job->job.inner;
	int ret;

	if (!job)
		return;
	inner->back = back;
	inner->release = release;
	ret = copy_in(job, request);
	if (!ret) {
		worker_submit(&m->worker, &job->job);
		return;
	}
	inner_free(inner);
	request_complete_err(request, ret, "%s: no memory for %s", m->device.name,
			     vfmig_op_name(request->op));
}
