/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * As in Linux, a program that opens a device finds it reset and in RUNNING, whatever its last user left there: also if a
 * server has the device, which outlives its users.
 */
#include "tests/dev-vfio/rig.h"

static int container, group;

static int open_device(void)
{
	container = rig_container();
	group = rig_group(container, 0);
	rig_iommu(container);
	return rig_device(group, 0);
}

static void close_device(int device)
{
	rig_close(device);
	rig_close(group);
	rig_close(container);
}

static uint32_t state_of(int device)
{
	struct vfmig_feature_mig_state state = {.data_fd = -1};

	CHECK_EQ(rig_feature(device, VFMIG_FEATURE_GET | VFMIG_FEATURE_MIG_STATE, &state,
			     sizeof(state)),
		 0);
	return state.device_state;
}

int main(void)
{
	struct rig_server server;
	int device;

	rig_serve(&server, 0, "model:copier,size=1M");
	rig_begin();
	device = open_device();
	rig_set(device, COPIER_REG_RING_SIZE, 32, 4);
	CHECK(rig_go(device, VFMIG_STATE_STOP) >= -1);
	CHECK_EQ(state_of(device), VFMIG_STATE_STOP);
	close_device(device);

	device = open_device();
	CHECK_EQ(state_of(device), VFMIG_STATE_RUNNING);
	CHECK(rig_get(device, COPIER_REG_RING_SIZE, 4) != 32);
	close_device(device);
	dev_vfio_free(view);
	rig_serve_end(&server);
	return 0;
}
