/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Clients of the server's own user and of root are served, and others disconnected and reported, unless the server allows
 * them, whatever the permissions of the socket are.
 */
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/lib/server_client.h"
#include "tests/lib/raw_messages.h"
#include "wire/socket.h"

#define OTHER 65534

static char path[64];
static _Atomic unsigned turned_away;

static void on_event(void *context, const struct vfmig_event *event)
{
	turned_away += !strcmp(event->name, "client-rejected");
}

/* Whether a client of this user is served. In a process of its own, since a process keeps what it has opened. */
static bool is_served(uid_t uid)
{
	int status;
	pid_t pid = fork();

	CHECK(pid >= 0);
	if (!pid) {
		int fd;

		if (setresuid(uid, uid, uid))
			_exit(2);
		fd = socket_connect(path, NULL);
		if (fd < 0)
			_exit(3);
		_exit(raw_hello(fd, NULL) ? 1 : 0);
	}
	CHECK(waitpid(pid, &status, 0) == pid);
	CHECKF(WIFEXITED(status) && WEXITSTATUS(status) < 2, "status %d", status);
	return !WEXITSTATUS(status);
}

static void serve(bool allow_others)
{
	const struct vfmig_events events = {on_event, NULL};
	struct vfmig_export_options config = {.struct_size = sizeof(struct vfmig_export_options),
					      .socket_path = path,
					      .socket_mode = 0666,
					      .allow_other_users = allow_others,
					      .events = &events};
	struct fake_device *f = fake_device_new(0);
	struct vfmig_export *server;
	struct vfmig_error err = {0};

	turned_away = 0;
	CHECKF(!vfmig_export_open_vfio_user(&f->device, &config, &server, &err), "%s", err.text);
	CHECK_EQ(vfmig_export_start(server, NULL), 0);
	CHECK(is_served(0));
	CHECK_EQ(is_served(OTHER), allow_others);
	CHECK_EQ(turned_away, !allow_others);
	CHECK(is_served(0));
	vfmig_export_close(server);
	vfmig_device_close(&f->device);
}

int main(void)
{
	char dir[] = "/tmp/vfmig-users-XXXXXX";

	if (geteuid())
		SKIP("only root can be another user");
	CHECK(mkdtemp(dir) && !chmod(dir, 0755));
	snprintf(path, sizeof(path), "%s/s", dir);
	serve(false);
	serve(true);
	CHECK(!rmdir(dir));
	return 0;
}
