/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A server has its socket's name before it listens. Who connects just then waits for a moment; where nobody ever
 * listens it is told so.
 */
#include <errno.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/check.h"
#include "wire/socket.h"

static void *begin_to_listen(void *arg)
{
	/* After the first attempt, as a rule: it is made while this thread starts. */
	for (int i = 0; i < 100; i++)
		sched_yield();
	CHECK(!listen(*(int *)arg, 1));
	return NULL;
}

int main(void)
{
	char dir[] = "/tmp/vfmig-begins-XXXXXX";
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	struct vfmig_error err = {0};
	pthread_t thread;
	int server, fd;

	CHECK(mkdtemp(dir));
	snprintf(at.sun_path, sizeof(at.sun_path), "%s/s", dir);
	server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK(server >= 0 && !bind(server, (struct sockaddr *)&at, sizeof(at)));

	CHECK_EQ(vfmig_socket_connect(at.sun_path, &err), -ECONNREFUSED);
	CHECKF(strstr(err.text, "does the server run?"), "%s", err.text);

	CHECK(!pthread_create(&thread, NULL, begin_to_listen, &server));
	fd = vfmig_socket_connect(at.sun_path, &err);
	CHECKF(fd >= 0, "%s", err.text);
	pthread_join(thread, NULL);
	close(fd);
	close(server);
	unlink(at.sun_path);
	rmdir(dir);
	return 0;
}
