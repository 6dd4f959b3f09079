/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A guard against signals from writes.
 *
 * A write to a pipe or socket without a reader, or past the limit of a file's size, raises a
 * signal. A library must not deliver it to its program. The guard blocks these signals in this
 * thread around the write, and removes one that the write raised. It is for calls that have no flag
 * against it, such as send()'s MSG_NOSIGNAL.
 */
#ifndef DEVICE_SIGPIPE_GUARD_H
#define DEVICE_SIGPIPE_GUARD_H

#include <signal.h>
#include <stdbool.h>

struct sigpipe_guard {
	sigset_t before;
	bool had_pipe, had_size;
};

void sigpipe_guard_begin(struct sigpipe_guard *quiet);

/*
 * @error: the errno that the write ended with, positive; 0: it wrote all. A short write may have
 * failed afterwards, and only the signal shows that: EPIPE for it, too.
 */
void sigpipe_guard_end(const struct sigpipe_guard *quiet, int error);

#endif
