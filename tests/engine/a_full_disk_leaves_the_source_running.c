/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Saving to a disk that is full, to a file that may not grow, and to a pipe that nobody reads: a sentence that
 * says so, no signal, and a source that runs on.
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "tests/lib/migration_pair.h"

static void fails(int fd, int code, const char *says)
{
	struct migration_pair pair = {.to = {.m = NULL}};

	migration_pair_end_init(&pair.from, 1, NULL, MIGRATION_PAIR_MEMORY);
	migration_pair_work(&pair.from);
	migration_pair_end_ready(&pair.from, VFMIG_ROLE_SOURCE);
	CHECK_EQ(vfmig_migration_run(pair.from.m, -1, fd, &pair.from.err), code);
	CHECKF(strstr(pair.from.err.text, says), "%s", pair.from.err.text);
	migration_pair_stayed(&pair);
	migration_pair_end_free(&pair.from);
}

int main(void)
{
	struct rlimit limit = {.rlim_cur = 300000, .rlim_max = RLIM_INFINITY};
	int fd, fds[2];

	fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
	if (fd >= 0)
		fails(fd, -ENOSPC, "no space is left on the disk");
	close(fd);

	/* In the middle of it; the signals' default is to end us. */
	fd = memfd_create("small", MFD_CLOEXEC);
	CHECK(!setrlimit(RLIMIT_FSIZE, &limit));
	fails(fd, -EFBIG, "RLIMIT_FSIZE");
	limit.rlim_cur = RLIM_INFINITY;
	setrlimit(RLIMIT_FSIZE, &limit);
	close(fd);

	CHECK(!pipe(fds));
	close(fds[0]);
	fails(fds[1], -EPIPE, "the other side is gone");
	close(fds[1]);

	/* A descriptor that cannot be written. */
	fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	fails(fd, -EBADF, "writing the stream");
	close(fd);
	return 0;
}
