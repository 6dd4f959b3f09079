/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * PWR-06 PWR-09 PWR-10 PWR-11: between entry and exit nobody accesses a mapped region. Memory that was given to be mapped cannot be taken back,
 * so a device with such memory refuses to enter low power and says why; and one that may sleep gives none.
 */
#include "tests/model/sleeper.h"

static void mapped_first(const char *options, uint32_t region)
{
	struct vfmig_model model = sleeper_model();
	struct vfmig_device *device = test_device_open_as(&model, options);
	int event = eventfd(0, EFD_NONBLOCK);
	struct vfmig_region info;
	void *p;

	CHECK_OK(vfmig_device_get_region_info(device, region, &info, &test_err));
	CHECK(info.areas);
	CHECK_OK(vfmig_device_region_map(device, region, info.area[0].offset, info.area[0].size, &p,
					 &test_err));
	CHECK_EQ(sleeper_enter(device), -EBUSY);
	CHECK(strstr(test_err.text, "mapped"));
	CHECK_EQ(sleeper_enter_wake(device, event), -EBUSY);
	/* That it was unmapped is not seen from here. */
	munmap(p, info.area[0].size);
	CHECK_EQ(sleeper_enter(device), -EBUSY);
	CHECK(!sleeper.sleeps);
	CHECK_OK(sleeper_exit(device));
	vfmig_device_close(device);
	close(event);
}

static void allowed_first(const char *options, uint32_t region)
{
	struct vfmig_model model = sleeper_model();
	struct vfmig_device *device = test_device_open_as(&model, options);
	int event = eventfd(0, EFD_NONBLOCK);
	struct vfmig_region info;
	unsigned wakes;
	void *p;

	CHECK_OK(vfmig_device_get_region_info(device, region, &info, &test_err));
	CHECK_OK(sleeper_enter(device));
	CHECK(sleeper.asleep);
	wakes = sleeper.wakes;
	CHECK_EQ(vfmig_device_region_map(device, region, info.area[0].offset, info.area[0].size, &p,
					 &test_err),
		 -EBUSY);
	CHECK_EQ(sleeper.wakes,
		 wakes + 1); /* it asked for the information first; the mapping did not */
	/* By read and write it is there all the time. */
	uint8_t byte;

	CHECK_OK(
		vfmig_device_region_read(device, region, info.area[0].offset, &byte, 1, &test_err));
	CHECK_OK(sleeper_exit(device));
	/* With wake-up it may be mapped as soon as it was woken, without EXIT. */
	CHECK_OK(sleeper_enter_wake(device, event));
	CHECK_OK(vfmig_device_region_map(device, region, info.area[0].offset, info.area[0].size, &p,
					 &test_err));
	CHECK_EQ(test_device_signals(event), 1);
	munmap(p, info.area[0].size);
	vfmig_device_close(device);
	close(event);
}

/* Its data section is the kit's own: nothing of the device is behind it, before and while it sleeps. */
static void migration_region(void)
{
	struct vfmig_model model = sleeper_model();
	struct vfmig_device *device = test_device_open_as(&model, "protocol=v1,data=mapped");
	struct vfmig_region info;
	void *p, *q;

	CHECK_OK(vfmig_device_get_region_info(device, 9, &info, &test_err));
	CHECK(info.areas);
	CHECK_OK(vfmig_device_region_map(device, 9, info.area[0].offset, info.area[0].size, &p,
					 &test_err));
	CHECK_OK(sleeper_enter(device));
	CHECK(sleeper.asleep);
	*(volatile uint8_t *)p = 1;
	CHECK(sleeper.asleep);
	CHECK_OK(vfmig_device_region_map(device, 9, info.area[0].offset, info.area[0].size, &q,
					 &test_err));
	CHECK_OK(sleeper_exit(device));
	munmap(p, info.area[0].size);
	munmap(q, info.area[0].size);
	vfmig_device_close(device);
}

int main(void)
{
	struct vfmig_model model = sleeper_model();
	struct vfmig_request request = {.op = VFMIG_OP_REGION_FD, .region_fd = {.index = 0}};
	struct vfmig_device *device = test_device_open_as(&model, NULL);

	/* What cannot be mapped is in nobody's way. */
	CHECK_EQ(vfmig_call(device, &request), -ENODEV);
	CHECK_OK(sleeper_enter(device));
	CHECK(sleeper.asleep);
	vfmig_device_close(device);

	RUN(mapped_first(NULL, 2));
	RUN(allowed_first(NULL, 2));
	RUN(migration_region());
	return 0;
}
