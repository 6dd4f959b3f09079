/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rings that cannot be, or cannot be reached: the device says why and where, stands still, and works again after
 * either kind of reset. Its window works all the time.
 */
#include "rig.h"

#define ENTRIES 8u

static void expect(struct rig *rig, const char *what, enum cp_error error, uint64_t iova)
{
	uint64_t found, at, status, control;
	uint8_t byte;

	rig_work(rig);
	rig_work(rig);
	found = rig_reg(rig, CP_REG_ERROR);
	at = rig_reg(rig, CP_REG_ERROR_IOVA);
	status = rig_reg(rig, CP_REG_STATUS);
	CHECKF(found == error && at == iova, "%s: error %llu at 0x%llx", what,
	       (unsigned long long)found, (unsigned long long)at);
	CHECK_EQ(status, CP_STATUS_ERROR);
	/* It cannot be talked into going on. */
	rig_set(rig, CP_REG_CONTROL, CP_CONTROL_ENABLE);
	control = rig_reg(rig, CP_REG_CONTROL);
	CHECK_EQ(control, 0);
	GOOD(rig, vfmig_device_region_write(rig->device, CP_BAR_WINDOW, 5, "x", 1, &rig->err));
	GOOD(rig, vfmig_device_region_read(rig->device, CP_BAR_WINDOW, 5, &byte, 1, &rig->err));
	CHECK_EQ(byte, 'x');
}

/* Either reset, then it must work like new. */
static void recover(struct rig *rig, bool function_level)
{
	static const struct cp_descriptor d = {
		.operation = CP_FILL, .flags = CP_TO_BOARD, .length = 4, .value = 0x0a0b0c0d};
	uint32_t word;

	if (function_level)
		GOOD(rig, vfmig_device_reset(rig->device, &rig->err));
	GOOD(rig, cp_open(&rig->driver, rig->device, rig->guest, RIG_IOVA, ENTRIES, &rig->err));
	GOOD(rig, vfmig_device_region_read(rig->device, CP_BAR_WINDOW, 4, &word, 4, &rig->err));
	CHECK_EQ(word, function_level ? 0 : 'x' << 8);
	CHECK_EQ(rig_do(rig, d).status, CP_OK);
	CHECK_EQ(rig_reg(rig, CP_REG_SEQUENCE), 1);
}

static void start_with(struct rig *rig, uint64_t ring, uint64_t done, uint64_t size)
{
	rig_set(rig, CP_REG_CONTROL, CP_CONTROL_RESET);
	rig_set(rig, CP_REG_RING_BASE, ring);
	rig_set(rig, CP_REG_DONE_BASE, done);
	rig_set(rig, CP_REG_RING_SIZE, size);
	rig_set(rig, CP_REG_CONTROL, CP_CONTROL_ENABLE);
}

int main(void)
{
	struct rig rig;
	uint64_t good;
	const struct {
		const char *what;
		uint64_t ring, done, size;
	} bad[] = {
		{"no entries", RIG_IOVA, RIG_IOVA, 0},
		{"one entry", RIG_IOVA, RIG_IOVA, 1},
		{"three", RIG_IOVA, RIG_IOVA, 3},
		{"too many", RIG_IOVA, RIG_IOVA, 65536},
		{"the sign bit", RIG_IOVA, RIG_IOVA, 0x80000000u},
		{"a crooked ring", RIG_IOVA + 32, RIG_IOVA, 8},
		{"a crooked other ring", RIG_IOVA, RIG_IOVA + 8, 8},
		{"a ring past 2^64", UINT64_MAX - 63, RIG_IOVA, 8},
		{"the other past 2^64", RIG_IOVA, UINT64_MAX - 63, 8},
	};

	rig_open(&rig, "size=64K", 1u << 20, ENTRIES);
	good = RIG_IOVA + 64;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		start_with(&rig, bad[i].ring, bad[i].done, bad[i].size);
		expect(&rig, bad[i].what, CP_ERROR_BAD_RING, bad[i].ring);
		recover(&rig, i % 2);
	}

	/* The doorbell, before and after the start; as far as it may go it may. */
	rig_set(&rig, CP_REG_TAIL, 1 + ENTRIES + 1);
	expect(&rig, "a doorbell too far", CP_ERROR_BAD_TAIL, 1 + ENTRIES + 1);
	recover(&rig, true);
	rig_set(&rig, CP_REG_TAIL, 0);
	expect(&rig, "a doorbell backwards", CP_ERROR_BAD_TAIL, 0);
	recover(&rig, false);
	rig_set(&rig, CP_REG_CONTROL, 0);
	rig_set(&rig, CP_REG_TAIL, 99);
	CHECK_EQ(rig_reg(&rig, CP_REG_ERROR), 0);
	rig_set(&rig, CP_REG_CONTROL, CP_CONTROL_ENABLE);
	expect(&rig, "a bad tail at the start", CP_ERROR_BAD_TAIL, 99);
	recover(&rig, false);

	/* Rings that may be, but are not there. */
	start_with(&rig, 0x1000, good, ENTRIES);
	CHECK_EQ(rig_reg(&rig, CP_REG_STATUS), CP_STATUS_ENABLED);
	rig_set(&rig, CP_REG_TAIL, 1);
	expect(&rig, "no ring", CP_ERROR_RING_FAULT, 0x1000);
	CHECK_EQ(rig_reg(&rig, CP_REG_SEQUENCE), 0);
	recover(&rig, true);
	rig_set(&rig, CP_REG_CONTROL, 0);
	rig_set(&rig, CP_REG_DONE_BASE, 0x1000);
	rig_set(&rig, CP_REG_CONTROL, CP_CONTROL_ENABLE);
	rig_set(&rig, CP_REG_TAIL, 2);
	/* The descriptor there is zeros; its completion is the second. Done, counted, and not told. */
	expect(&rig, "no other ring", CP_ERROR_DONE_FAULT, 0x1000 + 32);
	CHECK_EQ(rig_reg(&rig, CP_REG_SEQUENCE), 2);
	CHECK_EQ(rig_reg(&rig, CP_REG_HEAD), 2);
	recover(&rig, true);

	/* The ring's registers stand while it is on. */
	rig_set(&rig, CP_REG_RING_SIZE, 3);
	rig_set(&rig, CP_REG_RING_BASE, 0);
	CHECK_EQ(rig_reg(&rig, CP_REG_RING_SIZE), ENTRIES);
	CHECK_EQ(rig_reg(&rig, CP_REG_RING_BASE), good);
	rig_close(&rig);
	return 0;
}
