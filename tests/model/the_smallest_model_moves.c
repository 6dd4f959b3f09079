/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The model that docs/models/writing-a-model.md begins with, as it stands there (a test compares them), and
 * that it does what it says: it counts, and goes on counting where it is moved to.
 */
/* begin */
#include <vfmig/model.h>

struct counter {
	uint32_t count;
};

static uint64_t counter_read(struct vfmig_kit *kit, void *self, unsigned bar, uint64_t offset,
			     unsigned size)
{
	struct counter *counter = self;

	return offset == 0 ? counter->count++ : 0;
}

static const struct vfmig_entry counter_state[] = {
	VFMIG_FIELD(struct counter, count),
	{.kind = VFMIG_ENTRY_END},
};

const struct vfmig_model counter_model = {
	.name = "counter",
	.summary = "counts how often it is read",
	.version = 1,
	.size = sizeof(struct counter),
	.pci = {.vendor = 0x1b36, .device = 0x7fc0, .bar = {{.size = 16}}},
	.state = counter_state,
	.read = counter_read,
};
/* end */

#include "tests/lib/test_device.h"

static uint32_t next(struct vfmig_device *device)
{
	uint32_t value;

	CHECK_OK(vfmig_device_region_read(device, 0, 0, &value, 4, &test_err));
	return value;
}

int main(void)
{
	struct vfmig_device *from = test_device_open_as(&counter_model, NULL);
	struct vfmig_device *to = test_device_open_as(&counter_model, NULL);
	struct vfmig_session *source = test_device_session(from), *target = test_device_session(to);
	struct test_device_stream stream;
	uint32_t count;

	for (uint32_t i = 0; i < 5; i++)
		CHECK_EQ(next(from), i);
	stream = test_device_save(source);
	CHECK_OK(test_device_load(target, stream.bytes, stream.len, 4096, &test_err));
	test_device_go(target, VFMIG_STATE_RUNNING);
	CHECK_EQ(vfmig_model_get_field(to, "count", &count, sizeof(count), &test_err), 4);
	CHECK_EQ(count, 5);
	CHECK_EQ(vfmig_model_get_field(to, "counts", &count, sizeof(count), NULL), -ENOENT);
	CHECK_EQ(next(to), 5);
	/* The kit does the rest: a reset, nothing to do, nothing to interrupt. */
	CHECK_OK(vfmig_device_reset(to, &test_err));
	CHECK_EQ(next(to), 0);
	CHECK_OK(vfmig_device_process(to, &test_err));
	free(stream.bytes);
	vfmig_session_close(source);
	vfmig_session_close(target);
	vfmig_device_close(from);
	vfmig_device_close(to);
	return 0;
}
