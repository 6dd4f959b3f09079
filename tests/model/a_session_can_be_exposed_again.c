/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An offer around a drive: a device whose migration is shown anew from a session on the device inside, as a bridge
 * between revisions will do it. It migrates like the one inside; a transition that hangs inside is taken back at its
 * deadline, and what comes of it later hurts nobody.
 */
#include "device/filter.h"
#include "protocol/v2/v2.h"
#include "tests/lib/test_device.h"
#include "tests/lib/requests.h"

struct bridge {
	struct vfmig_device device; /* first */
	struct vfmig_session *session;
	struct v2_driver offer;
	bool hangs, late; /* hold what is set; take nothing back */
	pthread_mutex_t lock;
	struct request_list held;
};

/* Inside: what hangs. It is its own filter, so that the drive is around it. */
static void hang_submit(struct vfmig_device *device, struct vfmig_request *request)
{
	struct bridge *bridge = (struct bridge *)device;

	if (!bridge->hangs || request->op != VFMIG_OP_FEATURE ||
	    request->feature.flags != (VFMIG_FEATURE_SET | VFMIG_FEATURE_MIG_STATE)) {
		vfmig_submit(device->inner, request);
		return;
	}
	pthread_mutex_lock(&bridge->lock);
	request_push(&bridge->held, request);
	pthread_mutex_unlock(&bridge->lock);
}

static bool hang_cancel(struct vfmig_device *device, struct vfmig_request *request)
{
	struct bridge *bridge = (struct bridge *)device;
	bool had;

	pthread_mutex_lock(&bridge->lock);
	had = !bridge->late && request_remove(&bridge->held, request);
	pthread_mutex_unlock(&bridge->lock);
	return had || (!bridge->late && vfmig_cancel(device->inner, request));
}

static const struct device_ops hang_ops = {
	.submit = hang_submit,
	.cancel = hang_cancel,
	.fd = filter_fd,
	.process = filter_process,
	.close = filter_close,
};

/* Outside: the offer. */
static void bridge_submit(struct vfmig_device *device, struct vfmig_request *request)
{
	struct bridge *bridge = (struct bridge *)device;

	if (!v2_driver_submit(&bridge->offer, request))
		vfmig_submit(device->inner, request);
}

static bool bridge_cancel(struct vfmig_device *device, struct vfmig_request *request)
{
	return v2_driver_cancel(&((struct bridge *)device)->offer, request);
}

static void bridge_close(struct vfmig_device *device)
{
	struct bridge *bridge = (struct bridge *)device;

	vfmig_session_close(bridge->session);
	v2_driver_fini(&bridge->offer);
	filter_close(device);
}

static const struct device_ops bridge_ops = {
	.submit = bridge_submit,
	.cancel = bridge_cancel,
	.fd = filter_fd,
	.process = filter_process,
	.close = bridge_close,
};

static struct bridge *wrap(struct vfmig_device *inner, const struct device_ops *ops,
			   const char *label)
{
	struct bridge *bridge = calloc(1, sizeof(*bridge));

	CHECK(bridge);
	CHECK_OK(filter_init(&bridge->device, ops, inner, label, &test_err));
	pthread_mutex_init(&bridge->lock, NULL);
	return bridge;
}

static struct bridge *hang;

static struct vfmig_device *shown_again(void)
{
	struct bridge *bridge;

	hang = wrap(test_device_open("memory=8K"), &hang_ops, "hang");
	bridge = wrap(&hang->device, &bridge_ops, "bridge");
	CHECK_OK(v2_user_open(&hang->device, &bridge->session, &test_err));
	v2_driver_init(&bridge->offer, bridge->session, NULL);
	return &bridge->device;
}

