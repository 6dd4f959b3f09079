/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The filter translate: a copier at work moves from a device of one revision that is shown in another, to one that is
 * what is shown, and the other way round. Nothing is lost on any way. A v2 device that has no optional states, shown
 * in a revision that demands pre-copy; and one that cannot tell what it wrote, shown in one that has to.
 */
#include "tests/lib/check.h"
#include "tests/copier/move.h"

static const struct {
	const char *name, *options;
} inners[] = {
	{"pfn", "protocol=pfn,data=trapped"},
	{"a stranger's v1", "protocol=v1,data=mapped,tell=off"},
	{"v2", "protocol=v2,migration=all"},
	{"v2 without pre-copy", "protocol=v2,migration=stop_copy"},
};

static const struct {
	const char *name, *options, *filter;
} shown[] = {
	{"pfn", "protocol=pfn,data=trapped",
	 "translate,protocol=pfn,data=mapped,transaction=70000"},
	{"v1", "protocol=v1,data=mapped,tell=off", "translate,protocol=v1,data=partly,tell=off"},
	{"v2", "protocol=v2,migration=pre_copy", "translate,protocol=v2"},
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* Nobody knows what it wrote; so all of it goes once more when it has stopped. */
static void cannot_tell(void)
{
	struct move move = {
		.options = "protocol=v2,migration=all,logging=off",
		.filter = "translate,protocol=pfn",
		.destination_options = "protocol=v2,migration=all",
		.max_rounds = 2,
	};

	move_expect_good("v2 that does not log shown as pfn, to v2", &move);
}

int main(void)
{
	char what[96];

	for (size_t i = 0; i < COUNT(inners); i++) {
		for (size_t s = 0; s < COUNT(shown); s++) {
			struct move out = {
				.options = inners[i].options,
				.filter = shown[s].filter,
				.destination_options = shown[s].options,
				.max_rounds = 2,
			};
			struct move in = {
				.options = shown[s].options,
				.destination_options = inners[i].options,
				.destination_filter = shown[s].filter,
				.max_rounds = 2,
			};

			snprintf(what, sizeof(what), "%s shown as %s, to %s", inners[i].name,
				 shown[s].name, shown[s].name);
			move_expect_good(what, &out);
			/* What has no pre-copy in v2 is not sent the data of one. */
			if (strstr(inners[i].options, "stop_copy") && s == COUNT(shown) - 1)
				continue;
			snprintf(what, sizeof(what), "%s to %s shown as %s", shown[s].name,
				 inners[i].name, shown[s].name);
			move_expect_good(what, &in);
		}
	}
	cannot_tell();
	return 0;
}
