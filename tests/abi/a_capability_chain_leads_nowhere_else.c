/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A region's capabilities come back as they were put; a chain that loops, overlaps, leaves the
 * message, or never ends is refused, and so is what an area says beyond its region.
 *
 * Rules: INFO-02.
 */
#include <vfmig/abi_region.h>

#include "abi/vfio_user.h"
#include "tests/abi/refused.h"

#define SIZE 0x10000

static uint8_t buf[32768];
static const struct vfmig_sparse_mmap_area areas[2] = {{0, 0x1000}, {0x8000, 0x8000}};
static const struct vfmig_region_info region = {
	.flags = VFMIG_REGION_FLAG_READ | VFMIG_REGION_FLAG_MMAP,
	.index = 2,
	.size = SIZE,
	.offset = 2ULL << 40,
};

static void put32(size_t at, uint32_t value)
{
	for (int k = 0; k < 4; k++)
		buf[at + (size_t)k] = (uint8_t)(value >> 8 * k);
}

static void put64(size_t at, uint64_t value)
{
	put32(at, (uint32_t)value);
	put32(at + 4, (uint32_t)(value >> 32));
}

static const char *decode(size_t len, struct abi_msg_region_caps *c)
{
	static struct vfmig_sparse_mmap_area out[ABI_MSG_AREAS_MAX];
	const uint8_t *b = fenced(buf, len);
	struct vfmig_region_info i;
	const char *why = abi_msg_get_region_info(b, len, &i);

	return why ? why : abi_msg_get_region_caps(b, len, &i, out, ABI_MSG_AREAS_MAX, c);
}

/* All combinations of capabilities, with room for all of it, for some, and for none. */
static void come_back(void)
{
	for (unsigned int what = 0; what < 16; what++) {
		struct abi_msg_region_caps in = {
			.areas = areas,
			.nr_areas = 2,
			.has_sparse = what & 1,
			.has_type = what & 2,
			.msix_mappable = what & 4,
			.has_revision = what & 8,
			.type = 3,
			.subtype = 1,
			.revision = VFMIG_REGION_V1,
			.revision_flags = 5,
			.revision_capacity = 1ULL << 40,
		};
		struct abi_msg_region_caps out;
		struct vfmig_region_info i;
		size_t size = abi_msg_put_region_info(buf, sizeof(buf), UINT32_MAX, &region, &in);

		CHECK_EQ(size, 32 + (what & 1 ? 48 : 0) + (what & 2 ? 16 : 0) + (what & 4 ? 8 : 0) +
				       (what & 8 ? 24 : 0));
		CHECK_EQ(abi_msg_put_region_info(buf, size - 1, UINT32_MAX, &region, &in), 0);
		CHECK_EQ(abi_msg_put_region_info(buf, size, (uint32_t)size, &region, &in), size);
		GOOD(decode(size, &out));
		GOOD(abi_msg_get_region_info(buf, size, &i));
		CHECK_EQ(i.argsz, size);
		CHECK_EQ(i.size, region.size);
		CHECK_EQ(i.offset, region.offset);
		CHECK_EQ(i.flags, region.flags | (what ? VFMIG_REGION_FLAG_CAPS : 0));
		CHECK_EQ(out.has_sparse, in.has_sparse);
		CHECK_EQ(out.has_type, in.has_type);
		CHECK_EQ(out.msix_mappable, in.msix_mappable);
		CHECK_EQ(out.nr_areas, what & 1 ? 2 : 0);
		if (what & 1)
			CHECK(!memcmp(out.areas, areas, sizeof(areas)));
		CHECK_EQ(out.type, what & 2 ? 3 : 0);
		CHECK_EQ(out.has_revision, in.has_revision);
		CHECK_EQ(out.revision, what & 8 ? VFMIG_REGION_V1 : 0);
		CHECK_EQ(out.revision_flags, what & 8 ? 5 : 0);
		CHECK_EQ(out.revision_capacity, what & 8 ? 1LL << 40 : 0);
		for (size_t len = 32; len < size; len++)
			CHECK(decode(len, &out));
		for (size_t len = 0; len < 32; len++)
			REFUSED(decode(len, &out), "region info needs 32 bytes");

		/* A buffer that is too small gets the fixed part, and the size to come back with. */
		for (uint32_t argsz = 32; argsz < size; argsz += 8) {
			CHECK_EQ(abi_msg_put_region_info(buf, sizeof(buf), argsz, &region, &in),
				 32);
			GOOD(decode(32, &out));
			GOOD(abi_msg_get_region_info(buf, 32, &i));
			CHECK_EQ(i.argsz, size);
			CHECK_EQ(i.cap_offset, 0);
			CHECK(i.flags & VFMIG_REGION_FLAG_CAPS);
			CHECK(!out.has_sparse && !out.has_type && !out.msix_mappable);
		}
	}
	CHECK_EQ(abi_msg_put_region_info(buf, sizeof(buf), 32, &region, NULL), 32);
	CHECK_EQ(abi_msg_put_region_info_request(buf, 31, 32, 7), 0);
	CHECK_EQ(abi_msg_put_region_info_request(buf, 32, 32, 7), 32);
	CHECK_EQ(buf[8], 7);
}

