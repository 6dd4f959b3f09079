/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A preloaded library that fails one call of a program: the Nth of a kind.
 *
 * $FAULTS names a file of struct faults. The driver writes @kind and @at, runs the program, and reads how many calls of
 * that kind there were and which of them failed. Forked and executed programs go on counting in the same file.
 */
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

enum kind {
	MEMORY = 1, /* an allocation, a mapping, a thread */
	SYSTEM,	    /* a system call fails for good, with an error that fits it */
	INTERRUPT,  /* a system call ends with EINTR: the program must call again */
	SHORT, /* a system call moves a part of the data: the program must go on with the rest */
};

struct faults {
	uint32_t kind, pad;
	uint64_t at;	/* which call fails; 0: none */
	uint64_t count; /* calls so far */
	char name[32];	/* the call that failed */
	uint32_t error, depth;
	uint64_t where
		[12][2]; /* its callers: the address in the file, and where its name is in @files */
	char files[12][128];
};

static struct faults *faults;
static __thread bool inside __attribute__((tls_model("initial-exec")));

/* Where the failed call came from, for the driver to print. */
static void record(const char *name, int error)
{
	void *frames[14];
	int n;

	inside = true;
	snprintf(faults->name, sizeof(faults->name), "%s", name);
	faults->error = (uint32_t)error;
	n = backtrace(frames, 14);
	for (int i = 2; i < n; i++) {
		Dl_info info;

		if (!dladdr(frames[i], &info) || !info.dli_fname)
			continue;
		faults->where[faults->depth][0] =
			(uint64_t)frames[i] - (uint64_t)info.dli_fbase - 1;
		snprintf(faults->files[faults->depth++], 128, "%s", info.dli_fname);
	}
	inside = false;
}

static bool strikes(enum kind kind, const char *name, int error)
{
	if (!faults || inside || faults->kind != kind)
		return false;
	if (__atomic_add_fetch(&faults->count, 1, __ATOMIC_RELAXED) != faults->at)
		return false;
	record(name, error);
	errno = error;
	return true;
}

/* Eventfds, timers and epoll do not fail to be read or written. */
static bool can_fail(int fd, int *error, bool writes)
{
	struct stat st;
	bool known;

	inside = true;
	known = !fstat(fd, &st);
	inside = false;
	if (!known || !(st.st_mode & S_IFMT))
		return false;
	*error = S_ISSOCK(st.st_mode) ? (writes ? ENOBUFS : ECONNRESET) : writes ? ENOSPC : EIO;
	return true;
}

#define REAL(name) ((__typeof__(&name))real(&real_##name, #name))
#define SLOT(name) static void *real_##name

static void *real(void **slot, const char *name)
{
	if (!*slot)
		*slot = dlsym(RTLD_NEXT, name);
	return *slot;
}

