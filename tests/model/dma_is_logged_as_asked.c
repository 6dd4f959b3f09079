/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * DMA logging on a model: only writes, only in the ranges, reported over any range and at any page size, bits only
 * set, cleared by the report. And what the uAPI refuses is refused.
 *
 * Rules: DMA-01, DMA-02, DMA-03, DMA-04, DMA-05, DMA-06, DMA-07, DMA-09, DMA-11, DMA-12, DMA-13,
 * DMA-14, DMA-15, DMA-16, DMA-18, DMA-20, DMA-21.
 */
#include "tests/lib/test_device.h"

#define IOVA  0x100000ull
#define SIZE  (1u << 20)
#define OTHER 0x40000000ull
#define PAGE  4096u

static struct vfmig_device *device;
static struct vfmig_space *space;
static uint64_t copies;

static int feature(uint32_t flags, void *data, size_t size)
{
	return vfmig_device_call_feature(device, flags, data, size, &test_err);
}

static int start_at(uint64_t *page_size, const struct vfmig_dma_logging_range *ranges,
		    uint32_t count)
{
	struct vfmig_feature_dma_logging_control control = {
		.page_size = *page_size, .num_ranges = count, .ranges = (uintptr_t)ranges};
	int ret = feature(VFMIG_FEATURE_SET | VFMIG_FEATURE_DMA_LOGGING_START, &control,
			  sizeof(control));

	*page_size = control.page_size;
	return ret;
}

static int start(const struct vfmig_dma_logging_range *ranges, uint32_t count)
{
	uint64_t page_size = PAGE;

	return start_at(&page_size, ranges, count);
}

static int stop(void)
{
	return feature(VFMIG_FEATURE_SET | VFMIG_FEATURE_DMA_LOGGING_STOP, NULL, 0);
}

static int report(uint64_t iova, uint64_t length, uint64_t page_size, void *bitmap)
{
	struct vfmig_feature_dma_logging_report what = {.iova = iova,
							.length = length,
							.page_size = page_size,
							.bitmap = (uintptr_t)bitmap};

	return feature(VFMIG_FEATURE_GET | VFMIG_FEATURE_DMA_LOGGING_REPORT, &what, sizeof(what));
}

static void copy(uint64_t from, uint64_t to, uint64_t len)
{
	test_device_set(device, TEST_DEVICE_SRC, from);
	test_device_set(device, TEST_DEVICE_DST, to);
	test_device_set(device, TEST_DEVICE_LEN, len);
	test_device_set(device, TEST_DEVICE_GO, 1);
	test_device_work(device, ++copies);
}

static void everything(void)
{
	uint64_t bitmap[8] = {0};

	CHECK_OK(start(NULL, 0));
	copy(IOVA, IOVA + 5 * PAGE + 4090, 16); /* across two pages */
	copy(IOVA, OTHER, 8);
	CHECK_OK(report(IOVA, SIZE, PAGE, bitmap));
	CHECK_EQ(bitmap[0], 0x60);
	/* Cleared, there; bits are only set, never cleared. */
	CHECK_OK(report(IOVA, SIZE, PAGE, bitmap));
	CHECK_EQ(bitmap[0], 0x60);
	bitmap[0] = 0;
	CHECK_OK(report(IOVA, SIZE, PAGE, bitmap));
	CHECK_EQ(bitmap[0], 0);
	/* Beside the maps, across them, from the middle of nowhere. */
	CHECK_OK(report(OTHER - 64 * PAGE, 128 * PAGE, PAGE, bitmap));
	CHECK_EQ(bitmap[0], 0);
	CHECK_EQ(bitmap[1], 1);
	/* One bit for all there is, then for next to nothing. */
	copy(IOVA, IOVA + 7 * PAGE, 8);
	memset(bitmap, 0, sizeof(bitmap));
	CHECK_OK(report(0, 1ull << 40, 1ull << 39, bitmap));
	CHECK_EQ(bitmap[0], 1);
	copy(IOVA, IOVA + 7 * PAGE, 8);
	memset(bitmap, 0, sizeof(bitmap));
	CHECK_OK(report(IOVA, 64 * PAGE, 16 * PAGE, bitmap));
	CHECK_EQ(bitmap[0], 1);
	CHECK_OK(stop());
}

