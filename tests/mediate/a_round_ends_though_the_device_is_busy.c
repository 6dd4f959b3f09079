/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A mediated copier at work always has some of its board to give again, as its mediator has no end of a pass: what
 * pending_bytes says does not come to 0 before the stop. A round of pre-copy ends all the same, when a few times what
 * was pending at its beginning has come.
 */
#include "tests/lib/check.h"
#include "tests/copier/move.h"

#define ROUNDS 3u

/* Four times the board in a round, with what was asked for ahead; and the board once more at the stop. */
#define MOST(rounds) (((rounds)*6 + 1) * (uint64_t)MOVE_BOARD)

int main(int argc, char **argv)
{
	char filter[4096];
	struct move move = {
		.options = "migration=off,logging=off",
		.filter = filter,
		.destination_filter = filter,
		.remote = true,
		.max_rounds = ROUNDS,
	};

	CHECK_EQ(argc, 2);
	snprintf(filter, sizeof(filter), "mediate,so=%s", argv[1]);
	move_expect_good("a busy device", &move);
	/* Fewer, if nothing was pending for once just when it was asked. */
	CHECK(move.result.rounds >= 1 && move.result.rounds <= ROUNDS);
	CHECKF(move.result.device_bytes > MOVE_BOARD &&
		       move.result.device_bytes < MOST(move.result.rounds),
	       "%llu bytes of the device's", (unsigned long long)move.result.device_bytes);
	return 0;
}