/* A message of a fixed part and the given chain, each capability 8 bytes. */
static size_t chain(size_t n, uint16_t id)
{
	struct abi_msg_region_caps none = {.msix_mappable = true};

	memset(buf, 0, sizeof(buf));
	abi_msg_put_region_info(buf, sizeof(buf), UINT32_MAX, &region, &none);
	for (size_t k = 0; k < n; k++) {
		put32(32 + 8 * k, (uint32_t)id + (uint32_t)k + (1U << 16));
		put32(36 + 8 * k, k + 1 < n ? (uint32_t)(40 + 8 * k) : 0);
	}
	put32(0, (uint32_t)(32 + 8 * n));
	return 32 + 8 * n;
}

static void chains(void)
{
	static const char overlap[] = "region info: capabilities overlap, or the chain loops";
	static const char leaves[] = "region info: a capability leaves the message";
	static const char inside[] = "region info: a capability lies inside the fixed part";
	struct abi_msg_region_caps c;
	size_t len = chain(ABI_MSG_CAPS_MAX, 100);

	GOOD(decode(len, &c)); /* all unknown, all passed over */
	CHECK(!c.has_sparse && !c.has_type && !c.msix_mappable);
	len = chain(ABI_MSG_CAPS_MAX + 1, 100);
	REFUSED(decode(len, &c), "region info: more than 16 capabilities");
	len = chain(4, 100);
	for (uint32_t back = 32; back < 32 + 8 * 4; back++) {
		put32(36 + 8 * 3, back); /* the last leads into the chain again */
		CHECK(decode(len, &c));
	}
	put32(36 + 8 * 3, 32);
	REFUSED(decode(len, &c), overlap);
	put32(36 + 8 * 3, 32 + 8 * 3); /* to itself */
	REFUSED(decode(len, &c), overlap);
	for (uint32_t fixed = 1; fixed < 32; fixed++) {
		put32(36 + 8 * 3, fixed);
		REFUSED(decode(len, &c), inside);
		put32(12, fixed);
		REFUSED(decode(len, &c), inside);
		put32(12, 32);
	}
	put32(36 + 8 * 3, (uint32_t)len);
	REFUSED(decode(len, &c), leaves);
	put32(36 + 8 * 3, UINT32_MAX);
	REFUSED(decode(len, &c), leaves);
	put32(12, (uint32_t)len - 7);
	REFUSED(decode(len, &c), leaves);
	/* order in the message is free */
	len = chain(3, 100);
	put32(12, 48);
	put32(52, 32);
	put32(36, 40);
	put32(44, 0);
	GOOD(decode(len, &c));
	/* without the flag, or with the offset 0, nothing is looked at */
	put32(12, UINT32_MAX);
	put32(4, VFMIG_REGION_FLAG_READ);
	GOOD(decode(len, &c));
	put32(4, VFMIG_REGION_FLAG_CAPS);
	put32(12, 0);
	GOOD(decode(len, &c));
	/* known, but of another version: another capability */
	chain(1, VFMIG_REGION_CAP_TYPE);
	put32(32, VFMIG_REGION_CAP_TYPE + (2U << 16));
	GOOD(decode(40, &c));
	CHECK(!c.has_type);
}

