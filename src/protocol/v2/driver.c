/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Driver side of v2: features in, a session's requests and a logger's calls out.
 *
 * A feature that stands for a request of the session is the outer request of that request.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "abi/feature.h"
#include "protocol/v2/v2.h"

/* @err: separate, since the outer request and its error may be freed when the answer arrives */
struct change {
	struct inner inner; /* first */
	struct vfmig_error err;
};

static void answered(struct inner *inner)
{
	const struct vfmig_request *answer = &inner->request;
	struct vfmig_feature_mig_state state = {.device_state = answer->state, .data_fd = -1};
	struct vfmig_request *outer;

	if (answer->result < 0) {
		inner_end(inner, answer->result);
		return;
	}
	outer = inner_take(inner);
	if (outer && answer->op == VFMIG_OP_DATA_SIZE)
		abi_feature_put_data_size(outer->feature.data, outer->feature.size,
					  answer->data_size);
	else if (outer)
		abi_feature_put_mig_state(outer->feature.data, outer->feature.size, &state);
	inner_free(inner);
	if (outer)
		request_complete(outer, 0);
}

static void ask(struct v2_driver *driver, struct vfmig_request *outer, enum vfmig_op op,
		enum vfmig_state state)
{
	struct change *change = inner_new(&driver->inners, outer, sizeof(*change));

	if (!change)
		return;
	change->inner.request.op = op;
	if (op == VFMIG_OP_SET_STATE)
		change->inner.request.state = state;
	change->inner.request.deadline = outer->deadline;
	change->inner.request.err = &change->err;
	change->inner.back = answered;
	inner_send_session(&change->inner, driver->session);
}

/* ---- the features ---- */

static void mig_state(struct v2_driver *driver, struct vfmig_request *request)
{
	struct vfmig_feature_mig_state state;
	const char *why;

	if (request->feature.flags & VFMIG_FEATURE_GET) {
		ask(driver, request, VFMIG_OP_GET_STATE, VFMIG_STATE_ERROR);
		return;
	}
	why = abi_feature_get_mig_state(request->feature.data, request->feature.size, &state);
	if (why)
		request_complete_err(request, -EINVAL, "%s", why);
	else
		ask(driver, request, VFMIG_OP_SET_STATE, (enum vfmig_state)state.device_state);
}

static ssize_t logging_start(struct logger *logger, struct vfmig_request *request)
{
	struct vfmig_feature_dma_logging_control control;
	const struct vfmig_dma_logging_range *ranges;
	const char *why;
	ssize_t ret;

	memcpy(&control, request->feature.data, sizeof(control));
	ranges = (const struct vfmig_dma_logging_range *)(uintptr_t)control.ranges;
	if (control.reserved)
		return vfmig_err(request->err, -EINVAL,
				 "DMA_LOGGING_START: a reserved member is not 0");
	if (control.num_ranges && !ranges)
		return vfmig_err(request->err, -EFAULT, "DMA_LOGGING_START: no ranges");
	if (control.num_ranges > ABI_LOGGING_RANGES_MAX)
		return vfmig_err(request->err, -E2BIG, "DMA logging: %u ranges; the limit is %u",
				 control.num_ranges, ABI_LOGGING_RANGES_MAX);
	/*
	 * As in vfio-user, no ranges mean all; the kernel's EINVAL is for an export to the
	 * kernel's users.
	 */
	why = abi_logging_start_check(control.page_size, ranges, control.num_ranges, true);
	if (why)
		return vfmig_err(request->err, -EINVAL, "%s", why);
	ret = logger->ops->start(logger, &control.page_size, ranges, control.num_ranges,
				 request->err);
	if (!ret)
		memcpy(request->feature.data, &control, sizeof(control));
	return ret;
}

static ssize_t logging_report(struct logger *logger, struct vfmig_request *request)
{
	struct vfmig_feature_dma_logging_report report;
	struct abi_logging_report what;
	const char *why;

	memcpy(&report, request->feature.data, sizeof(report));
	what.iova = report.iova;
	what.length = report.length;
	what.page_size = report.page_size;
	why = abi_logging_report_check(&what, NULL);
	if (why)
		return vfmig_err(request->err, -EINVAL, "%s", why);
	if (!report.bitmap)
		return vfmig_err(request->err, -EFAULT, "DMA_LOGGING_REPORT: no bitmap");
	if (request->feature.runs && logger->ops->runs)
		return logger->ops->runs(logger, report.iova, report.length, report.page_size,
					 request->feature.runs,
					 (uint64_t *)(uintptr_t)report.bitmap, request->err);
	return logger->ops->report(logger, report.iova, report.length, report.page_size,
				   (uint64_t *)(uintptr_t)report.bitmap, request->err);
}

