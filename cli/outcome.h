/* SPDX-License-Identifier: BSD-3-Clause */
/* What a migration came to: the exit code, and what its operator does next. */
#ifndef CLI_OUTCOME_H
#define CLI_OUTCOME_H

#include <stdbool.h>

#include <vfmig/migration.h>

/**
 * cli_outcome_code() - the exit code of a command that migrates
 * @outcome: of the end that the command reports
 * @lost: a device of either end could not be put back
 * @interrupted: a signal to this command ended it, not the other end
 */
int cli_outcome_code(enum vfmig_outcome outcome, bool lost, bool interrupted);

struct cli_end;

/* Print what comes next. @other is the other end if it is in this process. */
void cli_outcome_next(const struct cli_end *end, const struct cli_end *other);

#endif
