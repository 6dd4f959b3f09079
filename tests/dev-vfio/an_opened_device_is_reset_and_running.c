/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * As in Linux, a program that opens a device finds it reset and in RUNNING, whatever its last user left there: also if a
 * server has the device, which outlives its users.
 */
#include "tests/dev-vfio/setup.h"

static int container, group;

static int open_device(void)
{
	container = setup_container();
	group = setup_group(container, 0);
	setup_iommu(container);
	return setup_device(group, 0);
}

static void close_device(int device)
{
	setup_close(device);
	setup_close(group);
	setup_close(container);
}

static uint32_t state_of(int device)
{
	struct vfmig_feature_mig_state state = {.data_fd = -1};

	CHECK_EQ(setup_feature(device, VFMIG_FEATURE_GET | VFMIG_FEATURE_MIG_STATE, &state,
			       sizeof(state)),
		 0);
	return state.device_state;
}

int main(void)
{
	struct setup_server server;
	int device;

	setup_serve(&server, 0, "model:copier,size=1M");
	setup_begin();
	device = open_device();
	setup_set(device, COPIER_REG_RING_SIZE, 32, 4);
	CHECK(setup_go(device, VFMIG_STATE_STOP) >= -1);
	CHECK_EQ(state_of(device), VFMIG_STATE_STOP);
	close_device(device);

	device = open_device();
	CHECK_EQ(state_of(device), VFMIG_STATE_RUNNING);
	CHECK(setup_get(device, COPIER_REG_RING_SIZE, 4) != 32);
	close_device(device);
	dev_vfio_free(view);
	setup_serve_end(&server);
	return 0;
}
