/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where each register is, what it is after a reset, who may write it, in which widths. The table here is typed
 * from docs/models/copier.md once more, and the driver's numbers are held against the model's.
 */
#include "models/copier/regs.h"
#include "tests/copier/setup.h"

#define SAME(a, b) _Static_assert((int64_t)(a) == (int64_t)(b), #a " is " #b)
SAME(CP_ID, COPIER_ID);
SAME(CP_VENDOR, COPIER_PCI_VENDOR);
SAME(CP_DEVICE, COPIER_PCI_DEVICE);
SAME(CP_BAR_REGS, COPIER_BAR_REGISTERS);
SAME(CP_BAR_WINDOW, COPIER_BAR_WINDOW);
SAME(CP_BAR_MSIX, COPIER_BAR_MSIX);
SAME(CP_VECTORS, COPIER_VECTORS);
SAME(CP_MAX_ENTRIES, COPIER_RING_MAX);
SAME(CP_MAX_LENGTH, COPIER_MAX_LENGTH);
SAME(CP_COPY, COPIER_COPY);
SAME(CP_FILL, COPIER_FILL);
SAME(CP_CHECKSUM, COPIER_CHECKSUM);
SAME(CP_ADD, COPIER_ADD);
SAME(CP_INTERRUPT, COPIER_FLAG_INTERRUPT);
SAME(CP_FROM_BOARD, COPIER_FLAG_SOURCE_ON_BOARD);
SAME(CP_TO_BOARD, COPIER_FLAG_DESTINATION_ON_BOARD);
SAME(CP_WRITE_FAULT, COPIER_WRITE_FAULT);
SAME(CP_ERROR_DONE_FAULT, COPIER_ERROR_DONE_FAULT);
SAME(CP_REG_BYTES, COPIER_REG_BYTES);
SAME(offsetof(struct cp_descriptor, cookie), offsetof(struct copier_descriptor, cookie));
SAME(offsetof(struct cp_completion, status), offsetof(struct copier_completion, status));

/* @writable: the bits that a write of all ones sets while the device is off; the rest stays. */
static const struct {
	const char *name;
	uint16_t at;
	uint8_t bytes;
	uint64_t reset;
	uint64_t writable;
} sheet[] = {
	{"ID", 0x000, 4, 0x59504f43, 0},
	{"VERSION", 0x004, 4, 0x00010000, 0},
	{"OPERATIONS", 0x008, 4, 0x1e, 0},
	{"MAX_LENGTH", 0x00c, 4, 0x40000000, 0},
	{"BOARD_SIZE", 0x010, 8, 128 << 10, 0},
	{"STATUS", 0x01c, 4, 0, 0},
	{"ERROR", 0x020, 4, 0, 0},
	{"ERROR_IOVA", 0x028, 8, 0, 0},
	{"INTR_STATUS", 0x030, 4, 0, 0},
	{"INTR_ENABLE", 0x034, 4, 0, 3},
	{"RING_BASE", 0x040, 8, 0, ~0ull},
	{"DONE_BASE", 0x048, 8, 0, ~0ull},
	{"RING_SIZE", 0x050, 4, 0, 0xffffffff},
	{"HEAD", 0x058, 4, 0, 0},
	{"TAIL", 0x05c, 4, 0, 0xffffffff},
	{"SEQUENCE", 0x060, 8, 0, 0},
	{"POSITION", 0x068, 8, 0, 0},
	{"COPIES", 0x080, 8, 0, 0},
	{"FILLS", 0x088, 8, 0, 0},
	{"CHECKSUMS", 0x090, 8, 0, 0},
	{"ADDS", 0x098, 8, 0, 0},
	{"FAILURES", 0x0a0, 8, 0, 0},
	{"BYTES", 0x0a8, 8, 0, 0},
};
#define REGISTERS (sizeof(sheet) / sizeof(sheet[0]))

static struct setup setup;

static uint64_t get(uint64_t at, uint32_t bytes)
{
	uint64_t value = 0;

	GOOD(&setup,
	     vfmig_device_region_read(setup.device, CP_BAR_REGS, at, &value, bytes, &setup.err));
	return value;
}

static void set(uint64_t at, uint64_t value, uint32_t bytes)
{
	GOOD(&setup,
	     vfmig_device_region_write(setup.device, CP_BAR_REGS, at, &value, bytes, &setup.err));
}

static void all_at_reset(void)
{
	for (size_t i = 0; i < REGISTERS; i++)
		CHECKF(get(sheet[i].at, sheet[i].bytes) == sheet[i].reset, "%s", sheet[i].name);
	CHECK_EQ(get(0x018, 4), 0);
}

int main(void)
{
	uint32_t config;

	setup_open_bare(&setup, &vfmig_model_copier, "size=128K", 1u << 20);
	all_at_reset();
	for (size_t i = 0; i < REGISTERS; i++) {
		uint64_t reset = sheet[i].reset, writable = sheet[i].writable;

		if (sheet[i].bytes == 8) {
			/* The halves, each by itself. */
			set(sheet[i].at, 0xffffffff, 4);
			CHECK_EQ(get(sheet[i].at, 8), reset | (writable & 0xffffffff));
			set(sheet[i].at + 4u, 0xffffffff, 4);
			CHECK_EQ(get(sheet[i].at, 4), (reset | writable) & 0xffffffff);
			CHECK_EQ(get(sheet[i].at + 4u, 4), (reset | writable) >> 32);
		}
		set(sheet[i].at, ~0ull, sheet[i].bytes);
		CHECKF(get(sheet[i].at, sheet[i].bytes) == (reset | writable), "%s", sheet[i].name);
	}
	/* Bytes, half words, and what lies between: 0, and no effect. */
	CHECK_EQ(get(0x000, 1), 0);
	CHECK_EQ(get(0x002, 2), 0);
	set(0x050, 0, 1);
	CHECK_EQ(get(0x050, 4), 0xffffffff);
	set(0x058, 0, 8);
	CHECK_EQ(get(0x05c, 4), 0xffffffff);
	set(0x054, ~0ull, 4);
	CHECK_EQ(get(0x054, 4), 0);
	set(0x0b0, ~0ull, 8);
	CHECK_EQ(get(0x0b0, 8), 0);
	CHECK_EQ(get(0xff8, 8), 0);

	/* Both resets. */
	set(0x018, 2, 4);
	all_at_reset();
	set(0x040, ~0ull, 8);
	GOOD(&setup, vfmig_device_reset(setup.device, &setup.err));
	all_at_reset();

	GOOD(&setup, vfmig_device_region_read(setup.device, VFMIG_PCI_REGION_CONFIG, 0, &config, 4,
					      &setup.err));
	CHECK_EQ(config, 0x00015646);
	GOOD(&setup, vfmig_device_region_read(setup.device, VFMIG_PCI_REGION_CONFIG, 8, &config, 4,
					      &setup.err));
	CHECK_EQ(config, 0x12000001);
	setup_close(&setup);
	return 0;
}
