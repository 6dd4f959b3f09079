/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * PWR-04 PWR-07 PWR-08 PWR-12 PWR-17 through a socket: the eventfd goes beside the message, every command wakes the device, the eventfd is
 * signalled once, and a client that goes takes its permission with it. A plain peer has none of it.
 */
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>

#include <vfmig/export.h>

#include "source/vfio_user.h"
#include "tests/model/sleeper.h"
#include "tests/lib/raw_messages.h"

static struct vfmig_model model;
static struct vfmig_device *served;
static struct vfmig_export *server;

static int serve(const char *options)
{
	struct vfmig_export_options config = {.struct_size = sizeof(struct vfmig_export_options)};
	int fds[2];

	CHECK(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
	model = sleeper_model();
	served = test_device_open_as(&model, options);
	config.fd = fds[0];
	CHECK_OK(vfmig_export_open_vfio_user(served, &config, &server, &test_err));
	CHECK_OK(vfmig_export_start(server, &test_err));
	return fds[1];
}

static void end(void)
{
	vfmig_export_close(server);
	vfmig_device_close(served);
}

/* It falls asleep when the answer is out already. */
static void until_asleep(void)
{
	while (!sleeper.asleep)
		sched_yield();
}

static void signalled_once(int event)
{
	struct pollfd fd = {.fd = event, .events = POLLIN};

	CHECK_EQ(poll(&fd, 1, 120000), 1);
	CHECK_EQ(test_device_signals(event), 1);
}

static void by_our_client(void)
{
	int event = eventfd(0, EFD_NONBLOCK);
	struct vfmig_device *client;
	unsigned wakes;

	CHECK_OK(vfio_user_adopt(serve(NULL), "served", NULL, &client, &test_err));
	for (uint32_t i = VFMIG_FEATURE_LOW_POWER_ENTRY; i <= VFMIG_FEATURE_LOW_POWER_EXIT; i++)
		CHECK_OK(vfmig_device_call_feature(client, VFMIG_FEATURE_PROBE | i, NULL, 0,
						   &test_err));
	CHECK_OK(sleeper_enter(client));
	until_asleep();
	wakes = sleeper.wakes;
	CHECK_EQ(test_device_get(client, TEST_DEVICE_ID), TEST_DEVICE_MAGIC);
	until_asleep();
	CHECK_EQ(sleeper.wakes, wakes + 1);
	CHECK_EQ(sleeper_enter(client), -EINVAL);
	CHECK_OK(sleeper_exit(client));

	CHECK_OK(sleeper_enter_wake(client, event));
	until_asleep();
	CHECK_EQ(test_device_signals(event), 0);
	test_device_get(client, TEST_DEVICE_ID);
	signalled_once(event);
	wakes = sleeper.sleeps;
	test_device_get(client, TEST_DEVICE_ID);
	test_device_get(client, TEST_DEVICE_ID);
	CHECK_EQ(sleeper.sleeps, wakes);
	CHECK_OK(sleeper_enter_wake(client, event)); /* EXIT was optional */
	until_asleep();
	CHECK_OK(sleeper_exit(client));
	signalled_once(event);
	CHECK_EQ(sleeper_enter_wake(client, -1), -EINVAL);
	CHECK_EQ(sleeper_enter_wake(client, 0), -EINVAL); /* no eventfd */

	/* A mapping cannot be taken back over there either; the region's information hands one out. */
	struct vfmig_region region;

	CHECK_OK(vfmig_device_get_region_info(client, 2, &region, &test_err));
	CHECK_EQ(sleeper_enter(client), -EBUSY);
	CHECK(!sleeper.reached_asleep);
	vfmig_device_close(client);
	end();
	close(event);
}

/* What it had allowed ends with the client, and is not the next one's. */
static void when_the_client_goes(void)
{
	char path[64], dir[] = "/tmp/vfmig-test-XXXXXX";
	struct vfmig_export_options config = {.struct_size = sizeof(struct vfmig_export_options),
					      .socket_path = path};
	struct vfmig_device *client;
	unsigned sleeps;

	CHECK(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/s", dir);
	model = sleeper_model();
	served = test_device_open_as(&model, NULL);
	CHECK_OK(vfmig_export_open_vfio_user(served, &config, &server, &test_err));
	CHECK_OK(vfmig_export_start(server, &test_err));
	CHECK_OK(vfio_user_connect(path, NULL, &client, &test_err));
	CHECK_OK(sleeper_enter(client));
	until_asleep();
	vfmig_device_close(client);
	CHECK_OK(vfio_user_connect(path, NULL, &client, &test_err));
	sleeps = sleeper.sleeps;
	test_device_get(client, TEST_DEVICE_ID);
	test_device_get(client, TEST_DEVICE_ID);
	CHECK_EQ(sleeper.sleeps, sleeps);
	CHECK(!sleeper.asleep);
	CHECK_OK(sleeper_enter(client)); /* not "already" */
	vfmig_device_close(client);
	end();
	CHECK(!rmdir(dir));
}

static int raw_enter_wake(int fd, int32_t number, uint32_t reserved, const int *fds, unsigned nfds)
{
	uint32_t words[4] = {16, VFMIG_FEATURE_SET | VFMIG_FEATURE_LOW_POWER_ENTRY_WAKE,
			     (uint32_t)number, reserved};
	uint8_t reply[16];
	size_t got;

	return raw_call(fd, VFMIG_USER_DEVICE_FEATURE, words, sizeof(words), fds, nfds, reply,
			sizeof(reply), &got);
}

static void by_hand(void)
{
	int fd = serve(NULL), events[2] = {eventfd(0, EFD_NONBLOCK), eventfd(0, EFD_NONBLOCK)};
	int pipes[2];
	uint32_t words[4] = {16, VFMIG_FEATURE_SET | VFMIG_FEATURE_LOW_POWER_ENTRY};
	uint8_t reply[16];
	size_t got;

	CHECK(!pipe(pipes));
	CHECK_EQ(raw_hello(fd, "{\"capabilities\":{\"vfmig\":{\"version\":1}}}"), 0);
	CHECK_EQ(raw_enter_wake(fd, 0, 0, NULL, 0), -EINVAL);
	CHECK_EQ(raw_enter_wake(fd, 1, 0, events, 1), -EINVAL);
	CHECK_EQ(raw_enter_wake(fd, -1, 0, events, 1), -EINVAL);
	CHECK_EQ(raw_enter_wake(fd, 0, 1, events, 1), -EINVAL);
	CHECK_EQ(raw_enter_wake(fd, 0, 0, &pipes[1], 1), -EINVAL);
	/* The second one is of no use, and closed. */
	CHECK_EQ(raw_enter_wake(fd, 0, 0, events, 2), 0);
	until_asleep();
	CHECK_EQ(raw_enter_wake(fd, 0, 0, &events[1], 1), 0);
	signalled_once(events[0]);
	close(fd);
	end();

	/* To a plain client there is no such feature. */
	fd = serve(NULL);
	CHECK_EQ(raw_hello(fd, NULL), 0);
	CHECK_EQ(raw_enter_wake(fd, 0, 0, events, 1), -ENOTTY);
	CHECK_EQ(raw_call(fd, VFMIG_USER_DEVICE_FEATURE, words, 8, NULL, 0, reply, sizeof(reply),
			  &got),
		 -ENOTTY);
	CHECK(!sleeper.sleeps);
	close(fd);
	end();
	close(events[0]);
	close(events[1]);
	close(pipes[0]);
	close(pipes[1]);
}

int main(void)
{
	RUN(by_our_client());
	RUN(when_the_client_goes());
	RUN(by_hand());
	return 0;
}
