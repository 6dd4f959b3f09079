/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * UNIX sockets with a name.
 */
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "wire/socket.h"

static int address(const char *path, struct sockaddr_un *to, struct vfmig_error *err)
{
	size_t len = strlen(path);

	if (!len)
		return vfmig_err(err, -EINVAL, "the path of the socket is empty");
	if (len >= sizeof(to->sun_path))
		return vfmig_err(err, -ENAMETOOLONG,
				 "the path of the socket has %zu bytes, and the system takes %zu; "
				 "use a shorter one",
				 len, sizeof(to->sun_path) - 1);
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
 * A server has its socket's name a moment before it listens, and a script that waits for the name may call just then.
 * So it is refused for good only after CONNECT_TRIES ms.
 */
#define CONNECT_TRIES 100

static int try_connect(int fd, const struct sockaddr_un *to)
{
	const struct timespec pause = {0, 1000000};
	int ret, tries = 0;

	for (;;) {
		ret = connect(fd, (const struct sockaddr *)to, sizeof(*to));
		if (!ret || (errno != EINTR && errno != ECONNREFUSED))
			return ret;
		if (errno == ECONNREFUSED && ++tries == CONNECT_TRIES)
			return ret;
		if (errno == ECONNREFUSED)
			nanosleep(&pause, NULL);
	}
}

int vfmig_socket_connect(const char *path, struct vfmig_error *err)
{
	struct sockaddr_un to;
	int ret = address(path, &to, err), fd;

	if (ret)
		return ret;
	fd = new_socket(err);
	if (fd < 0)
		return fd;
	ret = try_connect(fd, &to);
	if (ret) {
		ret = vfmig_err(err, -errno, "socket %s: %s%s", path, strerror(errno),
				errno == ECONNREFUSED || errno == ENOENT ? "; does the server run?"
									 : "");
		close(fd);
		return ret;
	}
	return fd;
}

/* Is the file a socket that nobody listens on, and that nobody is about to? */
static bool stale(const struct sockaddr_un *at)
{
	struct stat st;
	bool dead;
	int fd;

	if (lstat(at->sun_path, &st))
		return errno == ENOENT;
	if (!S_ISSOCK(st.st_mode))
		return false;
	/* It must not wait where somebody listens and is busy. */
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return false;
	dead = try_connect(fd, at) && (errno == ECONNREFUSED || errno == ENOENT);
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
		return vfmig_err(err, -EADDRINUSE,
				 "socket %s: somebody serves there, or it is a file of another "
				 "kind",
				 at->sun_path);
	return vfmig_err(err, -error, "socket %s: %s", at->sun_path, strerror(error));
}

int vfmig_socket_listen(const char *path, mode_t mode, dev_t *dev, ino_t *ino,
			struct vfmig_error *err)
{
	struct sockaddr_un at;
	struct stat st;
	int ret = address(path, &at, err), fd;

	if (ret)
		return ret;
	fd = new_socket(err);
	if (fd < 0)
		return fd;
	ret = try_bind(fd, &at, err);
	if (ret) {
		close(fd);
		return ret;
	}
	/* Nobody can connect before listen(), so there is no moment with other permissions. */
	if (lstat(path, &st) || (mode && chmod(path, mode)) || listen(fd, 1)) {
		ret = vfmig_err(err, -errno, "socket %s: %s", path, strerror(errno));
		unlink(path);
		close(fd);
		return ret;
	}
	*dev = st.st_dev;
	*ino = st.st_ino;
	return fd;
}

void vfmig_socket_unlink(const char *path, dev_t dev, ino_t ino)
{
	struct stat st;

	if (!lstat(path, &st) && st.st_dev == dev && st.st_ino == ino)
		unlink(path);
}
