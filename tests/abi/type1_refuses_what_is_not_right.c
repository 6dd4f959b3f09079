/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The rules of a type1 container that need numbers only, one assertion each; and its information comes back as it
 * was said.
 *
 * Rules: T1-03, T1-08, T1-12, T1-18, T1-23, T1-25.
 */
#include "abi/type1.h"
#include "abi/vfio_user.h"
#include "tests/abi/refused.h"

#define PAGE 4096ull

/* A good one with something spoilt. */
#define BAD(type, good, change, check, why)                                                        \
	do {                                                                                       \
		struct type v = (good);                                                            \
		change;                                                                            \
		REFUSED(check, why);                                                               \
	} while (0)
#define RIGHT(type, good, change, check)                                                           \
	do {                                                                                       \
		struct type v = (good);                                                            \
		change;                                                                            \
		GOOD(check);                                                                       \
	} while (0)

static void maps(void)
{
	const struct vfmig_type1_dma_map good = {
		.argsz = 32, .flags = 3, .vaddr = 7 * PAGE, .iova = 2 * PAGE, .size = PAGE};

#define MAP(change, why) BAD(vfmig_type1_dma_map, good, change, abi_type1_check_map(&v, PAGE), why)
#define MAPS(change)	 RIGHT(vfmig_type1_dma_map, good, change, abi_type1_check_map(&v, PAGE))
	MAPS();
	MAPS(v.argsz = 1000);
	MAPS(v.flags = VFMIG_DMA_MAP_READ);
	MAPS(v.flags = VFMIG_DMA_MAP_WRITE);
	MAPS(v.flags = VFMIG_DMA_MAP_VADDR);
	MAPS(v.iova = 0 - PAGE); /* the last page there is */
	MAPS(v.vaddr = 0 - PAGE);
	MAP(v.argsz = 31, "MAP_DMA: argsz is below its 32 bytes");
	MAP(v.flags = 8 | 3, "MAP_DMA: unknown flags");
	MAP(v.flags = VFMIG_DMA_MAP_VADDR | VFMIG_DMA_MAP_READ,
	    "MAP_DMA: a new vaddr leaves the protection as it is");
	MAP(v.flags = 0, "MAP_DMA: neither READ nor WRITE");
	MAP(v.size = 0, "MAP_DMA: the range is empty");
	MAP(v.size = PAGE + 1, "MAP_DMA: iova, size or vaddr is not a multiple of the page");
	MAP(v.iova = 512, "MAP_DMA: iova, size or vaddr is not a multiple of the page");
	MAP(v.vaddr += 8, "MAP_DMA: iova, size or vaddr is not a multiple of the page");
	MAP((v.iova = 0 - PAGE, v.size = 2 * PAGE),
	    "MAP_DMA: the range passes the end of the address space");
	MAP((v.vaddr = 0 - PAGE, v.size = 2 * PAGE),
	    "MAP_DMA: the memory passes the end of the address space");
}

static void unmaps(void)
{
	const struct vfmig_type1_dma_unmap good = {
		.argsz = 48, .flags = 0, .iova = 2 * PAGE, .size = 65 * PAGE};
	struct vfmig_type1_bitmap b = {.pgsize = PAGE, .size = 16, .data = 0x1000};

#define UNMAP(change, why)                                                                         \
	BAD(vfmig_type1_dma_unmap, good, change, abi_type1_check_unmap(&v, NULL, PAGE), why)
#define UNMAPS(change)                                                                             \
	RIGHT(vfmig_type1_dma_unmap, good, change, abi_type1_check_unmap(&v, &b, PAGE))
	UNMAPS(v.argsz = 24);
	UNMAPS(v.flags = VFMIG_DMA_UNMAP_GET_DIRTY_BITMAP);
	UNMAPS(v.flags = VFMIG_DMA_UNMAP_VADDR);
	UNMAPS((v.flags = VFMIG_DMA_UNMAP_ALL, v.iova = v.size = 0));
	UNMAPS(v.iova = 0 - v.size);
	UNMAP(v.argsz = 23, "UNMAP_DMA: argsz is below its 24 bytes");
	UNMAP(v.flags = 8, "UNMAP_DMA: unknown flags");
	UNMAP(v.flags = 3, "UNMAP_DMA: a bitmap goes with a range of maps only");
	UNMAP(v.flags = 5, "UNMAP_DMA: a bitmap goes with a range of maps only");
	UNMAP((v.flags = 1, v.argsz = 47),
	      "UNMAP_DMA: argsz leaves no room for the bitmap's description");
	UNMAP((v.flags = VFMIG_DMA_UNMAP_ALL, v.size = 0), "UNMAP_DMA: of all, with a range");
	UNMAP((v.flags = VFMIG_DMA_UNMAP_ALL, v.iova = 0), "UNMAP_DMA: of all, with a range");
	UNMAP(v.size = 0, "UNMAP_DMA: the range is empty");
	UNMAP(v.size++, "UNMAP_DMA: iova or size is not a multiple of the page");
	UNMAP(v.iova++, "UNMAP_DMA: iova or size is not a multiple of the page");
	UNMAP(v.iova = PAGE - v.size, "UNMAP_DMA: the range passes the end of the address space");

	b.size = 8;
	REFUSED(abi_type1_check_unmap(&good, &b, PAGE), "dirty bitmap: too small for its range");
}

