/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The filter translate: a copier at work moves from a device of one revision that is shown in another, to one that is
 * what is shown, and the other way round; and through two of them in a row. Nothing is lost on any way.
 */
#include "tests/check.h"
#include "tests/copier/move.h"

static const struct {
	const char *name, *options, *filter;
} kinds[] = {
	{"pfn", "protocol=pfn,data=trapped",
	 "translate,protocol=pfn,data=mapped,transaction=70000"},
	{"v1", "protocol=v1,data=mapped", "translate,protocol=v1,data=partly"},
	{"v1 of a stranger", "protocol=v1,data=mapped,tell=off", "translate,protocol=v1,tell=off"},
	{"v2", "protocol=v2,migration=pre_copy", "translate,protocol=v2"},
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

int main(void)
{
	char what[96];

	for (size_t inner = 0; inner < KINDS; inner++) {
		for (size_t shown = 0; shown < KINDS; shown++) {
			struct move out = {
				.options = kinds[inner].options,
				.filter = kinds[shown].filter,
				.destination_options = kinds[shown].options,
				.max_rounds = 2,
			};
			struct move in = {
				.options = kinds[shown].options,
				.destination_options = kinds[inner].options,
				.destination_filter = kinds[shown].filter,
				.max_rounds = 2,
			};

			snprintf(what, sizeof(what), "%s shown as %s, to %s", kinds[inner].name,
				 kinds[shown].name, kinds[shown].name);
			move_expect_good(what, &out);
			snprintf(what, sizeof(what), "%s to %s shown as %s", kinds[shown].name,
				 kinds[inner].name, kinds[shown].name);
			move_expect_good(what, &in);
		}
	}
	return 0;
}
