/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Checks of v2: going from state to state.
 *
 * What the walk should be is asked of vfmig_v2_path(), which tests of the library hold against the rule.
 */
#include <stdio.h>

#include "conform/suite.h"

static bool there(const struct conform *c, uint32_t state)
{
	return vfmig_v2_state_supported(c->flags, state);
}

/* From a reset device into a state; a loading device is not to be left, so that comes last in each check. */
static int bring(struct conform *c, enum vfmig_state state)
{
	int ret = conform_reset(c);

	return ret ? ret : conform_set(c, state);
}

static enum conform_verdict arrived(struct conform *c, enum vfmig_state from, enum vfmig_state to)
{
	enum vfmig_state state;

	if (conform_set(c, to))
		return conform_fail(c, "from %s: %s", vfmig_state_name(from), c->err.text);
	MUST(c, conform_get(c, &state));
	if (state != to)
		return conform_fail(c, "from %s SET to %s succeeded, and it is in %s",
				    vfmig_state_name(from), vfmig_state_name(to),
				    vfmig_state_name(state));
	return CONFORM_PASS;
}

/* Whether a pair of states is one step of the machine, or more. */
static size_t steps(const struct conform *c, enum vfmig_state from, enum vfmig_state to)
{
	enum vfmig_state path[VFMIG_STATE_COUNT];
	size_t count;

	return vfmig_v2_path(c->flags, from, to, path, &count) ? 0 : count;
}

static enum conform_verdict walk_pairs(struct conform *c, bool combined)
{
	unsigned seen = 0;

	for (unsigned from = 1; from < VFMIG_STATE_COUNT; from++) {
		for (unsigned to = 1; to < VFMIG_STATE_COUNT; to++) {
			size_t n = there(c, from) && there(c, to) ? steps(c, from, to) : 0;
			enum conform_verdict verdict;

			/* What leaves RESUMING needs data first: V2-27. */
			if (from == VFMIG_STATE_RESUMING || !n || (n > 1) != combined)
				continue;
			NEED(c, bring(c, from));
			verdict = arrived(c, from, to);
			if (verdict != CONFORM_PASS)
				return verdict;
			seen++;
		}
	}
	return conform_pass(c, "all %u of them lead where they should", seen);
}

static enum conform_verdict each_arc(struct conform *c)
{
	return walk_pairs(c, false);
}

static enum conform_verdict each_combination(struct conform *c)
{
	return walk_pairs(c, true);
}

static enum conform_verdict set_where_it_is(struct conform *c)
{
	for (unsigned s = 1; s < VFMIG_STATE_COUNT; s++) {
		enum conform_verdict verdict;

		if (!there(c, s))
			continue;
		NEED(c, bring(c, s));
		verdict = arrived(c, s, s);
		if (verdict != CONFORM_PASS)
			return verdict;
	}
	return conform_pass(c, "in each state, SET to that state changes nothing");
}

/* A state that cannot be requested: the device must refuse, and stay in its state. */
static enum conform_verdict refused(struct conform *c, enum vfmig_state from, uint32_t to)
{
	enum vfmig_state state;
	int ret;

	NEED(c, bring(c, from));
	ret = conform_set(c, to);
	if (!ret)
		return conform_fail(c, "in %s, SET to %u (%s) succeeded", vfmig_state_name(from),
				    to, vfmig_state_name(to));
	if (conform_lost(ret))
		return conform_failed(c, CONFORM_FAIL);
	snprintf(c->why, sizeof(c->why), "%.255s", c->err.text);
	MUST(c, conform_get(c, &state));
	if (state != from)
		return conform_fail(
			c, "in %s, SET to %u (%s) was refused, and it went to %s all the same",
			vfmig_state_name(from), to, vfmig_state_name(to), vfmig_state_name(state));
	return CONFORM_PASS;
}

static enum conform_verdict refused_everywhere(struct conform *c, const uint32_t *to, size_t count)
{
	for (unsigned from = 1; from < VFMIG_STATE_COUNT; from++) {
		if (!there(c, from))
			continue;
		for (size_t i = 0; i < count; i++) {
			enum conform_verdict verdict = refused(c, from, to[i]);

			if (verdict != CONFORM_PASS)
				return verdict;
		}
	}
	return CONFORM_PASS;
}

static enum conform_verdict error_cannot_be_asked_for(struct conform *c)
{
	const uint32_t error = VFMIG_STATE_ERROR;
	enum conform_verdict verdict = refused_everywhere(c, &error, 1);

	return verdict != CONFORM_PASS ? verdict
				       : conform_pass(c, "refused from every state: %s", c->why);
}

static enum conform_verdict lacking_states_are_refused(struct conform *c)
{
	enum conform_verdict verdict;
	uint32_t lacking[VFMIG_STATE_COUNT];
	size_t count = 0;

