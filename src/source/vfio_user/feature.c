/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Features: the uAPI's payloads. DMA logging has a file of its own.
 */
#include <errno.h>
#include <string.h>

#include "source/vfio_user/priv.h"

void vfio_user_ask_feature(struct vfio_user_step *step, uint32_t flags, const void *payload,
			   size_t size)
{
	struct vfmig_device_feature f = {
		.argsz = (uint32_t)(ABI_FEATURE_HEADER_SIZE + size + step->ask.data_max),
		.flags = flags,
	};
	size_t sent = 0;

	abi_feature_put(vfio_user_fixed(step), VFIO_USER_FIXED_ROOM, &f);
	if (payload && !(flags & VFMIG_FEATURE_PROBE)) {
		memcpy(vfio_user_fixed(step) + ABI_FEATURE_HEADER_SIZE, payload, size);
		sent = size;
	}
	step->ask.fixed = (uint32_t)(ABI_FEATURE_HEADER_SIZE + size);
	vfio_user_send(step, VFMIG_USER_DEVICE_FEATURE, ABI_FEATURE_HEADER_SIZE + sent);
}

const char *vfio_user_state(const struct vfio_user_step *step, uint32_t *state)
{
	struct vfmig_feature_mig_state s;
	const char *why;

	if (step->ask.reply_len < ABI_FEATURE_HEADER_SIZE)
		return "the reply is too short";
	why = abi_feature_get_mig_state(step->ask.reply + ABI_FEATURE_HEADER_SIZE,
					step->ask.reply_len - ABI_FEATURE_HEADER_SIZE, &s);
	*state = s.device_state;
	return why;
}

void vfio_user_note_state(struct vfio_user *client, bool known, uint32_t state)
{
	client->state_known = known;
	client->short_read = false;
	if (!known)
		return;
	client->state = state;
	if (state == VFMIG_STATE_RESUMING)
		client->loaded = true;
	else if (state == VFMIG_STATE_RUNNING || state == VFMIG_STATE_RUNNING_P2P)
		client->loaded = false;
}

/* ---- requests that the server never gets ---- */

/* The states that a plain server has; others wedge it, or end it. */
static const char *check_state(const struct vfio_user *client, uint32_t state)
{
	if (state >= VFMIG_STATE_COUNT)
		return "the reply has an unknown state";
	if (state == VFMIG_STATE_ERROR)
		return "ERROR cannot be set";
	if (client->plain && abi_state_is_p2p(state))
		return "the server does not support P2P states";
	return NULL;
}

/* ---- answers ---- */

/* A plain server answers EINVAL for a feature that it does not have. */
static void refused(struct vfio_user_job *job, struct vfio_user_step *step)
{
	uint32_t flags = job->request->feature.flags;
	uint32_t feature = flags & VFMIG_FEATURE_MASK;
	const struct abi_feature_kind *kind = abi_feature_find_kind(feature);
	char what[64] = "feature ";

	if (job->client->plain && step->ask.error == -EINVAL &&
	    ((flags & VFMIG_FEATURE_PROBE) || feature == VFMIG_FEATURE_MIGRATION))
		step->ask.error = -ENOTTY;
	strncat(what, kind ? kind->name : "?", sizeof(what) - strlen(what) - 1);
	vfio_user_refused(job, step, what);
}

static void probe_answered(struct vfio_user_job *job, struct vfio_user_step *step)
{
	uint32_t feature = job->request->feature.flags & VFMIG_FEATURE_MASK;

	if (step->ask.error && !vfio_user_early_probe(job, feature))
		refused(job, step);
}

static const char *take_flags(struct vfio_user *client, struct vfmig_request *request,
			      const uint8_t *payload, size_t len)
{
	uint64_t flags;
	const char *why = abi_feature_get_migration(payload, len, &flags);

	if (client->plain)
		flags &= ~VFMIG_MIGRATION_P2P;
	if (!why)
		memcpy(request->feature.data, &flags, sizeof(flags));
	return why;
}

static const char *take_state(struct vfio_user *client, struct vfmig_request *request,
			      struct vfio_user_step *step)
{
	struct vfmig_feature_mig_state *to = request->feature.data;
	bool set = request->feature.flags & VFMIG_FEATURE_SET;
	uint32_t state;
	const char *why = NULL;

	/* The state is the one that was requested: some servers echo it, some return no data. */
	if (set)
		state = to->device_state;
	else
		why = vfio_user_state(step, &state);
	if (why)
		return why;
	pthread_mutex_lock(&client->wire.lock);
	vfio_user_note_state(client, true, state);
	pthread_mutex_unlock(&client->wire.lock);
	to->device_state = state;
	to->data_fd = -1;
	return NULL;
}

