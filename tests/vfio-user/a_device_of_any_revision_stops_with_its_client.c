/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A device that runs when its client goes is stopped, in whatever revision it can migrate: v2, v1 or pfn. It is what the
 * next client without our extension finds running again.
 */
#include <errno.h>

#include <vfmig/export.h>
#include <vfmig/session.h>

#include "source/vfio_user/priv.h"
#include "tests/lib/server_client.h"
#include "tests/lib/test_device.h"

static enum vfmig_state state_of(struct vfmig_device *device)
{
	struct vfmig_session *session;
	struct vfmig_error err = {0};
	enum vfmig_state state;

	CHECKF(!vfmig_session_open(device, NULL, &session, &err), "%s", err.text);
	CHECK_EQ(vfmig_session_get_state(session, &state, NULL), 0);
	vfmig_session_close(session);
	return state;
}

static void look_and_go(struct vfmig_export *server, const char *path, const char *options,
			enum vfmig_state found)
{
	struct vfmig_device *client;
	struct vfmig_error err = {0};

	CHECK_EQ(vfmig_export_start(server, &err), 0);
	CHECKF(!vfio_user_connect(path, options, &client, &err), "%s", err.text);
	CHECK_EQ(state_of(client), found);
	vfmig_device_close(client);
	vfmig_export_stop(server);
	/* What the thread left of its going. */
	while (vfmig_export_has_client(server))
		CHECK_EQ(vfmig_export_process(server, NULL), 0);
}

static void stops(const char *protocol)
{
	char dir[] = "/tmp/vfmig-test-XXXXXX", path[64], options[64];
	struct vfmig_export_options config = {.struct_size = sizeof(config), .socket_path = path};
	struct vfmig_device *device;
	struct vfmig_export *server;

	CHECK(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/socket", dir);
	snprintf(options, sizeof(options), "protocol=%s", protocol);
	device = test_device_open(options);
	CHECK_EQ(vfmig_export_open_vfio_user(device, &config, &server, NULL), 0);
	CHECK_EQ(state_of(device), VFMIG_STATE_RUNNING);
	look_and_go(server, path, NULL, VFMIG_STATE_RUNNING);
	CHECK_EQ(state_of(device), VFMIG_STATE_STOP);
	look_and_go(server, path, "extensions=off", VFMIG_STATE_RUNNING);
	CHECK_EQ(state_of(device), VFMIG_STATE_STOP);
	vfmig_export_close(server);
	vfmig_device_close(device);
	rmdir(dir);
}

int main(void)
{
	RUN(stops("v2"));
	RUN(stops("v1"));
	RUN(stops("pfn"));
	return 0;
}
