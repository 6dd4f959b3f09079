/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Processes that listen at one path at the same time: where a server left its socket file behind, and where there is
 * no file, exactly one succeeds, and the path leads to it. Files of another kind are never replaced.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vfmig/socket.h>

#include "tests/lib/check.h"
#include "wire/socket.h"

#define PROCESSES 6

static struct sockaddr_un at = {.sun_family = AF_UNIX};

static void leave_a_stale_file(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	CHECK(fd >= 0 && !bind(fd, (struct sockaddr *)&at, sizeof(at)) && !listen(fd, 1));
	close(fd);
}

/* In a process of its own: listen, tell that it is so, and serve one client when all have tried. */
static int server(int begin, int reported, int end)
{
	struct vfmig_socket_file file;
	int fd, client;
	char c;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	CHECK_EQ(read(begin, &c, 1), 0);
	fd = vfmig_socket_listen(at.sun_path, 0600, &file, NULL);
	CHECK(fd >= 0 || fd == -EADDRINUSE);
	c = fd >= 0 ? 'y' : 'n';
	CHECK_EQ(write(reported, &c, 1), 1);
	CHECK_EQ(read(end, &c, 1), 0);
	if (fd < 0)
		return 0;
	/* The other processes connected, too, to see whether there is a server, and are gone. */
	do {
		client = accept(fd, NULL, NULL);
		CHECK(client >= 0);
	} while (send(client, "y", 1, MSG_NOSIGNAL) < 0);
	vfmig_socket_unlink(at.sun_path, &file);
	return 0;
}

static void race(bool stale)
{
	int begin[2], reported[2], end[2], status, fd;
	unsigned servers = 0;
	char c;

	if (stale)
		leave_a_stale_file();
	CHECK(!pipe(begin) && !pipe(reported) && !pipe(end));
	for (unsigned i = 0; i < PROCESSES; i++) {
		pid_t pid = fork();

		CHECK(pid >= 0);
		if (!pid) {
			close(begin[1]);
			close(end[1]);
			_exit(server(begin[0], reported[1], end[0]));
		}
	}
	close(begin[1]);
	for (unsigned i = 0; i < PROCESSES; i++) {
		CHECK_EQ(read(reported[0], &c, 1), 1);
		servers += c == 'y';
	}
	CHECK_EQ(servers, 1);
	close(end[1]);
	fd = socket_connect(at.sun_path, NULL);
	CHECK(fd >= 0);
	CHECK_EQ(read(fd, &c, 1), 1);
	close(fd);
	for (unsigned i = 0; i < PROCESSES; i++)
		CHECK(wait(&status) > 0 && !status);
	close(begin[0]);
	close(reported[0]);
	close(reported[1]);
	close(end[0]);
	CHECK(access(at.sun_path, F_OK) && errno == ENOENT);
}

static void is_left_alone(mode_t kind)
{
	struct vfmig_socket_file file;
	struct stat before, after;

	CHECK(!lstat(at.sun_path, &before));
	CHECK_EQ(vfmig_socket_listen(at.sun_path, 0600, &file, NULL), -EADDRINUSE);
	CHECK(!lstat(at.sun_path, &after));
	CHECK(before.st_ino == after.st_ino && (after.st_mode & S_IFMT) == kind);
	CHECK(!unlink(at.sun_path));
}

static void other_kinds(void)
{
	int fd = open(at.sun_path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	CHECK(fd >= 0);
	close(fd);
	is_left_alone(S_IFREG);
	CHECK(!symlink("/nowhere", at.sun_path));
	is_left_alone(S_IFLNK);
	CHECK(!mkfifo(at.sun_path, 0600));
	is_left_alone(S_IFIFO);
}

int main(void)
{
	char dir[] = "/tmp/vfmig-stale-XXXXXX";

	CHECK(mkdtemp(dir));
	snprintf(at.sun_path, sizeof(at.sun_path), "%s/s", dir);
	for (unsigned i = 0; i < 5; i++) {
		RUN(race(true));
		RUN(race(false));
	}
	RUN(other_kinds());
	CHECK(!rmdir(dir));
	return 0;
}