	for (unsigned s = 1; s < VFMIG_STATE_COUNT; s++)
		if (!there(c, s))
			lacking[count++] = s;
	if (!count)
		return conform_na(c, "the device has all the optional states");
	verdict = refused_everywhere(c, lacking, count);
	return verdict != CONFORM_PASS
		       ? verdict
		       : conform_pass(c, "%zu states that it lacks are refused from every state",
				      count);
}

/* All 16 values that four bits hold, and what only 32 do. */
static enum conform_verdict other_numbers_are_refused(struct conform *c)
{
	static const uint32_t numbers[] = {8,  9,  10, 11,	   12,	       13,
					   14, 15, 16, 0x80000002, 0x10000002, 0xffffffff};
	enum conform_verdict verdict =
		refused_everywhere(c, numbers, sizeof(numbers) / sizeof(numbers[0]));

	return verdict != CONFORM_PASS
		       ? verdict
		       : conform_pass(c,
				      "8 to 15, and larger numbers, are refused from every state");
}

static enum conform_verdict blocked_pairs_are_refused(struct conform *c)
{
	enum conform_verdict verdict = refused(c, VFMIG_STATE_STOP_COPY, VFMIG_STATE_PRE_COPY);

	if (verdict == CONFORM_PASS && c->has & CONFORM_P2P)
		verdict = refused(c, VFMIG_STATE_STOP_COPY, VFMIG_STATE_PRE_COPY_P2P);
	return verdict != CONFORM_PASS ? verdict : conform_pass(c, "refused: %s", c->why);
}

static enum conform_verdict nothing_changes_by_itself(struct conform *c)
{
	for (unsigned s = 1; s < VFMIG_STATE_COUNT; s++) {
		enum vfmig_state state;

		if (!there(c, s))
			continue;
		NEED(c, bring(c, s));
		NEED(c, conform_look_on(c));
		MUST(c, conform_get(c, &state));
		if (state != s)
			return conform_fail(c, "it was left in %s, and was found in %s",
					    vfmig_state_name(s), vfmig_state_name(state));
	}
	return conform_pass(c, "left alone in each of its states, it stays there");
}

static enum conform_verdict a_reset_leads_out_of_everywhere(struct conform *c)
{
	for (unsigned s = 1; s < VFMIG_STATE_COUNT; s++) {
		enum vfmig_state state;

		if (!there(c, s))
			continue;
		NEED(c, bring(c, s));
		MUST(c, conform_reset(c));
		MUST(c, conform_get(c, &state));
		if (state != VFMIG_STATE_RUNNING)
			return conform_fail(c, "a reset in %s leads to %s", vfmig_state_name(s),
					    vfmig_state_name(state));
	}
	return conform_pass(c, "a reset leads from each of its states to RUNNING");
}

static enum conform_verdict optional_states_need_not_be_known(struct conform *c)
{
	static const enum vfmig_state tour[] = {VFMIG_STATE_STOP_COPY, VFMIG_STATE_STOP,
						VFMIG_STATE_RUNNING, VFMIG_STATE_STOP,
						VFMIG_STATE_RUNNING};
	enum vfmig_state from = VFMIG_STATE_RUNNING;

	for (size_t i = 0; i < sizeof(tour) / sizeof(tour[0]); i++) {
		enum conform_verdict verdict = arrived(c, from, tour[i]);

		if (verdict != CONFORM_PASS)
			return verdict;
		from = tour[i];
	}
	return conform_pass(
		c, "RUNNING to STOP_COPY, STOP, RUNNING and back, without naming any other");
}

const struct conform_check conform_v2_arcs[] = {
	{"V2-09", "a SET that succeeds has done all of the way: GET says so at once", CONFORM_V2,
	 false, optional_states_need_not_be_known},
	{"V2-10", "the state changes only by SET and reset", CONFORM_V2, false,
	 nothing_changes_by_itself},
	{"V2-19", "every arc of the machine can be taken", CONFORM_V2, false, each_arc},
	{"V2-40", "ERROR cannot be asked for", CONFORM_V2, false, error_cannot_be_asked_for},
	{"V2-42", "a reset leads from any state to RUNNING", CONFORM_V2, false,
	 a_reset_leads_out_of_everywhere},
	{"V2-49", "every combination of arcs is walked to its end", CONFORM_V2, false,
	 each_combination},
	{"V2-52", "a number that is no state is refused, and changes nothing", CONFORM_V2, false,
	 other_numbers_are_refused},
	{"V2-53", "an optional state that the device lacks is refused", CONFORM_V2, false,
	 lacking_states_are_refused},
	{"V2-57", "a SET to the state that there is succeeds, and changes nothing", CONFORM_V2,
	 false, set_where_it_is},
	{"V2-64", "from STOP_COPY there is no way to PRE_COPY or PRE_COPY_P2P",
	 CONFORM_V2 | CONFORM_PRE_COPY | CONFORM_RISKY, false, blocked_pairs_are_refused},
	{NULL},
};
