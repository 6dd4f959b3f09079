/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * libvfmig-preload.so: binds the dev-vfio export to the system calls of the process that it is loaded into.
 *
 * Loading it does nothing. The first call that opens one of our files makes the view, by what `vfmig exec` has
 * written into the folder that $VFMIG_EXEC names; the process that does it is the VMM, and holds a lock on that
 * folder's list. Its children, and whatever else inherits the environment, never get that far; a fork of the VMM gets the
 * real calls from then on.
 *
 * Until there is a view each call costs a look at one pointer, and after it one at a table for descriptors that are not
 * ours. No signal is taken, and no lock is held over a real call.
 */
#undef _FILE_OFFSET_BITS
#undef _FORTIFY_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "abi/ioctl.h"
#include "export/dev-vfio/preload.h"

#define HOOK __attribute__((visibility("default")))

static struct preload_list list;
static _Atomic(struct dev_vfio *) the_view;
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* ---- the real calls ---- */

static void *find_real(_Atomic(void *) *cache, const char *name)
{
	void *found = atomic_load_explicit(cache, memory_order_relaxed);

	if (!found) {
		found = dlsym(RTLD_NEXT, name);
		atomic_store_explicit(cache, found, memory_order_relaxed);
	}
	return found;
}

#define REAL(name)                                                                                 \
	({                                                                                         \
		static _Atomic(void *) cache_;                                                     \
		(__typeof__(&name))find_real(&cache_, #name);                                      \
	})

/* ---- the view ---- */

static void read_list(void)
{
	preload_list(&list);
}

static void forked(void)
{
	/* A forked child has none of the threads that serve the files here, so it gets no view. */
	atomic_store(&the_view, NULL);
	list.config.devices = 0;
}

static pthread_mutex_t making = PTHREAD_MUTEX_INITIALIZER;

/* The view, for a path that is ours; NULL with errno where it is another process's. */
static struct dev_vfio *view_for(const char *path)
{
	struct vfmig_error err = {0};
	struct dev_vfio *view;

	/* Half a list would show a device without its filters, or one in the place of another. */
	if (list.error) {
		fprintf(stderr, "vfmig: %s: cannot read the list of devices: %s\n", path,
			strerror(list.error));
		errno = list.error;
		return NULL;
	}
	pthread_mutex_lock(&making);
	view = atomic_load(&the_view);
	if (!view && flock(list.fd, LOCK_EX | LOCK_NB)) {
		errno = EBUSY;
	} else if (!view && !preload_end_with_exec()) {
		list.config.say(NULL, "the vfmig exec that started this process has ended");
		errno = ENODEV;
	} else if (!view) {
		pthread_atfork(NULL, NULL, forked);
		if (dev_vfio_new(&list.config, &view, &err)) {
			list.config.say(NULL, err.text);
			errno = ENOMEM;
			view = NULL;
		}
		atomic_store(&the_view, view);
	}
	pthread_mutex_unlock(&making);
	return view;
}

static bool is_ours(const char *path)
{
	if (!dev_vfio_maybe(path))
		return false;
	pthread_once(&once, read_list);
	return list.error || (list.config.devices && dev_vfio_path(&list.config, path));
}

static inline struct dev_vfio *view_of(int fd)
{
	struct dev_vfio *view = atomic_load_explicit(&the_view, memory_order_acquire);

	return view && dev_vfio_has(view, fd) ? view : NULL;
}

/* NULL also where another file has taken the place of ours behind our back. */
static struct dev_vfio *view_if(int fd)
{
	struct dev_vfio *view = view_of(fd);

	return view && dev_vfio_is(view, fd) ? view : NULL;
}

static long answer(long ret)
{
	if (ret >= 0)
		return ret;
	errno = (int)-ret;
	return -1;
}

static int open_ours(const char *path, int flags)
{
	struct dev_vfio *view = view_for(path);

	return view ? (int)answer(dev_vfio_open(view, path, flags)) : -1;
}

/* ---- open ---- */

#define MODE(flags, last)                                                                          \
	({                                                                                         \
		mode_t mode_ = 0;                                                                  \
		if ((flags) & (O_CREAT | __O_TMPFILE)) {                                           \
			va_list ap_;                                                               \
			va_start(ap_, last);                                                       \
			mode_ = va_arg(ap_, mode_t);                                               \
			va_end(ap_);                                                               \
		}                                                                                  \
		mode_;                                                                             \
	})

/* The names by which fortified headers call them; no header declares these. */
int __open_2(const char *path, int flags);
int __open64_2(const char *path, int flags);
int __openat_2(int at, const char *path, int flags);
int __openat64_2(int at, const char *path, int flags);
ssize_t __read_chk(int fd, void *buf, size_t len, size_t capacity);
ssize_t __pread_chk(int fd, void *buf, size_t len, off_t offset, size_t capacity);
ssize_t __pread64_chk(int fd, void *buf, size_t len, off64_t offset, size_t capacity);

#define OPEN(name)                                                                                 \
	HOOK int name(const char *path, int flags, ...)                                            \
	{                                                                                          \
		mode_t mode = MODE(flags, flags);                                                  \
                                                                                                   \
		return is_ours(path) ? open_ours(path, flags) : REAL(name)(path, flags, mode);     \
	}
#define OPEN_2(name)                                                                               \
	HOOK int name(const char *path, int flags)                                                 \
	{                                                                                          \
		return is_ours(path) ? open_ours(path, flags) : REAL(name)(path, flags);           \
	}
#define OPENAT(name)                                                                               \
	HOOK int name(int at, const char *path, int flags, ...)                                    \
	{                                                                                          \
		mode_t mode = MODE(flags, flags);                                                  \
                                                                                                   \
		return is_ours(path) ? open_ours(path, flags) : REAL(name)(at, path, flags, mode); \
	}
#define OPENAT_2(name)                                                                             \
	HOOK int name(int at, const char *path, int flags)                                         \
	{                                                                                          \
		return is_ours(path) ? open_ours(path, flags) : REAL(name)(at, path, flags);       \
	}

OPEN(open)
OPEN(open64)
OPEN_2(__open_2)
OPEN_2(__open64_2)
OPENAT(openat)
OPENAT(openat64)
OPENAT_2(__openat_2)
OPENAT_2(__openat64_2)

HOOK int access(const char *path, int mode)
{
	return is_ours(path) ? 0 : REAL(access)(path, mode);
}

HOOK int close(int fd)
{
	struct dev_vfio *view = view_of(fd);
	int ret = view ? dev_vfio_close(view, fd) : DEV_VFIO_NOT_OURS;

	return ret == DEV_VFIO_NOT_OURS ? REAL(close)(fd) : (int)answer(ret);
}

/* ---- duplicates ---- */

/* Of a file of ours, or in the place of one. */
static int duplicated(int from, int to)
{
	struct dev_vfio *view = to < 0 ? NULL : view_of(from);

	if (!view)
		view = view_of(to);
	if (view)
		dev_vfio_duplicated(view, to);
	return to;
}

HOOK int dup(int fd)
{
	return duplicated(fd, REAL(dup)(fd));
}

HOOK int dup2(int fd, int to)
{
	return duplicated(fd, REAL(dup2)(fd, to));
}

HOOK int dup3(int fd, int to, int flags)
{
	return duplicated(fd, REAL(dup3)(fd, to, flags));
}

/* The access mode of our files is the kernel's for "neither" (view.c); the caller has opened them for both. */
static int access_mode(int fd, int flags)
{
	return flags < 0 || !view_if(fd) ? flags : (flags & ~O_ACCMODE) | O_RDWR;
}

/* Each argument of a command of fcntl's is passed in a register, whatever it is. */
#define FCNTL(name)                                                                                \
	HOOK int name(int fd, int command, ...)                                                    \
	{                                                                                          \
		va_list ap;                                                                        \
		void *arg;                                                                         \
                                                                                                   \
		va_start(ap, command);                                                             \
		arg = va_arg(ap, void *);                                                          \
		va_end(ap);                                                                        \
		if (command == F_GETFL)                                                            \
			return access_mode(fd, REAL(name)(fd, command, arg));                      \
		if (command != F_DUPFD && command != F_DUPFD_CLOEXEC)                              \
			return REAL(name)(fd, command, arg);                                       \
		return duplicated(fd, REAL(name)(fd, command, arg));                               \
	}

FCNTL(fcntl)
FCNTL(fcntl64)

/* ---- ioctl ---- */

HOOK int ioctl(int fd, unsigned long request, ...)
{
	struct dev_vfio *view = atomic_load_explicit(&the_view, memory_order_acquire);
	long ret = DEV_VFIO_NOT_OURS;
	va_list ap;
	void *arg;

	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	if (view && ABI_IOCTL_IS_OURS(request) && dev_vfio_known(view, fd))
		ret = dev_vfio_ioctl(view, fd, request, arg);
	else if (request == FIONREAD && view_if(fd))
		ret = -ENOTTY; /* the kernel would count the bytes of an empty file */
	else if (view && request == KVM_SET_DEVICE_ATTR)
		ret = dev_vfio_kvm(view, arg);
	return ret == DEV_VFIO_NOT_OURS ? REAL(ioctl)(fd, request, arg) : (int)answer(ret);
}

/* ---- reading and writing ---- */

/* The answer of the view, or the real call's. */
#define EITHER(fd, ours, real)                                                                     \
	({                                                                                         \
		struct dev_vfio *view = view_of(fd);                                               \
		ssize_t ret_ = view ? (ours) : DEV_VFIO_NOT_OURS;                                  \
		ret_ == DEV_VFIO_NOT_OURS ? (real) : (ssize_t)answer(ret_);                        \
	})

HOOK ssize_t read(int fd, void *buf, size_t len)
{
	return EITHER(fd, dev_vfio_read(view, fd, buf, len), REAL(read)(fd, buf, len));
}

HOOK ssize_t __read_chk(int fd, void *buf, size_t len, size_t capacity)
{
	return EITHER(fd, dev_vfio_read(view, fd, buf, len < capacity ? len : capacity),
		      REAL(__read_chk)(fd, buf, len, capacity));
}

HOOK ssize_t write(int fd, const void *buf, size_t len)
{
	return EITHER(fd, dev_vfio_write(view, fd, buf, len), REAL(write)(fd, buf, len));
}

HOOK ssize_t pread(int fd, void *buf, size_t len, off_t offset)
{
	return EITHER(fd, dev_vfio_pread(view, fd, buf, len, offset),
		      REAL(pread)(fd, buf, len, offset));
}

HOOK ssize_t pread64(int fd, void *buf, size_t len, off64_t offset)
{
	return EITHER(fd, dev_vfio_pread(view, fd, buf, len, offset),
		      REAL(pread64)(fd, buf, len, offset));
}

HOOK ssize_t __pread_chk(int fd, void *buf, size_t len, off_t offset, size_t capacity)
{
	return EITHER(fd, dev_vfio_pread(view, fd, buf, len < capacity ? len : capacity, offset),
		      REAL(__pread_chk)(fd, buf, len, offset, capacity));
}

HOOK ssize_t __pread64_chk(int fd, void *buf, size_t len, off64_t offset, size_t capacity)
{
	return EITHER(fd, dev_vfio_pread(view, fd, buf, len < capacity ? len : capacity, offset),
		      REAL(__pread64_chk)(fd, buf, len, offset, capacity));
}

HOOK ssize_t pwrite(int fd, const void *buf, size_t len, off_t offset)
{
	return EITHER(fd, dev_vfio_pwrite(view, fd, buf, len, offset),
		      REAL(pwrite)(fd, buf, len, offset));
}

HOOK ssize_t pwrite64(int fd, const void *buf, size_t len, off64_t offset)
{
	return EITHER(fd, dev_vfio_pwrite(view, fd, buf, len, offset),
		      REAL(pwrite64)(fd, buf, len, offset));
}

/*
 * ---- what an empty file would answer with success, and a file of VFIO does not ----
 *
 * Calls that read or write and are not above (readv, sendfile, splice, ...) need no hook: the kernel answers EBADF.
 */

#define REFUSE(fd, error, real) (view_if(fd) ? answer(-(error)) : (real))

HOOK off_t lseek(int fd, off_t offset, int whence)
{
	return REFUSE(fd, ESPIPE, REAL(lseek)(fd, offset, whence));
}

HOOK off64_t lseek64(int fd, off64_t offset, int whence)
{
	return REFUSE(fd, ESPIPE, REAL(lseek64)(fd, offset, whence));
}

HOOK int fsync(int fd)
{
	return (int)REFUSE(fd, EINVAL, REAL(fsync)(fd));
}

HOOK int fdatasync(int fd)
{
	return (int)REFUSE(fd, EINVAL, REAL(fdatasync)(fd));
}

HOOK int sync_file_range(int fd, off64_t offset, off64_t count, unsigned int flags)
{
	return (int)REFUSE(fd, ESPIPE, REAL(sync_file_range)(fd, offset, count, flags));
}

/* ---- stat and mmap ---- */

HOOK int fstat(int fd, struct stat *st)
{
	struct dev_vfio *view = view_of(fd);
	int ret = REAL(fstat)(fd, st);

	if (view && !ret)
		dev_vfio_fstat(view, fd, st);
	return ret;
}

_Static_assert(sizeof(struct stat) == sizeof(struct stat64), "one layout on 64 bits");

HOOK int fstat64(int fd, struct stat64 *st)
{
	struct dev_vfio *view = view_of(fd);
	int ret = REAL(fstat64)(fd, st);

	if (view && !ret)
		dev_vfio_fstat(view, fd, (struct stat *)(void *)st);
	return ret;
}

/* -1: not ours. Else 0, with the mapping or MAP_FAILED. */
static int map_ours(int fd, void *at, size_t len, int prot, int flags, off64_t offset,
		    void **mapped)
{
	struct dev_vfio *view = view_of(fd);
	int64_t place;
	int ret = DEV_VFIO_NOT_OURS, file;

	if (view && !(flags & MAP_ANONYMOUS))
		ret = dev_vfio_mmap(view, fd, len, offset, &file, &place);
	if (ret == DEV_VFIO_NOT_OURS)
		return -1;
	*mapped = MAP_FAILED;
	if (answer(ret))
		return 0;
	*mapped = REAL(mmap64)(at, len, prot, flags, file, place);
	ret = errno;
	REAL(close)(file);
	errno = ret;
	return 0;
}

HOOK void *mmap(void *at, size_t len, int prot, int flags, int fd, off_t offset)
{
	void *mapped;

	return map_ours(fd, at, len, prot, flags, offset, &mapped)
		       ? REAL(mmap)(at, len, prot, flags, fd, offset)
		       : mapped;
}

HOOK void *mmap64(void *at, size_t len, int prot, int flags, int fd, off64_t offset)
{
	void *mapped;

	return map_ours(fd, at, len, prot, flags, offset, &mapped)
		       ? REAL(mmap64)(at, len, prot, flags, fd, offset)
		       : mapped;
}
