/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Configuration space is what the model says it is, sizes BARs, and takes writes where a device would. It, the
 * MSI-X table and the pending bits answer in every state of the migration, STOP above all; accesses that
 * leave a region are refused; registers are split to the width that the model takes.
 *
 * Rules: V2-23, V2-59.
 */
#include "tests/lib/test_device.h"

static struct vfmig_device *device;
static struct vfmig_session *session;

static uint32_t get(uint64_t offset, unsigned size)
{
	uint32_t value = 0;

	CHECK_OK(vfmig_device_region_read(device, VFMIG_PCI_REGION_CONFIG, offset, &value, size,
					  &test_err));
	return value;
}

static void put(uint64_t offset, unsigned size, uint32_t value)
{
	CHECK_OK(vfmig_device_region_write(device, VFMIG_PCI_REGION_CONFIG, offset, &value, size,
					   &test_err));
}

static void identity(void)
{
	CHECK_EQ(get(0x00, 2), 0x1234);
	CHECK_EQ(get(0x02, 2), 0x5678);
	CHECK_EQ(get(0x08, 4), 0x08800103);
	CHECK_EQ(get(0x2c, 4), 0xdef09abc);
	CHECK_EQ(get(0x3d, 1), 1);
	put(0x00, 4, 0xffffffff);
	put(0x2c, 4, 0);
	put(0x3d, 1, 7);
	CHECK_EQ(get(0x00, 4), 0x56781234);
	CHECK_EQ(get(0x2c, 4), 0xdef09abc);
	CHECK_EQ(get(0x3d, 1), 1);
	put(0x3c, 1, 0x0b);
	CHECK_EQ(get(0x3c, 1), 0x0b);
	put(0x04, 2, 0xffff);
	CHECK_EQ(get(0x04, 2), 0x0547);
	put(0x04, 2, 0x0006);
	CHECK_EQ(get(0x06, 2), 0x0010);
	/* Bytes at a time are as good. */
	put(0x11, 1, 0x20);
	CHECK_EQ(get(0x10, 4), 0x2000 & ~0xfffu);
}

static void sizing(void)
{
	struct {
		uint64_t offset;
		uint32_t want, type;
	} bars[] = {
		{0x10, 0xfffff000, 0}, /* 4 KiB of registers */
		{0x14, 0, 0},
		{0x18, 0xfff8000c, 0xc}, /* 8 KiB and 256 KiB: 512 KiB, 64 bits, prefetchable */
		{0x1c, 0xffffffff, 0},
		{0x20, 0xfffff000, 0}, /* MSI-X: 70 vectors of 16 bytes, and 16 of pending bits */
		{0x24, 0, 0},
		{0x30, 0, 0},
	};

	for (size_t i = 0; i < sizeof(bars) / sizeof(bars[0]); i++) {
		put(bars[i].offset, 4, 0xffffffff);
		CHECK_EQ(get(bars[i].offset, 4), bars[i].want);
		put(bars[i].offset, 4, 0xfeb00000);
		CHECK_EQ(get(bars[i].offset, 4), (0xfeb00000 & bars[i].want) | bars[i].type);
	}
	/* The capability says where the table is. */
	CHECK_EQ(get(0x34, 1), 0x40);
	CHECK_EQ(get(0x40, 2), 0x0011);
	CHECK_EQ(get(0x42, 2), TEST_DEVICE_VECTORS - 1);
	CHECK_EQ(get(0x44, 4), 4);
	CHECK_EQ(get(0x48, 4), (TEST_DEVICE_VECTORS * 16) | 4);
	put(0x42, 2, 0xffff);
	CHECK_EQ(get(0x42, 2), 0xc000 | (TEST_DEVICE_VECTORS - 1));
	put(0x42, 2, 0);
}