/* WRAP(kind, error, fails with, type, name, (parameters), (arguments)) */
#define WRAP(kind, error, bad, type, name, parameters, arguments)                                  \
	SLOT(name);                                                                                \
	type name parameters;                                                                      \
	type name parameters                                                                       \
	{                                                                                          \
		if (strikes(kind, #name, error))                                                   \
			return bad;                                                                \
		return REAL(name) arguments;                                                       \
	}

/* The same for a call that can be interrupted. */
#define WRAP_SLOW(error, type, name, parameters, arguments)                                        \
	SLOT(name);                                                                                \
	type name parameters;                                                                      \
	type name parameters                                                                       \
	{                                                                                          \
		if (strikes(INTERRUPT, #name, EINTR) || strikes(SYSTEM, #name, error))             \
			return -1;                                                                 \
		return REAL(name) arguments;                                                       \
	}

/* The same for one that moves data. */
#define WRAP_DATA(writes, name, parameters, arguments)                                             \
	SLOT(name);                                                                                \
	ssize_t name parameters;                                                                   \
	ssize_t name parameters                                                                    \
	{                                                                                          \
		int error = 0;                                                                     \
                                                                                                   \
		if (can_fail(fd, &error, writes) &&                                                \
		    (strikes(INTERRUPT, #name, EINTR) || strikes(SYSTEM, #name, error)))           \
			return -1;                                                                 \
		return REAL(name) arguments;                                                       \
	}

/* ---- memory ---- */

WRAP(MEMORY, ENOMEM, NULL, void *, malloc, (size_t size), (size))
WRAP(MEMORY, ENOMEM, NULL, void *, calloc, (size_t n, size_t size), (n, size))
WRAP(MEMORY, ENOMEM, NULL, void *, realloc, (void *old, size_t size), (old, size))
WRAP(MEMORY, ENOMEM, NULL, void *, aligned_alloc, (size_t align, size_t size), (align, size))
WRAP(MEMORY, ENOMEM, ENOMEM, int, posix_memalign, (void **out, size_t align, size_t size),
     (out, align, size))
WRAP(MEMORY, ENOMEM, MAP_FAILED, void *, mmap,
     (void *at, size_t size, int prot, int flags, int fd, off_t offset),
     (at, size, prot, flags, fd, offset))
WRAP(MEMORY, ENOMEM, MAP_FAILED, void *, mmap64,
     (void *at, size_t size, int prot, int flags, int fd, off64_t offset),
     (at, size, prot, flags, fd, offset))
WRAP(MEMORY, EAGAIN, EAGAIN, int, pthread_create,
     (pthread_t * thread, const pthread_attr_t *attr, void *(*run)(void *), void *context),
     (thread, attr, run, context))
WRAP(MEMORY, EAGAIN, -1, pid_t, fork, (void), ())

/* ---- descriptors ---- */

#define WRAP_OPEN(name)                                                                            \
	SLOT(name);                                                                                \
	int name(const char *path, int flags, ...)                                                 \
	{                                                                                          \
		va_list ap;                                                                        \
		int mode;                                                                          \
                                                                                                   \
		va_start(ap, flags);                                                               \
		mode = va_arg(ap, int);                                                            \
		va_end(ap);                                                                        \
		if (strikes(SYSTEM, #name, EMFILE))                                                \
			return -1;                                                                 \
		return REAL(name)(path, flags, mode);                                              \
	}
WRAP_OPEN(open)
WRAP_OPEN(open64)

WRAP(SYSTEM, EMFILE, NULL, FILE *, fopen, (const char *path, const char *mode), (path, mode))
WRAP(SYSTEM, EMFILE, NULL, FILE *, fopen64, (const char *path, const char *mode), (path, mode))
WRAP(SYSTEM, EMFILE, -1, int, socket, (int domain, int type, int protocol),
     (domain, type, protocol))
WRAP(SYSTEM, EMFILE, -1, int, socketpair, (int domain, int type, int protocol, int fds[2]),
     (domain, type, protocol, fds))
WRAP(SYSTEM, EMFILE, -1, int, pipe2, (int fds[2], int flags), (fds, flags))
WRAP(SYSTEM, EMFILE, -1, int, eventfd, (unsigned initial, int flags), (initial, flags))
WRAP(SYSTEM, EMFILE, -1, int, memfd_create, (const char *name, unsigned flags), (name, flags))
WRAP(SYSTEM, EMFILE, -1, int, timerfd_create, (int clock, int flags), (clock, flags))
WRAP(SYSTEM, EMFILE, -1, int, signalfd, (int fd, const sigset_t *set, int flags), (fd, set, flags))
WRAP(SYSTEM, EMFILE, -1, int, epoll_create1, (int flags), (flags))
WRAP(SYSTEM, ENOMEM, -1, int, epoll_ctl, (int fd, int op, int other, struct epoll_event *event),
     (fd, op, other, event))
WRAP(SYSTEM, EADDRINUSE, -1, int, bind, (int fd, const struct sockaddr *at, socklen_t len),
     (fd, at, len))
WRAP(SYSTEM, EADDRINUSE, -1, int, listen, (int fd, int backlog), (fd, backlog))
WRAP(SYSTEM, ENOMEM, -1, int, setsockopt,
     (int fd, int level, int name, const void *value, socklen_t len), (fd, level, name, value, len))
WRAP(SYSTEM, ENOBUFS, -1, int, getsockopt,
     (int fd, int level, int name, void *value, socklen_t *len), (fd, level, name, value, len))
WRAP(SYSTEM, ENOBUFS, -1, int, getsockname, (int fd, struct sockaddr *at, socklen_t *len),
     (fd, at, len))
WRAP_SLOW(EMFILE, int, accept4, (int fd, struct sockaddr *at, socklen_t *len, int flags),
	  (fd, at, len, flags))
WRAP(SYSTEM, EAGAIN, -1, int, connect, (int fd, const struct sockaddr *at, socklen_t len),
     (fd, at, len))
WRAP_SLOW(ENOMEM, int, poll, (struct pollfd * fds, nfds_t n, int timeout), (fds, n, timeout))
WRAP_SLOW(ENOMEM, int, ppoll,
	  (struct pollfd * fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask),
	  (fds, n, timeout, mask))
WRAP(INTERRUPT, EINTR, -1, int, epoll_wait,
     (int fd, struct epoll_event *events, int max, int timeout), (fd, events, max, timeout))
WRAP(INTERRUPT, EINTR, -1, pid_t, waitpid, (pid_t pid, int *status, int options),
     (pid, status, options))

#define WRAP_CONTROL(name, command_type, error)                                                    \
	SLOT(name);                                                                                \
	int name(int fd, command_type command, ...)                                                \
	{                                                                                          \
		va_list ap;                                                                        \
		void *argument;                                                                    \
                                                                                                   \
		va_start(ap, command);                                                             \
		argument = va_arg(ap, void *);                                                     \
		va_end(ap);                                                                        \
		if (strikes(SYSTEM, #name, error))                                                 \
			return -1;                                                                 \
		return REAL(name)(fd, command, argument);                                          \
	}
WRAP_CONTROL(fcntl, int, EMFILE)
WRAP_CONTROL(fcntl64, int, EMFILE)
WRAP_CONTROL(ioctl, unsigned long, ENOMEM)

/* ---- files ---- */

WRAP(SYSTEM, EIO, -1, int, stat64, (const char *path, struct stat64 *st), (path, st))
WRAP(SYSTEM, EIO, -1, int, lstat64, (const char *path, struct stat64 *st), (path, st))
WRAP(SYSTEM, EIO, -1, int, fstat64, (int fd, struct stat64 *st), (fd, st))
WRAP(SYSTEM, EIO, -1, int, fstatfs64, (int fd, struct statfs64 *st), (fd, st))
WRAP(SYSTEM, EIO, -1, int, access, (const char *path, int mode), (path, mode))
WRAP(SYSTEM, EIO, -1, ssize_t, readlink, (const char *path, char *out, size_t size),
     (path, out, size))
WRAP(SYSTEM, EIO, NULL, char *, realpath, (const char *path, char *out), (path, out))
WRAP(SYSTEM, ENOSPC, -1, int, ftruncate64, (int fd, off64_t size), (fd, size))
WRAP(SYSTEM, ENOSPC, -1, int, fallocate64, (int fd, int mode, off64_t at, off64_t size),
     (fd, mode, at, size))
WRAP(SYSTEM, EIO, -1, int, fsync, (int fd), (fd))
WRAP(SYSTEM, EIO, -1, int, rename, (const char *from, const char *to), (from, to))
WRAP(SYSTEM, EPERM, -1, int, fchmod, (int fd, mode_t mode), (fd, mode))
WRAP(SYSTEM, EPERM, -1, int, chmod, (const char *path, mode_t mode), (path, mode))
WRAP(SYSTEM, ENOSPC, -1, int, mkdir, (const char *path, mode_t mode), (path, mode))
WRAP(SYSTEM, ENOSPC, -1, int, symlink, (const char *to, const char *path), (to, path))
WRAP(SYSTEM, ENOSPC, NULL, char *, mkdtemp, (char *path), (path))
WRAP(SYSTEM, EMFILE, -1, int, mkostemp64, (char *path, int flags), (path, flags))
WRAP(SYSTEM, EIO, -1, off64_t, lseek64, (int fd, off64_t at, int whence), (fd, at, whence))
WRAP(SYSTEM, ENOMEM, -1, int, madvise, (void *at, size_t size, int advice), (at, size, advice))
WRAP(SYSTEM, EACCES, -1, int, execvp, (const char *file, char *const argv[]), (file, argv))

/* ---- data ---- */

/* 8 bytes are an eventfd's or a timerfd's: those move whole or not at all. */
#define CUT(fd, name, size) ((size) > 1 && (size) != 8 && strikes(SHORT, #name, 0) ? 1 : (size))

WRAP_DATA(false, read, (int fd, void *data, size_t size), (fd, data, CUT(fd, read, size)))
WRAP_DATA(true, write, (int fd, const void *data, size_t size), (fd, data, CUT(fd, write, size)))
WRAP_DATA(false, readv, (int fd, const struct iovec *iov, int n), (fd, iov, CUT(fd, readv, n)))
WRAP_DATA(true, writev, (int fd, const struct iovec *iov, int n), (fd, iov, CUT(fd, writev, n)))
WRAP_DATA(true, pwrite64, (int fd, const void *data, size_t size, off64_t at),
	  (fd, data, CUT(fd, pwrite64, size), at))
WRAP_DATA(false, pread64, (int fd, void *data, size_t size, off64_t at),
	  (fd, data, CUT(fd, pread64, size), at))
WRAP_DATA(false, preadv64v2, (int fd, const struct iovec *iov, int n, off64_t at, int flags),
	  (fd, iov, n, at, flags))
WRAP_DATA(true, send, (int fd, const void *data, size_t size, int flags),
	  (fd, data, CUT(fd, send, size), flags))
WRAP_DATA(false, recvmsg, (int fd, struct msghdr *msg, int flags), (fd, msg, flags))
WRAP_DATA(true, sendfile64, (int fd, int in, off64_t *at, size_t size),
	  (fd, in, at, CUT(fd, sendfile64, size)))

SLOT(sendmsg);
ssize_t sendmsg(int fd, const struct msghdr *msg, int flags)
{
	struct msghdr first = *msg;
	struct iovec iov;
	int error = 0;

	if (can_fail(fd, &error, true) &&
	    (strikes(INTERRUPT, "sendmsg", EINTR) || strikes(SYSTEM, "sendmsg", error)))
		return -1;
	if (msg->msg_iovlen && msg->msg_iov->iov_len > 1 && strikes(SHORT, "sendmsg", 0)) {
		iov = (struct iovec){msg->msg_iov->iov_base, 1};
		first.msg_iov = &iov;
		first.msg_iovlen = 1;
		return REAL(sendmsg)(fd, &first, flags);
	}
	return REAL(sendmsg)(fd, msg, flags);
}

__attribute__((constructor)) static void begin(void)
{
	const char *path = getenv("FAULTS");
	void *frame[1];
	int fd;

	inside = true;
	backtrace(frame, 1); /* loads what it needs */
	fd = path ? REAL(open)(path, O_RDWR | O_CLOEXEC) : -1;
	if (fd >= 0) {
		struct faults *at =
			REAL(mmap)(NULL, sizeof(*at), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

		faults = at == MAP_FAILED ? NULL : at;
		close(fd);
	}
	inside = false;
}
