/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A copier that cannot migrate and is at work moves all the same, mediated, in each revision and to a copier that can
 * do no more than it: no descriptor is lost, none is done twice, and every byte of the file comes home.
 *
 * Rules: MED-04.
 */
#include "tests/lib/check.h"
#include "tests/copier/move.h"

int main(int argc, char **argv)
{
	static const struct {
		const char *what, *argument, *protocol;
		bool no_precopy;
		uint64_t max_rounds;
	} how[] = {
		{"pfn", "", NULL, false, 3},
		{"pfn, by name", ",arg=pfn", "pfn", false, 3},
		{"pfn, all at the stop", "", NULL, true, 0},
		{"v1", ",arg=v1", NULL, false, 3},
		{"v1, all at the stop", ",arg=v1", NULL, true, 0},
	};

	CHECK_EQ(argc, 2);
	for (size_t i = 0; i < sizeof(how) / sizeof(how[0]); i++) {
		char filter[4096];
		struct move move = {
			.options = "migration=off,logging=off",
			.protocol = how[i].protocol,
			.filter = filter,
			.destination_filter = filter,
			.no_precopy = how[i].no_precopy,
			.max_rounds = how[i].max_rounds,
		};

		snprintf(filter, sizeof(filter), "mediate,so=%s%s", argv[1], how[i].argument);
		move_expect_good(how[i].what, &move);
	}
	return 0;
}
