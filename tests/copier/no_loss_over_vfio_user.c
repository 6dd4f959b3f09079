/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A copier that is at work moves, from one vfio-user server to another, with the states of v2 that it has and those that it
 * has not: no descriptor is lost, none is done twice, and every byte of the file comes home.
 */
#include "tests/check.h"
#include "tests/copier/move.h"

int main(void)
{
	static const struct {
		const char *what, *options;
		bool no_precopy;
		uint64_t max_rounds;
	} how[] = {
		{"pre-copy and P2P", "migration=all", false, 3},
		{"pre-copy, no P2P", "migration=pre_copy", false, 3},
		{"P2P, no pre-copy", "migration=p2p", false, 3},
		{"neither", "migration=stop_copy", false, 3},
		{"pre-copy that is not used", "migration=all", true, 3},
		{"all at the stop", "migration=all", true, 0},
	};

	for (size_t i = 0; i < sizeof(how) / sizeof(how[0]); i++) {
		struct move move = {
			.options = how[i].options,
			.remote = true,
			.no_precopy = how[i].no_precopy,
			.max_rounds = how[i].max_rounds,
		};

		move_expect_good(how[i].what, &move);
	}
	return 0;
}