static void migrates(struct vfmig_device *device, struct vfmig_session *session)
{
	struct vfmig_device *to = test_device_open("memory=8K");
	struct vfmig_session *target = test_device_session(to);
	struct test_device_stream stream = {NULL, 0};
	struct vfmig_precopy_info info;
	uint64_t bytes;

	test_device_poke(device, 55, 5);
	test_device_go(session, VFMIG_STATE_PRE_COPY);
	CHECK_OK(vfmig_session_get_precopy_info(session, &info, &test_err));
	CHECK(info.initial_bytes);
	test_device_pull(session, &stream, 999);
	CHECK_OK(vfmig_session_get_data_size(session, &bytes, &test_err));
	CHECK(bytes);
	test_device_poke(device, 56, 6);
	test_device_go(session, VFMIG_STATE_STOP_COPY);
	test_device_pull(session, &stream, 999);
	CHECK_OK(test_device_load(target, stream.bytes, stream.len, 999, &test_err));
	CHECK_EQ(test_device_peek(to, 55), 5);
	CHECK_EQ(test_device_peek(to, 56), 6);
	/* And the other way round: the bridge loads. */
	CHECK_OK(test_device_load(session, stream.bytes, stream.len, 999, &test_err));
	CHECK_EQ(test_device_peek(device, 56), 6);
	free(stream.bytes);
	vfmig_session_close(target);
	vfmig_device_close(to);
}

static void hangs(struct vfmig_device *device, struct vfmig_session *session, bool late)
{
	struct vfmig_error err = {0};
	struct vfmig_request *request;

	test_device_go(session, VFMIG_STATE_RUNNING);
	hang->hangs = true;
	hang->late = late;
	vfmig_device_set_timeout(device, 10);
	CHECK_EQ(vfmig_session_set_state(session, VFMIG_STATE_STOP, &err), -ETIMEDOUT);
	CHECK(strstr(err.text, "no reply"));
	vfmig_device_set_timeout(device, 30000);
	hang->hangs = hang->late = false;
	/* Others are answered, and it can be tried again. */
	CHECK_EQ(test_device_state_of(session), VFMIG_STATE_RUNNING);
	test_device_go(session, VFMIG_STATE_STOP);
	/* Then the late answer comes, to nobody. */
	while ((request = request_shift(&hang->held)))
		request_complete_err(request, -EIO, "too late");
	CHECK_EQ(test_device_state_of(session), VFMIG_STATE_STOP);
}

/* A session that holds what it is asked, and cannot give it back. */
static struct vfmig_request *kept;

static void keep_submit(struct vfmig_session *session, struct vfmig_request *request)
{
	kept = request;
}

static bool keep_cancel(struct vfmig_session *session, struct vfmig_request *request)
{
	return false;
}

static unsigned answered;

static void count(struct vfmig_request *request)
{
	answered++;
}

/* The same structure is asked with again before the first answer comes: that answer is not the second's. */
static void an_answer_finds_its_own_question(void)
{
	static const struct session_ops ops = {.submit = keep_submit, .cancel = keep_cancel};
	struct vfmig_session session = {.ops = &ops, .flags = VFMIG_MIGRATION_STOP_COPY};
	struct vfmig_feature_mig_state payload = {.device_state = VFMIG_STATE_STOP};
	struct vfmig_request request = {.op = VFMIG_OP_FEATURE, .done = count}, *first;
	struct v2_driver offer;

	v2_driver_init(&offer, &session, NULL);
	request.feature.flags = VFMIG_FEATURE_SET | VFMIG_FEATURE_MIG_STATE;
	request.feature.data = &payload;
	request.feature.size = sizeof(payload);
	CHECK(v2_driver_submit(&offer, &request));
	first = kept;
	CHECK(v2_driver_cancel(&offer, &request));
	CHECK(v2_driver_submit(&offer, &request));
	request_complete(first, -EIO);
	CHECK_EQ(answered, 0);
	request_complete(kept, 0);
	CHECK_EQ(answered, 1);
	CHECK_EQ(request.result, 0);
	v2_driver_fini(&offer);
}

int main(void)
{
	struct vfmig_device *device = shown_again();
	struct vfmig_session *session = test_device_session(device);

	CHECK_STR(vfmig_session_protocol(session), "v2");
	CHECK_EQ(vfmig_session_flags(session),
		 VFMIG_MIGRATION_STOP_COPY | VFMIG_MIGRATION_P2P | VFMIG_MIGRATION_PRE_COPY);
	an_answer_finds_its_own_question();
	migrates(device, session);
	hangs(device, session, false);
	hangs(device, session, true);
	migrates(device, session);
	/* A refusal comes through with its words. */
	test_device_go(session, VFMIG_STATE_STOP_COPY);
	CHECK_EQ(vfmig_session_set_state(session, VFMIG_STATE_PRE_COPY, &test_err), -EINVAL);
	CHECK(strstr(test_err.text, "STOP_COPY"));
	vfmig_session_close(session);
	vfmig_device_close(device);
	return 0;
}