static void questions(void)
{
	const struct vfmig_type1_dirty_pages op = {.argsz = 48, .flags = 4};
	const struct vfmig_type1_dirty_get good = {
		.iova = 2 * PAGE,
		.size = 65 * PAGE,
		.bitmap = {.pgsize = PAGE, .size = 16, .data = 0x1000}};
	const uint64_t most = VFMIG_TYPE1_BITMAP_PAGES_MAX * PAGE;

#define OP(change, why) BAD(vfmig_type1_dirty_pages, op, change, abi_type1_check_dirty(&v), why)
#define OPS(change)	RIGHT(vfmig_type1_dirty_pages, op, change, abi_type1_check_dirty(&v))
	OPS();
	OPS((v.flags = 1, v.argsz = 8));
	OPS((v.flags = 2, v.argsz = 8));
	OP((v.flags = 1, v.argsz = 7), "DIRTY_PAGES: argsz is below its 8 bytes");
	OP(v.flags = 8, "DIRTY_PAGES: unknown flags");
	OP(v.flags = 4 | 8, "DIRTY_PAGES: unknown flags");
	OP(v.flags = 0, "DIRTY_PAGES: not exactly one of START, STOP and GET_BITMAP");
	OP(v.flags = 3, "DIRTY_PAGES: not exactly one of START, STOP and GET_BITMAP");
	OP(v.flags = 5, "DIRTY_PAGES: not exactly one of START, STOP and GET_BITMAP");
	OP(v.flags = 6, "DIRTY_PAGES: not exactly one of START, STOP and GET_BITMAP");
	OP(v.argsz = 47, "DIRTY_PAGES: argsz leaves no room for what GET_BITMAP asks");
	OP(v.argsz = 8, "DIRTY_PAGES: argsz leaves no room for what GET_BITMAP asks");

#define GET(change, why)                                                                           \
	BAD(vfmig_type1_dirty_get, good, change, abi_type1_check_dirty_get(&v, PAGE), why)
#define GETS(change) RIGHT(vfmig_type1_dirty_get, good, change, abi_type1_check_dirty_get(&v, PAGE))
	GETS();
	GETS(v.bitmap.size = VFMIG_TYPE1_BITMAP_BYTES_MAX);
	GETS((v.size = most, v.bitmap.size = VFMIG_TYPE1_BITMAP_BYTES_MAX));
	GET(v.size = 0, "GET_BITMAP: the range is empty");
	GET(v.size += 8, "GET_BITMAP: iova or size is not a multiple of the page");
	GET(v.iova = 1, "GET_BITMAP: iova or size is not a multiple of the page");
	GET(v.iova = 0 - v.size, "GET_BITMAP: the range passes the end of the address space");
	GET(v.iova = PAGE - v.size, "GET_BITMAP: the range passes the end of the address space");
	GET(v.bitmap.pgsize = 2 * PAGE, "dirty bitmap: only the smallest page can be asked for");
	GET(v.bitmap.pgsize = 0, "dirty bitmap: only the smallest page can be asked for");
	GET(v.bitmap.pgsize = 2048, "dirty bitmap: only the smallest page can be asked for");
	GET((v.size = most + PAGE, v.bitmap.size = VFMIG_TYPE1_BITMAP_BYTES_MAX),
	    "dirty bitmap: more pages than one can have");
	GET(v.bitmap.size = 0, "dirty bitmap: empty, or over 256 MiB");
	GET(v.bitmap.size = VFMIG_TYPE1_BITMAP_BYTES_MAX + 1,
	    "dirty bitmap: empty, or over 256 MiB");
	GET(v.bitmap.size = 15, "dirty bitmap: too small for its range");
	GET(v.bitmap.data = 0 - 8ull, "dirty bitmap: it passes the end of the address space");
}