static void ranges_and_hints(void)
{
	const struct vfmig_dma_logging_range ranges[] = {
		{IOVA + 4 * PAGE, 2 * PAGE}, {IOVA + 70 * PAGE, PAGE}, {OTHER, 1ull << 30}};
	uint64_t bitmap[8] = {0}, hint;

	CHECK_OK(start(ranges, 3));
	for (unsigned page = 0; page < 128; page++)
		copy(IOVA + SIZE - PAGE, IOVA + page * PAGE, 8);
	CHECK_OK(report(IOVA, 128 * PAGE, PAGE, bitmap));
	CHECK_EQ(bitmap[0], 0x30);
	CHECK_EQ(bitmap[1], 1u << 6);
	for (unsigned page = 0; page < 128; page++)
		copy(IOVA + SIZE - PAGE, IOVA + page * PAGE, 8);
	memset(bitmap, 0, sizeof(bitmap));
	/* A report that begins and ends inside the ranges, at another page size. */
	CHECK_OK(report(IOVA + 5 * PAGE, 66 * PAGE, 2 * PAGE, bitmap));
	CHECK_EQ(bitmap[0], 1ull | 1ull << 32);
	CHECK_OK(report(IOVA + 4 * PAGE, 2 * PAGE, 2 * PAGE, bitmap));
	CHECK_OK(stop());
	CHECK_OK(stop()); /* twice does no harm */

	hint = 2u << 20;
	CHECK_OK(start_at(&hint, NULL, 0));
	CHECK_EQ(hint, 2u << 20);
	copy(IOVA, IOVA + PAGE, 8);
	memset(bitmap, 0, sizeof(bitmap));
	CHECK_OK(report(0, 4u << 20, 2u << 20, bitmap));
	CHECK_EQ(bitmap[0], 1);
	CHECK_OK(stop());
	hint = 512;
	CHECK_OK(start_at(&hint, NULL, 0));
	CHECK_EQ(hint, 4096);
	CHECK_OK(stop());
	hint = 1ull << 40;
	CHECK_OK(start_at(&hint, NULL, 0));
	CHECK_EQ(hint, 1ull << 30);
	/* What a start finds is not told. */
	CHECK_OK(stop());
	copy(IOVA, IOVA + PAGE, 8);
	CHECK_OK(start(NULL, 0));
	memset(bitmap, 0, sizeof(bitmap));
	CHECK_OK(report(IOVA, SIZE, PAGE, bitmap));
	CHECK_EQ(bitmap[0], 0);
	CHECK_OK(stop());
}

