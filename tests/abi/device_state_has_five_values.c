/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * device_state of v1 and pfn: each value written in the place of each other, reserved bits included, against
 * rules written down here; and the ways that a careful user takes, each held against what the text draws.
 */
#include "abi/region.h"
#include "tests/abi/refused.h"

static const char reserved[] =
	"bits 3 to 31 of device_state are reserved: write back what was read";
static const char broken[] = "the device is in its error state: only a reset leads out";
static const char no_101[] = "101b has no meaning: a device does not run while it resumes";
static const char no_111[] = "111b has no meaning: a device does not save while it resumes";
static const char v1_110[] = "110b is the error state: nobody can ask for it";
static const char pfn_110[] = "_SAVING and _RESUMING at the same time are an invalid state";
static const char blocked[] = "stop-and-copy cannot go back to pre-copy";

static const char *oracle(enum vfmig_region_revision revision, uint32_t from, uint32_t to)
{
	if (from >> 3 != to >> 3)
		return reserved;
	if ((from & 7) > 4)
		return broken;
	switch (to & 7) {
	case 5:
		return no_101;
	case 6:
		return revision == VFMIG_REGION_V1 ? v1_110 : pfn_110;
	case 7:
		return no_111;
	}
	return (from & 7) == 2 && (to & 7) == 3 ? blocked : NULL;
}

static void writes(enum vfmig_region_revision revision)
{
	for (uint32_t from = 0; from < 16; from++) {
		for (uint32_t to = 0; to < 16; to++)
			REFUSED(abi_region_transition(revision, from, to),
				oracle(revision, from, to));
		for (uint32_t bit = 3; bit < 32; bit++) {
			REFUSED(abi_region_transition(revision, from, from ^ 1u << bit), reserved);
			REFUSED(abi_region_transition(revision, (from & 7) | 1u << bit,
						      (from & 7) | 1u << bit),
				(from & 7) > 4 ? broken : NULL);
		}
	}
}

/* Is there an arrow from one to the other in the text, or a reason to trust it? */
static bool trusted(unsigned from, unsigned to, bool checks)
{
	static const uint8_t drawn[][2] = {{1, 0}, {1, 2}, {2, 0}, {1, 3}, {3, 2}, {1, 4}, {4, 1}};

	for (size_t i = 0; i < sizeof(drawn) / sizeof(drawn[0]); i++)
		if (drawn[i][0] == from && drawn[i][1] == to)
			return true;
	if (to == 1) /* giving up is open from everywhere */
		return true;
	if (from == 0) /* what begins at STOP, but for what needs a device that runs */
		return to == 2 || to == 4;
	return checks && from == 4 && to == 0;
}

static void ways(bool checks)
{
	static const uint8_t number[] = {
		[VFMIG_STATE_STOP] = 0,	    [VFMIG_STATE_RUNNING] = 1,	[VFMIG_STATE_STOP_COPY] = 2,
		[VFMIG_STATE_PRE_COPY] = 3, [VFMIG_STATE_RESUMING] = 4,
	};
	uint64_t flags = VFMIG_MIGRATION_STOP_COPY | VFMIG_MIGRATION_PRE_COPY;

	for (unsigned from = 0; from < 10; from++) {
		for (unsigned to = 0; to < 10; to++) {
			uint8_t steps[ABI_REGION_WRITES_MAX];
			enum vfmig_state a = (enum vfmig_state)from, b = (enum vfmig_state)to, next;
			const char *why = vfmig_v2_next(flags, a, b, &next);
			uint32_t n = 99, at;

			REFUSED(abi_region_way(a, b, checks, steps, &n), why);
			if (why)
				continue;
			CHECK(n <= ABI_REGION_WRITES_MAX);
			CHECK_EQ(!n, from == to);
			at = number[from];
			for (uint32_t i = 0; i < n; i++) {
				CHECKF(trusted(at, steps[i], checks), "%u to %u: %u to %u", from,
				       to, at, steps[i]);
				/* Who did not ask for a device that runs gets none, but to load it. */
				if (steps[i] == 1 && number[to] != 1 && number[to] != 3)
					CHECK(number[from] == 3 || (number[from] == 4 && !checks));
				at = steps[i];
			}
			CHECK_EQ(at, number[to]);
		}
	}
}

static void words(void)
{
	for (uint32_t value = 0; value < 64; value++) {
		enum vfmig_state state = abi_region_state_to(value);

		CHECK_EQ(state == VFMIG_STATE_ERROR, (value & 7) > 4);
		CHECK_EQ(abi_region_state_from(state),
			 (value & 7) > 4 ? VFMIG_V1_STATE_ERROR : value & 7);
	}
	CHECK_EQ(abi_region_state_from(VFMIG_STATE_RUNNING_P2P), VFMIG_V1_STATE_RUNNING);
	CHECK_EQ(abi_region_state_from(VFMIG_STATE_PRE_COPY_P2P), VFMIG_V1_STATE_PRE_COPY);
	CHECK_EQ(abi_region_state_from((enum vfmig_state)99), VFMIG_V1_STATE_ERROR);
}

int main(void)
{
	RUN(writes(VFMIG_REGION_V1));
	RUN(writes(VFMIG_REGION_PFN));
	RUN(ways(false));
	RUN(ways(true));
	RUN(words());
	return 0;
}
