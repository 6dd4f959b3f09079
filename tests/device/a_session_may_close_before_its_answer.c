/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A session is asked to go somewhere, and the device does not answer in time. The request is taken back, the
 * session closed; and then the answer comes, which is nobody's any more.
 */
#include <vfmig/session.h>

#include "tests/lib/scripted_device.h"

static struct vfmig_request *late;

static ssize_t answer(struct scripted_device *fake, struct vfmig_request *request)
{
	static const uint64_t flags = VFMIG_MIGRATION_STOP_COPY;

	if (request->feature.flags == (VFMIG_FEATURE_GET | VFMIG_FEATURE_MIGRATION)) {
		memcpy(request->feature.data, &flags, sizeof(flags));
		return 0;
	}
	if (request->feature.flags != (VFMIG_FEATURE_GET | VFMIG_FEATURE_MIG_STATE))
		return -ENOTTY;
	late = request;
	return SCRIPTED_HOLD;
}

/* It is at it, and cannot give it back. */
static bool cancel(struct vfmig_device *device, struct vfmig_request *request)
{
	return false;
}

static const struct device_ops busy = {
	.submit = scripted_submit,
	.cancel = cancel,
	.fd = scripted_fd,
	.process = scripted_process,
	.close = scripted_close,
};

int main(void)
{
	struct vfmig_feature_mig_state state = {VFMIG_STATE_RUNNING, -1};
	struct scripted_device *fake = scripted_new(answer);
	struct vfmig_session *session;

	fake->device.ops = &busy;
	CHECK_EQ(vfmig_session_open(&fake->device, NULL, &session, NULL), 0);
	vfmig_device_set_timeout(&fake->device, 10);
	CHECK_EQ(vfmig_session_set_state(session, VFMIG_STATE_STOP, NULL), -ETIMEDOUT);
	vfmig_session_close(session);
	memcpy(late->feature.data, &state, sizeof(state));
	request_complete(late, 0);
	vfmig_device_close(&fake->device);
	return 0;
}