static void refusals(void)
{
	const struct vfmig_dma_logging_range overlap[] = {{0, 2 * PAGE}, {PAGE, PAGE}},
					     odd = {100, PAGE}, empty = {0, 0},
					     end = {UINT64_MAX - PAGE + 1, 2 * PAGE};
	struct vfmig_feature_dma_logging_control control = {.page_size = PAGE, .reserved = 1};
	struct vfmig_feature_dma_logging_control lost = {.page_size = PAGE, .num_ranges = 1};
	static struct vfmig_dma_logging_range many[257];
	uint64_t bitmap[8] = {0}, hint = 3000;

	CHECK_EQ(report(IOVA, SIZE, PAGE, bitmap), -EINVAL); /* it is off */
	CHECK_EQ(start(overlap, 2), -EINVAL);
	CHECK_EQ(start(&odd, 1), -EINVAL);
	CHECK_EQ(start(&empty, 1), -EINVAL);
	CHECK_EQ(start(&end, 1), -EINVAL);
	for (unsigned i = 0; i < 257; i++)
		many[i] = (struct vfmig_dma_logging_range){i * 2ull * PAGE, PAGE};
	CHECK_EQ(start(many, 257), -E2BIG);
	CHECK_EQ(start_at(&hint, NULL, 0), -EINVAL);
	CHECK_EQ(feature(VFMIG_FEATURE_SET | VFMIG_FEATURE_DMA_LOGGING_START, &control,
			 sizeof(control)),
		 -EINVAL);
	CHECK_EQ(feature(VFMIG_FEATURE_SET | VFMIG_FEATURE_DMA_LOGGING_START, &lost, sizeof(lost)),
		 -EFAULT);
	CHECK_EQ(feature(VFMIG_FEATURE_SET | VFMIG_FEATURE_DMA_LOGGING_START, &control, 8),
		 -EINVAL);
	CHECK_OK(start(many, 256));
	CHECK_EQ(start(NULL, 0), -EINVAL); /* once is enough */
	CHECK_EQ(report(IOVA + 1, SIZE, PAGE, bitmap), -EINVAL);
	CHECK_EQ(report(IOVA, SIZE + 5, PAGE, bitmap), -EINVAL);
	CHECK_EQ(report(IOVA, 0, PAGE, bitmap), -EINVAL);
	CHECK_EQ(report(IOVA, SIZE, 2048, bitmap), -EINVAL);
	CHECK_EQ(report(IOVA, SIZE, PAGE + 1, bitmap), -EINVAL);
	CHECK_EQ(report(UINT64_MAX - PAGE + 1, 2 * PAGE, PAGE, bitmap), -EINVAL);
	CHECK_EQ(report(0, 1ull << 62, PAGE, bitmap), -EINVAL); /* the bitmap would be too large */
	CHECK_EQ(report(IOVA, SIZE, PAGE, NULL), -EFAULT);
	/* Operations that there are not, and questions that there are. */
	CHECK_EQ(feature(VFMIG_FEATURE_GET | VFMIG_FEATURE_DMA_LOGGING_START, &control,
			 sizeof(control)),
		 -EINVAL);
	CHECK_EQ(feature(VFMIG_FEATURE_DMA_LOGGING_STOP, NULL, 0), -EINVAL);
	CHECK_OK(feature(VFMIG_FEATURE_PROBE | VFMIG_FEATURE_SET | VFMIG_FEATURE_DMA_LOGGING_START,
			 NULL, 0));
	CHECK_EQ(feature(VFMIG_FEATURE_PROBE | VFMIG_FEATURE_GET | VFMIG_FEATURE_DMA_LOGGING_STOP,
			 NULL, 0),
		 -EINVAL);
	CHECK_EQ(feature(1u << 25 | VFMIG_FEATURE_SET | VFMIG_FEATURE_DMA_LOGGING_STOP, NULL, 0),
		 -EINVAL);
	CHECK_EQ(feature(VFMIG_FEATURE_SET | VFMIG_FEATURE_LOW_POWER_ENTRY, NULL, 0), -ENOTTY);
	CHECK_EQ(feature(VFMIG_FEATURE_PROBE | 4711, NULL, 0), -ENOTTY);
	CHECK_OK(stop());
}

/* Without a log, and without a migration, the features are not there. */
static void without(void)
{
	struct vfmig_device *plain = test_device_open("logging=off,migration=off");
	struct vfmig_session *session;
	uint64_t payload = 0;

	CHECK_EQ(vfmig_session_open(plain, NULL, &session, NULL), -EOPNOTSUPP);
	for (uint32_t f = 1; f <= 12; f++)
		CHECK_EQ(vfmig_device_call_feature(plain, VFMIG_FEATURE_PROBE | f, &payload,
						   sizeof(payload), NULL),
			 -ENOTTY);
	vfmig_device_close(plain);
}

int main(void)
{
	void *a, *b;

	device = test_device_open(NULL);
	space = vfmig_space_new();
	a = test_device_memory(space, IOVA, SIZE);
	b = test_device_memory(space, OTHER, SIZE);
	CHECK_OK(vfmig_space_attach(space, device, &test_err));
	RUN(everything());
	RUN(ranges_and_hints());
	RUN(refusals());
	RUN(without());
	vfmig_device_close(device);
	vfmig_space_free(space);
	munmap(a, SIZE);
	munmap(b, SIZE);
	return 0;
}
