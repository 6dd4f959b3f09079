/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The state machine of v2, as one table.
 *
 * A user requests any state from any other; the device gets there arc by arc. For a device that
 * has every state, the table holds the first arc of each way. If this device lacks a state on the
 * way, the walk goes on from that state to the next. Zero (ERROR, which a user cannot request)
 * stands for a way that is refused: STOP_COPY to the two pre-copy states, and all from ERROR.
 *
 * The rule behind the table: the shortest way over the arcs, on which a state of the saving group
 * may lie between the ends only if both ends are in that group. The arcs are the cells that name
 * their own column. tests/abi/the_fsm_agrees_with_the_rule.c derives all of it anew from the rule.
 */
#include <vfmig/abi.h>

#include <string.h>

#define STOP	     VFMIG_STATE_STOP
#define RUNNING	     VFMIG_STATE_RUNNING
#define STOP_COPY    VFMIG_STATE_STOP_COPY
#define RESUMING     VFMIG_STATE_RESUMING
#define RUNNING_P2P  VFMIG_STATE_RUNNING_P2P
#define PRE_COPY     VFMIG_STATE_PRE_COPY
#define PRE_COPY_P2P VFMIG_STATE_PRE_COPY_P2P

/* clang-format off */
static const uint8_t first_arc[VFMIG_STATE_COUNT][VFMIG_STATE_COUNT] = {
	[STOP] = {
		[STOP] = STOP,
		[RUNNING] = RUNNING_P2P,
		[STOP_COPY] = STOP_COPY,
		[RESUMING] = RESUMING,
		[RUNNING_P2P] = RUNNING_P2P,
		[PRE_COPY] = RUNNING_P2P,
		[PRE_COPY_P2P] = RUNNING_P2P,
	},
	[RUNNING] = {
		[STOP] = RUNNING_P2P,
		[RUNNING] = RUNNING,
		[STOP_COPY] = RUNNING_P2P,
		[RESUMING] = RUNNING_P2P,
		[RUNNING_P2P] = RUNNING_P2P,
		[PRE_COPY] = PRE_COPY,
		[PRE_COPY_P2P] = RUNNING_P2P,
	},
	[STOP_COPY] = {
		[STOP] = STOP,
		[RUNNING] = STOP,
		[STOP_COPY] = STOP_COPY,
		[RESUMING] = STOP,
		[RUNNING_P2P] = STOP,
		/* to PRE_COPY and PRE_COPY_P2P: blocked */
	},
	[RESUMING] = {
		[STOP] = STOP,
		[RUNNING] = STOP,
		[STOP_COPY] = STOP,
		[RESUMING] = RESUMING,
		[RUNNING_P2P] = STOP,
		[PRE_COPY] = STOP,
		[PRE_COPY_P2P] = STOP,
	},
	[RUNNING_P2P] = {
		[STOP] = STOP,
		[RUNNING] = RUNNING,
		[STOP_COPY] = STOP,
		[RESUMING] = STOP,
		[RUNNING_P2P] = RUNNING_P2P,
		[PRE_COPY] = RUNNING,
		[PRE_COPY_P2P] = PRE_COPY_P2P,
	},
	[PRE_COPY] = {
		[STOP] = RUNNING,
		[RUNNING] = RUNNING,
		[STOP_COPY] = PRE_COPY_P2P,
		[RESUMING] = RUNNING,
		[RUNNING_P2P] = RUNNING,
		[PRE_COPY] = PRE_COPY,
		[PRE_COPY_P2P] = PRE_COPY_P2P,
	},
	[PRE_COPY_P2P] = {
		[STOP] = RUNNING_P2P,
		[RUNNING] = RUNNING_P2P,
		[STOP_COPY] = STOP_COPY,
		[RESUMING] = RUNNING_P2P,
		[RUNNING_P2P] = RUNNING_P2P,
		[PRE_COPY] = PRE_COPY,
		[PRE_COPY_P2P] = PRE_COPY_P2P,
	},
};
/* clang-format on */