static void twice(void)
{
	static const struct {
		unsigned int id;
		const char *why;
	} cases[] = {
		{VFMIG_REGION_CAP_SPARSE_MMAP, "region info: two lists of areas"},
		{VFMIG_REGION_CAP_TYPE, "region info: two types"},
		{VFMIG_REGION_CAP_MSIX_MAPPABLE, "region info: MSI-X mappable twice"},
		{VFMIG_REGION_CAP_REVISION, "region info: two revisions of the migration protocol"},
	};
	struct abi_msg_region_caps c;

	for (size_t i = 0; i < 4; i++) {
		memset(buf + 64, 0, 16);
		chain(2, 0);
		put32(32, cases[i].id + (1U << 16));
		put32(36, 48);
		memset(buf + 40, 0, 64);
		put32(48, cases[i].id + (1U << 16));
		REFUSED(decode(64, &c), cases[i].why);
		chain(1, (uint16_t)cases[i].id);
		if (cases[i].id != VFMIG_REGION_CAP_MSIX_MAPPABLE)
			REFUSED(decode(40, &c), "region info: a capability leaves the message");
	}
}

static void area(uint64_t offset, uint64_t size, const char *why, uint32_t n)
{
	struct abi_msg_region_caps in = {.areas = areas, .nr_areas = 1, .has_sparse = true}, out;
	size_t len = abi_msg_put_region_info(buf, sizeof(buf), UINT32_MAX, &region, &in);

	put64(48, offset);
	put64(56, size);
	REFUSED(decode(len, &out), why);
	if (!why)
		CHECK_EQ(out.nr_areas, n);
}

static void many_areas(void)
{
	static struct vfmig_sparse_mmap_area many[ABI_MSG_AREAS_MAX + 1], out[4];
	struct abi_msg_region_caps in = {.areas = many, .has_sparse = true}, c;
	struct vfmig_region_info i;
	size_t len;

	for (size_t k = 0; k <= ABI_MSG_AREAS_MAX; k++)
		many[k].size = 1;
	in.nr_areas = ABI_MSG_AREAS_MAX + 1;
	CHECK_EQ(abi_msg_put_region_info(buf, sizeof(buf), UINT32_MAX, &region, &in), 0);
	in.nr_areas = ABI_MSG_AREAS_MAX;
	len = abi_msg_put_region_info(buf, sizeof(buf), UINT32_MAX, &region, &in);
	GOOD(decode(len, &c));
	CHECK_EQ(c.nr_areas, ABI_MSG_AREAS_MAX);
	GOOD(abi_msg_get_region_info(buf, len, &i));
	REFUSED(abi_msg_get_region_caps(buf, len, &i, out, 4, &c),
		"region info: more areas than are allowed");
	for (uint32_t n = ABI_MSG_AREAS_MAX + 1; n; n *= 2) {
		put32(40, n);
		REFUSED(decode(len, &c), "region info: more areas than are allowed");
	}
	put32(40, ABI_MSG_AREAS_MAX);
	REFUSED(decode(len - 1, &c), "region info: a list of areas leaves the message");
}

static void region_itself(void)
{
	struct vfmig_region_info i;

	abi_msg_put_region_info(buf, sizeof(buf), 32, &region, NULL);
	put64(24, UINT64_MAX - SIZE);
	GOOD(abi_msg_get_region_info(buf, 32, &i));
	put64(24, UINT64_MAX - SIZE + 1);
	REFUSED(abi_msg_get_region_info(buf, 32, &i),
		"region info: the region passes the end of any file");
	put32(0, 31);
	REFUSED(abi_msg_get_region_info(buf, 32, &i),
		"the argsz of region info is below its 32 bytes");
}

int main(void)
{
	static const char leaves[] = "region info: an area leaves the region";

	come_back();
	chains();
	twice();
	area(0, SIZE, NULL, 1);
	area(SIZE - 1, 1, NULL, 1);
	area(SIZE, 0, NULL, 0); /* empty: passed over */
	area(0, SIZE + 1, leaves, 0);
	area(SIZE, 1, leaves, 0);
	area(SIZE + 1, 0, leaves, 0);
	area(UINT64_MAX, 1, leaves, 0);
	area(1, UINT64_MAX, leaves, 0);
	many_areas();
	region_itself();
	return 0;
}
