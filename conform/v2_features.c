/* SPDX-License-Identifier: BSD-3-Clause */
/* Checks of v2: the features that a device reports. */
#include "conform/suite.h"

#define GET   VFMIG_FEATURE_GET
#define SET   VFMIG_FEATURE_SET
#define PROBE VFMIG_FEATURE_PROBE

static enum conform_verdict probe_agrees(struct conform *c)
{
	static const struct {
		uint32_t op, feature;
		const char *name;
	} asked[] = {
		{GET, VFMIG_FEATURE_MIGRATION, "MIGRATION"},
		{GET, VFMIG_FEATURE_MIG_STATE, "MIG_DEVICE_STATE"},
		{SET, VFMIG_FEATURE_MIG_STATE, "MIG_DEVICE_STATE"},
	};
	enum vfmig_state before, after;

	NEED(c, conform_get(c, &before));
	for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++)
		if (conform_feature(c, PROBE | asked[i].op | asked[i].feature, NULL, 0))
			return conform_fail(
				c, "the device has %s, and a probe says that it has not: %s",
				asked[i].name, c->err.text);
	if (!conform_feature(c, PROBE | 0x7eee, NULL, 0))
		return conform_fail(c, "PROBE of the undefined feature 0x7eee succeeded");
	NEED(c, conform_get(c, &after));
	if (before != after)
		return conform_fail(c, "probing has taken the device from %s to %s",
				    vfmig_state_name(before), vfmig_state_name(after));
	return conform_pass(c, "MIGRATION and MIG_DEVICE_STATE are found by a probe, an unknown "
			       "feature is not, and nothing changed");
}

static enum conform_verdict both_at_once_is_refused(struct conform *c)
{
	struct vfmig_feature_mig_state state = {.device_state = VFMIG_STATE_RUNNING, .data_fd = -1};
	int ret = conform_feature(c, GET | SET | VFMIG_FEATURE_MIG_STATE, &state, sizeof(state));

	if (!ret)
		return conform_fail(c, "GET and SET in one call succeeded");
	if (conform_lost(ret))
		return conform_failed(c, CONFORM_FAIL);
	ret = conform_feature(c, SET | VFMIG_FEATURE_MIGRATION, &c->scratch, 8);
	if (!ret)
		return conform_fail(c, "MIGRATION, which can only be got, was set");
	if (conform_lost(ret))
		return conform_failed(c, CONFORM_FAIL);
	return conform_pass(c, "refused: %s", c->err.text);
}

static enum conform_verdict flags_are_a_known_set(struct conform *c)
{
	if (!(c->flags & VFMIG_MIGRATION_STOP_COPY))
		return conform_fail(c, "flags are 0x%llx: STOP_COPY is not among them",
				    (unsigned long long)c->flags);
	return conform_pass(c, "flags are 0x%llx", (unsigned long long)c->flags);
}

static enum conform_verdict no_other_flags(struct conform *c)
{
	if (!vfmig_v2_flags_valid(c->flags | VFMIG_MIGRATION_STOP_COPY))
		return conform_fail(c,
				    "flags are 0x%llx: only STOP_COPY, P2P and PRE_COPY (7) mean "
				    "anything",
				    (unsigned long long)c->flags);
	return conform_pass(c, "flags are 0x%llx", (unsigned long long)c->flags);
}

static enum conform_verdict it_begins_in_running(struct conform *c)
{
	enum vfmig_state state;

	NEED(c, conform_set(c, VFMIG_STATE_STOP));
	MUST(c, conform_reset(c));
	MUST(c, conform_get(c, &state));
	if (state != VFMIG_STATE_RUNNING)
		return conform_fail(c, "after a reset it is in %s", vfmig_state_name(state));
	return conform_pass(c, "RUNNING is where a reset leads");
}

/* Each on a way that is drawn: STOP, STOP_COPY and back, RESUMING. */
static enum conform_verdict stop_copy_states_are_there(struct conform *c)
{
	static const enum vfmig_state tour[] = {VFMIG_STATE_STOP, VFMIG_STATE_STOP_COPY,
						VFMIG_STATE_STOP, VFMIG_STATE_RESUMING};

	for (size_t i = 0; i < 4; i++) {
		enum vfmig_state state;

		MUST(c, conform_set(c, tour[i]));
		MUST(c, conform_get(c, &state));
		if (state != tour[i])
			return conform_fail(c, "SET to %s succeeded, and it is in %s",
					    vfmig_state_name(tour[i]), vfmig_state_name(state));
	}
	return conform_pass(c, "it went to STOP, STOP_COPY, STOP and RESUMING");
}

static enum conform_verdict p2p_state_is_there(struct conform *c)
{
	enum vfmig_state state;

