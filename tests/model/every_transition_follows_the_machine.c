/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From each state that a device has to each other, for each set of flags: the device goes where the state
 * machine says it goes, or refuses with EINVAL and stays. Once asked as a feature of the device, as a stranger
 * would, and once through a session, which must not even ask the device where the machine refuses.
 *
 * Rules: V2-05, V2-06, V2-08, V2-09, V2-19, V2-40, V2-49, V2-53, V2-60, V2-71.
 */
#include "device/filter.h"
#include "tests/lib/test_device.h"

/* A filter that counts what is set. */
static atomic_uint sets;

static void counting_submit(struct vfmig_device *device, struct vfmig_request *request)
{
	if (request->op == VFMIG_OP_FEATURE &&
	    request->feature.flags == (VFMIG_FEATURE_SET | VFMIG_FEATURE_MIG_STATE))
		atomic_fetch_add(&sets, 1);
	vfmig_submit(device->inner, request);
}

static const struct device_ops counting = {
	.submit = counting_submit,
	.cancel = filter_cancel,
	.fd = filter_fd,
	.process = filter_process,
	.close = filter_close,
};

static struct vfmig_device *counted(struct vfmig_device *inner)
{
	struct vfmig_device *device = malloc(sizeof(*device));

	CHECK(device);
	CHECK_OK(filter_init(device, &counting, inner, "counting", &test_err));
	return device;
}

/* Into a state by itself, or false if the device does not have it. */
static bool bring(struct vfmig_device *device, struct vfmig_session *session, uint64_t flags,
		  enum vfmig_state state)
{
	CHECK_OK(vfmig_device_reset(device, &test_err));
	if (state == VFMIG_STATE_ERROR) {
		test_device_stop_fails = -EIO;
		CHECK_EQ(vfmig_session_set_state(session, VFMIG_STATE_STOP, NULL), -EIO);
		test_device_stop_fails = 0;
	} else if (!vfmig_v2_state_supported(flags, state)) {
		return false;
	} else {
		test_device_go(session, state);
	}
	CHECK_EQ(test_device_state_of(session), state);
	return true;
}

static void try_pair(struct vfmig_device *device, struct vfmig_session *session, uint64_t flags,
		     uint32_t from, uint32_t to, bool raw)
{
	struct vfmig_feature_mig_state payload = {.device_state = to, .data_fd = 99};
	enum vfmig_state path[VFMIG_STATE_COUNT];
	struct vfmig_error err = {0};
	size_t count = 0;
	const char *why = vfmig_v2_path(flags, from, to, path, &count);
	unsigned before;
	int ret;

	if (!bring(device, session, flags, (enum vfmig_state)from))
		return;
	before = atomic_load(&sets);
	if (raw)
		ret = vfmig_device_call_feature(device, VFMIG_FEATURE_SET | VFMIG_FEATURE_MIG_STATE,
						&payload, sizeof(payload), &err);
	else
		ret = vfmig_session_set_state(session, (enum vfmig_state)to, &err);
	if (why) {
		CHECK_EQ(ret, -EINVAL);
		CHECK_EQ(err.code, -EINVAL);
		CHECK(err.text[0]);
		CHECK_EQ(test_device_state_of(session), from);
		if (!raw)
			CHECK_EQ(atomic_load(&sets), before);
		return;
	}
	/* Nothing was written, so nothing leads out of RESUMING but a reset. */
	if (from == VFMIG_STATE_RESUMING && to != VFMIG_STATE_RESUMING) {
		CHECK_EQ(ret, -EINVAL);
		CHECK(strstr(err.text, "not complete"));
		CHECK_EQ(test_device_state_of(session), VFMIG_STATE_RESUMING);
		return;
	}
	CHECKF(!ret, "%s to %s: %s", vfmig_state_name(from), vfmig_state_name(to), err.text);
	if (raw) {
		CHECK_EQ(payload.device_state, to);
		CHECK_EQ(payload.data_fd, -1);
	}
	CHECK_EQ(test_device_state_of(session), to);
}

/* A number that is no state is refused before it gets anywhere. */
static void try_nonsense(struct vfmig_device *device, struct vfmig_session *session)
{
	static const uint32_t states[] = {8, 9, 255, 0x80000000u, UINT32_MAX};

	CHECK_OK(vfmig_device_reset(device, &test_err));
	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		struct vfmig_feature_mig_state payload = {.device_state = states[i]};

		CHECK_EQ(vfmig_device_call_feature(device,
						   VFMIG_FEATURE_SET | VFMIG_FEATURE_MIG_STATE,
						   &payload, sizeof(payload), NULL),
			 -EINVAL);
		CHECK_EQ(vfmig_session_set_state(session, (enum vfmig_state)states[i], NULL),
			 -EINVAL);
		CHECK_EQ(test_device_state_of(session), VFMIG_STATE_RUNNING);
	}
}

/* Where another user of the device has brought it, no session believes what it remembers. */
static void behind_its_back(struct vfmig_device *device, struct vfmig_session *session)
{
	struct vfmig_session *other = test_device_session(device);
	unsigned before;

	CHECK_OK(vfmig_device_reset(device, &test_err));
	test_device_go(session, VFMIG_STATE_PRE_COPY);
	test_device_go(session, VFMIG_STATE_RUNNING);
	test_device_go(other, VFMIG_STATE_STOP_COPY);
	before = atomic_load(&sets);
	CHECK_EQ(vfmig_session_set_state(session, VFMIG_STATE_PRE_COPY, NULL), -EINVAL);
	CHECK_EQ(vfmig_session_set_state(session, VFMIG_STATE_PRE_COPY_P2P, NULL), -EINVAL);
	CHECK_EQ(atomic_load(&sets), before);
	CHECK_OK(vfmig_device_reset(device, &test_err));
	test_device_go(session, VFMIG_STATE_PRE_COPY_P2P);
	vfmig_session_close(other);
}

int main(void)
{
	static const struct {
		const char *options;
		uint64_t flags;
	} sets_of_flags[] = {
		{"migration=stop_copy", VFMIG_MIGRATION_STOP_COPY},
		{"migration=p2p", VFMIG_MIGRATION_STOP_COPY | VFMIG_MIGRATION_P2P},
		{"migration=pre_copy", VFMIG_MIGRATION_STOP_COPY | VFMIG_MIGRATION_PRE_COPY},
		{"migration=all",
		 VFMIG_MIGRATION_STOP_COPY | VFMIG_MIGRATION_P2P | VFMIG_MIGRATION_PRE_COPY},
	};

	for (size_t i = 0; i < 4; i++) {
		struct vfmig_device *device = counted(test_device_open(sets_of_flags[i].options));
		struct vfmig_session *session = test_device_session(device);
		struct vfmig_space *space = vfmig_space_new();

		CHECK_OK(vfmig_space_attach(space, device, &test_err));
		CHECK_EQ(vfmig_session_flags(session), sets_of_flags[i].flags);
		for (uint32_t from = 0; from < VFMIG_STATE_COUNT; from++)
			for (uint32_t to = 0; to < VFMIG_STATE_COUNT; to++)
				for (int raw = 0; raw < 2; raw++)
					try_pair(device, session, sets_of_flags[i].flags, from, to,
						 raw);
		try_nonsense(device, session);
		if (i == 3)
			behind_its_back(device, session);
		vfmig_session_close(session);
		vfmig_device_close(device);
		vfmig_space_free(space);
	}
	return 0;
}
