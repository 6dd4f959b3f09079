/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Loaded before the C library (LD_PRELOAD): the FAIL_NTH-th call of the function FAIL_CALL fails with EIO, and an
 * O_TMPFILE is refused if FAIL_CALL is tmpfile.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

int fsync(int fd);
int rename(const char *from, const char *to);
int linkat(int from_dir, const char *from, int to_dir, const char *to, int flags);
int open(const char *path, int flags, ...);

static bool fails(const char *name)
{
	static int calls;
	const char *which = getenv("FAIL_CALL"), *nth = getenv("FAIL_NTH");

	if (!which || strcmp(which, name))
		return false;
	errno = EIO;
	return ++calls == (nth ? atoi(nth) : 1);
}

int fsync(int fd)
{
	int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fsync");

	return fails("fsync") ? -1 : real(fd);
}

int rename(const char *from, const char *to)
{
	int (*real)(const char *, const char *) =
		(int (*)(const char *, const char *))dlsym(RTLD_NEXT, "rename");

	return fails("rename") ? -1 : real(from, to);
}

int linkat(int from_dir, const char *from, int to_dir, const char *to, int flags)
{
	int (*real)(int, const char *, int, const char *, int) =
		(int (*)(int, const char *, int, const char *, int))dlsym(RTLD_NEXT, "linkat");

	return fails("linkat") ? -1 : real(from_dir, from, to_dir, to, flags);
}

int open(const char *path, int flags, ...)
{
	int (*real)(const char *, int, ...) =
		(int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open");
	mode_t mode;
	va_list ap;

	va_start(ap, flags);
	mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(ap, mode_t) : 0;
	va_end(ap);
	if ((flags & O_TMPFILE) == O_TMPFILE && fails("tmpfile")) {
		errno = EOPNOTSUPP;
		return -1;
	}
	return real(path, flags, mode);
}
