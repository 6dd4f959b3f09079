/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A server that may open no more descriptors leaves a client in the backlog. It is woken for it no more than ten times in
 * a second, reports it once, and serves it when descriptors are there again.
 */
#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "device/device.h"
#include "tests/lib/server_client.h"
#include "tests/lib/raw_messages.h"
#include "wire/socket.h"

static unsigned reported;

static void on_event(void *context, const struct vfmig_event *event)
{
	reported += !strcmp(event->name, "cannot-accept");
}

int main(void)
{
	char dir[] = "/tmp/vfmig-full-XXXXXX", path[64];
	const struct vfmig_events events = {on_event, NULL};
	struct vfmig_export_options config = {.struct_size = sizeof(struct vfmig_export_options),
					      .socket_path = path,
					      .events = &events};
	struct rlimit before, none;
	struct vfmig_export *server;
	struct vfmig_error err = {0};
	struct fake_device *f = fake_device_new(0);
	uint64_t woken = 0;
	int64_t begin;
	int fd;

	CHECK(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/s", dir);
	CHECKF(!vfmig_export_open_vfio_user(&f->device, &config, &server, &err), "%s", err.text);
	fd = socket_connect(path, &err);
	CHECKF(fd >= 0, "%s", err.text);
	CHECK(!getrlimit(RLIMIT_NOFILE, &before));
	none = before;
	none.rlim_cur = 0;
	CHECK(!setrlimit(RLIMIT_NOFILE, &none));
	begin = device_now();
	while (device_now() - begin < 300000000) {
		struct pollfd p = {.fd = vfmig_export_fd(server), .events = POLLIN};

		/* poll() takes no more entries than descriptors may be open. */
		none.rlim_cur = 1;
		CHECK(!setrlimit(RLIMIT_NOFILE, &none));
		if (poll(&p, 1, 50) == 1)
			woken++;
		none.rlim_cur = 0;
		CHECK(!setrlimit(RLIMIT_NOFILE, &none));
		CHECK_EQ(vfmig_export_process(server, NULL), 0);
	}
	/* For the client, and for each time that it is tried again: the timer, and the client. */
	CHECKF(woken <= 3 + 2 * (uint64_t)((device_now() - begin) / 100000000), "woken %llu times",
	       (unsigned long long)woken);
	CHECK_EQ(reported, 1);
	CHECK(!setrlimit(RLIMIT_NOFILE, &before));
	CHECK_EQ(vfmig_export_start(server, NULL), 0);
	CHECK_EQ(raw_hello(fd, NULL), 0);
	close(fd);
	vfmig_export_close(server);
	vfmig_device_close(&f->device);
	CHECK(!rmdir(dir));
	return 0;
}