static void answers(enum vfmig_state state)
{
	uint64_t entry[2], pending[2] = {0};
	uint64_t written[2] = {0xfee00000 + state, state};
	bool gone;

	CHECK_OK(vfmig_device_reset(device, &test_err));
	test_device_set(device, TEST_DEVICE_VECTOR, 69); /* pending: nobody has an eventfd */
	if (state == VFMIG_STATE_ERROR) {
		test_device_stop_fails = -EIO;
		CHECK(vfmig_session_set_state(session, VFMIG_STATE_STOP, NULL));
		test_device_stop_fails = 0;
	} else {
		test_device_go(session, state);
	}
	/* Registers are there as long as they are somebody's. */
	gone = state == VFMIG_STATE_RESUMING || state == VFMIG_STATE_ERROR;
	test_device_set(device, TEST_DEVICE_DST, 77);
	CHECK_EQ(test_device_get(device, TEST_DEVICE_DST), gone ? UINT64_MAX : 77);
	identity();
	sizing();
	CHECK_OK(vfmig_device_region_write(device, 4, 16, written, 16, &test_err));
	CHECK_OK(vfmig_device_region_read(device, 4, 16, entry, 16, &test_err));
	CHECK(!memcmp(entry, written, 16));
	CHECK_OK(vfmig_device_region_write(device, 4, TEST_DEVICE_VECTORS * 16, pending, 16,
					   &test_err));
	CHECK_OK(vfmig_device_region_read(device, 4, TEST_DEVICE_VECTORS * 16, pending, 16,
					  &test_err));
	CHECK_EQ(pending[0], 0);
	CHECK_EQ(pending[1], 1u << 5);
	/* Across the table's end, and behind everything. */
	CHECK_OK(vfmig_device_region_read(device, 4, TEST_DEVICE_VECTORS * 16 - 8, entry, 16,
					  &test_err));
	CHECK_EQ(entry[1], 0);
	CHECK_OK(vfmig_device_region_read(device, 4, 4080, entry, 16, &test_err));
	CHECK_EQ(entry[0] | entry[1], 0);
}

static void access_is_refused(uint32_t index, uint64_t offset, uint32_t len)
{
	static uint8_t buf[8192];

	CHECK_EQ(vfmig_device_region_read(device, index, offset, buf, len, NULL), -EINVAL);
	CHECK_EQ(vfmig_device_region_write(device, index, offset, buf, len, NULL), -EINVAL);
}

static void edges(void)
{
	uint8_t all[4096], some[24];
	uint64_t value = 0x1122334455667788;

	CHECK_OK(vfmig_device_reset(device, &test_err));
	access_is_refused(VFMIG_PCI_REGION_CONFIG, 256, 1);
	access_is_refused(VFMIG_PCI_REGION_CONFIG, 255, 2);
	access_is_refused(VFMIG_PCI_REGION_CONFIG, UINT64_MAX, 1);
	access_is_refused(0, 4095, 2);
	access_is_refused(0, UINT64_MAX - 3, 8);
	access_is_refused(0, 0, 0);
	access_is_refused(1, 0, 4);
	access_is_refused(2, (512u << 10) - 1, 2);
	access_is_refused(3, 0, 4);
	access_is_refused(6, 0, 4);
	access_is_refused(8, 0, 4);
	access_is_refused(9, 0, 4);
	access_is_refused(UINT32_MAX, 0, 4);
	/* All of a region at once, and a register from its middle. */
	test_device_set(device, TEST_DEVICE_SRC, value);
	CHECK_OK(vfmig_device_region_read(device, 0, 0, all, 4096, &test_err));
	CHECK(!memcmp(all + TEST_DEVICE_SRC, &value, 8));
	CHECK_OK(vfmig_device_region_read(device, 0, 4, some, 24, &test_err));
	CHECK(!memcmp(some + 4, &value, 8));
	/* Registers in front of memory, memory, and nothing behind it, in one access. */
	test_device_poke(device, 0, 0x5a);
	CHECK_OK(vfmig_device_region_read(device, 2, TEST_DEVICE_MEMORY_AT - 8, some, 16,
					  &test_err));
	CHECK_EQ(some[7], 0);
	CHECK_EQ(some[8], 0x5a);
	CHECK_OK(vfmig_device_region_read(device, 2, TEST_DEVICE_MEMORY_AT + (256u << 10) - 8, some,
					  16, &test_err));
	CHECK_EQ(some[15], 0);
}

int main(void)
{
	struct vfmig_space *space = vfmig_space_new();
	struct vfmig_device_info info;

	device = test_device_open(NULL);
	CHECK_OK(vfmig_space_attach(space, device, &test_err));
	session = test_device_session(device);
	CHECK_OK(vfmig_device_get_info(device, &info, &test_err));
	CHECK_EQ(info.flags, VFMIG_DEVICE_FLAG_PCI | VFMIG_DEVICE_FLAG_RESET);
	CHECK_EQ(info.num_regions, 9);
	CHECK_EQ(info.num_irqs, 5);
	for (int state = 0; state < VFMIG_STATE_COUNT; state++)
		answers((enum vfmig_state)state);
	edges();
	vfmig_session_close(session);
	vfmig_device_close(device);
	vfmig_space_free(space);
	return 0;
}
