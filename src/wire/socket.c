/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * UNIX sockets with a path.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "device/device.h"
#include "wire/socket.h"

static int address(const char *path, struct sockaddr_un *to, struct vfmig_error *err)
{
	size_t len = strlen(path);

	if (!len)
		return vfmig_err(err, -EINVAL, "the path of the socket is empty");
	if (len >= sizeof(to->sun_path))
		return vfmig_err(err, -ENAMETOOLONG,
				 "the path of the socket has %zu bytes; the limit is %zu", len,
				 sizeof(to->sun_path) - 1);
	memset(to, 0, sizeof(*to));
	to->sun_family = AF_UNIX;
	memcpy(to->sun_path, path, len);
	return 0;
}

static int new_socket(struct vfmig_error *err)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return fd < 0 ? vfmig_err(err, -errno, "no socket: %s", strerror(errno)) : fd;
}

/*
 * A server's socket has its path a moment before the server listens, and a script that waits for
 * the path may connect just then. So a refused connect() is repeated for CONNECT_TRIES ms.
 */
#define CONNECT_TRIES 100

/* False, with errno, if the deadline has passed. */
static bool limit_connect(int fd, int64_t deadline)
{
	int64_t left = deadline - device_now();
	struct timeval limit = {.tv_sec = left / 1000000000, .tv_usec = left / 1000 % 1000000};

	if (left < 1000) {
		errno = EAGAIN;
		return false;
	}
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	return true;
}

static int try_connect(int fd, const struct sockaddr_un *to, int64_t deadline)
{
	const struct timespec pause = {0, 1000000};
	int ret, tries = 0;

	for (;;) {
		/*
		 * A server that is busy or stopped lets clients wait in connect() when its backlog
		 * is full.
		 */
		if (deadline && !limit_connect(fd, deadline))
			return -1;
		ret = connect(fd, (const struct sockaddr *)to, sizeof(*to));
		if (!ret || (errno != EINTR && errno != ECONNREFUSED))
			return ret;
		if (errno == ECONNREFUSED && ++tries == CONNECT_TRIES)
			return ret;
		if (errno == ECONNREFUSED)
			nanosleep(&pause, NULL);
	}
}

int socket_connect(const char *path, struct vfmig_error *err)
{
	return socket_connect_until(path, 0, err);
}

int socket_connect_until(const char *path, int64_t deadline, struct vfmig_error *err)
{
	const struct timeval unlimited = {0};
	struct sockaddr_un to;
	int ret = address(path, &to, err), fd;

	if (ret)
		return ret;
	fd = new_socket(err);
	if (fd < 0)
		return fd;
	ret = try_connect(fd, &to, deadline);
	if (ret && errno == EAGAIN)
		ret = vfmig_err(
			err, -ETIMEDOUT,
			"socket %s: the server did not accept the connection within the time limit; it hangs or serves other clients",
			path);
	else if (ret)
		ret = vfmig_err(
			err, -errno, "socket %s: %s%s", path, strerror(errno),
			errno == ECONNREFUSED || errno == ENOENT ? "; is the server running?" : "");
	if (ret) {
		close(fd);
		return ret;
	}
	if (deadline)
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &unlimited, sizeof(unlimited));
	return fd;
}

/* ---- listening ---- */

/* Whether the file is a socket on which no process listens, nor will within CONNECT_TRIES ms. */
static bool stale(const struct sockaddr_un *at)
{
	struct stat st;
	bool dead;
	int fd;

	if (lstat(at->sun_path, &st))
		return errno == ENOENT;
	if (!S_ISSOCK(st.st_mode))
		return false;
	/* Without blocking: the backlog of a server may be full. */
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return false;
	dead = try_connect(fd, at, 0) && (errno == ECONNREFUSED || errno == ENOENT);
	close(fd);
	return dead;
}

static int try_bind(int fd, const struct sockaddr_un *at, struct vfmig_error *err)
{
	const struct sockaddr *addr = (const struct sockaddr *)at;
	int error = bind(fd, addr, sizeof(*at)) ? errno : 0;

	if (error == EADDRINUSE && stale(at)) {
		unlink(at->sun_path);
		error = bind(fd, addr, sizeof(*at)) ? errno : 0;
	}
	if (!error)
		return 0;
	if (error == EADDRINUSE)
		return vfmig_err(
			err, -EADDRINUSE,
			"socket %s: another process listens there, or the file is not a socket; use another path or remove the file",
			at->sun_path);
	return vfmig_err(err, -error, "socket %s: %s", at->sun_path, strerror(error));
}

static int bind_and_listen(int fd, const struct sockaddr_un *at, mode_t mode,
			   struct vfmig_socket_file *file, struct vfmig_error *err)
{
	int ret = try_bind(fd, at, err);
	struct stat st;

	if (ret)
		return ret;
	/* No client can connect before listen(), so there is no moment with other permissions. */
	if (lstat(at->sun_path, &st) || (mode && chmod(at->sun_path, mode)) || listen(fd, 1)) {
		ret = vfmig_err(err, -errno, "socket %s: %s", at->sun_path, strerror(errno));
		unlink(at->sun_path);
		return ret;
	}
	*file = (struct vfmig_socket_file){.dev = st.st_dev, .ino = st.st_ino};
	return 0;
}

#define LOCK_TRIES 5000 /* ms */

/*
 * Finding a file stale, removing it and making a new one are several steps. Two processes that
 * take them at the same time would both listen, one of them on a file that the other has removed;
 * the lock lets one take them all first.
 */
static int lock_folder(const struct sockaddr_un *at, struct vfmig_error *err)
{
	const struct timespec pause = {0, 1000000};
	char folder[sizeof(at->sun_path) + 1];
	char *slash;
	int fd, tries = 0;

	snprintf(folder, sizeof(folder), "%s", at->sun_path);
	slash = strrchr(folder, '/');
	if (slash)
		slash[1] = 0;
	fd = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return vfmig_err(err, -errno, "socket %s: cannot open the directory: %s",
				 at->sun_path, strerror(errno));
	while (flock(fd, LOCK_EX | LOCK_NB)) {
		int error = errno;

		if ((error == EWOULDBLOCK || error == EINTR) && ++tries < LOCK_TRIES) {
			nanosleep(&pause, NULL);
			continue;
		}
		close(fd);
		return error == EWOULDBLOCK
			       ? vfmig_err(
					 err, -ETIMEDOUT,
					 "socket %s: another process has the directory locked (see lslocks(8)); use another directory",
					 at->sun_path)
			       : vfmig_err(err, -error, "socket %s: cannot lock the directory: %s",
					   at->sun_path, strerror(error));
	}
	return fd;
}

int vfmig_socket_listen(const char *path, uint32_t mode, struct vfmig_socket_file *file,
			struct vfmig_error *err)
{
	struct sockaddr_un at;
	int ret = address(path, &at, err), fd, folder;

	if (ret)
		return ret;
	fd = new_socket(err);
	if (fd < 0)
		return fd;
	folder = lock_folder(&at, err);
	ret = folder < 0 ? folder : bind_and_listen(fd, &at, mode, file, err);
	if (folder >= 0) {
		/*
		 * Not left to close(): a process that was forked meanwhile has the descriptor,
		 * too.
		 */
		flock(folder, LOCK_UN);
		close(folder);
	}
	if (!ret)
		return fd;
	close(fd);
	return ret;
}

void vfmig_socket_unlink(const char *path, const struct vfmig_socket_file *file)
{
	struct stat st;

	if (!lstat(path, &st) && st.st_dev == file->dev && st.st_ino == file->ino)
		unlink(path);
}