static void precopy_info_v2(struct v2_driver *driver, struct vfmig_request *request)
{
	if (!(driver->session->flags & VFMIG_MIGRATION_PRE_COPY)) {
		request_complete_err(request, -ENOTTY,
				     "MIG_PRECOPY_INFOv2: the device is not in a pre-copy state");
		return;
	}
	atomic_store(&driver->precopy_info_v2, true);
	request_complete(request, 0);
}

static void run(struct v2_driver *driver, struct vfmig_request *request)
{
	struct logger *logger = driver->logger;

	switch (request->feature.flags & VFMIG_FEATURE_MASK) {
	case VFMIG_FEATURE_MIGRATION:
		abi_feature_put_migration(request->feature.data, request->feature.size,
					  driver->session->flags);
		request_complete(request, 0);
		return;
	case VFMIG_FEATURE_MIG_STATE:
		mig_state(driver, request);
		return;
	case VFMIG_FEATURE_MIG_DATA_SIZE:
		ask(driver, request, VFMIG_OP_DATA_SIZE, VFMIG_STATE_ERROR);
		return;
	case VFMIG_FEATURE_MIG_PRECOPY_INFO_V2:
		precopy_info_v2(driver, request);
		return;
	case VFMIG_FEATURE_DMA_LOGGING_START:
		request_complete(request, logging_start(logger, request));
		return;
	case VFMIG_FEATURE_DMA_LOGGING_STOP:
		request_complete(request, logger->ops->stop(logger, request->err));
		return;
	default:
		request_complete(request, logging_report(logger, request));
		return;
	}
}

/* The payload of a feature as the ioctl has it; false if the feature is not v2's. */
static bool known(const struct v2_driver *driver, uint32_t index, bool *there, size_t *size)
{
	switch (index) {
	case VFMIG_FEATURE_MIGRATION:
	case VFMIG_FEATURE_MIG_STATE:
	case VFMIG_FEATURE_MIG_DATA_SIZE:
		*there = driver->session != NULL;
		*size = 8;
		return true;
	case VFMIG_FEATURE_MIG_PRECOPY_INFO_V2:
		*there = driver->session && (driver->session->flags & VFMIG_MIGRATION_PRE_COPY);
		*size = 0;
		return true;
	case VFMIG_FEATURE_DMA_LOGGING_START:
		*there = driver->logger != NULL;
		*size = sizeof(struct vfmig_feature_dma_logging_control);
		return true;
	case VFMIG_FEATURE_DMA_LOGGING_STOP:
		*there = driver->logger != NULL;
		*size = 0;
		return true;
	case VFMIG_FEATURE_DMA_LOGGING_REPORT:
		*there = driver->logger != NULL;
		*size = sizeof(struct vfmig_feature_dma_logging_report);
		return true;
	default:
		return false;
	}
}

static bool feature(struct v2_driver *driver, struct vfmig_request *request)
{
	uint32_t index = request->feature.flags & VFMIG_FEATURE_MASK;
	const struct abi_feature_kind *kind = abi_feature_find_kind(index);
	bool there, perform;
	const char *why;
	size_t size;

	if (!known(driver, index, &there, &size))
		return false;
	if (!there) {
		request_complete_err(request, -ENOTTY, "the device does not have feature %s",
				     kind->name);
		return true;
	}
	why = abi_feature_asked(request->feature.flags, request->feature.size, kind->ops, size,
				&perform);
	if (why)
		request_complete_err(request, -EINVAL, "feature %s: %s", kind->name, why);
	else if (!perform)
		request_complete(request, 0);
	else
		run(driver, request);
	return true;
}

/* ---- submit and cancel ---- */

bool v2_driver_submit(struct v2_driver *driver, struct vfmig_request *request)
{
	switch (request->op) {
	case VFMIG_OP_FEATURE:
		return feature(driver, request);
	case VFMIG_OP_DATA_READ:
	case VFMIG_OP_DATA_WRITE:
	case VFMIG_OP_PRECOPY_INFO:
		if (!driver->session)
			request_complete_err(request, -ENOTTY,
					     "the device does not support migration");
		else if (request->op == VFMIG_OP_PRECOPY_INFO &&
			 !(driver->session->flags & VFMIG_MIGRATION_PRE_COPY))
			request_complete_err(request, -ENOTTY,
					     "the device does not support pre-copy");
		else
			vfmig_session_submit(driver->session, request);
		return true;
	default:
		return false;
	}
}

bool v2_driver_cancel(struct v2_driver *driver, struct vfmig_request *request)
{
	return driver->session && (inner_cancel(&driver->inners, request) ||
				   vfmig_session_cancel(driver->session, request));
}

void v2_driver_init(struct v2_driver *driver, struct vfmig_session *session, struct logger *logger)
{
	memset(driver, 0, sizeof(*driver));
	driver->session = session;
	driver->logger = logger;
	inner_list_init(&driver->inners);
}

void v2_driver_fini(struct v2_driver *driver)
{
	inner_list_fini(&driver->inners);
}
