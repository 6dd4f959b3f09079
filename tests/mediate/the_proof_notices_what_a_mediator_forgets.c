/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Negative controls for no_loss_*: mediators that forget what the copier wrote, in the host's memory or on board. The
 * migration succeeds each time, as nobody can know, and the proof does not.
 */
#include "tests/lib/check.h"
#include "tests/copier/move.h"

int main(int argc, char **argv)
{
	CHECK_EQ(argc, 3);
	for (int i = 1; i < argc; i++) {
		for (int v1 = 0; v1 < 2; v1++) {
			char filter[4096];
			struct move move = {
				.options = "migration=off,logging=off",
				.filter = filter,
				.destination_filter = filter,
				.max_rounds = 2,
			};

			snprintf(filter, sizeof(filter), "mediate,so=%s%s", argv[i],
				 v1 ? ",arg=v1" : "");
			move_expect_caught(filter, &move);
		}
	}
	return 0;
}
