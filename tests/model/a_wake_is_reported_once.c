/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * PWR-07 PWR-08 PWR-12 PWR-13 PWR-14 PWR-15 PWR-17: LOW_POWER_ENTRY_WITH_WAKEUP signals its eventfd when a device that slept wakes, whoever
 * woke it: once, and only if it did sleep; then it sleeps no more until it is allowed to anew, and LOW_POWER_EXIT
 * is optional.
 */
#include <fcntl.h>

#include "tests/model/sleeper.h"

static struct vfmig_device *device;
static struct vfmig_space *space;
static int event;

static void enter(void)
{
	unsigned sleeps = sleeper.sleeps;

	CHECK_OK(sleeper_enter_wake(device, event));
	CHECK(sleeper.asleep);
	CHECK_EQ(sleeper.sleeps, sleeps + 1);
	CHECK_EQ(test_device_signals(event), 0);
}

static void woken(void)
{
	unsigned sleeps = sleeper.sleeps;

	CHECK(!sleeper.asleep);
	CHECK_EQ(test_device_signals(event), 1);
	/* It stays awake, and silent, until it is allowed to sleep again. */
	test_device_get(device, TEST_DEVICE_ID);
	CHECK_OK(vfmig_device_process(device, &test_err));
	CHECK_EQ(sleeper.sleeps, sleeps);
	CHECK_EQ(test_device_signals(event), 0);
	CHECK(!sleeper.reached_asleep);
}

static void whoever_wakes_it(void)
{
	uint32_t word;

	enter();
	test_device_get(device, TEST_DEVICE_ID);
	woken();
	/* without EXIT: that was optional */
	enter();
	CHECK_OK(vfmig_device_region_read(device, VFMIG_PCI_REGION_CONFIG, 0, &word, 4, &test_err));
	woken();
	enter();
	CHECK_OK(vfmig_device_call_feature(device, VFMIG_FEATURE_PROBE | VFMIG_FEATURE_MIGRATION,
					   NULL, 0, &test_err));
	woken();
	enter();
	CHECK_OK(vfmig_device_reset(device, &test_err));
	woken();
	CHECK_OK(vfmig_device_process(device, &test_err));
	enter();
	CHECK_OK(sleeper_exit(device)); /* by which it wakes, too */
	woken();
	CHECK_OK(sleeper_exit(device));
	CHECK_EQ(test_device_signals(event), 0);
	/* An entry upon the entry wakes it, ends the first, and is one. */
	enter();
	CHECK_OK(sleeper_enter_wake(device, event));
	CHECK(sleeper.asleep);
	CHECK_EQ(test_device_signals(event), 1);
	test_device_get(device, TEST_DEVICE_ID);
	woken();
}

/* A device wakes by itself, as one does to which something comes from outside. */
static struct vfmig_kit *kit_of_device;

static int create(struct vfmig_kit *kit, void *self, struct vfmig_error *err)
{
	kit_of_device = kit;
	return 0;
}

static void it_wakes_by_itself(void)
{
	enter();
	vfmig_kit_wake(kit_of_device);
	CHECK(sleeper.asleep);
	CHECK_OK(vfmig_device_process(device, &test_err));
	woken();
}

static void it_never_slept(void)
{
	sleeper.restless = true;
	CHECK_OK(sleeper_enter_wake(device, event));
	test_device_get(device, TEST_DEVICE_ID);
	test_device_get(device, TEST_DEVICE_ID);
	CHECK_EQ(test_device_signals(event), 0);
	CHECK_EQ(sleeper_enter_wake(device, event), -EINVAL); /* the first is in force yet */
	CHECK_OK(sleeper_exit(device));
	CHECK_EQ(test_device_signals(event), 0);
	/* It comes to rest between two accesses: then the next one wakes it. */
	CHECK_OK(sleeper_enter_wake(device, event));
	test_device_get(device, TEST_DEVICE_ID);
	sleeper.restless = false;
	test_device_get(device, TEST_DEVICE_ID);
	CHECK(sleeper.asleep);
	CHECK_EQ(test_device_signals(event), 0);
	test_device_get(device, TEST_DEVICE_ID);
	woken();
}

static void what_is_no_eventfd(void)
{
	struct vfmig_feature_low_power_wake wake = {.wakeup_eventfd = event, .reserved = 1};
	int pipe_fds[2];

	CHECK_EQ(sleeper_enter_wake(device, -1), -EINVAL);
	CHECK_EQ(sleeper_enter_wake(device, 9999), -EINVAL);
	CHECK(!pipe(pipe_fds));
	CHECK_EQ(sleeper_enter_wake(device, pipe_fds[1]), -EINVAL);
	CHECK_EQ(sleeper_feature(device, VFMIG_FEATURE_LOW_POWER_ENTRY_WAKE, &wake, sizeof(wake)),
		 -EINVAL);
	wake.reserved = 0;
	CHECK_EQ(sleeper_feature(device, VFMIG_FEATURE_LOW_POWER_ENTRY_WAKE, &wake, 4), -EINVAL);
	CHECK_EQ(sleeper_feature(device, VFMIG_FEATURE_LOW_POWER_ENTRY_WAKE, NULL, 0), -EINVAL);
	CHECK(!sleeper.asleep);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
	/* The device has a copy of its own. */
	enter();
	int mine = fcntl(event, F_DUPFD, 0);

	close(event);
	event = mine;
	test_device_get(device, TEST_DEVICE_ID);
	woken();
	/* A counter that is full takes no more, and holds nobody. */
	enter();
	uint64_t full = UINT64_MAX - 1;

	CHECK_EQ(write(event, &full, sizeof(full)), sizeof(full));
	test_device_get(device, TEST_DEVICE_ID);
	CHECK(!sleeper.asleep);
	CHECK(test_device_signals(event) == UINT64_MAX - 1);
}

int main(void)
{
	struct vfmig_model model = sleeper_model();

	model.create = create;
	event = eventfd(0, EFD_NONBLOCK);
	device = test_device_open_as(&model, NULL);
	space = vfmig_space_new();
	CHECK_OK(vfmig_space_attach(space, device, &test_err));
	CHECK_OK(vfmig_device_process(device, &test_err));
	whoever_wakes_it();
	it_wakes_by_itself();
	it_never_slept();
	what_is_no_eventfd();
	/* Closed in its sleep. */
	enter();
	vfmig_device_close(device);
	vfmig_space_free(space);
	return 0;
}
