/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A mediated copier whose ring cannot be read stops as the data sheet says, although it reads another ring; moved, it
 * has that error still, which no register of another copier can be made to say; and a reset ends it.
 */
#include <stdlib.h>

#include "tests/copier/setup.h"

static void check_error(struct setup *setup)
{
	CHECK_EQ(setup_reg(setup, CP_REG_STATUS), CP_STATUS_ERROR);
	CHECK_EQ(setup_reg(setup, CP_REG_ERROR), CP_ERROR_RING_FAULT);
	CHECK_EQ(setup_reg(setup, CP_REG_ERROR_IOVA), 0x12340000 + 64);
	CHECK_EQ(setup_reg(setup, CP_REG_CONTROL), 0);
	CHECK_EQ(setup_reg(setup, CP_REG_INTR_STATUS), CP_INTR_ERROR);
	CHECK_EQ(setup_reg(setup, CP_REG_RING_BASE), 0x12340000);
	CHECK_EQ(setup_reg(setup, CP_REG_RING_SIZE), 8);
	CHECK_EQ(setup_reg(setup, CP_REG_TAIL), 3);
	CHECK_EQ(setup_reg(setup, CP_REG_SEQUENCE), 1);
	CHECK_EQ(setup_reg(setup, CP_REG_FAILURES), 1);
	/* It cannot be enabled. */
	setup_set(setup, CP_REG_CONTROL, CP_CONTROL_ENABLE);
	CHECK_EQ(setup_reg(setup, CP_REG_STATUS), CP_STATUS_ERROR);
}

static void works_after_a_reset(struct setup *setup)
{
	const struct cp_descriptor d = {.operation = CP_FILL, .flags = CP_TO_BOARD, .length = 8};

	GOOD(setup,
	     cp_open(&setup->driver, setup->device, setup->guest, SETUP_IOVA, 8, &setup->err));
	CHECK_EQ(setup_reg(setup, CP_REG_ERROR), 0);
	CHECK_EQ(setup_reg(setup, CP_REG_INTR_STATUS), 0);
	CHECK_EQ(setup_do(setup, d).status, CP_OK);
	CHECK_EQ(setup_reg(setup, CP_REG_FAILURES), 0);
	CHECK_EQ(setup_reg(setup, CP_REG_FILLS), 1);
}

/* A page in which the ring's first entry is the last: one descriptor can be read, and no more. */
static void map_half_a_ring(struct setup *setup, void *page)
{
	const struct vfmig_map map = {
		.iova = 0x12340000,
		.size = 4096,
		.prot = VFMIG_PROT_READ,
		.kind = VFMIG_MAP_MEMORY,
		.ptr = page,
		.fd = -1,
	};

	GOOD(setup, vfmig_space_map(setup->space, &map, &setup->err));
}

int main(int argc, char **argv)
{
	static _Alignas(4096) char page[4096];
	char filter[4096];
	struct setup here, there;
	void *state;
	size_t len;

	CHECK_EQ(argc, 2);
	snprintf(filter, sizeof(filter), "mediate,so=%s", argv[1]);
	setenv("RIG_FILTER", filter, 1);
	setup_open(&here, "size=64K", 1u << 20, 8);
	map_half_a_ring(&here, page);
	setup_set(&here, CP_REG_CONTROL, CP_CONTROL_RESET);
	setup_set(&here, CP_REG_RING_BASE, 0x12340000);
	setup_set(&here, CP_REG_DONE_BASE, SETUP_IOVA);
	setup_set(&here, CP_REG_RING_SIZE, 8);
	setup_set(&here, CP_REG_CONTROL, CP_CONTROL_ENABLE);
	setup_set(&here, CP_REG_TAIL, 1);
	while (setup_reg(&here, CP_REG_HEAD) != 1)
		setup_work(&here);
	GOOD(&here, vfmig_space_unmap(here.space, 0x12340000, 4096, &here.err));
	setup_set(&here, CP_REG_TAIL, 3);
	while (!setup_reg(&here, CP_REG_ERROR))
		setup_work(&here);
	check_error(&here);

	state = setup_save(&here, &len);
	check_error(&here);
	setup_open_bare(&there, &vfmig_model_copier, "size=64K", 1u << 20);
	setup_bring(&there, &here);
	GOOD(&there, setup_load(&there, state, len));
	there.driver = here.driver;
	there.driver.device = there.device;
	check_error(&there);
	setup_set(&there, CP_REG_INTR_STATUS, CP_INTR_ERROR);
	CHECK_EQ(setup_reg(&there, CP_REG_INTR_STATUS), 0);
	works_after_a_reset(&there);
	setup_close(&there);
	setup_close(&here);
	free(state);
	return 0;
}
