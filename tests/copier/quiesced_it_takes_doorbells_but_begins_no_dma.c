/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * In the P2P states and in STOP nothing is written to anyone's memory, however often the device is worked and the doorbell
 * rung; registers and window answer; and when it runs again, all that was asked for meanwhile is done, once.
 *
 * Rules: V2-21, V2-24, V2-34, V2-44, V2-45, V2-48.
 */
#include "tests/copier/setup.h"

static void quiet(struct setup *setup, struct vfmig_session *session, enum vfmig_state state,
		  uint64_t value)
{
	uint8_t *before = malloc(setup->data_size);
	struct cp_completion c;
	uint8_t byte = 0;

	CHECK(before);
	setup_go(setup, session, state);
	setup_put(setup, (struct cp_descriptor){.operation = CP_ADD,
						.source = setup->data_iova,
						.destination = setup->data_iova + 4096,
						.length = 4096});
	memcpy(before, setup->data, setup->data_size);
	GOOD(setup, cp_ring(&setup->driver, &setup->err));
	for (int i = 0; i < 5; i++)
		setup_work(setup);
	CHECK(!cp_take(&setup->driver, &c));
	CHECK(!memcmp(before, setup->data, setup->data_size));
	CHECK_EQ(setup_reg(setup, CP_REG_SEQUENCE), value);
	CHECK_EQ(setup_reg(setup, CP_REG_STATUS), CP_STATUS_ENABLED | CP_STATUS_BUSY);
	GOOD(setup,
	     vfmig_device_region_write(setup->device, CP_BAR_WINDOW, 1, "y", 1, &setup->err));
	GOOD(setup,
	     vfmig_device_region_read(setup->device, CP_BAR_WINDOW, 1, &byte, 1, &setup->err));
	CHECK_EQ(byte, 'y');

	setup_go(setup, session, VFMIG_STATE_RUNNING);
	while (!cp_take(&setup->driver, &c))
		GOOD(setup, cp_wait(&setup->driver, 100, &setup->err));
	CHECK_EQ(c.status, CP_OK);
	CHECK_EQ(setup->data[4096], value + 1);
	free(before);
}

int main(void)
{
	struct vfmig_session *session;
	struct setup setup;

	setup_open(&setup, "size=64K", 1u << 20, 8);
	memset(setup.data, 1, 4096);
	GOOD(&setup, vfmig_session_open(setup.device, NULL, &session, &setup.err));
	quiet(&setup, session, VFMIG_STATE_RUNNING_P2P, 0);
	quiet(&setup, session, VFMIG_STATE_PRE_COPY_P2P, 1);
	quiet(&setup, session, VFMIG_STATE_RUNNING_P2P, 2);
	quiet(&setup, session, VFMIG_STATE_STOP, 3);
	vfmig_session_close(session);
	setup_close(&setup);
	return 0;
}