static void feature_answered(struct vfio_user_job *job, struct vfio_user_step *step)
{
	struct vfmig_request *request = job->request;
	const uint8_t *payload = step->ask.reply + ABI_FEATURE_HEADER_SIZE;
	uint32_t feature = request->feature.flags & VFMIG_FEATURE_MASK;
	bool set = request->feature.flags & VFMIG_FEATURE_SET;
	size_t len = step->ask.reply_len;
	struct vfio_user *client = job->client;
	const char *why = NULL;

	if (step->ask.error) {
		if (feature == VFMIG_FEATURE_MIG_STATE && set) {
			pthread_mutex_lock(&client->wire.lock);
			vfio_user_note_state(client, false, 0);
			pthread_mutex_unlock(&client->wire.lock);
		}
		refused(job, step);
		return;
	}
	len = len > ABI_FEATURE_HEADER_SIZE ? len - ABI_FEATURE_HEADER_SIZE : 0;
	if (feature == VFMIG_FEATURE_MIGRATION)
		why = take_flags(client, request, payload, len);
	else if (feature == VFMIG_FEATURE_MIG_STATE)
		why = take_state(client, request, step);
	else if (!set && len < step->ask.fixed - ABI_FEATURE_HEADER_SIZE)
		why = "the reply is too short";
	else if (!set)
		memcpy(request->feature.data, payload, step->ask.fixed - ABI_FEATURE_HEADER_SIZE);
	if (why)
		vfio_user_fail(job, -EPROTO, "%s: feature %u: %s", client->device.name, feature,
			       why);
	else if (feature == VFMIG_FEATURE_MIG_STATE && set)
		vfio_user_drop_stale(job);
}

/* ---- questions ---- */

static void ask(struct vfio_user *client, struct vfmig_request *request, size_t size,
		void (*back)(struct vfio_user_job *job, struct vfio_user_step *step))
{
	struct vfio_user_job *job = vfio_user_job(client, request, back);
	struct vfio_user_step *step = job ? vfio_user_step(job) : NULL;
	bool get = request->feature.flags & VFMIG_FEATURE_GET;

	if (!job)
		return;
	if (step && get && !(request->feature.flags & VFMIG_FEATURE_PROBE)) {
		/* Nothing goes, and the payload comes. */
		step->ask.fixed = 0;
		vfio_user_ask_feature(step, request->feature.flags, NULL, size);
	} else if (step) {
		vfio_user_ask_feature(step, request->feature.flags, request->feature.data, size);
	}
	vfio_user_let_go(job);
}

/* The descriptor goes beside the message, which has its place there: 0. */
static void ask_with_wake(struct vfio_user *client, struct vfmig_request *request)
{
	struct vfmig_feature_low_power_wake wake;
	struct vfmig_feature_low_power_wake *asked = request->feature.data;
	struct vfio_user_job *job = vfio_user_job(client, request, feature_answered);
	struct vfio_user_step *step = job ? vfio_user_step(job) : NULL;

	if (!job)
		return;
	if (step) {
		wake = (struct vfmig_feature_low_power_wake){.reserved = asked->reserved};
		step->ask.out.fds = &asked->wakeup_eventfd;
		step->ask.out.nfds = 1;
		vfio_user_ask_feature(step, request->feature.flags, &wake, sizeof(wake));
	}
	vfio_user_let_go(job);
}

static void history_answered(struct vfio_user_job *job, struct vfio_user_step *step)
{
	bool set = job->request->feature.flags & VFMIG_FEATURE_SET;

	if (step->ask.error)
		refused(job, step);
	else if (!set && step->ask.data_len < job->request->feature.size)
		vfio_user_fail(job, -EPROTO, "%s: USER_HISTORY: the reply is too short",
			       job->client->device.name);
}

/* Too large for the fixed part of a message: it is sent and received as the body. */
static void ask_history(struct vfio_user *client, struct vfmig_request *request)
{
	struct vfio_user_job *job = vfio_user_job(client, request, history_answered);
	struct vfio_user_step *step = job ? vfio_user_step(job) : NULL;

	if (!job)
		return;
	request->feature.size = sizeof(struct vfmig_feature_history);
	if (step) {
		step->ask.data_max = request->feature.size;
		if (request->feature.flags & VFMIG_FEATURE_SET) {
			step->ask.out.body = request->feature.data;
			step->ask.out.body_len = request->feature.size;
		} else {
			step->ask.data = request->feature.data;
		}
		vfio_user_ask_feature(step, request->feature.flags, NULL, 0);
	}
	vfio_user_let_go(job);
}

static void refuse(struct vfio_user *client, struct vfmig_request *request, int code,
		   const char *why)
{
	request_complete_err(request, code, "%s: feature %u: %s", client->device.name,
			     request->feature.flags & VFMIG_FEATURE_MASK, why);
}

