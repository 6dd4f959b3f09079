/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rings that cannot be, or cannot be reached: the device says why and where, stands still, and works again after
 * either kind of reset. Its window works all the time.
 */
#include "tests/copier/setup.h"

#define ENTRIES 8u

static void expect(struct setup *setup, const char *what, enum cp_error error, uint64_t iova)
{
	uint64_t found, at, status, control;
	uint8_t byte;

	setup_work(setup);
	setup_work(setup);
	found = setup_reg(setup, CP_REG_ERROR);
	at = setup_reg(setup, CP_REG_ERROR_IOVA);
	status = setup_reg(setup, CP_REG_STATUS);
	CHECKF(found == error && at == iova, "%s: error %llu at 0x%llx", what,
	       (unsigned long long)found, (unsigned long long)at);
	CHECK_EQ(status, CP_STATUS_ERROR);
	/* It cannot be talked into going on. */
	setup_set(setup, CP_REG_CONTROL, CP_CONTROL_ENABLE);
	control = setup_reg(setup, CP_REG_CONTROL);
	CHECK_EQ(control, 0);
	GOOD(setup,
	     vfmig_device_region_write(setup->device, CP_BAR_WINDOW, 5, "x", 1, &setup->err));
	GOOD(setup,
	     vfmig_device_region_read(setup->device, CP_BAR_WINDOW, 5, &byte, 1, &setup->err));
	CHECK_EQ(byte, 'x');
}

/* Either reset, then it must work like new. */
static void recover(struct setup *setup, bool function_level)
{
	static const struct cp_descriptor d = {
		.operation = CP_FILL, .flags = CP_TO_BOARD, .length = 4, .value = 0x0a0b0c0d};
	uint32_t word;

	if (function_level)
		GOOD(setup, vfmig_device_reset(setup->device, &setup->err));
	GOOD(setup, cp_open(&setup->driver, setup->device, setup->guest, SETUP_IOVA, ENTRIES,
			    &setup->err));
	GOOD(setup,
	     vfmig_device_region_read(setup->device, CP_BAR_WINDOW, 4, &word, 4, &setup->err));
	CHECK_EQ(word, function_level ? 0 : 'x' << 8);
	CHECK_EQ(setup_do(setup, d).status, CP_OK);
	CHECK_EQ(setup_reg(setup, CP_REG_SEQUENCE), 1);
}

static void start_with(struct setup *setup, uint64_t ring, uint64_t done, uint64_t size)
{
	setup_set(setup, CP_REG_CONTROL, CP_CONTROL_RESET);
	setup_set(setup, CP_REG_RING_BASE, ring);
	setup_set(setup, CP_REG_DONE_BASE, done);
	setup_set(setup, CP_REG_RING_SIZE, size);
	setup_set(setup, CP_REG_CONTROL, CP_CONTROL_ENABLE);
}

int main(void)
{
	struct setup setup;
	uint64_t good;
	const struct {
		const char *what;
		uint64_t ring, done, size;
	} bad[] = {
		{"no entries", SETUP_IOVA, SETUP_IOVA, 0},
		{"one entry", SETUP_IOVA, SETUP_IOVA, 1},
		{"three", SETUP_IOVA, SETUP_IOVA, 3},
		{"too many", SETUP_IOVA, SETUP_IOVA, 65536},
		{"the sign bit", SETUP_IOVA, SETUP_IOVA, 0x80000000u},
		{"a crooked ring", SETUP_IOVA + 32, SETUP_IOVA, 8},
		{"a crooked other ring", SETUP_IOVA, SETUP_IOVA + 8, 8},
		{"a ring past 2^64", UINT64_MAX - 63, SETUP_IOVA, 8},
		{"the other past 2^64", SETUP_IOVA, UINT64_MAX - 63, 8},
	};

	setup_open(&setup, "size=64K", 1u << 20, ENTRIES);
	good = SETUP_IOVA + 64;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		start_with(&setup, bad[i].ring, bad[i].done, bad[i].size);
		expect(&setup, bad[i].what, CP_ERROR_BAD_RING, bad[i].ring);
		recover(&setup, i % 2);
	}

	/* The doorbell, before and after the start; as far as it may go it may. */
	setup_set(&setup, CP_REG_TAIL, 1 + ENTRIES + 1);
	expect(&setup, "a doorbell too far", CP_ERROR_BAD_TAIL, 1 + ENTRIES + 1);
	recover(&setup, true);
	setup_set(&setup, CP_REG_TAIL, 0);
	expect(&setup, "a doorbell backwards", CP_ERROR_BAD_TAIL, 0);
	recover(&setup, false);
	setup_set(&setup, CP_REG_CONTROL, 0);
	setup_set(&setup, CP_REG_TAIL, 99);
	CHECK_EQ(setup_reg(&setup, CP_REG_ERROR), 0);
	setup_set(&setup, CP_REG_CONTROL, CP_CONTROL_ENABLE);
	expect(&setup, "a bad tail at the start", CP_ERROR_BAD_TAIL, 99);
	recover(&setup, false);

	/* Rings that may be, but are not there. */
	start_with(&setup, 0x1000, good, ENTRIES);
	CHECK_EQ(setup_reg(&setup, CP_REG_STATUS), CP_STATUS_ENABLED);
	setup_set(&setup, CP_REG_TAIL, 1);
	expect(&setup, "no ring", CP_ERROR_RING_FAULT, 0x1000);
	CHECK_EQ(setup_reg(&setup, CP_REG_SEQUENCE), 0);
	recover(&setup, true);
	setup_set(&setup, CP_REG_CONTROL, 0);
	setup_set(&setup, CP_REG_DONE_BASE, 0x1000);
	setup_set(&setup, CP_REG_CONTROL, CP_CONTROL_ENABLE);
	setup_set(&setup, CP_REG_TAIL, 2);
	/* The descriptor there is zeros; its completion is the second. Done, counted, and not told. */
	expect(&setup, "no other ring", CP_ERROR_DONE_FAULT, 0x1000 + 32);
	CHECK_EQ(setup_reg(&setup, CP_REG_SEQUENCE), 2);
	CHECK_EQ(setup_reg(&setup, CP_REG_HEAD), 2);
	recover(&setup, true);

	/* The ring's registers stand while it is on. */
	setup_set(&setup, CP_REG_RING_SIZE, 3);
	setup_set(&setup, CP_REG_RING_BASE, 0);
	CHECK_EQ(setup_reg(&setup, CP_REG_RING_SIZE), ENTRIES);
	CHECK_EQ(setup_reg(&setup, CP_REG_RING_BASE), good);
	setup_close(&setup);
	return 0;
}
