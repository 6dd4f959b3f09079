/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Writing without signals.
 *
 * A write to what nobody reads any more, or past the limit of a file's size, raises a signal, and a library has no
 * business with those: they are blocked in this thread around the write, and one that was raised by it is taken away
 * again. For calls that cannot be told so, as send() can.
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
 * @error: what the write ended with, a positive errno; 0: it wrote all. One that wrote less may have gone on to fail, and
 * says nothing of that but by the signal: EPIPE for it, too.
 */
void sigpipe_guard_end(const struct sigpipe_guard *quiet, int error);

#endif
