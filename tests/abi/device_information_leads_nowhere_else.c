/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * INFO-02 INFO-03: a device's information comes back as it was put, cut by the rules of argsz; a chain of capabilities
 * that loops, overlaps, leaves the answer, or never ends is refused, and so is a capability that is cut short, is there
 * twice, or has too much to say.
 */
#include "abi/device_info.h"
#include "abi/le.h"
#include "tests/abi/refused.h"

static uint8_t buf[8192];
static struct vfmig_device_details about;

static const struct vfmig_device_info info = {
	.flags = VFMIG_DEVICE_FLAG_RESET | VFMIG_DEVICE_FLAG_PCI | VFMIG_DEVICE_FLAG_FSL_MC,
	.num_regions = 9,
	.num_irqs = 5,
};

/* Each byte of a capability is another one, so that each field is seen to be where it belongs. */
static const uint8_t counting[64] = {1,	 2,  3,	 4,  5,	 6,  7,	 8,  9,	 10, 11, 12,
				     13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24,
				     25, 26, 27, 28, 29, 30, 31, 32, 33, 34};
static const uint8_t string[8] = {4, 0, 0, 0, 0xc1, 0xc2, 0xf1, 0x40};

static const struct abi_cap_said all[] = {
	{VFMIG_DEVICE_CAP_ZPCI_BASE, 2, counting, VFMIG_ZPCI_BASE_V2 - 8},
	{VFMIG_DEVICE_CAP_ZPCI_GROUP, 2, counting, VFMIG_ZPCI_GROUP_V2 - 8},
	{VFMIG_DEVICE_CAP_ZPCI_UTIL, 1, string, 8},
	{VFMIG_DEVICE_CAP_ZPCI_PFIP, 1, string, 8},
	{0x1234, 1, counting, 3},
};

static const char *decode(size_t len)
{
	return abi_device_info_get(fenced(buf, len), len, &about);
}

static void come_back(void)
{
	size_t size = abi_device_info_put(buf, sizeof(buf), UINT32_MAX, &info, all, 5);

	CHECK_EQ(size, 24 + 40 + 48 + 16 + 16 + 16);
	CHECK_EQ(abi_device_info_put(buf, size - 1, (uint32_t)size, &info, all, 5), 0);
	CHECK_EQ(abi_device_info_put(buf, size, (uint32_t)size, &info, all, 5), size);
	CHECK_EQ(abi_get32(buf), size);
	GOOD(decode(size));
	CHECK_EQ(about.flags, info.flags | VFMIG_DEVICE_FLAG_CAPS);
	CHECK_EQ(about.num_regions, 9);
	CHECK_EQ(about.num_irqs, 5);
	CHECK(about.has_base && about.base.header.version == 2);
	CHECK_EQ(about.base.start_dma, 0x0807060504030201);
	CHECK_EQ(about.base.end_dma, 0x100f0e0d0c0b0a09);
	CHECK_EQ(about.base.pchid, 0x1211);
	CHECK_EQ(about.base.vfn, 0x1413);
	CHECK_EQ(about.base.fmb_length, 0x1615);
	CHECK_EQ(about.base.pft, 0x17);
	CHECK_EQ(about.base.gid, 0x18);
	CHECK_EQ(about.base.fh, 0x1c1b1a19);
	CHECK(about.has_group && about.group.header.version == 2);
	CHECK_EQ(about.group.dasm, 0x0807060504030201);
	CHECK_EQ(about.group.msi_addr, 0x100f0e0d0c0b0a09);
	CHECK_EQ(about.group.flags, 0x1817161514131211);
	CHECK_EQ(about.group.mui, 0x1a19);
	CHECK_EQ(about.group.noi, 0x1c1b);
	CHECK_EQ(about.group.maxstbl, 0x1e1d);
	CHECK_EQ(about.group.version, 0x1f);
	CHECK_EQ(about.group.imaxstbl, 0x2221);
	CHECK(about.has_util && about.util_size == 4 && !memcmp(about.util, string + 4, 4));
	CHECK(about.has_pfip && about.pfip_size == 4 && !memcmp(about.pfip, string + 4, 4));
	CHECK(about.unknown_count == 1 && about.unknown[0] == 0x1234);
	for (size_t len = 16; len < 20; len++) {
		GOOD(decode(len)); /* an answer that ends before cap_offset has no chain */
		CHECK(!about.has_base && about.num_irqs == 5);
	}
	for (size_t len = 20; len < size - 8; len++)
		CHECK(decode(len));
	for (size_t len = 0; len < 16; len++)
		REFUSED(decode(len), "a device's information needs 16 bytes");
	/* The first versions are shorter, and the rest of them is not said. */
	struct abi_cap_said first[2] = {
		{VFMIG_DEVICE_CAP_ZPCI_BASE, 1, counting, VFMIG_ZPCI_BASE_V1 - 8},
		{VFMIG_DEVICE_CAP_ZPCI_GROUP, 1, counting, VFMIG_ZPCI_GROUP_V1 - 8}};

	size = abi_device_info_put(buf, sizeof(buf), UINT32_MAX, &info, first, 2);
	GOOD(decode(size));
	CHECK(about.base.header.version == 1 && about.base.gid == 0x18 && !about.base.fh);
	CHECK(about.group.version == 0x1f && !about.group.imaxstbl);
	/* Those of a version that is none yet are unknown. */
	first[0].version = 3;
	size = abi_device_info_put(buf, sizeof(buf), UINT32_MAX, &info, first, 2);
	GOOD(decode(size));
	CHECK(!about.has_base && about.unknown_count == 1);
}

