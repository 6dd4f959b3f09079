/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Requests of every kind, with arguments from a stranger, one after the other, to a card: it answers each of
 * them at once, with a count or an errno, and can be reset after all of them.
 */
#include "fuzz/property.h"
#include "tests/lib/test_device.h"

struct input {
	const uint8_t *data;
	size_t left;
};

static uint64_t take(struct input *in, size_t n)
{
	uint64_t value = 0;

	for (size_t i = 0; i < n && in->left; i++, in->left--)
		value |= (uint64_t)*in->data++ << 8 * i;
	return value;
}

static unsigned answers;

static void count(struct vfmig_request *request)
{
	HOLDS(request->result >= -4095);
	answers++;
}

static uint8_t buf[65536];
static uint64_t bitmap[1024];
static struct vfmig_dma_logging_range ranges[8];
static int32_t fds[64];

static void fill_feature(struct vfmig_request *request, struct input *in)
{
	struct vfmig_feature_dma_logging_control control = {0};
	struct vfmig_feature_dma_logging_report report = {0};

	request->feature.flags = (uint32_t)(take(in, 1) % 14) | (uint32_t)take(in, 1) << 16;
	request->feature.size = take(in, 1);
	request->feature.data = buf;
	switch (request->feature.flags & VFMIG_FEATURE_MASK) {
	case VFMIG_FEATURE_DMA_LOGGING_START:
		control.page_size = 1ull << take(in, 1) % 64;
		control.num_ranges = take(in, 1) % 8;
		control.ranges = (uintptr_t)ranges;
		for (uint32_t i = 0; i < control.num_ranges; i++) {
			ranges[i].iova = take(in, 2) << take(in, 1) % 64;
			ranges[i].length = take(in, 2) << take(in, 1) % 64;
		}
		memcpy(buf, &control, sizeof(control));
		break;
	case VFMIG_FEATURE_DMA_LOGGING_REPORT:
		report.page_size = 1ull << take(in, 1) % 64;
		report.iova = take(in, 2) << take(in, 1) % 64;
		/* No more than there are bits for. */
		report.length = take(in, 2) * report.page_size;
		report.bitmap = (uintptr_t)bitmap;
		memcpy(buf, &report, sizeof(report));
		break;
	default:
		for (int i = 0; i < 8; i++)
			buf[i] = (uint8_t)take(in, 1);
		break;
	}
}

static void fill(struct vfmig_request *request, struct input *in)
{
	switch (request->op) {
	case VFMIG_OP_DEVICE_INFO:
	case VFMIG_OP_REGION_INFO:
	case VFMIG_OP_IRQ_INFO:
		request->info.index = (uint32_t)take(in, 1);
		request->info.buf = buf;
		request->info.size = take(in, 1);
		break;
	case VFMIG_OP_REGION_READ:
	case VFMIG_OP_REGION_WRITE:
		request->region.index = (uint32_t)take(in, 1) % 12;
		request->region.len = (uint32_t)take(in, 2);
		request->region.offset = take(in, 3);
		if (request->region.offset >> 23)
			request->region.offset <<= 41;
		request->region.buf = buf;
		for (int i = 0; i < 8; i++)
			buf[i] = (uint8_t)take(in, 1);
		break;
	case VFMIG_OP_REGION_FD:
		request->region_fd.index = (uint32_t)take(in, 1);
		break;
	case VFMIG_OP_SET_IRQS:
		request->irqs.flags = (uint32_t)take(in, 1);
		request->irqs.index = (uint32_t)take(in, 1) % 8;
		request->irqs.start = (uint32_t)take(in, 1);
		request->irqs.count = (uint32_t)take(in, 1);
		if (request->irqs.count < 64) {
			request->irqs.fds = fds;
			request->irqs.bools = buf;
		} else {
			request->irqs.count <<= 24;
		}
		break;
	case VFMIG_OP_FEATURE:
		fill_feature(request, in);
		break;
	case VFMIG_OP_DATA_READ:
	case VFMIG_OP_DATA_WRITE:
		request->data.buf = buf;
		request->data.len = take(in, 2);
		break;
	default:
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};
	struct vfmig_space *space = vfmig_space_new();
	struct vfmig_device *device = test_device_open("memory=8K");
	struct vfmig_session *session = test_device_session(device);
	void *memory = test_device_memory(space, 0, 65536);

	for (int i = 0; i < 64; i++)
		fds[i] = i % 5 ? -1 : i % 2 ? 0 : 1000 + i;
	CHECK_OK(vfmig_space_attach(space, device, &test_err));
	while (in.left) {
		struct vfmig_error err = {0};
		struct vfmig_request request = {.done = count, .err = &err};
		unsigned before = answers;

		request.op = (enum vfmig_op)(take(&in, 1) % (VFMIG_OP_COUNT + 1));
		/* A space comes by vfmig_space_attach() alone. */
		if (request.op >= VFMIG_OP_ATTACH && request.op <= VFMIG_OP_SPACE_UNMAP) {
			CHECK_OK(vfmig_device_process(device, &test_err));
			continue;
		}
		fill(&request, &in);
		vfmig_submit(device, &request);
		HOLDS(answers == before + 1);
		HOLDS(request.result >= 0 || err.text[0] || request.result == -ENOMSG);
		if (request.op == VFMIG_OP_REGION_FD && request.result >= 0)
			close(request.region_fd.fd);
	}
	CHECK_OK(vfmig_device_reset(device, &test_err));
	HOLDS(test_device_state_of(session) == VFMIG_STATE_RUNNING);
	vfmig_session_close(session);
	vfmig_device_close(device);
	vfmig_space_free(space);
	munmap(memory, 65536);
	return 0;
}
