/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One message for each completion that asks for one, none for the others; none while they are disabled; and one
 * that came while nobody could take it is taken at the other side.
 *
 * Rules: V2-58.
 */
#include <poll.h>

#include "tests/copier/setup.h"

static uint64_t count(struct setup *setup, int vector)
{
	uint64_t n = 0;

	if (read(setup->driver.events[vector], &n, sizeof(n)) != sizeof(n))
		return 0;
	return n;
}

static void work(struct setup *setup, bool interrupt)
{
	struct cp_descriptor d = {
		.operation = CP_FILL,
		.flags = (uint8_t)(CP_TO_BOARD | (interrupt ? CP_INTERRUPT : 0)),
		.length = 8,
	};
	struct cp_completion c;

	setup_put(setup, d);
	GOOD(setup, cp_ring(&setup->driver, &setup->err));
	setup_work(setup);
	CHECK(cp_take(&setup->driver, &c));
}

int main(void)
{
	struct setup setup, there;
	const uint32_t mask = 1, unmask = 0;
	struct cp_descriptor bad = {.operation = 99, .flags = CP_INTERRUPT};
	struct cp_completion c;
	void *state;
	size_t len;

	setup_open(&setup, "size=64K", 1u << 20, 16);
	GOOD(&setup, cp_interrupts(&setup.driver, &setup.err));
	CHECK_EQ(count(&setup, 0), 0);
	work(&setup, false);
	CHECK_EQ(count(&setup, 0), 0);
	CHECK_EQ(setup_reg(&setup, CP_REG_INTR_STATUS), 0);
	work(&setup, true);
	CHECK_EQ(count(&setup, 0), 1);
	CHECK_EQ(setup_reg(&setup, CP_REG_INTR_STATUS), CP_INTR_DONE);
	/* A status bit that is set holds nothing back. */
	work(&setup, true);
	CHECK_EQ(count(&setup, 0), 1);
	setup_set(&setup, CP_REG_INTR_STATUS, CP_INTR_ERROR);
	CHECK_EQ(setup_reg(&setup, CP_REG_INTR_STATUS), CP_INTR_DONE);
	setup_set(&setup, CP_REG_INTR_STATUS, CP_INTR_DONE);
	CHECK_EQ(setup_reg(&setup, CP_REG_INTR_STATUS), 0);

	/* Failed descriptors are completions like others. */
	setup_put(&setup, bad);
	GOOD(&setup, cp_ring(&setup.driver, &setup.err));
	setup_work(&setup);
	CHECK(cp_take(&setup.driver, &c));
	CHECK_EQ(count(&setup, 0), 1);

	/* Disabled in the copier: only the status. Enabling it again brings nothing. */
	setup_set(&setup, CP_REG_INTR_STATUS, CP_INTR_DONE);
	setup_set(&setup, CP_REG_INTR_ENABLE, CP_INTR_ERROR);
	work(&setup, true);
	CHECK_EQ(setup_reg(&setup, CP_REG_INTR_STATUS), CP_INTR_DONE);
	setup_set(&setup, CP_REG_INTR_ENABLE, CP_INTR_DONE | CP_INTR_ERROR | 0xf0);
	CHECK_EQ(setup_reg(&setup, CP_REG_INTR_ENABLE), CP_INTR_DONE | CP_INTR_ERROR);
	CHECK_EQ(count(&setup, 0), 0);

	/* Masked in the table: pending. It moves, and arrives there when it is unmasked. */
	GOOD(&setup,
	     vfmig_device_region_write(setup.device, CP_BAR_MSIX, 12, &mask, 4, &setup.err));
	work(&setup, true);
	CHECK_EQ(count(&setup, 0), 0);
	state = setup_save(&setup, &len);
	setup_open_bare(&there, &vfmig_model_copier, "size=64K", 1u << 20);
	setup_bring(&there, &setup);
	GOOD(&there, setup_load(&there, state, len));
	setup_adopt(&there, &setup);
	there.driver.events[0] = setup.driver.events[0];
	there.driver.events[1] = setup.driver.events[1];
	setup.driver.events[0] = setup.driver.events[1] = -1;
	GOOD(&there, vfmig_device_set_irq_eventfds(there.device, VFMIG_PCI_IRQ_MSIX, 0, CP_VECTORS,
						   there.driver.events, &there.err));
	CHECK_EQ(count(&there, 0), 0);
	GOOD(&there,
	     vfmig_device_region_write(there.device, CP_BAR_MSIX, 12, &unmask, 4, &there.err));
	CHECK_EQ(count(&there, 0), 1);
	CHECK_EQ(setup_reg(&there, CP_REG_INTR_ENABLE), CP_INTR_DONE | CP_INTR_ERROR);

	/* The other vector is for the device's own trouble. */
	setup_set(&there, CP_REG_TAIL, 5000);
	CHECK_EQ(count(&there, 0), 0);
	CHECK_EQ(count(&there, 1), 1);
	CHECK_EQ(setup_reg(&there, CP_REG_INTR_STATUS) & CP_INTR_ERROR, CP_INTR_ERROR);
	free(state);
	setup_close(&setup);
	setup_close(&there);
	return 0;
}
