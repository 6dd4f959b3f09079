/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The card, with low power: it counts how often it fell asleep and woke, and whether it was ever reached asleep.
 *
 * A test may say that it is not idle (sleeper.restless), and that a wake is to be forgotten to be counted as a
 * sabotage: then what reaches it counts as reaching it asleep, which the tests must notice.
 */
#ifndef TESTS_MODEL_SLEEPER_H
#define TESTS_MODEL_SLEEPER_H

#include <stdatomic.h>

#include "tests/lib/test_device.h"

static struct {
	atomic_uint sleeps, wakes, reached_asleep;
	atomic_bool asleep, restless, oversleeps;
} sleeper;

static inline bool sleeper_sleep(struct vfmig_kit *kit, void *self)
{
	CHECK(!sleeper.asleep || sleeper.oversleeps);
	if (sleeper.restless)
		return false;
	sleeper.sleeps++;
	sleeper.asleep = true;
	return true;
}

static inline void sleeper_wake(struct vfmig_kit *kit, void *self)
{
	CHECK(sleeper.asleep || sleeper.oversleeps);
	sleeper.wakes++;
	sleeper.asleep = (bool)sleeper.oversleeps;
}

static inline uint64_t sleeper_read(struct vfmig_kit *kit, void *self, unsigned bar,
				    uint64_t offset, unsigned size)
{
	sleeper.reached_asleep += sleeper.asleep;
	return test_device_read(kit, self, bar, offset, size);
}

static inline void sleeper_write(struct vfmig_kit *kit, void *self, unsigned bar, uint64_t offset,
				 uint64_t value, unsigned size)
{
	sleeper.reached_asleep += sleeper.asleep;
	test_device_write(kit, self, bar, offset, value, size);
}

static inline bool sleeper_run(struct vfmig_kit *kit, void *self)
{
	sleeper.reached_asleep += sleeper.asleep;
	return test_device_run(kit, self);
}

static inline void sleeper_reset(struct vfmig_kit *kit, void *self)
{
	sleeper.reached_asleep += sleeper.asleep;
	test_device_reset(kit, self);
}

/* In parts a test can change. */
static inline struct vfmig_model sleeper_model(void)
{
	struct vfmig_model model = test_device_model;

	memset(&sleeper, 0, sizeof(sleeper));
	model.read = sleeper_read;
	model.write = sleeper_write;
	model.run = sleeper_run;
	model.reset = sleeper_reset;
	model.sleep = sleeper_sleep;
	model.wake = sleeper_wake;
	return model;
}

static inline int sleeper_feature(struct vfmig_device *device, uint32_t index, void *data,
				  size_t size)
{
	return vfmig_device_call_feature(device, VFMIG_FEATURE_SET | index, data, size, &test_err);
}

static inline int sleeper_enter(struct vfmig_device *device)
{
	return sleeper_feature(device, VFMIG_FEATURE_LOW_POWER_ENTRY, NULL, 0);
}

static inline int sleeper_enter_wake(struct vfmig_device *device, int eventfd_)
{
	struct vfmig_feature_low_power_wake wake = {.wakeup_eventfd = eventfd_};

	return sleeper_feature(device, VFMIG_FEATURE_LOW_POWER_ENTRY_WAKE, &wake, sizeof(wake));
}

static inline int sleeper_exit(struct vfmig_device *device)
{
	return sleeper_feature(device, VFMIG_FEATURE_LOW_POWER_EXIT, NULL, 0);
}

#endif
