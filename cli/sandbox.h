/* SPDX-License-Identifier: BSD-3-Clause */
/* Drop the privileges of a server. */
#ifndef CLI_SANDBOX_H
#define CLI_SANDBOX_H

#include <sys/types.h>

struct cli_user {
	const char *name;
	uid_t uid;
	gid_t gid;
};

/* Look up a user by name or number. Returns 0, or an exit code after printing an error. */
int cli_user_find(const char *name, struct cli_user *user);

/*
 * Become @user permanently, with its groups and without capabilities. First changes the owner of
 * @socket, if not NULL. Applies to all threads. Returns 0, or an exit code after printing an error.
 */
int cli_user_become(const struct cli_user *user, const char *socket);

/*
 * Allow only the system calls that serving needs. Opening a file, running a program or connecting a
 * socket fails with EPERM. Applies to all threads. Returns 0, or an exit code after printing an
 * error.
 */
int cli_sandbox(void);

#endif