/* A user with less room gets the fixed part, that there is more, and how much. */
static void argsz(void)
{
	size_t size = abi_device_info_put(buf, sizeof(buf), UINT32_MAX, &info, all, 5);

	for (uint32_t capacity = 0; capacity < 16; capacity++)
		CHECK_EQ(abi_device_info_put(buf, sizeof(buf), capacity, &info, all, 5), 0);
	for (uint32_t capacity = 16; capacity < size; capacity++) {
		memset(buf, 0xee, sizeof(buf));
		CHECK_EQ(abi_device_info_put(buf, capacity, capacity, &info, all, 5), size);
		CHECK_EQ(abi_get32(buf), size);
		CHECK(abi_get32(buf + 4) & VFMIG_DEVICE_FLAG_CAPS);
		CHECK_EQ(buf[capacity < 24 ? capacity : 24], 0xee);
		if (capacity >= 20)
			CHECK_EQ(abi_get32(buf + 16), 0);
		GOOD(decode(capacity));
		CHECK(!about.has_base);
	}
	/* Without capabilities there is no flag. */
	CHECK_EQ(abi_device_info_put(buf, sizeof(buf), 1000, &info, NULL, 0), 24);
	CHECK(!(abi_get32(buf + 4) & VFMIG_DEVICE_FLAG_CAPS));
	/* What cannot be said is not. */
	static struct abi_cap_said many[ABI_CAPS_MAX + 1];

	CHECK(abi_device_info_put(buf, sizeof(buf), 1000, &info, many, ABI_CAPS_MAX));
	CHECK_EQ(abi_device_info_put(buf, sizeof(buf), 1000, &info, many, ABI_CAPS_MAX + 1), 0);
	many[0].size = UINT16_MAX + 1u;
	CHECK_EQ(abi_device_info_put(buf, sizeof(buf), 1000, &info, many, 1), 0);
}

/* n capabilities of 8 bytes that nobody knows. */
static size_t chain(size_t n)
{
	memset(buf, 0, sizeof(buf));
	abi_device_info_put(buf, sizeof(buf), UINT32_MAX, &info, all, 1);
	for (size_t k = 0; k < n; k++) {
		abi_put32(buf + 24 + 8 * k, (uint32_t)(0x11000 + k));
		abi_put32(buf + 28 + 8 * k, k + 1 < n ? (uint32_t)(32 + 8 * k) : 0);
	}
	return 24 + 8 * n;
}

static void chains(void)
{
	static const char overlap[] = "device info: capabilities overlap, or the chain loops";
	static const char leaves[] = "device info: a capability leaves the answer";
	static const char inside[] = "device info: a capability lies inside the fixed part";
	size_t len = chain(ABI_CAPS_MAX);

	GOOD(decode(len));
	CHECK_EQ(about.unknown_count, ABI_CAPS_MAX);
	len = chain(ABI_CAPS_MAX + 1);
	REFUSED(decode(len), "device info: more than 16 capabilities");
	len = chain(4);
	for (uint32_t back = 24; back < 56; back++) {
		abi_put32(buf + 28 + 8 * 3, back); /* the last leads back into the chain */
		REFUSED(decode(len), back > 48 ? leaves : overlap);
	}
	for (uint32_t fixed = 1; fixed < 20; fixed++) {
		abi_put32(buf + 28 + 8 * 3, fixed);
		REFUSED(decode(len), inside);
	}
	abi_put32(buf + 28 + 8 * 3, (uint32_t)len);
	REFUSED(decode(len), leaves);
	abi_put32(buf + 28 + 8 * 3, UINT32_MAX);
	REFUSED(decode(len), leaves);
	abi_put32(buf + 16, UINT32_MAX);
	REFUSED(decode(len), leaves);
	/* Without the flag nothing is looked at. */
	abi_put32(buf + 4, VFMIG_DEVICE_FLAG_PCI);
	GOOD(decode(len));
}

static void twice(void)
{
	static const char *const why[] = {"device info: two zPCI functions",
					  "device info: two zPCI groups",
					  "device info: two zPCI strings of one kind",
					  "device info: two zPCI strings of one kind"};

	for (size_t i = 0; i < 4; i++) {
		struct abi_cap_said two[2] = {all[i], all[i]};
		size_t size = abi_device_info_put(buf, sizeof(buf), UINT32_MAX, &info, two, 2);

		REFUSED(decode(size), why[i]);
		/* And one that is cut short. */
		size = abi_device_info_put(buf, sizeof(buf), UINT32_MAX, &info, two, 1);
		REFUSED(decode(24 + 8), "device info: a capability leaves the answer");
	}
}

static void strings(void)
{
	static uint8_t bytes[4 + VFMIG_ZPCI_STRING_MAX + 1];
	struct abi_cap_said cap = {VFMIG_DEVICE_CAP_ZPCI_UTIL, 1, bytes, sizeof(bytes) - 1};
	size_t size;

	abi_put32(bytes, VFMIG_ZPCI_STRING_MAX);
	size = abi_device_info_put(buf, sizeof(buf), UINT32_MAX, &info, &cap, 1);
	GOOD(decode(size));
	CHECK_EQ(about.util_size, VFMIG_ZPCI_STRING_MAX);
	abi_put32(buf + 32, VFMIG_ZPCI_STRING_MAX + 1);
	REFUSED(decode(size), "device info: a zPCI string of more than 256 bytes");
	abi_put32(buf + 32, UINT32_MAX);
	REFUSED(decode(size), "device info: a zPCI string of more than 256 bytes");
	abi_put32(buf + 32, 256);
	REFUSED(decode(size - 5), "device info: a zPCI string leaves the answer");
	abi_put32(buf + 32, 0);
	GOOD(decode(size));
	CHECK(about.has_util && !about.util_size);
}

int main(void)
{
	RUN(come_back());
	RUN(argsz());
	RUN(chains());
	RUN(twice());
	RUN(strings());
	return 0;
}
