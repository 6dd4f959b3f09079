/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Every revision to every revision: a copier at work moves, and the proof is made.
 */
#ifndef TESTS_TRANSLATE_MATRIX_H
#define TESTS_TRANSLATE_MATRIX_H

#include "tests/lib/check.h"
#include "tests/copier/move.h"

/* The first ones with each other; those behind, in this process, with themselves and both ways with v2. */
#define EACH 4u

static const struct {
	const char *name, *options;
} kinds[] = {
	{"pfn", "protocol=pfn,data=trapped,transaction=300K"},
	{"v1, trapped", "protocol=v1,data=trapped,transaction=512K"},
	{"v1, mapped", "protocol=v1,data=mapped"},
	{"v2", "protocol=v2,migration=all"},
	{"pfn, mapped", "protocol=pfn,data=mapped,bitmap=apart"},
	{"v1, partly", "protocol=v1,data=partly,transaction=700001"},
	{"v1, as a stranger's", "protocol=v1,tell=off"},
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static inline void matrix(bool remote)
{
	size_t count = remote ? EACH : KINDS;
	char what[96];

	for (size_t from = 0; from < count; from++) {
		for (size_t to = 0; to < count; to++) {
			struct move move = {
				.options = kinds[from].options,
				.destination_options = kinds[to].options,
				.remote = remote,
				.max_rounds = 2,
			};

			if ((from >= EACH && to != EACH - 1 && to != from) ||
			    (to >= EACH && from != EACH - 1 && to != from))
				continue;
			snprintf(what, sizeof(what), "%s to %s", kinds[from].name, kinds[to].name);
			move_expect_good(what, &move);
		}
	}
}

#endif
