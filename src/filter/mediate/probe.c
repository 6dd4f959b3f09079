/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Third-party code, tried in a child process first.
 *
 * A mediator's decision on a device depends only on the device's ids. So the filter calls it in a
 * child of this process first, and a crash or hang there becomes an error message here. The child
 * inherits everything and uses none of it; it writes its answer into a pipe and exits.
 *
 * Only the thread that forks exists in the child. If another thread was inside the dynamic loader
 * at that moment, the child may wait for its lock without end: then the mediator is refused as one
 * that hangs.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "filter/mediate/mediate.h"

struct answer {
	int ret;
	struct vfmig_error err;
};

_Static_assert(sizeof(struct answer) <= 4096, "a pipe write is atomic");

static void child(int fd, int (*fn)(void *context, struct vfmig_error *err), void *context)
{
	const struct rlimit none = {0, 0};
	struct answer answer = {0};
	ssize_t n;

	setrlimit(RLIMIT_CORE, &none);
	answer.ret = fn(context, &answer.err);
	n = write(fd, &answer, sizeof(answer));
	(void)n; /* a reader that gets no answer reports that */
	_exit(0);
}

/* What it wrote; how many bytes, or -ETIMEDOUT. */
static ssize_t hear(int fd, struct answer *answer)
{
	int64_t end = device_now() + MEDIATE_PROBE_MS * 1000000ll;
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};

	for (;;) {
		int64_t left = (end - device_now()) / 1000000;
		int n;

		if (left <= 0)
			return -ETIMEDOUT;
		n = poll(&poll_fd, 1, (int)left);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0)
			return read(fd, answer, sizeof(*answer));
	}
}

/* It did not answer: what became of it? */
static int post_mortem(ssize_t received, pid_t ended, int status, struct vfmig_error *err)
{
	if (received == -ETIMEDOUT)
		return vfmig_err(err, -ETIMEDOUT, "it did not return within %d seconds",
				 MEDIATE_PROBE_MS / 1000);
	if (!received && ended > 0 && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
		return vfmig_err(
			err, -EFAULT,
			"it crashed (signal %d) or closed the result pipe while it opened the device",
			SIGKILL);
	if (ended > 0 && WIFSIGNALED(status))
		return vfmig_err(err, -EFAULT, "it crashed (signal %d) while it opened the device",
				 WTERMSIG(status));
	if (ended > 0 && WIFEXITED(status))
		return vfmig_err(err, -EFAULT,
				 "it ended the process (status %d) while it opened the device",
				 WEXITSTATUS(status));
	/* The program takes the ends of all its children. */
	return vfmig_err(err, -EFAULT, "it crashed while it opened the device");
}

int mediate_probe(int (*fn)(void *context, struct vfmig_error *err), void *context,
		  struct vfmig_error *err)
{
	struct answer answer;
	int fds[2], status = 0;
	pid_t pid, ended;
	ssize_t n;

	if (pipe2(fds, O_CLOEXEC))
		return vfmig_err(err, -errno, "pipe to try a mediator: %s", strerror(errno));
	pid = fork();
	if (!pid) {
		close(fds[0]);
		child(fds[1], fn, context);
	}
	close(fds[1]);
	if (pid < 0) {
		close(fds[0]);
		return vfmig_err(err, -errno, "fork to try a mediator: %s", strerror(errno));
	}
	n = hear(fds[0], &answer);
	close(fds[0]);
	/* One that has ended keeps the end that it had. */
	if (n != (ssize_t)sizeof(answer))
		kill(pid, SIGKILL);
	do
		ended = waitpid(pid, &status, 0);
	while (ended < 0 && errno == EINTR);
	if (n != (ssize_t)sizeof(answer))
		return post_mortem(n, ended, status, err);
	answer.err.text[VFMIG_ERROR_TEXT - 1] = 0;
	if (answer.ret && err)
		*err = answer.err;
	return answer.ret;
}
