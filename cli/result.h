/* SPDX-License-Identifier: BSD-3-Clause */
/* The result of a migration: the exit code, and the next step for the operator. */
#ifndef CLI_RESULT_H
#define CLI_RESULT_H

#include <stdbool.h>

#include <vfmig/migration.h>

/**
 * cli_exit_code() - the exit code of a command that migrates
 * @outcome: outcome of the end that the command reports
 * @lost: a device of either end could not be restored
 * @interrupted: a signal to this command ended it, not the other end
 */
int cli_exit_code(enum vfmig_outcome outcome, bool lost, bool interrupted);

struct cli_endpoint;

/* Print the next step. @other is the other end if it is in this process, else NULL. */
void cli_print_next(const struct cli_endpoint *end, const struct cli_endpoint *other);

#endif
