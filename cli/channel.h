/* SPDX-License-Identifier: BSD-3-Clause */
/* The channel between the two ends of a migration, by name. */
#ifndef CLI_CHANNEL_H
#define CLI_CHANNEL_H

#include <stdint.h>

extern const char cli_channel_help[];

/*
 * Connect to, or listen at and accept from, "unix:PATH", "tcp:HOST:PORT" or "fd:N"; exactly one of
 * the two is given. Waits for the other end at most @limit_ms; 0 is without limit. Returns 0 or an exit code after a
 * sentence; CLI_CANCELLED if a signal came while it waited.
 */
int cli_channel_open(const char *connect, const char *listen, uint64_t limit_ms, int *fd);

#endif
