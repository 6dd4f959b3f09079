/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * DMA logging: which ranges may be logged, which reports may be asked for, how large their bitmap
 * is, and which bit is whose. Near 2^64 most of all.
 *
 * Rules: DMA-07, DMA-08, DMA-15, DMA-21.
 */
#include "abi/feature.h"
#include "tests/abi/refused.h"

#define K 1024ULL
#define M (K * K)
#define G (K * M)
#define T (K * G)

static const char empty[] = "DMA logging: a range is empty";
static const char unaligned[] = "DMA logging: a range is not aligned to the page size";
static const char beyond[] = "DMA logging: a range passes the end of the address space";
static const char twice[] = "DMA logging: two ranges overlap";
static const char bad_page[] = "DMA logging: the page size is not a power of two";

static void ranges(void)
{
	static const struct {
		uint64_t page;
		uint32_t n;
		struct vfmig_dma_logging_range r[3];
		const char *why;
	} cases[] = {
		{4 * K, 1, {{0, 4 * K}}, NULL},
		{4 * K, 2, {{4 * K, 4 * K}, {0, 4 * K}}, NULL}, /* beside, not over */
		{4 * K, 3, {{0, G}, {2 * G, G}, {G, G}}, NULL},
		{1, 1, {{3, 5}}, NULL},
		{4 * K, 1, {{UINT64_MAX - 8 * K + 1, 4 * K}}, NULL},
		{0, 1, {{0, 4 * K}}, bad_page},
		{3 * K, 1, {{0, 3 * K}}, bad_page},
		{UINT64_MAX, 1, {{0, 4 * K}}, bad_page},
		{4 * K, 1, {{0, 0}}, empty},
		{4 * K, 1, {{0, 4 * K - 1}}, unaligned},
		{4 * K, 1, {{1, 4 * K}}, unaligned},
		{64 * K, 1, {{4 * K, 64 * K}}, unaligned},
		{4 * K, 1, {{UINT64_MAX - 4 * K + 1, 4 * K}}, beyond}, /* as Linux has it */
		{4 * K, 1, {{UINT64_MAX - 4 * K + 1, 8 * K}}, beyond},
		{1, 1, {{UINT64_MAX, UINT64_MAX}}, beyond},
		{4 * K, 2, {{0, 8 * K}, {4 * K, 4 * K}}, twice},
		{4 * K, 2, {{4 * K, 4 * K}, {0, 8 * K}}, twice},
		{4 * K, 3, {{0, 4 * K}, {G, 4 * K}, {0, 4 * K}}, twice},
		{4 * K, 2, {{0, T}, {G, 4 * K}}, twice},
		{4 * K, 0, {{0, 0}}, NULL},
	};
	uint8_t buf[256];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct vfmig_dma_logging_range out[3];
		uint64_t page = 0;
		uint32_t n = 99;
		size_t size = abi_logging_put_start(buf, sizeof(buf), cases[i].page, cases[i].r,
						    cases[i].n);

		CHECK_EQ(size, 16 + 16 * cases[i].n);
		REFUSED(abi_logging_start_check(cases[i].page, cases[i].r, cases[i].n, true),
			cases[i].why);
		REFUSED(abi_logging_get_start(fenced(buf, size), size, &page, out, 3, &n),
			cases[i].why);
		CHECK_EQ(page, cases[i].page);
		CHECK_EQ(n, cases[i].n);
		CHECK(!memcmp(out, cases[i].r, n * sizeof(out[0])));
		CHECK_EQ(abi_logging_put_start(buf, size - 1, page, out, n), 0);
		for (size_t len = 0; len < size; len++)
			REFUSED(abi_logging_get_start(fenced(buf, len), len, &page, out, 3, &n),
				len < 16 ? "DMA_LOGGING_START needs 16 bytes"
					 : "DMA_LOGGING_START is too short for its ranges");
	}
	/* The kernel does not take an empty list for everything. */
	REFUSED(abi_logging_start_check(4 * K, NULL, 0, false), "DMA logging: no ranges to log");
}

static void many_ranges(void)
{
	static const char too_many[] = "DMA_LOGGING_START has more ranges than are allowed";
	static struct vfmig_dma_logging_range in[ABI_LOGGING_RANGES_MAX + 1], out[300];
	static uint8_t buf[16 + sizeof(in)];
	uint64_t page;
	uint32_t n;
	size_t size;

	for (uint32_t i = 0; i <= ABI_LOGGING_RANGES_MAX; i++)
		in[i] = (struct vfmig_dma_logging_range){i * 8 * K, 4 * K};
	size = abi_logging_put_start(buf, sizeof(buf), 4 * K, in, ABI_LOGGING_RANGES_MAX);
	CHECK_EQ(size, 16 + 16 * ABI_LOGGING_RANGES_MAX);
	GOOD(abi_logging_get_start(fenced(buf, size), size, &page, out, 300, &n));
	CHECK_EQ(n, ABI_LOGGING_RANGES_MAX);
	REFUSED(abi_logging_get_start(buf, size, &page, out, n - 1, &n), too_many);
	CHECK_EQ(abi_logging_put_start(buf, sizeof(buf), 4 * K, in, n + 1), 0);
	REFUSED(abi_logging_start_check(4 * K, in, ABI_LOGGING_RANGES_MAX + 1, true),
		"DMA logging: more than 256 ranges");
	/* A count that no message has room for, whatever it is. */
	for (uint32_t count = ABI_LOGGING_RANGES_MAX + 1; count; count *= 2) {
		for (int k = 0; k < 4; k++)
			buf[8 + k] = (uint8_t)(count >> 8 * k);
		REFUSED(abi_logging_get_start(fenced(buf, 16), 16, &page, out, 300, &n), too_many);
	}
	memset(buf + 8, 0, 8);
	buf[12] = 1;
	REFUSED(abi_logging_get_start(buf, size, &page, out, 300, &n),
		"DMA_LOGGING_START has a reserved word that is not zero");
}

