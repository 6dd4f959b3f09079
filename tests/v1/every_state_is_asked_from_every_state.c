/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Each value of device_state from 0 to 15 is written in each state that there is, in v1 and in pfn, on devices of
 * every kind: what is taken and what is read back is what the rules say, written down here anew. And what
 * the device itself does behind it is the state that was asked for.
 *
 * Rules: V1-03, V1-04, V1-09, V1-10, V1-14, V1-15, V1-16, V1-17, V1-18, V1-19, V1-22, V1-24, V1-55,
 * TLK-02, TLK-05, TLK-06, PFN-03, PFN-04, PFN-05, PFN-07.
 */
#include "tests/v1/shown.h"

/* What happens to a write. */
struct outcome {
	int result;
	uint32_t state; /* read back */
};

/*
 * The rules. Five values are states; a write of one of them is done, but for going back from stop-and-copy to
 * pre-copy. All else is refused and changes nothing; in the error state all is refused. Bits that are
 * not what was read are refused.
 */
static struct outcome oracle(uint32_t from, uint32_t to, uint32_t reserved)
{
	struct outcome refused = {-EINVAL, from | reserved}, done = {0, to};

	if ((to & ~7u) != reserved || from == 6)
		return refused;
	switch (to & 7) {
	case 0: /* stop */
	case 1: /* run */
	case 2: /* stop and copy */
	case 4: /* resume */
		return done;
	case 3: /* pre-copy */
		return from == 2 ? refused : done;
	default:
		return refused;
	}
}

static enum vfmig_state behind(uint32_t bits, uint64_t flags)
{
	switch (bits) {
	case 0:
		return VFMIG_STATE_STOP;
	case 1:
		return VFMIG_STATE_RUNNING;
	case 2:
		return VFMIG_STATE_STOP_COPY;
	case 3:
		return flags & VFMIG_MIGRATION_PRE_COPY ? VFMIG_STATE_PRE_COPY
							: VFMIG_STATE_RUNNING;
	case 4:
		return VFMIG_STATE_RESUMING;
	default:
		return VFMIG_STATE_ERROR;
	}
}

static void bring(struct shown *shown, uint32_t from, uint32_t reserved)
{
	CHECK_EQ(vfmig_device_reset(&shown->device, NULL), 0);
	CHECK_EQ(state(shown), 1 | reserved);
	if (from == 6) {
		shown->fake.fail_into = VFMIG_STATE_STOP;
		shown->fake.fail_hard = true;
		CHECK_EQ(put_state(shown, 0 | reserved), -EREMOTEIO);
	} else {
		CHECK_EQ(put_state(shown, from | reserved), 0);
	}
	CHECK_EQ(state(shown), from | reserved);
}

static void each(enum vfmig_region_revision revision, uint64_t flags, uint32_t reserved)
{
	static const uint32_t froms[] = {0, 1, 2, 3, 4, 6};
	struct region_options options = {.transaction = 64, .reserved = reserved};
	struct shown *shown = shown_new(revision, flags, NULL, &options);

	for (size_t i = 0; i < sizeof(froms) / sizeof(froms[0]); i++) {
		for (uint32_t to = 0; to < 16; to++) {
			struct outcome expected = oracle(froms[i], to, reserved);

			bring(shown, froms[i], reserved);
			CHECKF(put_state(shown, to) == expected.result, "%u to %u", froms[i], to);
			CHECKF(state(shown) == expected.state, "%u to %u: 0x%x", froms[i], to,
			       state(shown));
			CHECK_EQ(shown->fake.state, behind(expected.state & 7, flags));
		}
	}
	vfmig_device_close(&shown->device);
}

int main(void)
{
	static const uint64_t kinds[] = {
		VFMIG_MIGRATION_STOP_COPY,
		VFMIG_MIGRATION_STOP_COPY | VFMIG_MIGRATION_P2P,
		VFMIG_MIGRATION_STOP_COPY | VFMIG_MIGRATION_PRE_COPY,
		FAKE_ALL,
	};

	for (size_t i = 0; i < 4; i++) {
		each(VFMIG_REGION_V1, kinds[i], 0);
		each(VFMIG_REGION_PFN, kinds[i], 0);
		/* With reserved bits that are not zero: 8 to 15 are the right ones to write. */
		each(VFMIG_REGION_V1, kinds[i], 8);
		each(VFMIG_REGION_PFN, kinds[i], 8);
	}
	return 0;
}
