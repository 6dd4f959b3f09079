/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A device that never answers behind a server: the server gives it up at the device's time limit, long before its client
 * would, and goes on. The client learns which it was, and can reset the device. What does answer is not touched.
 *
 * Rules: V2-11, V2-42.
 */
#include <sys/socket.h>

#include <vfmig/export.h>
#include <vfmig/open.h>

#include "source/vfio_user.h"
#include "tests/lib/test_device.h"

int main(void)
{
	const char *filters[] = {"fault,arc=any:stop_copy,do=hang",
				 "fault,op=region-read,nth=40,do=hang"};
	struct vfmig_export_options config = {.struct_size = sizeof(struct vfmig_export_options)};
	struct vfmig_device *served, *device;
	struct vfmig_session *session;
	struct vfmig_export *server;
	enum vfmig_state state;
	uint64_t value;
	int fds[2], ret = 0, reads = 0;

	CHECK(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
	CHECK_OK(vfmig_open_filtered("model:copier,size=1M", filters, 2, &served, &test_err));
	/* Long enough for what does answer, on a busy machine, too. */
	vfmig_device_set_timeout(served, 1000);
	config.fd = fds[0];
	CHECK_OK(vfmig_export_open_vfio_user(served, &config, &server, &test_err));
	CHECK_OK(vfmig_export_start(server, &test_err));
	CHECK_OK(vfio_user_adopt(fds[1], "served", NULL, &device, &test_err));
	session = test_device_session(device);

	CHECK_EQ(vfmig_session_set_state(session, VFMIG_STATE_STOP_COPY, &test_err), -ETIMEDOUT);
	CHECK(strstr(test_err.text, "the server rejected"));
	CHECK_OK(vfmig_device_reset(device, &test_err));
	CHECK_OK(vfmig_session_get_state(session, &state, &test_err));
	CHECK_EQ(state, VFMIG_STATE_RUNNING);
	/* Whatever answers comes through, until the one that hangs. */
	while (!(ret = vfmig_device_region_read(device, 0, 0, &value, 8, &test_err)))
		reads++;
	CHECK_EQ(ret, -ETIMEDOUT);
	CHECK(reads >= 39);
	CHECK_OK(vfmig_device_region_read(device, 0, 0, &value, 8, &test_err));
	test_device_go(session, VFMIG_STATE_STOP_COPY);

	vfmig_session_close(session);
	vfmig_device_close(device);
	vfmig_export_close(server);
	vfmig_device_close(served);
	return 0;
}
