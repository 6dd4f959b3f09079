/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * device_state: which values are states, and which changes are transitions.
 *
 * The text of v1 draws five ways: to STOP, to STOP_COPY and then STOP, to PRE_COPY, STOP_COPY and
 * STOP, to RESUMING, and back from there to RUNNING; then it allows any state that can be reached.
 * pfn draws none. A user can request five states in both, and they are states of v2, so the driver
 * side accepts what the walk of v2 accepts, in one write. That covers the drawn ways and what VMMs
 * do besides (give up from anywhere by writing RUNNING; save a guest that was stopped before). It
 * refuses one pair: beginning pre-copy again in the middle of stop-copy would run a device whose
 * state has left already.
 *
 * A user that drives a third-party device is more careful: see the ways below.
 */
#include "abi/region.h"

#define STOP	  VFMIG_V1_STATE_STOP
#define RUNNING	  VFMIG_V1_STATE_RUNNING
#define STOP_COPY VFMIG_V1_STATE_STOP_COPY
#define PRE_COPY  VFMIG_V1_STATE_PRE_COPY
#define RESUMING  VFMIG_V1_STATE_RESUMING
#define STATES	  5

/* Each row is a current state; it has a bit for each state that a write may request. */
#define BIT(state) (1U << (state))
#define ALL	   (BIT(STOP) | BIT(RUNNING) | BIT(STOP_COPY) | BIT(PRE_COPY) | BIT(RESUMING))

static const uint8_t transitions[STATES] = {
	[STOP] = ALL,	  [RUNNING] = ALL,  [STOP_COPY] = ALL & ~BIT(PRE_COPY),
	[PRE_COPY] = ALL, [RESUMING] = ALL,
};

const char *abi_region_state_check(enum vfmig_region_revision revision, uint32_t value)
{
	switch (value & VFMIG_V1_STATE_MASK) {
	case VFMIG_V1_SAVING | VFMIG_V1_RESUMING:
		return revision == VFMIG_REGION_V1
			       ? "110b is the error state: nobody can ask for it"
			       : "_SAVING and _RESUMING at the same time are an invalid state";
	case VFMIG_V1_RUNNING | VFMIG_V1_RESUMING:
		return "101b has no meaning: a device does not run while it resumes";
	case VFMIG_V1_STATE_MASK:
		return "111b has no meaning: a device does not save while it resumes";
	default:
		return NULL;
	}
}

const char *abi_region_transition(enum vfmig_region_revision revision, uint32_t from, uint32_t to)
{
	const char *why;

	if ((from ^ to) & ~VFMIG_V1_STATE_MASK)
		return "bits 3 to 31 of device_state are reserved: write back what was read";
	if (abi_region_state_check(revision, from))
		return "the device is in its error state: only a reset leads out";
	why = abi_region_state_check(revision, to);
	if (why)
		return why;
	if (!(transitions[from & VFMIG_V1_STATE_MASK] & BIT(to & VFMIG_V1_STATE_MASK)))
		return "stop-and-copy cannot go back to pre-copy";
	return NULL;
}

enum vfmig_v1_state abi_region_state_from(enum vfmig_state state)
{
	switch (state) {
	case VFMIG_STATE_STOP:
		return STOP;
	case VFMIG_STATE_RUNNING:
	case VFMIG_STATE_RUNNING_P2P:
		return RUNNING;
	case VFMIG_STATE_STOP_COPY:
		return STOP_COPY;
	case VFMIG_STATE_PRE_COPY:
	case VFMIG_STATE_PRE_COPY_P2P:
		return PRE_COPY;
	case VFMIG_STATE_RESUMING:
		return RESUMING;
	default:
		return VFMIG_V1_STATE_ERROR;
	}
}

enum vfmig_state abi_region_state_to(uint32_t value)
{
	static const uint8_t states[VFMIG_V1_STATE_MASK + 1] = {
		[STOP] = VFMIG_STATE_STOP,	     [RUNNING] = VFMIG_STATE_RUNNING,
		[STOP_COPY] = VFMIG_STATE_STOP_COPY, [PRE_COPY] = VFMIG_STATE_PRE_COPY,
		[RESUMING] = VFMIG_STATE_RESUMING,
		/* the others are 0: ERROR */
	};

	return (enum vfmig_state)states[value & VFMIG_V1_STATE_MASK];
}

/*
 * The ways of a careful user. Third-party drivers may support only what the text draws. So each
 * way is made of drawn transitions, of RUNNING as the way to give up, and of transitions that
 * begin at STOP, which the text leaves open. Each is one number: a 1, followed by the writes as
 * octal digits.
 */
static const uint16_t ways[STATES][STATES] = {
	[STOP] = {[RUNNING] = 011, [STOP_COPY] = 012, [PRE_COPY] = 0113, [RESUMING] = 014},
	[RUNNING] = {[STOP] = 010, [STOP_COPY] = 012, [PRE_COPY] = 013, [RESUMING] = 014},
	[STOP_COPY] = {[STOP] = 010, [RUNNING] = 011, [RESUMING] = 0104},
	[PRE_COPY] = {[STOP] = 0110, [RUNNING] = 011, [STOP_COPY] = 012, [RESUMING] = 0114},
	[RESUMING] = {[STOP] = 0110, [RUNNING] = 011, [STOP_COPY] = 0112, [PRE_COPY] = 0113},
};

/* Out of RESUMING if it can be left for STOP. */
static const uint16_t checked[STATES] = {
	[STOP] = 010, [RUNNING] = 011, [STOP_COPY] = 0102, [PRE_COPY] = 0113};

const char *abi_region_way(enum vfmig_state from, enum vfmig_state to, bool checks,
			   uint8_t writes[ABI_REGION_WRITES_MAX], uint32_t *count)
{
	uint64_t flags = VFMIG_MIGRATION_STOP_COPY | VFMIG_MIGRATION_PRE_COPY;
	enum vfmig_state next;
	const char *why = vfmig_v2_next(flags, from, to, &next);
	uint32_t a, b, way, n = 0;

	if (why)
		return why;
	a = abi_region_state_from(from);
	b = abi_region_state_from(to);
	way = a == RESUMING && checks ? checked[b] : ways[a][b];
	for (uint32_t digits = way; digits > 1; digits >>= 3)
		n++;
	for (uint32_t i = 0; i < n; i++)
		writes[i] = way >> 3 * (n - 1 - i) & VFMIG_V1_STATE_MASK;
	*count = n;
	return NULL;
}
