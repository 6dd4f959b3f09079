/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A mediated copier whose ring cannot be read stops as the data sheet says, although it reads another ring; moved, it
 * has that error still, which no register of another copier can be made to say; and a reset ends it.
 */
#include <stdlib.h>

#include "tests/copier/rig.h"

static void check_error(struct rig *rig)
{
	CHECK_EQ(rig_reg(rig, CP_REG_STATUS), CP_STATUS_ERROR);
	CHECK_EQ(rig_reg(rig, CP_REG_ERROR), CP_ERROR_RING_FAULT);
	CHECK_EQ(rig_reg(rig, CP_REG_ERROR_IOVA), 0x12340000 + 64);
	CHECK_EQ(rig_reg(rig, CP_REG_CONTROL), 0);
	CHECK_EQ(rig_reg(rig, CP_REG_INTR_STATUS), CP_INTR_ERROR);
	CHECK_EQ(rig_reg(rig, CP_REG_RING_BASE), 0x12340000);
	CHECK_EQ(rig_reg(rig, CP_REG_RING_SIZE), 8);
	CHECK_EQ(rig_reg(rig, CP_REG_TAIL), 3);
	CHECK_EQ(rig_reg(rig, CP_REG_SEQUENCE), 1);
	CHECK_EQ(rig_reg(rig, CP_REG_FAILURES), 1);
	/* It cannot be enabled. */
	rig_set(rig, CP_REG_CONTROL, CP_CONTROL_ENABLE);
	CHECK_EQ(rig_reg(rig, CP_REG_STATUS), CP_STATUS_ERROR);
}

static void works_after_a_reset(struct rig *rig)
{
	const struct cp_descriptor d = {.operation = CP_FILL, .flags = CP_TO_BOARD, .length = 8};

	GOOD(rig, cp_open(&rig->driver, rig->device, rig->guest, RIG_IOVA, 8, &rig->err));
	CHECK_EQ(rig_reg(rig, CP_REG_ERROR), 0);
	CHECK_EQ(rig_reg(rig, CP_REG_INTR_STATUS), 0);
	CHECK_EQ(rig_do(rig, d).status, CP_OK);
	CHECK_EQ(rig_reg(rig, CP_REG_FAILURES), 0);
	CHECK_EQ(rig_reg(rig, CP_REG_FILLS), 1);
}

/* A page in which the ring's first entry is the last: one descriptor can be read, and no more. */
static void map_half_a_ring(struct rig *rig, void *page)
{
	const struct vfmig_map map = {
		.iova = 0x12340000,
		.size = 4096,
		.prot = VFMIG_PROT_READ,
		.kind = VFMIG_MAP_MEMORY,
		.ptr = page,
		.fd = -1,
	};

	GOOD(rig, vfmig_space_map(rig->space, &map, &rig->err));
}

int main(int argc, char **argv)
{
	static _Alignas(4096) char page[4096];
	char filter[4096];
	struct rig here, there;
	void *state;
	size_t len;

	CHECK_EQ(argc, 2);
	snprintf(filter, sizeof(filter), "mediate,so=%s", argv[1]);
	setenv("RIG_FILTER", filter, 1);
	rig_open(&here, "size=64K", 1u << 20, 8);
	map_half_a_ring(&here, page);
	rig_set(&here, CP_REG_CONTROL, CP_CONTROL_RESET);
	rig_set(&here, CP_REG_RING_BASE, 0x12340000);
	rig_set(&here, CP_REG_DONE_BASE, RIG_IOVA);
	rig_set(&here, CP_REG_RING_SIZE, 8);
	rig_set(&here, CP_REG_CONTROL, CP_CONTROL_ENABLE);
	rig_set(&here, CP_REG_TAIL, 1);
	while (rig_reg(&here, CP_REG_HEAD) != 1)
		rig_work(&here);
	GOOD(&here, vfmig_space_unmap(here.space, 0x12340000, 4096, &here.err));
	rig_set(&here, CP_REG_TAIL, 3);
	while (!rig_reg(&here, CP_REG_ERROR))
		rig_work(&here);
	check_error(&here);

	state = rig_save(&here, &len);
	check_error(&here);
	rig_open_bare(&there, &vfmig_model_copier, "size=64K", 1u << 20);
	rig_bring(&there, &here);
	GOOD(&there, rig_load(&there, state, len));
	there.driver = here.driver;
	there.driver.device = there.device;
	check_error(&there);
	rig_set(&there, CP_REG_INTR_STATUS, CP_INTR_ERROR);
	CHECK_EQ(rig_reg(&there, CP_REG_INTR_STATUS), 0);
	works_after_a_reset(&there);
	rig_close(&there);
	rig_close(&here);
	free(state);
	return 0;
}