static struct vfmig_type1_iova_range ranges[4] = {{0, 0xfedfffff}, {0xfef00000, UINT64_MAX}};

static void may_map(void)
{
	CHECK(abi_type1_may_map(ranges, 2, 0, 0xfee00000));
	CHECK(!abi_type1_may_map(ranges, 2, 0, 0xfee01000));
	CHECK(!abi_type1_may_map(ranges, 2, 0xfee00000, PAGE));
	CHECK(!abi_type1_may_map(ranges, 2, 0xfeeff000, 2 * PAGE));
	CHECK(abi_type1_may_map(ranges, 2, 0 - PAGE, PAGE));
	CHECK(abi_type1_may_map(NULL, 0, 0xfee00000, PAGE));
}

static void information(void)
{
	const struct abi_type1_says says = {.iova_pgsizes = 0xfffff000,
					    .has_migration = true,
					    .pgsize_bitmap = 0x1000,
					    .max_dirty_bitmap_size = 1ull << 28,
					    .has_dma_avail = true,
					    .dma_avail = 65535,
					    .range_count = 2,
					    .ranges = ranges};
	struct vfmig_type1_iova_range capacity[4];
	struct abi_type1_says read = {.ranges = capacity};
	union {
		struct vfmig_type1_info info;
		uint8_t bytes[256];
	} buf, spoilt;
	size_t whole = 24 + 32 + 16 + 16 + 32;

#define SPOIL(change, len, max, why)                                                               \
	do {                                                                                       \
		spoilt = buf;                                                                      \
		change;                                                                            \
		REFUSED(abi_type1_get_info(fenced(&spoilt, len), len, &read, max), why);           \
	} while (0)
#define WORD(at) (*(uint32_t *)(void *)&spoilt.bytes[at])

	CHECK_EQ(abi_type1_put_info(&buf, sizeof(buf), sizeof(buf), &says), whole);
	CHECK_EQ(buf.info.argsz, sizeof(buf));
	CHECK_EQ(buf.info.flags, 3);
	CHECK_EQ(buf.info.cap_offset, 24);
	GOOD(abi_type1_get_info(&buf, whole, &read, 4));
	CHECK_EQ(read.iova_pgsizes, 0xfffff000);
	CHECK(read.has_migration && read.has_dma_avail);
	CHECK_EQ(read.pgsize_bitmap, 0x1000);
	CHECK_EQ(read.max_dirty_bitmap_size, 1ull << 28);
	CHECK_EQ(read.dma_avail, 65535);
	CHECK_EQ(read.range_count, 2);
	CHECK_EQ(memcmp(capacity, ranges, 2 * sizeof(*capacity)), 0);

	/* Capabilities at 24, 56, 72; the last one's ranges at 88. */
	REFUSED(abi_type1_get_info(&buf, 15, &read, 4), "IOMMU info needs 16 bytes");
	SPOIL(WORD(16) = 8, whole, 4, "IOMMU info: a capability lies inside the fixed part");
	SPOIL(, 30, 4, "IOMMU info: a capability leaves the answer");
	SPOIL(, 55, 4, "IOMMU info: a capability leaves the answer");
	SPOIL(, 67, 4, "IOMMU info: a capability leaves the answer");
	SPOIL(, 87, 4, "IOMMU info: a capability leaves the answer");
	SPOIL(WORD(16) = UINT32_MAX, whole, 4, "IOMMU info: a capability leaves the answer");
	SPOIL(, whole - 1, 4, "IOMMU info: a list of IOVA ranges leaves the answer");
	SPOIL(WORD(80) = UINT32_MAX, whole, UINT32_MAX,
	      "IOMMU info: more IOVA ranges than are allowed");
	SPOIL(, whole, 1, "IOMMU info: more IOVA ranges than are allowed");
	SPOIL(WORD(88) = UINT32_MAX, whole, 4, "IOMMU info: an IOVA range ends before it begins");
	SPOIL(WORD(76) = 24, whole, 4, "IOMMU info: capabilities overlap, or the chain loops");
	SPOIL(WORD(16) = 72; WORD(76) = 72, whole, 4, "IOMMU info: two lists of IOVA ranges");
	memset(&buf, 0, sizeof(buf));
	buf.info.flags = 2;
	buf.info.cap_offset = 24;
	for (uint32_t at = 24; at < 24 + 17 * 8; at += 8)
		((uint32_t *)(void *)&buf.bytes[at])[1] = at + 8;
	SPOIL(, sizeof(buf), 4, "IOMMU info: more than 16 capabilities");
	/* Without the flag there is nothing to follow, and pages are the smallest. */
	buf.info.flags = 0;
	GOOD(abi_type1_get_info(&buf, sizeof(buf), &read, 4));
	CHECK_EQ(read.iova_pgsizes, 0x1000);

	CHECK_EQ(abi_type1_put_info(&buf, sizeof(buf), 15, &says), 0);
	CHECK_EQ(abi_type1_put_info(&buf, whole - 1, sizeof(buf), &says), 0);
}

