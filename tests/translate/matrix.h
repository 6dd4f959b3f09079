/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Every revision to every revision: a copier at work moves, and the proof is made.
 */
#ifndef TESTS_TRANSLATE_MATRIX_H
#define TESTS_TRANSLATE_MATRIX_H

#include "tests/check.h"
#include "tests/copier/move.h"

static const struct {
	const char *name, *options;
} kinds[] = {
	{"pfn", "protocol=pfn,data=trapped,transaction=300K"},
	{"pfn, mapped", "protocol=pfn,data=mapped,bitmap=apart"},
	{"v1, trapped", "protocol=v1,data=trapped,transaction=512K"},
	{"v1, mapped", "protocol=v1,data=mapped"},
	{"v1, partly", "protocol=v1,data=partly,transaction=700001"},
	{"v1, as a stranger's", "protocol=v1,tell=off"},
	{"v2", "protocol=v2,migration=pre_copy"},
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static inline void matrix(bool remote)
{
	char what[96];

	for (size_t from = 0; from < KINDS; from++) {
		for (size_t to = 0; to < KINDS; to++) {
			struct move move = {
				.options = kinds[from].options,
				.destination_options = kinds[to].options,
				.remote = remote,
				.max_rounds = 2,
			};

			/* Each of them with three others: the messages in between make it slow. */
			if (remote && (from + to) % 2)
				continue;
			snprintf(what, sizeof(what), "%s to %s", kinds[from].name, kinds[to].name);
			move_expect_good(what, &move);
		}
	}
}

#endif
