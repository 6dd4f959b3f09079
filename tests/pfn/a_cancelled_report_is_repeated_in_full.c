/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A session on a pfn device is asked for written pages, and the question is taken back when the device has told half of
 * them, which it forgets: the next question is answered with all that is logged.
 */
#include "device/filter.h"
#include "tests/pfn/fake_logger.h"

static struct vfmig_session *session;
static struct vfmig_request *giving_up;

/* A device around it, in which the question is taken back when its bitmap is read. */
static void cut(struct vfmig_device *device, struct vfmig_request *request)
{
	bool bitmap = request->op == VFMIG_OP_REGION_READ && request->region.offset >= 64;

	vfmig_submit(device->inner, request);
	if (!bitmap || !giving_up)
		return;
	CHECK(vfmig_session_cancel(session, giving_up));
	giving_up = NULL;
}

static const struct device_ops cutter = {
	.submit = cut,
	.cancel = filter_cancel,
	.fd = filter_fd,
	.process = filter_process,
	.close = filter_close,
};

static void never(struct vfmig_request *request)
{
	CHECK(!"a question that was given up is answered");
}

static void ask(struct vfmig_request *request, uint32_t flags, void *data, size_t size)
{
	*request = (struct vfmig_request){
		.op = VFMIG_OP_FEATURE,
		.feature = {.flags = flags, .data = data, .size = size},
	};
}

int main(void)
{
	struct region_options options = {.transaction = 4096};
	struct vfmig_dma_logging_range range = {.iova = 0, .length = 128 * 4096};
	struct vfmig_feature_dma_logging_control control = {
		.page_size = 4096, .num_ranges = 1, .ranges = (uintptr_t)&range};
	uint64_t bits[2] = {0};
	struct vfmig_feature_dma_logging_report report = {
		.length = range.length, .page_size = 4096, .bitmap = (uintptr_t)bits};
	const uint32_t get = VFMIG_FEATURE_GET | VFMIG_FEATURE_DMA_LOGGING_REPORT;
	struct vfmig_device *device = calloc(1, sizeof(*device));
	struct vfmig_request request;
	struct fake_logger log;
	struct shown *shown = shown_pages(&log, &options);

	CHECK(device);
	CHECK_EQ(filter_init(device, &cutter, &shown->device, "cutter", NULL), 0);
	CHECK_EQ(vfmig_session_open(device, "pfn", &session, NULL), 0);
	ask(&request, VFMIG_FEATURE_SET | VFMIG_FEATURE_DMA_LOGGING_START, &control,
	    sizeof(control));
	CHECK_EQ(vfmig_session_call(session, &request), 0);
	log.dirty[3] = log.dirty[99] = true;
	ask(&request, get, &report, sizeof(report));
	request.done = never;
	giving_up = &request;
	vfmig_session_submit(session, &request);
	CHECK(!giving_up && !log.dirty[3] && !log.dirty[99]);

	memset(bits, 0, sizeof(bits));
	ask(&request, get, &report, sizeof(report));
	CHECK_EQ(vfmig_session_call(session, &request), 0);
	CHECK(bits[0] == UINT64_MAX && bits[1] == UINT64_MAX);
	/* Once. */
	memset(bits, 0, sizeof(bits));
	log.dirty[5] = true;
	ask(&request, get, &report, sizeof(report));
	CHECK_EQ(vfmig_session_call(session, &request), 0);
	CHECK(bits[0] == 1ull << 5 && !bits[1]);
	vfmig_session_close(session);
	vfmig_device_close(device);
	return 0;
}
