/* SPDX-License-Identifier: BSD-3-Clause */
/* The channel between the two ends of a migration. */
#ifndef CLI_CHANNEL_H
#define CLI_CHANNEL_H

#include <stdint.h>

extern const char cli_channel_help[];

/*
 * Connect to @connect, or listen on @listen and accept one connection. Exactly one of the two is
 * not NULL. Both have the form "unix:PATH", "tcp:HOST:PORT" or "fd:N". Waits for the other end for
 * up to @limit_ms; 0 means no limit. Returns 0, or an exit code after printing an error;
 * CLI_CANCELLED if a signal ended the wait.
 */
int cli_channel_open(const char *connect, const char *listen, uint64_t limit_ms, int *fd);

#endif
