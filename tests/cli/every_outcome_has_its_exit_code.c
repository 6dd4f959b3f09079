/* SPDX-License-Identifier: BSD-3-Clause */
/* The whole table: each outcome, with and without a device that could not be put back, here or at the other end. */
#include "cli/cli.h"
#include "cli/result.h"
#include "tests/lib/check.h"

struct cli_common cli;

int main(void)
{
	static const struct {
		enum vfmig_outcome outcome;
		int code[2][2]; /* [lost][interrupted] */
	} expected[] = {
		{VFMIG_OUTCOME_NONE, {{CLI_FAILED, CLI_FAILED}, {CLI_FAILED, CLI_FAILED}}},
		{VFMIG_OUTCOME_DONE, {{CLI_OK, CLI_OK}, {CLI_LOST, CLI_LOST}}},
		{VFMIG_OUTCOME_FAILED, {{CLI_FAILED, CLI_FAILED}, {CLI_LOST, CLI_LOST}}},
		{VFMIG_OUTCOME_CANCELLED, {{CLI_FAILED, CLI_CANCELLED}, {CLI_LOST, CLI_LOST}}},
		{VFMIG_OUTCOME_IN_DOUBT,
		 {{CLI_IN_DOUBT, CLI_IN_DOUBT}, {CLI_IN_DOUBT, CLI_IN_DOUBT}}},
	};

	for (unsigned i = 0; i < 5; i++) {
		CHECK_EQ(expected[i].outcome, (enum vfmig_outcome)i); /* all of them, and no more */
		for (int lost = 0; lost < 2; lost++)
			for (int interrupted = 0; interrupted < 2; interrupted++)
				CHECK_EQ(cli_exit_code(expected[i].outcome, lost, interrupted),
					 expected[i].code[lost][interrupted]);
	}
	CHECK(!strcmp(vfmig_outcome_name((enum vfmig_outcome)5), "?"));
	return 0;
}
