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

#include "tests/model/card.h"

static uint32_t next(struct vfmig_device *device)
{
	uint32_t value;

	CARD_OK(vfmig_device_region_read(device, 0, 0, &value, 4, &card_err));
	return value;
}

int main(void)
{
	struct vfmig_device *from = card_open_as(&counter_model, NULL);
	struct vfmig_device *to = card_open_as(&counter_model, NULL);
	struct vfmig_session *source = card_session(from), *target = card_session(to);
	struct card_stream stream;
	uint32_t count;

	for (uint32_t i = 0; i < 5; i++)
		CHECK_EQ(next(from), i);
	stream = card_save(source);
	CARD_OK(card_load(target, stream.bytes, stream.len, 4096, &card_err));
	card_go(target, VFMIG_STATE_RUNNING);
	CHECK_EQ(vfmig_model_field(to, "count", &count, sizeof(count), &card_err), 4);
	CHECK_EQ(count, 5);
	CHECK_EQ(vfmig_model_field(to, "counts", &count, sizeof(count), NULL), -ENOENT);
	CHECK_EQ(next(to), 5);
	/* The kit does the rest: a reset, nothing to do, nothing to interrupt. */
	CARD_OK(vfmig_device_reset(to, &card_err));
	CHECK_EQ(next(to), 0);
	CARD_OK(vfmig_device_process(to, &card_err));
	free(stream.bytes);
	vfmig_session_close(source);
	vfmig_session_close(target);
	vfmig_device_close(from);
	vfmig_device_close(to);
	return 0;
}
