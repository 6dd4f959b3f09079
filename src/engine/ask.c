/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Asking the devices what they have left: all at once, each one question after the other.
 *
 * What a device cannot tell (ENOTTY, and whatever else it says) is not asked again. A device that does not
 * answer at all hangs, and would do so at the switchover.
 */
#include <errno.h>

#include "engine/engine.h"

static bool asks(const struct engine_device *mover, enum vfmig_op op)
{
	if (op == VFMIG_OP_DATA_SIZE)
		return !mover->no_size;
	return !mover->no_precopy && mover->state == VFMIG_STATE_PRE_COPY;
}

static void answered(struct engine_device *mover, enum vfmig_op op)
{
	const struct vfmig_request *request = &mover->op.request;
	struct size_estimate *guess = &mover->guess;
	uint64_t sum;

	if (op == VFMIG_OP_DATA_SIZE) {
		if (request->result < 0)
			mover->no_size = true;
		else
			guess->size = request->data_size;
	} else if (request->result < 0) {
		mover->no_precopy = true;
	} else {
		guess->initial = request->precopy.initial_bytes;
		if (__builtin_add_overflow(guess->initial, request->precopy.dirty_bytes, &sum))
			sum = UINT64_MAX;
		guess->said = sum;
	}
	if (request->result >= 0)
		guess->known = true;
}

static int ask(struct vfmig_migration *m, enum vfmig_op op, struct vfmig_error *err)
{
	int hung = 0, ret;

	for (uint32_t i = 0; i < m->nr_movers; i++) {
		struct engine_device *mover = m->movers[i];

		if (!asks(mover, op))
			continue;
		mover->op.request = (struct vfmig_request){.op = op};
		if (op == VFMIG_OP_PRECOPY_INFO)
			mover->op.request.precopy.argsz = sizeof(struct vfmig_precopy_info);
		loop_request_submit(&m->loop, &mover->op, mover->session, NULL,
				    m->options.request_ms);
	}
	for (uint32_t i = 0; i < m->nr_movers; i++) {
		struct engine_device *mover = m->movers[i];

		if (!mover->op.under_way)
			continue;
		while (!loop_request_over(&mover->op)) {
			ret = engine_wait(m, 0, err);
			if (ret)
				return ret;
		}
		if (mover->op.request.result == -ETIMEDOUT)
			hung = vfmig_err(err, -ETIMEDOUT, "device %s: %s", mover->id,
					 mover->op.err.text);
		answered(mover, op);
	}
	return hung;
}

int engine_ask_sizes(struct vfmig_migration *m, struct vfmig_error *err)
{
	int ret = ask(m, VFMIG_OP_PRECOPY_INFO, err);

	return ret ? ret : ask(m, VFMIG_OP_DATA_SIZE, err);
}