/* GET and SET of what has a fixed payload and no history. */
static void simple(struct vfio_user *client, struct vfmig_request *request, uint32_t feature)
{
	const struct abi_feature_kind *kind = abi_feature_find_kind(feature);
	const struct vfmig_feature_mig_state *state = request->feature.data;
	const struct vfmig_feature_low_power_wake *wake = request->feature.data;
	bool wakes = feature == VFMIG_FEATURE_LOW_POWER_ENTRY_WAKE;
	const char *why = NULL;

	if (request->feature.size < kind->size || (kind->size && !request->feature.data)) {
		refuse(client, request, -EINVAL, "the payload is too small");
		return;
	}
	if (feature == VFMIG_FEATURE_MIG_STATE && (request->feature.flags & VFMIG_FEATURE_SET))
		why = check_state(client, state->device_state);
	if (wakes && wake->wakeup_eventfd < 0)
		why = "the request has no eventfd";
	else if (wakes && !client->caps.max_msg_fds)
		why = "the server accepts no descriptors (max_msg_fds is 0)";
	if (why)
		refuse(client, request, -EINVAL, why);
	else if (wakes)
		ask_with_wake(client, request);
	else if (feature == VFMIG_FEATURE_USER_HISTORY)
		ask_history(client, request);
	else
		ask(client, request, kind->size, feature_answered);
}

void vfio_user_feature(struct vfio_user *client, struct vfmig_request *request)
{
	uint32_t flags = request->feature.flags, feature = flags & VFMIG_FEATURE_MASK;
	uint32_t ops = flags & (VFMIG_FEATURE_GET | VFMIG_FEATURE_SET | VFMIG_FEATURE_PROBE);
	const struct abi_feature_kind *kind = abi_feature_find_kind(feature);

	/* There is a server of version 0.0 that does not skip what it does not know, and loses step. */
	if (!client->caps.minor) {
		refuse(client, request, -ENOTTY,
		       "the server uses protocol version 0.0, which has no DEVICE_FEATURE");
		return;
	}
	/* Runs are a form of a report, which log_report() requests. */
	if (!abi_feature_in_vfio_user(feature, client->caps.vfmig) ||
	    feature == VFMIG_FEATURE_USER_REPORT_RUNS) {
		refuse(client, request, -ENOTTY, "the connection does not carry it");
		return;
	}
	if ((flags & ~VFMIG_FEATURE_MASK) != ops || !ops ||
	    ops == (VFMIG_FEATURE_GET | VFMIG_FEATURE_SET) ||
	    (ops & (VFMIG_FEATURE_GET | VFMIG_FEATURE_SET) & ~kind->ops)) {
		refuse(client, request, -EINVAL, "the feature does not have this operation");
		return;
	}
	if (flags & VFMIG_FEATURE_PROBE)
		ask(client, request, 0, probe_answered);
	else if (feature == VFMIG_FEATURE_DMA_LOGGING_START)
		vfio_user_log_start(client, request);
	else if (feature == VFMIG_FEATURE_DMA_LOGGING_STOP)
		vfio_user_log_stop(client, request);
	else if (feature == VFMIG_FEATURE_DMA_LOGGING_REPORT)
		vfio_user_log_report(client, request);
	else
		simple(client, request, feature);
}

/* ---- pre-copy info, which the uAPI has as an ioctl on the data ---- */

static void precopy_answered(struct vfio_user_job *job, struct vfio_user_step *step)
{
	const char *why;

	if (step->ask.error) {
		vfio_user_refused(job, step, "pre-copy info");
		return;
	}
	why = step->ask.reply_len < ABI_FEATURE_HEADER_SIZE
		      ? "the reply is too short"
		      : abi_feature_get_precopy_info(step->ask.reply + ABI_FEATURE_HEADER_SIZE,
						     step->ask.reply_len - ABI_FEATURE_HEADER_SIZE,
						     &job->request->precopy);
	if (why)
		vfio_user_fail(job, -EPROTO, "%s: pre-copy info: %s", job->client->device.name,
			       why);
}

void vfio_user_precopy(struct vfio_user *client, struct vfmig_request *request)
{
	struct vfio_user_step *step;
	struct vfio_user_job *job;

	if (client->plain) {
		request_complete_err(
			request, -ENOTTY,
			"%s: the server did not negotiate the vfmig extension, so it cannot report pre-copy sizes",
			client->device.name);
		return;
	}
	job = vfio_user_job(client, request, precopy_answered);
	if (!job)
		return;
	step = vfio_user_step(job);
	if (step)
		vfio_user_ask_feature(step, VFMIG_FEATURE_USER_PRECOPY_INFO | VFMIG_FEATURE_GET,
				      NULL, sizeof(struct vfmig_precopy_info));
	vfio_user_let_go(job);
}