/* vfio-user's message, with the bitmap in line. */
static void in_line(void)
{
	struct vfmig_type1_dirty_pages d = {.argsz = 48, .flags = VFMIG_TYPE1_DIRTY_GET_BITMAP}, d2;
	struct vfmig_user_dirty_range r = {
		.iova = PAGE, .size = PAGE, .bitmap = {.pgsize = PAGE, .size = 8}};
	struct vfmig_user_dirty_range r2;
	uint8_t buf[48] = {0};
	uint64_t reply;

#define IN_LINE(len) abi_msg_get_dirty_pages(fenced(buf, len), len, PAGE, &d2, &r2, &reply)
	CHECK_EQ(abi_msg_put_dirty_pages(buf, 39, &d, &r), 0);
	CHECK_EQ(abi_msg_put_dirty_pages(buf, 40, &d, &r), 40);
	GOOD(IN_LINE(40));
	CHECK(!memcmp(&d, &d2, sizeof(d)) && !memcmp(&r, &r2, sizeof(r)));
	CHECK_EQ(reply, 48);
	REFUSED(IN_LINE(7), "DIRTY_PAGES needs 8 bytes");
	REFUSED(IN_LINE(8), "GET_BITMAP needs 40 bytes");
	REFUSED(IN_LINE(39), "GET_BITMAP needs 40 bytes");
	buf[0] = 8; /* argsz is the reply's here */
	GOOD(IN_LINE(40));
	buf[0] = 7;
	REFUSED(IN_LINE(40), "DIRTY_PAGES: argsz is below its 8 bytes");
	buf[0] = 8;
	buf[4] = VFMIG_TYPE1_DIRTY_START;
	GOOD(IN_LINE(8));
	CHECK_EQ(reply, 8);
	CHECK_EQ(r2.size, 0);

	abi_msg_put_dirty_pages(buf, 40, &d, &r);
	GOOD(abi_msg_get_dirty_reply(buf, 40, &r));
	GOOD(abi_msg_get_dirty_reply(buf, 8, NULL));
	REFUSED(abi_msg_get_dirty_reply(fenced(buf, 7), 7, NULL),
		"the reply to DIRTY_PAGES needs 8 bytes");
	REFUSED(abi_msg_get_dirty_reply(fenced(buf, 8), 8, &r),
		"the reply to GET_BITMAP has no bitmap");
	r.iova = 0;
	REFUSED(abi_msg_get_dirty_reply(buf, 40, &r),
		"the reply to GET_BITMAP is about another range");
}

int main(void)
{
	RUN(in_line());
	RUN(maps());
	RUN(unmaps());
	RUN(questions());
	RUN(may_map());
	RUN(information());
	return 0;
}
