/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two translations in a row, in front of the device, behind the socket or one on each side of it: what a copier at
 * work has done is all there on the other side.
 */
#include "tests/lib/check.h"
#include "tests/copier/move.h"

int main(void)
{
	static const struct {
		const char *what;
		struct move move;
	} ways[] = {
		{"v2 as v1 as v2",
		 {.options = "migration=pre_copy",
		  .filter = "translate,protocol=v1 translate,protocol=v2",
		  .destination_filter =
			  "translate,protocol=v1,data=trapped translate,protocol=v2"}},
		{"v1 as v2 as v1",
		 {.options = "protocol=v1,tell=off",
		  .filter = "translate,protocol=v2 translate,protocol=v1,tell=off",
		  .destination_filter = "translate,protocol=v2 translate,protocol=v1"}},
		{"pfn as v2 as pfn",
		 {.options = "protocol=pfn",
		  .filter = "translate,protocol=v2 translate,protocol=pfn",
		  .destination_filter = "translate,protocol=v2 translate,protocol=pfn"}},
		{"v2 as pfn as v1",
		 {.options = "migration=pre_copy",
		  .filter = "translate,protocol=pfn translate,protocol=v1",
		  .destination_options = "protocol=v1"}},
		{"a stranger's v1, served as v2, had as v1",
		 {.options = "protocol=v1,tell=off",
		  .remote = true,
		  .filter = "translate,protocol=v2",
		  .host_filter = "translate,protocol=v1",
		  .destination_filter = "translate,protocol=v2",
		  .destination_host_filter = "translate,protocol=v1"}},
		{"v2, had as pfn",
		 {.options = "migration=pre_copy",
		  .remote = true,
		  .host_filter = "translate,protocol=pfn",
		  .destination_host_filter = "translate,protocol=pfn"}},
		{"pfn, had as v2, to v2 had as v1",
		 {.options = "protocol=pfn",
		  .remote = true,
		  .host_filter = "translate,protocol=v2",
		  .destination_options = "migration=pre_copy",
		  .destination_host_filter = "translate,protocol=v1"}},
	};

	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		struct move move = ways[i].move;

		move.max_rounds = 2;
		move_expect_good(ways[i].what, &move);
	}
	return 0;
}
