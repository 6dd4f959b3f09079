/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A model that cannot quiesce, stop, resume or accept what it was given puts its device into state ERROR. It can
 * be asked for; nothing but a reset leads out; registers read as if nobody were there, while configuration
 * space answers. And a reset leads out of every other state, too.
 *
 * Rules: V2-11, V2-41, V2-42, V2-51.
 */
#include "tests/model/card.h"

static struct vfmig_device *device;
static struct vfmig_session *session;

static void is_in_error(void)
{
	static const enum vfmig_state states[] = {VFMIG_STATE_STOP,	   VFMIG_STATE_RUNNING,
						  VFMIG_STATE_STOP_COPY,   VFMIG_STATE_RESUMING,
						  VFMIG_STATE_RUNNING_P2P, VFMIG_STATE_PRE_COPY};
	uint32_t id;
	char byte = 0;

	card_quiesce_fails = card_stop_fails = card_resume_fails = card_loaded_fails = 0;
	CHECK_EQ(card_state_of(session), VFMIG_STATE_ERROR);
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
	CHECK_EQ(card_get(device, CARD_ID), UINT64_MAX);
	CARD_OK(vfmig_device_region_read(device, VFMIG_PCI_REGION_CONFIG, 0, &id, 4, &card_err));
	CHECK_EQ(id, 0x56781234);
	CARD_OK(vfmig_device_reset(device, &card_err));
	CHECK_EQ(card_state_of(session), VFMIG_STATE_RUNNING);
	CHECK_EQ(card_get(device, CARD_ID), CARD_MAGIC);
	CHECK_EQ(card_get(device, CARD_DST), 0);
	/* And it can do all that again. */
	card_go(session, VFMIG_STATE_PRE_COPY);
	card_go(session, VFMIG_STATE_STOP_COPY);
	card_go(session, VFMIG_STATE_RUNNING);
}

static void fails(int *what, enum vfmig_state from, enum vfmig_state to)
{
	struct vfmig_error err = {0};

	card_set(device, CARD_DST, 0x4444);
	card_go(session, from);
	*what = -EIO;
	CHECK_EQ(vfmig_session_set_state(session, to, &err), -EIO);
	CHECK(strstr(err.text, "the card does not"));
	CHECK(strstr(err.text, "must be reset"));
	is_in_error();
}

static void state_is_not_wanted(void)
{
	struct card_stream stream = card_save(session);
	struct vfmig_error err = {0};

	card_go(session, VFMIG_STATE_RUNNING);
	card_loaded_fails = -EIO;
	CHECK_EQ(card_load(session, stream.bytes, stream.len, 4096, &err), -EIO);
	CHECK(strstr(err.text, "does not want it"));
	is_in_error();
	/* What is impossible together is refused by the model, not by the table. */
	free(stream.bytes);
	card_set(device, CARD_GO, 3);
	stream = card_save(session);
	CHECK_EQ(card_load(session, stream.bytes, stream.len, 4096, &err), -EINVAL);
	is_in_error();
	free(stream.bytes);
}

static void reset_leads_out_of(enum vfmig_state state)
{
	card_set(device, CARD_DST, 0x4444);
	card_poke(device, 4, 9);
	card_go(session, state);
	CARD_OK(vfmig_device_reset(device, &card_err));
	CHECK_EQ(card_state_of(session), VFMIG_STATE_RUNNING);
	CHECK_EQ(card_get(device, CARD_DST), 0);
	CHECK_EQ(card_peek(device, 4), 0);
}

int main(void)
{
	struct vfmig_space *space = vfmig_space_new();

	device = card_open("memory=8K");
	session = card_session(device);
	CARD_OK(vfmig_space_attach(space, device, &card_err));
	fails(&card_quiesce_fails, VFMIG_STATE_RUNNING, VFMIG_STATE_RUNNING_P2P);
	fails(&card_quiesce_fails, VFMIG_STATE_RUNNING, VFMIG_STATE_STOP);
	fails(&card_quiesce_fails, VFMIG_STATE_PRE_COPY, VFMIG_STATE_STOP_COPY);
	fails(&card_stop_fails, VFMIG_STATE_RUNNING, VFMIG_STATE_STOP);
	fails(&card_stop_fails, VFMIG_STATE_PRE_COPY_P2P, VFMIG_STATE_STOP_COPY);
	fails(&card_resume_fails, VFMIG_STATE_STOP, VFMIG_STATE_RUNNING);
	fails(&card_resume_fails, VFMIG_STATE_STOP, VFMIG_STATE_PRE_COPY);
	fails(&card_resume_fails, VFMIG_STATE_STOP_COPY, VFMIG_STATE_RUNNING);
	state_is_not_wanted();
	for (int state = 1; state < VFMIG_STATE_COUNT; state++)
		reset_leads_out_of((enum vfmig_state)state);
	/* A reset that fails itself is no way out; the next one is. */
	card_go(session, VFMIG_STATE_STOP);
	card_resume_fails = -EIO;
	CHECK_EQ(vfmig_device_reset(device, NULL), -EIO);
	is_in_error();
	vfmig_session_close(session);
	vfmig_device_close(device);
	vfmig_space_free(space);
	return 0;
}
