/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reset with VFIO's meaning: afterwards the device is in its initial state, and RUNNING.
 *
 * libvfio-user resets the device but not its migration state, and refuses a reset in STOP and
 * STOP_COPY. So the client reads the state after a reset, and requests RUNNING. If the reset is
 * refused and the device was stopped where it ran before, the client requests RUNNING first: the
 * device then does only work that it would have done anyway. A device to which a state was loaded
 * must not run before it is reset, because it may already run elsewhere: the client takes it to
 * RESUMING, where a reset is possible and the device does not run.
 */
#include <errno.h>
#include <string.h>

#include "source/vfio_user/priv.h"

enum stage {
	RESET,	      /* requested in the current state */
	LOOK,	      /* done; which state is it in? */
	LOOK_REFUSED, /* refused; which state is it in? */
	PREPARE,      /* on the way to a state in which it is not refused */
	RESET_AGAIN,  /* requested again in that state */
	RUN,	      /* RUNNING is requested */
};

static void ask_reset(struct vfio_user_job *job, enum stage stage)
{
	struct vfio_user_step *step = vfio_user_step(job);

	job->stage = stage;
	if (step)
		vfio_user_send(step, VFMIG_USER_DEVICE_RESET, 0);
}

static void ask_state(struct vfio_user_job *job, enum stage stage)
{
	struct vfio_user_step *step = vfio_user_step(job);

	job->stage = stage;
	if (step)
		vfio_user_ask_feature(step, VFMIG_FEATURE_MIG_STATE | VFMIG_FEATURE_GET, NULL, 8);
}

static void set_state(struct vfio_user_job *job, enum stage stage, uint32_t state)
{
	struct vfmig_feature_mig_state s = {.device_state = state, .data_fd = -1};
	struct vfio_user_step *step = vfio_user_step(job);
	uint8_t payload[8];

	job->stage = stage;
	if (!step)
		return;
	abi_feature_put_mig_state(payload, sizeof(payload), &s);
	vfio_user_ask_feature(step, VFMIG_FEATURE_MIG_STATE | VFMIG_FEATURE_SET, payload,
			      sizeof(payload));
}

static void note(struct vfio_user *client, bool known, uint32_t state)
{
	pthread_mutex_lock(&client->wire.lock);
	vfio_user_note_state(client, known, state);
	pthread_mutex_unlock(&client->wire.lock);
}

static void looked(struct vfio_user_job *job, struct vfio_user_step *step)
{
	bool was_refused = job->stage == LOOK_REFUSED, loaded;
	struct vfio_user *client = job->client;
	uint32_t state;

	if (step->ask.error || vfio_user_state(step, &state)) {
		/*
		 * A device without migration has no states: the error of the reset is the result.
		 */
		if (was_refused)
			vfio_user_fail(job, (int)job->a, "%s: the server rejected DEVICE_RESET: %s",
				       client->device.name, strerror((int)-(int64_t)job->a));
		return;
	}
	if (!was_refused) {
		if (state == VFMIG_STATE_RUNNING)
			note(client, true, state);
		else
			set_state(job, RUN, VFMIG_STATE_RUNNING);
		return;
	}
	if (state != VFMIG_STATE_STOP && state != VFMIG_STATE_STOP_COPY) {
		vfio_user_fail(job, (int)job->a,
			       "%s: the server rejected DEVICE_RESET in state %s: %s",
			       client->device.name, vfmig_state_name(state),
			       strerror((int)-(int64_t)job->a));
		return;
	}
	pthread_mutex_lock(&client->wire.lock);
	loaded = client->loaded || !client->state_known;
	pthread_mutex_unlock(&client->wire.lock);
	set_state(job, PREPARE, loaded ? VFMIG_STATE_RESUMING : VFMIG_STATE_RUNNING);
}

static void reset_answered(struct vfio_user_job *job, struct vfio_user_step *step)
{
	struct vfio_user *client = job->client;

	switch ((enum stage)job->stage) {
	case RESET:
		if (!step->ask.error && (!client->plain || !client->caps.minor)) {
			note(client, true, VFMIG_STATE_RUNNING);
		} else if (!step->ask.error) {
			ask_state(job, LOOK);
		} else if (client->plain && client->caps.minor && step->ask.error == -EINVAL) {
			job->a = (uint64_t)(int64_t)step->ask.error;
			ask_state(job, LOOK_REFUSED);
		} else {
			vfio_user_refused(job, step, "DEVICE_RESET");
		}
		return;
	case LOOK:
	case LOOK_REFUSED:
		looked(job, step);
		return;
	case PREPARE:
		if (step->ask.error)
			vfio_user_refused(job, step, "the state change that its reset needs");
		else
			ask_reset(job, RESET_AGAIN);
		return;
	case RESET_AGAIN:
		if (step->ask.error)
			vfio_user_refused(job, step, "DEVICE_RESET");
		else
			set_state(job, RUN, VFMIG_STATE_RUNNING);
		return;
	case RUN:
		note(client, !step->ask.error, VFMIG_STATE_RUNNING);
		if (step->ask.error)
			vfio_user_refused(
				job, step,
				"RUNNING after the reset; the device stays stopped, restart the server");
		else
			vfio_user_drop_stale(job);
		return;
	}
}

void vfio_user_reset(struct vfio_user *client, struct vfmig_request *request)
{
	struct vfio_user_job *job = vfio_user_job(client, request, reset_answered);

	if (!job)
		return;
	ask_reset(job, RESET);
	vfio_user_let_go(job);
}
