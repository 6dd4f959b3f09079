/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A model that cannot quiesce, stop, resume or accept what it was given puts its device into state ERROR. It can
 * be asked for; nothing but a reset leads out; registers read as if nobody were there, while configuration
 * space answers. And a reset leads out of every other state, too.
 *
 * Rules: V2-11, V2-41, V2-42, V2-51.
 */
#include "tests/lib/test_device.h"

static struct vfmig_device *device;
static struct vfmig_session *session;

static void is_in_error(void)
{
	static const enum vfmig_state states[] = {VFMIG_STATE_STOP,	   VFMIG_STATE_RUNNING,
						  VFMIG_STATE_STOP_COPY,   VFMIG_STATE_RESUMING,
						  VFMIG_STATE_RUNNING_P2P, VFMIG_STATE_PRE_COPY};
	uint32_t id;
	char byte = 0;

	test_device_quiesce_fails = test_device_stop_fails = test_device_resume_fails =
		test_device_loaded_fails = 0;
	CHECK_EQ(test_device_state_of(session), VFMIG_STATE_ERROR);
	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		struct vfmig_feature_mig_state payload = {.device_state = states[i]};

		CHECK_EQ(vfmig_session_set_state(session, states[i], NULL), -EINVAL);
		CHECK_EQ(vfmig_device_call_feature(device,
						   VFMIG_FEATURE_SET | VFMIG_FEATURE_MIG_STATE,
						   &payload, sizeof(payload), NULL),
			 -EINVAL);
	}
	CHECK_EQ(vfmig_session_read(session, &byte, 1, NULL), -EINVAL);
	CHECK_EQ(vfmig_session_write(session, &byte, 1, NULL), -EINVAL);
	CHECK_EQ(test_device_get(device, TEST_DEVICE_ID), UINT64_MAX);
	CHECK_OK(vfmig_device_region_read(device, VFMIG_PCI_REGION_CONFIG, 0, &id, 4, &test_err));
	CHECK_EQ(id, 0x56781234);
	CHECK_OK(vfmig_device_reset(device, &test_err));
	CHECK_EQ(test_device_state_of(session), VFMIG_STATE_RUNNING);
	CHECK_EQ(test_device_get(device, TEST_DEVICE_ID), TEST_DEVICE_MAGIC);
	CHECK_EQ(test_device_get(device, TEST_DEVICE_DST), 0);
	/* And it can do all that again. */
	test_device_go(session, VFMIG_STATE_PRE_COPY);
	test_device_go(session, VFMIG_STATE_STOP_COPY);
	test_device_go(session, VFMIG_STATE_RUNNING);
}

static void fails(int *what, enum vfmig_state from, enum vfmig_state to)
{
	struct vfmig_error err = {0};

	test_device_set(device, TEST_DEVICE_DST, 0x4444);
	test_device_go(session, from);
	*what = -EIO;
	CHECK_EQ(vfmig_session_set_state(session, to, &err), -EIO);
	CHECK(strstr(err.text, "the card does not"));
	CHECK(strstr(err.text, "must be reset"));
	is_in_error();
}

static void state_is_not_wanted(void)
{
	struct test_device_stream stream = test_device_save(session);
	struct vfmig_error err = {0};

	test_device_go(session, VFMIG_STATE_RUNNING);
	test_device_loaded_fails = -EIO;
	CHECK_EQ(test_device_load(session, stream.bytes, stream.len, 4096, &err), -EIO);
	CHECK(strstr(err.text, "does not want it"));
	is_in_error();
	/* What is impossible together is refused by the model, not by the table. */
	free(stream.bytes);
	test_device_set(device, TEST_DEVICE_GO, 3);
	stream = test_device_save(session);
	CHECK_EQ(test_device_load(session, stream.bytes, stream.len, 4096, &err), -EINVAL);
	is_in_error();
	free(stream.bytes);
}

static void reset_leads_out_of(enum vfmig_state state)
{
	test_device_set(device, TEST_DEVICE_DST, 0x4444);
	test_device_poke(device, 4, 9);
	test_device_go(session, state);
	CHECK_OK(vfmig_device_reset(device, &test_err));
	CHECK_EQ(test_device_state_of(session), VFMIG_STATE_RUNNING);
	CHECK_EQ(test_device_get(device, TEST_DEVICE_DST), 0);
	CHECK_EQ(test_device_peek(device, 4), 0);
}

int main(void)
{
	struct vfmig_space *space = vfmig_space_new();

	device = test_device_open("memory=8K");
	session = test_device_session(device);
	CHECK_OK(vfmig_space_attach(space, device, &test_err));
	fails(&test_device_quiesce_fails, VFMIG_STATE_RUNNING, VFMIG_STATE_RUNNING_P2P);
	fails(&test_device_quiesce_fails, VFMIG_STATE_RUNNING, VFMIG_STATE_STOP);
	fails(&test_device_quiesce_fails, VFMIG_STATE_PRE_COPY, VFMIG_STATE_STOP_COPY);
	fails(&test_device_stop_fails, VFMIG_STATE_RUNNING, VFMIG_STATE_STOP);
	fails(&test_device_stop_fails, VFMIG_STATE_PRE_COPY_P2P, VFMIG_STATE_STOP_COPY);
	fails(&test_device_resume_fails, VFMIG_STATE_STOP, VFMIG_STATE_RUNNING);
	fails(&test_device_resume_fails, VFMIG_STATE_STOP, VFMIG_STATE_PRE_COPY);
	fails(&test_device_resume_fails, VFMIG_STATE_STOP_COPY, VFMIG_STATE_RUNNING);
	state_is_not_wanted();
	for (int state = 1; state < VFMIG_STATE_COUNT; state++)
		reset_leads_out_of((enum vfmig_state)state);
	/* A reset that fails itself is no way out; the next one is. */
	test_device_go(session, VFMIG_STATE_STOP);
	test_device_resume_fails = -EIO;
	CHECK_EQ(vfmig_device_reset(device, NULL), -EIO);
	is_in_error();
	vfmig_session_close(session);
	vfmig_device_close(device);
	vfmig_space_free(space);
	return 0;
}
