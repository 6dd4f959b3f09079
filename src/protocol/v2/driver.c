/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Driver side of v2: features in, a session's requests and a logger's calls out.
 *
 * A feature that stands for a request of the session becomes one of its own; the feature's request waits in
 * the list meanwhile. Whoever takes it out of there, the session's answer or a cancel, ends it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "abi/feature.h"
#include "protocol/v2/v2.h"

struct change {
	struct vfmig_request inner;
	struct vfmig_request *outer;
	struct v2_driver *driver;
	struct vfmig_error err; /* the outer one's may be gone by the time of the answer */
	bool taken_back;
	atomic_int refs;
};

static void put(struct change *change)
{
	if (atomic_fetch_sub(&change->refs, 1) == 1)
		free(change);
}

static void answer(struct change *change)
{
	struct vfmig_request *outer = change->outer, *inner = &change->inner;
	void *data = outer->feature.data;
	size_t size = outer->feature.size;
	struct vfmig_feature_mig_state state = {.device_state = inner->state, .data_fd = -1};

	if (inner->result < 0) {
		if (outer->err && change->err.code)
			*outer->err = change->err;
		request_complete(outer, inner->result);
		return;
	}
	if (inner->op == VFMIG_OP_DATA_SIZE)
		abi_feature_put_data_size(data, size, inner->data_size);
	else
		abi_feature_put_mig_state(data, size, &state);
	request_complete(outer, 0);
}

static void done(struct vfmig_request *inner)
{
	struct change *change = inner->user;
	bool there;

	pthread_mutex_lock(&change->driver->lock);
	there = !change->taken_back;
	if (there)
		request_remove(&change->driver->held, change->outer);
	pthread_mutex_unlock(&change->driver->lock);
	if (there)
		answer(change);
	put(change);
}

static void ask(struct v2_driver *driver, struct vfmig_request *outer, enum vfmig_op op,
		enum vfmig_state state)
{
	struct change *change = calloc(1, sizeof(*change));

	if (!change) {
		request_complete_err(outer, -ENOMEM, "no memory for a device feature");
		return;
	}
	change->outer = outer;
	change->driver = driver;
	atomic_init(&change->refs, 1);
	change->inner.op = op;
	if (op == VFMIG_OP_SET_STATE)
		change->inner.state = state;
	change->inner.deadline = outer->deadline;
	change->inner.err = &change->err;
	change->inner.done = done;
	change->inner.user = change;
	pthread_mutex_lock(&driver->lock);
	outer->held[0] = (uintptr_t)change;
	request_push(&driver->held, outer);
	pthread_mutex_unlock(&driver->lock);
	driver->session->ops->submit(driver->session, &change->inner);
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
				 "DMA_LOGGING_START has a reserved word that is not zero");
	if (control.num_ranges && !ranges)
		return vfmig_err(request->err, -EFAULT, "DMA_LOGGING_START has no ranges");
	if (control.num_ranges > ABI_LOGGING_RANGES_MAX)
		return vfmig_err(request->err, -E2BIG, "DMA logging: %u ranges, and %u at the most",
				 control.num_ranges, ABI_LOGGING_RANGES_MAX);
	/* As in vfio-user, none means all; the kernel's EINVAL is for an export to the kernel's users. */
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
		return vfmig_err(request->err, -EFAULT, "DMA_LOGGING_REPORT has no bitmap");
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
		request_complete_err(request, -ENOTTY, "MIG_PRECOPY_INFOv2: there is no pre-copy");
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

/* ---- the way in ---- */

bool v2_driver_submit(struct v2_driver *driver, struct vfmig_request *request)
{
	switch (request->op) {
	case VFMIG_OP_FEATURE:
		return feature(driver, request);
	case VFMIG_OP_DATA_READ:
	case VFMIG_OP_DATA_WRITE:
	case VFMIG_OP_PRECOPY_INFO:
		if (!driver->session)
			request_complete_err(request, -ENOTTY, "the device cannot migrate");
		else if (request->op == VFMIG_OP_PRECOPY_INFO &&
			 !(driver->session->flags & VFMIG_MIGRATION_PRE_COPY))
			request_complete_err(request, -ENOTTY, "the device has no pre-copy");
		else
			driver->session->ops->submit(driver->session, request);
		return true;
	default:
		return false;
	}
}

bool v2_driver_cancel(struct v2_driver *driver, struct vfmig_request *request)
{
	struct change *change = NULL;

	if (!driver->session)
		return false;
	pthread_mutex_lock(&driver->lock);
	if (request_remove(&driver->held, request)) {
		change = (struct change *)(uintptr_t)request->held[0];
		change->taken_back = true;
		atomic_fetch_add(&change->refs, 1);
	}
	pthread_mutex_unlock(&driver->lock);
	if (!change)
		return driver->session->ops->cancel(driver->session, request);
	if (driver->session->ops->cancel(driver->session, &change->inner))
		put(change); /* the answer that will not come */
	put(change);
	return true;
}

void v2_driver_init(struct v2_driver *driver, struct vfmig_session *session, struct logger *logger)
{
	memset(driver, 0, sizeof(*driver));
	driver->session = session;
	driver->logger = logger;
	pthread_mutex_init(&driver->lock, NULL);
}

void v2_driver_fini(struct v2_driver *driver)
{
	pthread_mutex_destroy(&driver->lock);
}
