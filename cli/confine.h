/* SPDX-License-Identifier: BSD-3-Clause */
/* What a server gives up once it has opened what it needs. */
#ifndef CLI_CONFINE_H
#define CLI_CONFINE_H

#include <sys/types.h>

struct cli_user {
	const char *name;
	uid_t uid;
	gid_t gid;
};

/* Find a user by name or number. 0, or an exit code after a sentence. */
int cli_user_find(const char *name, struct cli_user *user);

/*
 * Become @user for good, with its groups and no capabilities. @socket, if not NULL, becomes the user's first. All threads
 * change together. 0, or an exit code after a sentence.
 */
int cli_user_become(const struct cli_user *user, const char *socket);

/*
 * From here on the process and its threads can make only the system calls that serving takes: no file is opened, no
 * program run and no connection made; such calls fail with EPERM. 0, or an exit code after a sentence.
 */
int cli_sandbox(void);

#endif