static void reports(void)
{
	static const char end[] = "dirty report: the range passes the end of the address space";
	static const char large[] = "dirty report: the bitmap would be over 256 MiB";
	static const char multiple[] =
		"dirty report: the length is not a multiple of the page size";
	static const struct {
		struct abi_logging_report r;
		uint64_t bytes;
		const char *why;
	} cases[] = {
		{{0, 4 * K, 4 * K}, 8, NULL},
		{{0, 64 * 4 * K, 4 * K}, 8, NULL},
		{{4 * K, 65 * 4 * K, 4 * K}, 16, NULL},
		{{0, 64 * G, 4 * K}, 2 * M, NULL},
		{{0, 8 * T, 4 * K}, 256 * M, NULL},
		{{4 * K, G, G}, 8, NULL}, /* counted from iova, wherever that is */
		{{0, 1ULL << 63, 1ULL << 63}, 8, NULL},
		{{0, 8 * T + 4 * K, 4 * K}, 0, large},
		{{0, 1ULL << 63, 4 * K}, 0, large},
		{{0, 4 * K, 0}, 0, "dirty report: the page size is not a power of two"},
		{{0, 4 * K, 12 * K}, 0, "dirty report: the page size is not a power of two"},
		{{0, 4 * K, 2 * K}, 0, "dirty report: the page size is below 4 KiB"},
		{{0, 4 * K, 1}, 0, "dirty report: the page size is below 4 KiB"},
		{{1, 4 * K, 4 * K}, 0, "dirty report: the address is not a multiple of 4 KiB"},
		{{0, 0, 4 * K}, 0, "dirty report: the range is empty"},
		{{0, 4 * K + 1, 4 * K}, 0, multiple},
		{{0, 4 * K, 8 * K}, 0, multiple},
		{{0, UINT64_MAX, 4 * K}, 0, multiple},
		{{UINT64_MAX - 4 * K + 1, 4 * K, 4 * K}, 0, end},
		{{1ULL << 63, 1ULL << 63, G}, 0, end},
	};
	uint8_t buf[24];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct abi_logging_report out;
		uint64_t bytes = 0;

		CHECK_EQ(abi_logging_put_report(buf, 23, &cases[i].r), 0);
		CHECK_EQ(abi_logging_put_report(buf, 24, &cases[i].r), 24);
		REFUSED(abi_logging_get_report(fenced(buf, 24), 24, &out, &bytes), cases[i].why);
		REFUSED(abi_logging_report_check(&cases[i].r, NULL), cases[i].why);
		CHECK(!memcmp(&out, &cases[i].r, sizeof(out)));
		CHECK_EQ(bytes, cases[i].bytes);
		for (size_t len = 0; len < 24; len++)
			REFUSED(abi_logging_get_report(fenced(buf, len), len, &out, NULL),
				"DMA_LOGGING_REPORT needs 24 bytes");
	}
}

static void bitmaps(void)
{
	uint64_t words[4] = {0};

	CHECK_EQ(abi_bitmap_bytes(0, 4 * K), 0);
	CHECK_EQ(abi_bitmap_bytes(1, 4 * K), 8);
	CHECK_EQ(abi_bitmap_bytes(UINT64_MAX, 1), 1ULL << 61);
	CHECK_EQ(abi_bitmap_bytes(UINT64_MAX, 1ULL << 63), 8);
	CHECK_EQ(abi_bitmap_bytes(4 * K, 0), 0);
	CHECK_EQ(abi_bitmap_bytes(4 * K, 3), 0);

	/* Bit n % 64 of word n / 64, where words are read as the machine reads them. */
	for (uint64_t n = 0; n < 256; n += 37) {
		CHECK(!abi_bitmap_test(words, n));
		abi_bitmap_set(words, n);
		CHECK(abi_bitmap_test(words, n));
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
		CHECK(words[n / 64] >> n % 64 & 1);
		words[n / 64] &= ~(1ULL << n % 64);
		CHECK(!words[0] && !words[1] && !words[2] && !words[3]);
#endif
	}
}

int main(void)
{
	RUN(ranges());
	RUN(many_ranges());
	RUN(reports());
	RUN(bitmaps());
	return 0;
}
