/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Querying how much data devices have left: PRECOPY_INFO and DATA_SIZE, each on all devices in parallel.
 *
 * A query that a device does not support (ENOTTY, or any other error) is not repeated. A query that runs into its time
 * limit fails the migration: such a device would hang at the switchover.
 */
#include <errno.h>

#include "engine/device.h"
#include "engine/loop.h"
#include "engine/migration.h"
#include "engine/wait.h"

static bool supports(const struct engine_device *dev, enum vfmig_op op)
{
	if (op == VFMIG_OP_DATA_SIZE)
		return !dev->no_size;
	return !dev->no_precopy && dev->state == VFMIG_STATE_PRE_COPY;
}

static void answered(struct engine_device *dev, enum vfmig_op op)
{
	const struct vfmig_request *request = &dev->op.request;
	struct size_estimate *estimate = &dev->estimate;
	uint64_t sum;

	if (op == VFMIG_OP_DATA_SIZE) {
		if (request->result < 0)
			dev->no_size = true;
		else
			estimate->size = request->data_size;
	} else if (request->result < 0) {
		dev->no_precopy = true;
	} else {
		estimate->initial = request->precopy.initial_bytes;
		if (__builtin_add_overflow(estimate->initial, request->precopy.dirty_bytes, &sum))
			sum = UINT64_MAX;
		estimate->reported = sum;
	}
	if (request->result >= 0)
		estimate->known = true;
}

static int query(struct vfmig_migration *m, enum vfmig_op op, struct vfmig_error *err)
{
	int hung = 0, ret;

	for (uint32_t i = 0; i < m->device_count; i++) {
		struct engine_device *dev = m->devices[i];

		if (!supports(dev, op))
			continue;
		dev->op.request = (struct vfmig_request){.op = op};
		if (op == VFMIG_OP_PRECOPY_INFO)
			dev->op.request.precopy.argsz = sizeof(struct vfmig_precopy_info);
		loop_request_submit(&m->loop, &dev->op, dev->session, NULL, m->options.request_ms);
	}
	for (uint32_t i = 0; i < m->device_count; i++) {
		struct engine_device *dev = m->devices[i];

		if (!dev->op.under_way)
			continue;
		while (!loop_request_over(&dev->op)) {
			ret = engine_wait(m, 0, err);
			if (ret)
				return ret;
		}
		if (dev->op.request.result == -ETIMEDOUT)
			hung = vfmig_err(err, -ETIMEDOUT, "device %s: %s", dev->id,
					 dev->op.err.text);
		answered(dev, op);
	}
	return hung;
}

int engine_sizes_get(struct vfmig_migration *m, struct vfmig_error *err)
{
	int ret = query(m, VFMIG_OP_PRECOPY_INFO, err);

	return ret ? ret : query(m, VFMIG_OP_DATA_SIZE, err);
}
