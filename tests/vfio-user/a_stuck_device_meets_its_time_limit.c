/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A device that hangs as it stops: its user waits as long as it said, and no longer, also for a reset; what comes late is
 * thrown away. When the device has come to itself a reset leads to RUNNING.
 *
 * Rules: V2-11, V2-42.
 */
#include <pthread.h>
#include <sys/socket.h>

#include <vfmig/export.h>

#include "source/vfio_user.h"
#include "tests/lib/test_device.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static bool stuck = true, is_stuck;

static int hang(struct vfmig_kit *kit, void *self, struct vfmig_error *err)
{
	pthread_mutex_lock(&lock);
	is_stuck = true;
	while (stuck)
		pthread_cond_wait(&cond, &lock);
	pthread_mutex_unlock(&lock);
	return 0;
}

static bool hangs(void)
{
	bool does;

	pthread_mutex_lock(&lock);
	does = is_stuck;
	pthread_mutex_unlock(&lock);
	return does;
}

static void let_go(void)
{
	pthread_mutex_lock(&lock);
	stuck = false;
	pthread_cond_broadcast(&cond);
	pthread_mutex_unlock(&lock);
}

int main(void)
{
	struct vfmig_export_options config = {.struct_size = sizeof(struct vfmig_export_options)};
	struct vfmig_model model = test_device_model;
	struct vfmig_device *served, *device;
	struct vfmig_session *session;
	struct vfmig_export *server;
	enum vfmig_state state;
	int fds[2];

	model.stop = hang;
	CHECK(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
	served = test_device_open_as(&model, NULL);
	config.fd = fds[0];
	CHECK_OK(vfmig_export_open_vfio_user(served, &config, &server, &test_err));
	CHECK_OK(vfmig_export_start(server, &test_err));
	CHECK_OK(vfio_user_adopt(fds[1], "served", NULL, &device, &test_err));
	session = test_device_session(device);

	vfmig_device_set_timeout(device, 20);
	/* On a busy machine the limit may pass before the device gets to hear of it. */
	do
		CHECK_EQ(vfmig_session_set_state(session, VFMIG_STATE_STOP, &test_err), -ETIMEDOUT);
	while (!hangs());
	/* Nothing that is asked of it holds its user, and a reset is nothing else. */
	CHECK_EQ(vfmig_session_get_state(session, &state, NULL), -ETIMEDOUT);
	CHECK_EQ(vfmig_device_reset(device, &test_err), -ETIMEDOUT);

	vfmig_device_set_timeout(device, 60000);
	let_go();
	CHECK_OK(vfmig_device_reset(device, &test_err));
	CHECK_EQ(test_device_state_of(session), VFMIG_STATE_RUNNING);
	CHECK_EQ(test_device_get(device, TEST_DEVICE_ID), TEST_DEVICE_MAGIC);
	test_device_go(session, VFMIG_STATE_STOP);
	CHECK_EQ(test_device_state_of(session), VFMIG_STATE_STOP);

	vfmig_session_close(session);
	vfmig_device_close(device);
	vfmig_export_close(server);
	vfmig_device_close(served);
	return 0;
}
