/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A device to put filters around: it counts what reaches it, keeps what was written, reads as a counted
 * pattern, and has v2's states.
 */
#ifndef TESTS_FILTER_FILTERED_H
#define TESTS_FILTER_FILTERED_H

#include "filter/filters.h"
#include "tests/lib/scripted_device.h"

struct seen {
	unsigned ops[VFMIG_OP_COUNT];
	uint8_t written[256]; /* by DATA_WRITE, one after the other */
	size_t written_len;
	uint8_t next; /* of what DATA_READ gives */
	size_t read_max;
	uint32_t state;
	enum vfmig_state walked[32];
	size_t arcs;
	uint8_t dirty;
	uint64_t value; /* of region 0 */
	uint64_t low_power;
};

static const uint64_t seen_flags =
	VFMIG_MIGRATION_STOP_COPY | VFMIG_MIGRATION_P2P | VFMIG_MIGRATION_PRE_COPY;

static ssize_t seen_set_state(struct seen *seen, struct vfmig_feature_mig_state *state)
{
	enum vfmig_state path[VFMIG_STATE_COUNT];
	size_t count;

	if (vfmig_v2_path(seen_flags, seen->state, state->device_state, path, &count))
		return -EINVAL;
	for (size_t i = 0; i < count; i++) {
		seen->state = path[i];
		seen->walked[seen->arcs++ % 32] = path[i];
	}
	return 0;
}

static ssize_t seen_feature(struct seen *seen, struct vfmig_request *r)
{
	struct vfmig_feature_dma_logging_report *report = r->feature.data;
	struct vfmig_feature_mig_state *state = r->feature.data;

	switch (r->feature.flags) {
	case VFMIG_FEATURE_GET | VFMIG_FEATURE_MIGRATION:
		memcpy(r->feature.data, &seen_flags, 8);
		return 0;
	case VFMIG_FEATURE_GET | VFMIG_FEATURE_MIG_STATE:
		*state = (struct vfmig_feature_mig_state){seen->state, -1};
		return 0;
	case VFMIG_FEATURE_SET | VFMIG_FEATURE_MIG_STATE:
		return seen_set_state(seen, state);
	case VFMIG_FEATURE_GET | VFMIG_FEATURE_DMA_LOGGING_REPORT:
		*(uint8_t *)(uintptr_t)report->bitmap |= seen->dirty;
		return 0;
	case VFMIG_FEATURE_SET | VFMIG_FEATURE_LOW_POWER_ENTRY:
		memcpy(&seen->low_power, r->feature.data, 8); /* a payload to look at */
		return 0;
	default:
		return -ENOTTY;
	}
}

static ssize_t seen_answer(struct scripted_device *fake, struct vfmig_request *r)
{
	struct seen *seen = fake->user;
	size_t n;

	seen->ops[r->op]++;
	switch (r->op) {
	case VFMIG_OP_DATA_WRITE:
		CHECK(seen->written_len + r->data.len <= sizeof(seen->written));
		memcpy(seen->written + seen->written_len, r->data.buf, r->data.len);
		seen->written_len += r->data.len;
		return (ssize_t)r->data.len;
	case VFMIG_OP_DATA_READ:
		n = seen->read_max && r->data.len > seen->read_max ? seen->read_max : r->data.len;
		for (size_t i = 0; i < n; i++)
			((uint8_t *)r->data.buf)[i] = seen->next++;
		return (ssize_t)n;
	case VFMIG_OP_REGION_READ:
		CHECK(r->region.len <= 8);
		memcpy(r->region.buf, &seen->value, r->region.len);
		return r->region.len;
	case VFMIG_OP_REGION_WRITE:
		CHECK(r->region.len <= 8);
		memcpy(&seen->value, r->region.buf, r->region.len);
		return r->region.len;
	case VFMIG_OP_FEATURE:
		return seen_feature(seen, r);
	default:
		return 0;
	}
}

/* The device alone; *seen is reset. */
static inline struct vfmig_device *seen_new(struct seen *seen)
{
	struct scripted_device *fake = scripted_new(seen_answer);

	memset(seen, 0, sizeof(*seen));
	seen->state = VFMIG_STATE_RUNNING;
	fake->user = seen;
	return &fake->device;
}

static inline struct vfmig_device *around(struct vfmig_device *inner,
					  const struct filter_kind *kind, const char *options)
{
	struct vfmig_error err = {0};
	struct vfmig_device *device = NULL;

	CHECKF(kind->open(inner, options, &device, &err) == 0, "%s: %s", options, err.text);
	return device;
}

static inline ssize_t data(struct vfmig_device *device, bool write, const void *buf, size_t len)
{
	struct vfmig_request r = {.op = write ? VFMIG_OP_DATA_WRITE : VFMIG_OP_DATA_READ,
				  .data = {(void *)buf, len}};

	return vfmig_call(device, &r);
}

static inline int set_state(struct vfmig_device *device, enum vfmig_state to)
{
	struct vfmig_feature_mig_state state = {to, -1};

	return vfmig_device_call_feature(device, VFMIG_FEATURE_SET | VFMIG_FEATURE_MIG_STATE,
					 &state, sizeof(state), NULL);
}

static inline uint32_t get_state(struct vfmig_device *device)
{
	struct vfmig_feature_mig_state state = {99, -1};

	CHECK_EQ(vfmig_device_call_feature(device, VFMIG_FEATURE_GET | VFMIG_FEATURE_MIG_STATE,
					   &state, sizeof(state), NULL),
		 0);
	return state.device_state;
}

#endif