	MUST(c, conform_set(c, VFMIG_STATE_RUNNING_P2P));
	MUST(c, conform_get(c, &state));
	if (state != VFMIG_STATE_RUNNING_P2P)
		return conform_fail(c, "SET to RUNNING_P2P succeeded, and it is in %s",
				    vfmig_state_name(state));
	return conform_pass(c, "it went to RUNNING_P2P");
}

static enum conform_verdict pre_copy_state_is_there(struct conform *c)
{
	enum vfmig_state state;

	MUST(c, conform_set(c, VFMIG_STATE_PRE_COPY));
	MUST(c, conform_get(c, &state));
	if (state != VFMIG_STATE_PRE_COPY)
		return conform_fail(c, "SET to PRE_COPY succeeded, and it is in %s",
				    vfmig_state_name(state));
	if (c->has & CONFORM_NO_P2P)
		return conform_pass(c, "it went to PRE_COPY");
	MUST(c, conform_set(c, VFMIG_STATE_PRE_COPY_P2P));
	MUST(c, conform_get(c, &state));
	if (state != VFMIG_STATE_PRE_COPY_P2P)
		return conform_fail(c, "SET to PRE_COPY_P2P succeeded, and it is in %s",
				    vfmig_state_name(state));
	return conform_pass(c, "it went to PRE_COPY and PRE_COPY_P2P");
}

static enum conform_verdict get_has_no_fd(struct conform *c)
{
	static const enum vfmig_state tour[] = {VFMIG_STATE_RUNNING, VFMIG_STATE_STOP,
						VFMIG_STATE_STOP_COPY};

	for (size_t i = 0; i < 3; i++) {
		struct vfmig_feature_mig_state state = {.device_state = 99, .data_fd = 0};

		NEED(c, conform_set(c, tour[i]));
		MUST(c, conform_feature(c, GET | VFMIG_FEATURE_MIG_STATE, &state, sizeof(state)));
		if (state.data_fd != -1)
			return conform_fail(c, "in %s GET gives data_fd %d",
					    vfmig_state_name(tour[i]), state.data_fd);
		if (state.device_state != tour[i])
			return conform_fail(c, "in %s GET says %s", vfmig_state_name(tour[i]),
					    vfmig_state_name(state.device_state));
	}
	return conform_pass(c, "GET says RUNNING, STOP and STOP_COPY there, with data_fd -1");
}

static enum conform_verdict data_size_is_told(struct conform *c)
{
	struct vfmig_feature_mig_data_size size = {.stop_copy_length = UINT64_MAX};
	int ret = conform_feature(c, GET | VFMIG_FEATURE_MIG_DATA_SIZE, &size, sizeof(size));

	if (conform_lost(ret))
		return conform_failed(c, CONFORM_FAIL);
	if (ret)
		return conform_na(c, "the device does not tell its size: %s", c->err.text);
	NEED(c, conform_save(c, &c->data[0]));
	if (c->data[0].len && !size.stop_copy_length)
		return conform_fail(
			c, "it said that stop-copy would have nothing, and it had %zu bytes",
			c->data[0].len);
	return conform_pass(c, "it said %llu bytes, and stop-copy had %zu",
			    (unsigned long long)size.stop_copy_length, c->data[0].len);
}

const struct conform_check conform_v2_features[] = {
	{"V2-01", "a probe finds what is there, and changes nothing", CONFORM_V2, false,
	 probe_agrees},
	{"V2-02", "a feature is got or set, not both; what is only got cannot be set", CONFORM_V2,
	 false, both_at_once_is_refused},
	{"V2-03", "RUNNING is always there: a reset leads to it", CONFORM_V2, false,
	 it_begins_in_running},
	{"V2-04", "STOP_COPY is among the flags", CONFORM_V2, false, flags_are_a_known_set},
	{"V2-05", "a device with STOP_COPY has STOP, STOP_COPY and RESUMING", CONFORM_V2, false,
	 stop_copy_states_are_there},
	{"V2-06", "a device with P2P has RUNNING_P2P", CONFORM_V2 | CONFORM_P2P, false,
	 p2p_state_is_there},
	{"V2-07", "no flags but those that are defined", CONFORM_V2, false, no_other_flags},
	{"V2-17", "GET gives the state, and -1 for data_fd", CONFORM_V2, false, get_has_no_fd},
	{"V2-60", "a device with PRE_COPY has that state, and with P2P, PRE_COPY_P2P",
	 CONFORM_V2 | CONFORM_PRE_COPY, false, pre_copy_state_is_there},
	{"V2-67", "a device that tells its data's size does not say 0 when there is some",
	 CONFORM_V2, false, data_size_is_told},
	{NULL},
};
