/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <time.h>

#include "device/sigpipe_guard.h"

void sigpipe_guard_begin(struct sigpipe_guard *quiet)
{
	sigset_t loud, pending;

	sigpending(&pending);
	quiet->had_pipe = sigismember(&pending, SIGPIPE);
	quiet->had_size = sigismember(&pending, SIGXFSZ);
	sigemptyset(&loud);
	sigaddset(&loud, SIGPIPE);
	sigaddset(&loud, SIGXFSZ);
	pthread_sigmask(SIG_BLOCK, &loud, &quiet->before);
}

void sigpipe_guard_end(const struct sigpipe_guard *quiet, int error)
{
	const struct timespec now = {0};
	sigset_t loud;

	sigemptyset(&loud);
	if (error == EPIPE && !quiet->had_pipe)
		sigaddset(&loud, SIGPIPE);
	if (error == EFBIG && !quiet->had_size)
		sigaddset(&loud, SIGXFSZ);
	if (error == EPIPE || error == EFBIG)
		sigtimedwait(&loud, NULL, &now);
	pthread_sigmask(SIG_SETMASK, &quiet->before, NULL);
}
