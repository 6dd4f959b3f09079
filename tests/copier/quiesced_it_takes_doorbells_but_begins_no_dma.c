/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * In the P2P states and in STOP nothing is written to anyone's memory, however often the device is worked and the doorbell
 * rung; registers and window answer; and when it runs again, all that was asked for meanwhile is done, once.
 *
 * Rules: V2-21, V2-24, V2-34, V2-44, V2-45, V2-48.
 */
#include "rig.h"

static void quiet(struct rig *rig, struct vfmig_session *session, enum vfmig_state state,
		  uint64_t value)
{
	uint8_t *before = malloc(rig->data_size);
	struct cp_completion c;
	uint8_t byte = 0;

	CHECK(before);
	rig_go(rig, session, state);
	rig_put(rig, (struct cp_descriptor){.operation = CP_ADD,
					    .source = rig->data_iova,
					    .destination = rig->data_iova + 4096,
					    .length = 4096});
	memcpy(before, rig->data, rig->data_size);
	GOOD(rig, cp_ring(&rig->driver, &rig->err));
	for (int i = 0; i < 5; i++)
		rig_work(rig);
	CHECK(!cp_take(&rig->driver, &c));
	CHECK(!memcmp(before, rig->data, rig->data_size));
	CHECK_EQ(rig_reg(rig, CP_REG_SEQUENCE), value);
	CHECK_EQ(rig_reg(rig, CP_REG_STATUS), CP_STATUS_ENABLED | CP_STATUS_BUSY);
	GOOD(rig, vfmig_device_region_write(rig->device, CP_BAR_WINDOW, 1, "y", 1, &rig->err));
	GOOD(rig, vfmig_device_region_read(rig->device, CP_BAR_WINDOW, 1, &byte, 1, &rig->err));
	CHECK_EQ(byte, 'y');

	rig_go(rig, session, VFMIG_STATE_RUNNING);
	while (!cp_take(&rig->driver, &c))
		GOOD(rig, cp_wait(&rig->driver, 100, &rig->err));
	CHECK_EQ(c.status, CP_OK);
	CHECK_EQ(rig->data[4096], value + 1);
	free(before);
}

int main(void)
{
	struct vfmig_session *session;
	struct rig rig;

	rig_open(&rig, "size=64K", 1u << 20, 8);
	memset(rig.data, 1, 4096);
	GOOD(&rig, vfmig_session_open(rig.device, NULL, &session, &rig.err));
	quiet(&rig, session, VFMIG_STATE_RUNNING_P2P, 0);
	quiet(&rig, session, VFMIG_STATE_PRE_COPY_P2P, 1);
	quiet(&rig, session, VFMIG_STATE_RUNNING_P2P, 2);
	quiet(&rig, session, VFMIG_STATE_STOP, 3);
	vfmig_session_close(session);
	rig_close(&rig);
	return 0;
}
