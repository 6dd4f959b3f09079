/* SPDX-License-Identifier: BSD-3-Clause */
#include <unistd.h>

#include "tests/vfio-user/hostile.h"
#include "wire/socket.h"

#define HELLO "{\"capabilities\":{\"max_msg_fds\":8,\"vfmig\":{\"version\":1}}}"

static char dir[] = "/tmp/vfmig-test-XXXXXX";
static char path[64];
struct fake_device *hostile_fake;

int hostile_connect(void)
{
	struct vfmig_error err = {0};
	int fd = socket_connect(path, &err);

	CHECKF(fd >= 0, "%s", err.text);
	return fd;
}

int hostile_hello(void)
{
	int fd = hostile_connect();

	CHECK_EQ(raw_hello(fd, HELLO), 0);
	return fd;
}

int hostile_info(int fd)
{
	uint32_t words[4] = {16};

	return raw_call(fd, VFMIG_USER_DEVICE_GET_INFO, words, 16, NULL, 0, words, 16, NULL);
}

void hostile_decent(void)
{
	int fd = hostile_hello();

	CHECK_EQ(hostile_info(fd), 0);
	CHECK_EQ(hostile_fake->maps, 0);
	close(fd);
}

void hostile_run(void (*const *tests)(void), size_t count)
{
	struct vfmig_export_options config = {.struct_size = sizeof(struct vfmig_export_options),
					      .socket_path = path};
	struct vfmig_export *server;
	struct vfmig_error err = {0};
	unsigned before = count_fds();

	CHECK(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/socket", dir);
	hostile_fake = fake_device_new(SERVER_CLIENT_ALL_FLAGS);
	CHECKF(!vfmig_export_open_vfio_user(&hostile_fake->device, &config, &server, &err), "%s",
	       err.text);
	CHECK_EQ(vfmig_export_start(server, NULL), 0);
	hostile_decent();
	for (size_t i = 0; i < count; i++) {
		tests[i]();
		hostile_decent();
	}
	vfmig_export_close(server);
	vfmig_device_close(&hostile_fake->device);
	CHECK_EQ(count_fds(), before);
	rmdir(dir);
}
