/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A server has its socket's name before it listens. Who connects just then waits for a moment, and who would serve there
 * does not take it for dead; where nobody ever listens it is told so, and the name is taken over.
 */
#include <errno.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/lib/check.h"
#include "wire/socket.h"

static void *begin_to_listen(void *arg)
{
	/* After the first attempt, as a rule: it is made while this thread starts. */
	for (int i = 0; i < 100; i++)
		sched_yield();
	CHECK(!listen(*(int *)arg, 1));
	return NULL;
}

static int bind_only(struct sockaddr_un *at)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	CHECK(fd >= 0 && !bind(fd, (struct sockaddr *)at, sizeof(*at)));
	return fd;
}

static void is_connected_to(struct sockaddr_un *at)
{
	struct vfmig_error err = {0};
	int server = bind_only(at), fd;
	pthread_t thread;

	CHECK_EQ(socket_connect(at->sun_path, &err), -ECONNREFUSED);
	CHECKF(strstr(err.text, "is the server running?"), "%s", err.text);

	CHECK(!pthread_create(&thread, NULL, begin_to_listen, &server));
	fd = socket_connect(at->sun_path, &err);
	CHECKF(fd >= 0, "%s", err.text);
	pthread_join(thread, NULL);
	close(fd);
	close(server);
	unlink(at->sun_path);
}

static void keeps_its_name(struct sockaddr_un *at)
{
	struct vfmig_error err = {0};
	int server = bind_only(at);
	pthread_t thread;
	struct vfmig_socket_file file;
	int fd;

	CHECK(!pthread_create(&thread, NULL, begin_to_listen, &server));
	CHECK_EQ(vfmig_socket_listen(at->sun_path, 0600, &file, &err), -EADDRINUSE);
	pthread_join(thread, NULL);
	close(server);

	fd = vfmig_socket_listen(at->sun_path, 0600, &file, &err);
	CHECKF(fd >= 0, "%s", err.text);
	close(fd);
	vfmig_socket_unlink(at->sun_path, &file);
}

int main(void)
{
	char dir[] = "/tmp/vfmig-begins-XXXXXX";
	struct sockaddr_un at = {.sun_family = AF_UNIX};

	CHECK(mkdtemp(dir));
	snprintf(at.sun_path, sizeof(at.sun_path), "%s/s", dir);
	is_connected_to(&at);
	keeps_its_name(&at);
	rmdir(dir);
	return 0;
}
