/* SPDX-License-Identifier: BSD-3-Clause */
#include <unistd.h>

#include "tests/lib/check.h"
#include "tests/conform/liar.h"

#define MIG_STATE VFMIG_FEATURE_MIG_STATE

bool liar_feature(const struct vfmig_request *request, uint32_t op, uint32_t feature)
{
	return request->op == VFMIG_OP_FEATURE && request->feature.flags == (op | feature);
}

struct vfmig_feature_mig_state *liar_state(struct vfmig_request *request)
{
	return request->feature.data;
}

bool liar_sets(const struct vfmig_request *request, uint32_t state)
{
	return liar_feature(request, VFMIG_FEATURE_SET, MIG_STATE) &&
	       ((struct vfmig_feature_mig_state *)request->feature.data)->device_state == state;
}

bool liar_says(struct vfmig_request *request, ssize_t result)
{
	if (result < 0)
		request_complete_err(request, (int)result, "a lie");
	else
		request_complete(request, result);
	return true;
}

static void changed(struct liar *liar, uint32_t state)
{
	bool saved = vfmig_v2_state_saving(liar->at);

	if (vfmig_v2_state_saving(state) && !saved)
		liar->sessions++;
	liar->at = state;
	liar->reads = 0;
	liar->writes = 0;
}

int liar_go(struct liar *liar, uint32_t state)
{
	struct vfmig_feature_mig_state payload = {.device_state = state, .data_fd = -1};
	int ret = vfmig_device_call_feature(liar->device.inner, VFMIG_FEATURE_SET | MIG_STATE,
					    &payload, sizeof(payload), NULL);

	if (!ret)
		changed(liar, state);
	return ret;
}

int liar_reset(struct liar *liar)
{
	int ret = vfmig_device_reset(liar->device.inner, NULL);

	if (!ret)
		changed(liar, VFMIG_STATE_RUNNING);
	liar->sessions = 0;
	liar->shown = 1;
	return ret;
}

bool liar_reads(const struct vfmig_request *request, uint64_t reg)
{
	return request->op == VFMIG_OP_REGION_READ && request->region.index == LIAR_REGION &&
	       request->region.offset == reg;
}

bool liar_writes(const struct vfmig_request *request, uint64_t reg)
{
	return request->op == VFMIG_OP_REGION_WRITE && request->region.index == LIAR_REGION &&
	       request->region.offset == reg;
}

uint64_t liar_value(const struct vfmig_request *request)
{
	uint64_t value = 0;

	memcpy(&value, request->region.buf, request->region.len < 8 ? request->region.len : 8);
	return value;
}

void liar_put(struct vfmig_request *request, uint64_t value)
{
	memcpy(request->region.buf, &value, request->region.len < 8 ? request->region.len : 8);
}

static void back(struct inner *inner)
{
	struct liar *liar = (struct liar *)filter_of(inner);
	struct vfmig_request *outer = &inner->request;
	ssize_t result = outer->result;

	if (outer->op == VFMIG_OP_RESET && !result) {
		changed(liar, VFMIG_STATE_RUNNING);
		liar->sessions = 0;
		liar->shown = 1;
	}
	if (liar->lie->answer)
		result = liar->lie->answer(liar, outer, result);
	if (liar_feature(outer, VFMIG_FEATURE_SET, MIG_STATE) && !result)
		changed(liar, liar_state(outer)->device_state);
	if (liar_writes(outer, 0) && result > 0)
		liar->shown = (uint32_t)liar_value(outer) & 7;
	liar->reads += outer->op == VFMIG_OP_DATA_READ;
	liar->writes += outer->op == VFMIG_OP_DATA_WRITE;
	if (result < 0)
		vfmig_err(outer->err, (int)result, "%s", outer->err ? outer->err->text : "");
	inner_end(inner, result);
}

static void liar_submit(struct vfmig_device *device, struct vfmig_request *request)
{
	struct liar *liar = (struct liar *)device;

	if (request->op == VFMIG_OP_SET_IRQS && request->irqs.count && request->irqs.fds &&
	    request->irqs.fds[0] >= 0) {
		close(liar->event);
		liar->event = dup(request->irqs.fds[0]);
	}
	if (!liar->lie->ask || !liar->lie->ask(liar, request))
		filter_forward(device, request, back);
}

static void liar_close(struct vfmig_device *device)
{
	close(((struct liar *)device)->event);
	filter_close(device);
}

static const struct device_ops ops = {
	.submit = liar_submit,
	.cancel = filter_cancel,
	.fd = filter_fd,
	.process = filter_process,
	.close = liar_close,
};

struct vfmig_device *liar_open(struct vfmig_device *good, const struct lie *lie)
{
	struct liar *liar = calloc(1, sizeof(*liar));

	CHECK(liar);
	liar->lie = lie;
	liar->at = VFMIG_STATE_RUNNING;
	liar->shown = 1;
	liar->event = dup(2);
	CHECK_EQ(filter_init(&liar->device, &ops, good, "liar", NULL), 0);
	return &liar->device;
}
