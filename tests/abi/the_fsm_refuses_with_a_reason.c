/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What no device will do is refused before any device is asked, with the reason; numbers that are
 * no states and flags that are no valid set included. Names lead to states and back.
 *
 * Rules: V2-40, V2-52, V2-53, V2-64.
 */
#include <vfmig/abi.h>

#include "tests/abi/refused.h"

#define ALL (VFMIG_MIGRATION_STOP_COPY | VFMIG_MIGRATION_P2P | VFMIG_MIGRATION_PRE_COPY)

static void refusals(void)
{
	static const char no_number[] = "there is no migration state of that number";
	static const char no_set[] =
		"the device's migration flags are not one of the four valid sets";
	static const char blocked[] = "STOP_COPY cannot go back to pre-copy: that arc is blocked";
	enum vfmig_state next = VFMIG_STATE_ERROR;

	REFUSED(vfmig_v2_next(ALL, VFMIG_STATE_STOP_COPY, VFMIG_STATE_PRE_COPY, &next), blocked);
	REFUSED(vfmig_v2_next(ALL, VFMIG_STATE_STOP_COPY, VFMIG_STATE_PRE_COPY_P2P, &next),
		blocked);
	REFUSED(vfmig_v2_next(ALL, VFMIG_STATE_RUNNING, VFMIG_STATE_ERROR, &next),
		"ERROR is not a state that can be asked for");
	REFUSED(vfmig_v2_next(ALL, VFMIG_STATE_ERROR, VFMIG_STATE_ERROR, &next),
		"ERROR is not a state that can be asked for");
	REFUSED(vfmig_v2_next(ALL, VFMIG_STATE_ERROR, VFMIG_STATE_RUNNING, &next),
		"only a reset leads out of ERROR");
	REFUSED(vfmig_v2_next(VFMIG_MIGRATION_STOP_COPY, VFMIG_STATE_RUNNING, VFMIG_STATE_PRE_COPY,
			      &next),
		"the device does not have that state");
	for (uint64_t bit = 3; bit < 32; bit++) {
		REFUSED(vfmig_v2_next(ALL, VFMIG_STATE_STOP, 1U << bit, &next), no_number);
		REFUSED(vfmig_v2_next(ALL, 1U << bit, VFMIG_STATE_STOP, &next), no_number);
		CHECK_STR(vfmig_state_name(1U << bit), "?");
	}
	REFUSED(vfmig_v2_next(ALL, UINT32_MAX, UINT32_MAX, &next), no_number);
	for (uint64_t flags = 0; flags < 64; flags++) {
		bool valid = flags < 8 && (flags & 1);

		CHECK_EQ(vfmig_v2_flags_valid(flags), valid);
		REFUSED(vfmig_v2_next(flags, VFMIG_STATE_STOP, VFMIG_STATE_RUNNING, &next),
			valid ? NULL : no_set);
	}
	REFUSED(vfmig_v2_next(ALL | 1ULL << 63, 1, 2, &next), no_set);
}

static void names(void)
{
	static const struct {
		const char *reported;
		int state;
	} spoken[] = {
		{"running", VFMIG_STATE_RUNNING},
		{"Stop-Copy", VFMIG_STATE_STOP_COPY},
		{"pre_copy-p2p", 7},
		{"pre_copy", 6},
		{"", -1},
		{"RUN", -1},
		{"STOP_COPY_", -1},
		{"STOPCOPY", -1},
		{"stop copy", -1},
		{"RUNNING_P2P", VFMIG_STATE_RUNNING_P2P},
		{"PRE_COPY_P2P_AND_MORE_THAN_IT", -1},
	};

	for (uint32_t s = 0; s < VFMIG_STATE_COUNT; s++) {
		const char *name = vfmig_state_name(s);
		enum vfmig_state state = (enum vfmig_state)((s + 1) % VFMIG_STATE_COUNT);

		CHECK(vfmig_state_parse(name, strlen(name), &state));
		CHECK_EQ(state, s);
	}
	for (size_t i = 0; i < sizeof(spoken) / sizeof(spoken[0]); i++) {
		size_t len = strlen(spoken[i].reported);
		enum vfmig_state state = VFMIG_STATE_ERROR;
		const char *reported = (const char *)fenced(spoken[i].reported, len);

		CHECKF(vfmig_state_parse(reported, len, &state) == (spoken[i].state > 0), "%s",
		       spoken[i].reported);
		CHECK_EQ(state, spoken[i].state > 0 ? spoken[i].state : 0);
	}
}

/* By the uAPI's words: which arcs begin a data session, which end one. */
static void sessions(void)
{
	static const struct {
		uint32_t from, to;
		enum vfmig_v2_session does;
	} arcs[] = {
		{VFMIG_STATE_RUNNING, VFMIG_STATE_PRE_COPY, VFMIG_V2_SESSION_SAVE},
		{VFMIG_STATE_RUNNING_P2P, VFMIG_STATE_PRE_COPY_P2P, VFMIG_V2_SESSION_SAVE},
		{VFMIG_STATE_STOP, VFMIG_STATE_STOP_COPY, VFMIG_V2_SESSION_SAVE},
		{VFMIG_STATE_STOP, VFMIG_STATE_RESUMING, VFMIG_V2_SESSION_LOAD},
		{VFMIG_STATE_STOP_COPY, VFMIG_STATE_STOP, VFMIG_V2_SESSION_CLOSE},
		{VFMIG_STATE_RESUMING, VFMIG_STATE_STOP, VFMIG_V2_SESSION_CLOSE},
		{VFMIG_STATE_PRE_COPY, VFMIG_STATE_RUNNING, VFMIG_V2_SESSION_CLOSE},
		{VFMIG_STATE_PRE_COPY_P2P, VFMIG_STATE_RUNNING_P2P, VFMIG_V2_SESSION_CLOSE},
		{VFMIG_STATE_PRE_COPY, VFMIG_STATE_PRE_COPY_P2P, VFMIG_V2_SESSION_NONE},
		{VFMIG_STATE_PRE_COPY_P2P, VFMIG_STATE_PRE_COPY, VFMIG_V2_SESSION_NONE},
		{VFMIG_STATE_PRE_COPY_P2P, VFMIG_STATE_STOP_COPY, VFMIG_V2_SESSION_NONE},
		/* without P2P */
		{VFMIG_STATE_PRE_COPY, VFMIG_STATE_STOP_COPY, VFMIG_V2_SESSION_NONE},
		{VFMIG_STATE_RUNNING, VFMIG_STATE_STOP, VFMIG_V2_SESSION_NONE},
		{VFMIG_STATE_RUNNING, VFMIG_STATE_RUNNING_P2P, VFMIG_V2_SESSION_NONE},
		{VFMIG_STATE_RUNNING_P2P, VFMIG_STATE_STOP, VFMIG_V2_SESSION_NONE},
		{VFMIG_STATE_RESUMING, VFMIG_STATE_RESUMING, VFMIG_V2_SESSION_NONE},
		{VFMIG_STATE_STOP_COPY, VFMIG_STATE_STOP_COPY, VFMIG_V2_SESSION_NONE},
	};

	for (size_t i = 0; i < sizeof(arcs) / sizeof(arcs[0]); i++)
		CHECKF(vfmig_v2_session_of(arcs[i].from, arcs[i].to) == arcs[i].does, "%s -> %s",
		       vfmig_state_name(arcs[i].from), vfmig_state_name(arcs[i].to));
}

int main(void)
{
	RUN(refusals());
	RUN(names());
	RUN(sessions());
	return 0;
}
