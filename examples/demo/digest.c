/* SPDX-License-Identifier: BSD-3-Clause */
#include "examples/demo/digest.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static int spawn(struct digest *d, int in, int out)
{
	char name[] = "sha256sum", *argv[] = {name, NULL};
	posix_spawn_file_actions_t actions;
	int ret = posix_spawn_file_actions_init(&actions);

	if (ret)
		return -ret;
	posix_spawn_file_actions_adddup2(&actions, in, 0);
	posix_spawn_file_actions_adddup2(&actions, out, 1);
	ret = posix_spawnp(&d->pid, name, &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	return -ret;
}

int digest_begin(struct digest *d, struct vfmig_error *err)
{
	int in[2], out[2], ret;

	if (pipe2(in, O_CLOEXEC))
		return vfmig_err(err, -errno, "pipe: %s", strerror(errno));
	if (pipe2(out, O_CLOEXEC)) {
		ret = vfmig_err(err, -errno, "pipe: %s", strerror(errno));
		close(in[0]);
		close(in[1]);
		return ret;
	}
	ret = spawn(d, in[0], out[1]);
	close(in[0]);
	close(out[1]);
	d->in = in[1];
	d->out = out[0];
	if (ret) {
		close(d->in);
		close(d->out);
		return vfmig_err(err, ret, "sha256sum cannot be run: %s", strerror(-ret));
	}
	return 0;
}

int digest_add(struct digest *d, const void *bytes, size_t len)
{
	const char *p = bytes;

	while (len) {
		ssize_t n = write(d->in, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

int digest_end(struct digest *d, char hex[DIGEST_HEX], struct vfmig_error *err)
{
	size_t got = 0;
	int status;

	close(d->in);
	while (got < DIGEST_HEX - 1) {
		ssize_t n = read(d->out, hex + got, DIGEST_HEX - 1 - got);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		got += (size_t)n;
	}
	hex[got] = 0;
	close(d->out);
	waitpid(d->pid, &status, 0);
	for (size_t i = 0; i < got; i++)
		if (!isxdigit((unsigned char)hex[i]))
			got = 0;
	if (got != DIGEST_HEX - 1)
		return vfmig_err(err, -EIO, "sha256sum gave no sum");
	return 0;
}