/* The flags that a device needs to have a state. */
static const uint8_t needs[VFMIG_STATE_COUNT] = {
	[STOP] = VFMIG_MIGRATION_STOP_COPY,
	[STOP_COPY] = VFMIG_MIGRATION_STOP_COPY,
	[RESUMING] = VFMIG_MIGRATION_STOP_COPY,
	[RUNNING_P2P] = VFMIG_MIGRATION_STOP_COPY | VFMIG_MIGRATION_P2P,
	[PRE_COPY] = VFMIG_MIGRATION_STOP_COPY | VFMIG_MIGRATION_PRE_COPY,
	[PRE_COPY_P2P] = VFMIG_MIGRATION_STOP_COPY | VFMIG_MIGRATION_P2P | VFMIG_MIGRATION_PRE_COPY,
};

static const char *const names[VFMIG_STATE_COUNT] = {
	"ERROR",    "STOP",	   "RUNNING",  "STOP_COPY",
	"RESUMING", "RUNNING_P2P", "PRE_COPY", "PRE_COPY_P2P",
};

const char *vfmig_state_name(uint32_t state)
{
	return state < VFMIG_STATE_COUNT ? names[state] : "?";
}

static char canonical(char c)
{
	if (c >= 'a' && c <= 'z')
		return (char)(c - 'a' + 'A');
	return c == '-' ? '_' : c;
}

bool vfmig_state_parse(const char *name, size_t len, enum vfmig_state *state)
{
	for (int s = 0; s < VFMIG_STATE_COUNT; s++) {
		size_t i = 0;

		while (i < len && names[s][i] && canonical(name[i]) == names[s][i])
			i++;
		if (i == len && !names[s][i]) {
			*state = (enum vfmig_state)s;
			return true;
		}
	}
	return false;
}

bool vfmig_v2_flags_valid(uint64_t flags)
{
	uint64_t known = VFMIG_MIGRATION_STOP_COPY | VFMIG_MIGRATION_P2P | VFMIG_MIGRATION_PRE_COPY;

	return (flags & VFMIG_MIGRATION_STOP_COPY) && !(flags & ~known);
}

bool vfmig_v2_state_supported(uint64_t flags, uint32_t state)
{
	return state < VFMIG_STATE_COUNT && (flags & needs[state]) == needs[state];
}

bool vfmig_v2_state_saving(uint32_t state)
{
	return state == PRE_COPY || state == PRE_COPY_P2P || state == STOP_COPY;
}

const char *vfmig_v2_next(uint64_t flags, uint32_t from, uint32_t to, enum vfmig_state *next)
{
	uint32_t at = from;

	if (!vfmig_v2_flags_valid(flags))
		return "the device's migration flags are not one of the four valid sets";
	if (from >= VFMIG_STATE_COUNT || to >= VFMIG_STATE_COUNT)
		return "there is no migration state of that number";
	if (to == VFMIG_STATE_ERROR)
		return "ERROR is not a state that can be asked for";
	if (from == VFMIG_STATE_ERROR)
		return "only a reset leads out of ERROR";
	if (!vfmig_v2_state_supported(flags, from) || !vfmig_v2_state_supported(flags, to))
		return "the device does not have that state";

	/* Each turn takes an arc of a way without cycles, so there are fewer turns than states. */
	do {
		at = first_arc[at][to];
		if (at == VFMIG_STATE_ERROR)
			return "STOP_COPY cannot go back to pre-copy: that arc is blocked";
	} while (!vfmig_v2_state_supported(flags, at));
	*next = (enum vfmig_state)at;
	return NULL;
}

const char *vfmig_v2_path(uint64_t flags, uint32_t from, uint32_t to,
			  enum vfmig_state path[VFMIG_STATE_COUNT], size_t *count)
{
	size_t n = 0;
	enum vfmig_state at;
	const char *why = vfmig_v2_next(flags, from, to, &at);

	while (!why && from != to && n < VFMIG_STATE_COUNT) {
		path[n++] = at;
		if ((uint32_t)at == to)
			break;
		why = vfmig_v2_next(flags, at, to, &at);
	}
	if (!why)
		*count = n;
	return why;
}

enum vfmig_v2_session vfmig_v2_session_of(uint32_t from, uint32_t to)
{
	bool saves = vfmig_v2_state_saving(from), will_save = vfmig_v2_state_saving(to);

	if (from == to)
		return VFMIG_V2_SESSION_NONE;
	if (will_save && !saves)
		return VFMIG_V2_SESSION_SAVE;
	if (to == RESUMING)
		return VFMIG_V2_SESSION_LOAD;
	if ((saves && !will_save) || from == RESUMING)
		return VFMIG_V2_SESSION_CLOSE;
	return VFMIG_V2_SESSION_NONE;
}
