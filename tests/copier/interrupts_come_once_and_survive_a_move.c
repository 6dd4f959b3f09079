/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One message for each completion that asks for one, none for the others; none while they are disabled; and one
 * that came while nobody could take it is taken at the other side.
 *
 * Rules: V2-58.
 */
#include <poll.h>

#include "rig.h"

static uint64_t count(struct rig *rig, int vector)
{
	uint64_t n = 0;

	if (read(rig->driver.events[vector], &n, sizeof(n)) != sizeof(n))
		return 0;
	return n;
}

static void work(struct rig *rig, bool interrupt)
{
	struct cp_descriptor d = {
		.operation = CP_FILL,
		.flags = (uint8_t)(CP_TO_BOARD | (interrupt ? CP_INTERRUPT : 0)),
		.length = 8,
	};
	struct cp_completion c;

	rig_put(rig, d);
	GOOD(rig, cp_ring(&rig->driver, &rig->err));
	rig_work(rig);
	CHECK(cp_take(&rig->driver, &c));
}

int main(void)
{
	struct rig rig, there;
	const uint32_t mask = 1, unmask = 0;
	struct cp_descriptor bad = {.operation = 99, .flags = CP_INTERRUPT};
	struct cp_completion c;
	void *state;
	size_t len;

	rig_open(&rig, "size=64K", 1u << 20, 16);
	GOOD(&rig, cp_interrupts(&rig.driver, &rig.err));
	CHECK_EQ(count(&rig, 0), 0);
	work(&rig, false);
	CHECK_EQ(count(&rig, 0), 0);
	CHECK_EQ(rig_reg(&rig, CP_REG_INTR_STATUS), 0);
	work(&rig, true);
	CHECK_EQ(count(&rig, 0), 1);
	CHECK_EQ(rig_reg(&rig, CP_REG_INTR_STATUS), CP_INTR_DONE);
	/* A status bit that is set holds nothing back. */
	work(&rig, true);
	CHECK_EQ(count(&rig, 0), 1);
	rig_set(&rig, CP_REG_INTR_STATUS, CP_INTR_ERROR);
	CHECK_EQ(rig_reg(&rig, CP_REG_INTR_STATUS), CP_INTR_DONE);
	rig_set(&rig, CP_REG_INTR_STATUS, CP_INTR_DONE);
	CHECK_EQ(rig_reg(&rig, CP_REG_INTR_STATUS), 0);

	/* Failed descriptors are completions like others. */
	rig_put(&rig, bad);
	GOOD(&rig, cp_ring(&rig.driver, &rig.err));
	rig_work(&rig);
	CHECK(cp_take(&rig.driver, &c));
	CHECK_EQ(count(&rig, 0), 1);

	/* Disabled in the copier: only the status. Enabling it again brings nothing. */
	rig_set(&rig, CP_REG_INTR_STATUS, CP_INTR_DONE);
	rig_set(&rig, CP_REG_INTR_ENABLE, CP_INTR_ERROR);
	work(&rig, true);
	CHECK_EQ(rig_reg(&rig, CP_REG_INTR_STATUS), CP_INTR_DONE);
	rig_set(&rig, CP_REG_INTR_ENABLE, CP_INTR_DONE | CP_INTR_ERROR | 0xf0);
	CHECK_EQ(rig_reg(&rig, CP_REG_INTR_ENABLE), CP_INTR_DONE | CP_INTR_ERROR);
	CHECK_EQ(count(&rig, 0), 0);

	/* Masked in the table: pending. It moves, and arrives there when it is unmasked. */
	GOOD(&rig, vfmig_device_region_write(rig.device, CP_BAR_MSIX, 12, &mask, 4, &rig.err));
	work(&rig, true);
	CHECK_EQ(count(&rig, 0), 0);
	state = rig_save(&rig, &len);
	rig_open_bare(&there, &vfmig_model_copier, "size=64K", 1u << 20);
	rig_bring(&there, &rig);
	GOOD(&there, rig_load(&there, state, len));
	rig_adopt(&there, &rig);
	there.driver.events[0] = rig.driver.events[0];
	there.driver.events[1] = rig.driver.events[1];
	rig.driver.events[0] = rig.driver.events[1] = -1;
	GOOD(&there, vfmig_device_set_irq_eventfds(there.device, VFMIG_PCI_IRQ_MSIX, 0, CP_VECTORS,
						   there.driver.events, &there.err));
	CHECK_EQ(count(&there, 0), 0);
	GOOD(&there,
	     vfmig_device_region_write(there.device, CP_BAR_MSIX, 12, &unmask, 4, &there.err));
	CHECK_EQ(count(&there, 0), 1);
	CHECK_EQ(rig_reg(&there, CP_REG_INTR_ENABLE), CP_INTR_DONE | CP_INTR_ERROR);

	/* The other vector is for the device's own trouble. */
	rig_set(&there, CP_REG_TAIL, 5000);
	CHECK_EQ(count(&there, 0), 0);
	CHECK_EQ(count(&there, 1), 1);
	CHECK_EQ(rig_reg(&there, CP_REG_INTR_STATUS) & CP_INTR_ERROR, CP_INTR_ERROR);
	free(state);
	rig_close(&rig);
	rig_close(&there);
	return 0;
}
