/* SPDX-License-Identifier: BSD-3-Clause */
/* short, corrupt, drop and twice do what they say to data in either direction, and to nothing else. */
#include "tests/filter/filtered.h"

static struct seen seen;
static uint8_t buf[64];

static struct vfmig_device *fault(const char *options)
{
	return around(seen_new(&seen), &filter_fault, options);
}

static void shortens(void)
{
	struct vfmig_device *d = fault("op=data-read,do=short");

	CHECK_EQ(data(d, false, buf, 16), 8);
	CHECK_EQ(data(d, false, buf, 16), 16);
	CHECK_EQ(buf[0], 8); /* nothing was lost */
	vfmig_device_close(d);

	d = fault("op=data-write,do=short,bytes=3");
	CHECK_EQ(data(d, true, "abcdef", 6), 3);
	CHECK_EQ(seen.written_len, 3);
	vfmig_device_close(d);

	d = fault("op=data-read,do=short,bytes=0"); /* what looks like the end */
	CHECK_EQ(data(d, false, buf, 16), 0);
	CHECK_EQ(seen.ops[VFMIG_OP_DATA_READ], 0);
	vfmig_device_close(d);
}

static void corrupts(void)
{
	static const char text[] = "abcdef"; /* read-only: a fault must not write to it */
	struct vfmig_device *d = fault("op=data-write,do=corrupt,bit=9");
	struct vfmig_feature_dma_logging_report report = {0};
	uint64_t bitmap = 0, value = 0;

	CHECK_EQ(data(d, true, text, 6), 6);
	CHECK(!memcmp(seen.written, "a`cdef", 6)); /* 'b' ^ 2 */
	CHECK_EQ(data(d, true, text, 6), 6);
	CHECK(!memcmp(seen.written + 6, text, 6));
	vfmig_device_close(d);

	d = fault("op=data-read,do=corrupt,nth=2");
	CHECK_EQ(data(d, false, buf, 4), 4);
	CHECK_EQ(buf[0], 0);
	CHECK_EQ(data(d, false, buf, 4), 4);
	CHECK_EQ(buf[0], 5); /* 4 ^ 1 */
	vfmig_device_close(d);

	d = fault("op=region-write+region-read,do=corrupt,bit=33,times=0");
	CHECK_EQ(vfmig_device_region_write(d, 0, 0, &value, 4, NULL), 0);
	CHECK_EQ(value, 0);
	CHECK_EQ(seen.value, 2);
	CHECK_EQ(vfmig_device_region_read(d, 0, 0, &value, 4, NULL), 0);
	CHECK_EQ(value, 0);
	vfmig_device_close(d);

	d = fault("feature=low-power-entry,do=corrupt,bit=4");
	CHECK_EQ(vfmig_device_call_feature(d, VFMIG_FEATURE_SET | VFMIG_FEATURE_LOW_POWER_ENTRY,
					   &value, 8, NULL),
		 0);
	CHECK_EQ(seen.low_power, 16);
	vfmig_device_close(d);

	/* A report's data is its bitmap, not the pointer to it. */
	d = fault("feature=dma-logging-report,do=corrupt,bit=3");
	report.length = 64 * 4096;
	report.page_size = 4096;
	report.bitmap = (uintptr_t)&bitmap;
	seen.dirty = 1;
	CHECK_EQ(vfmig_device_call_feature(d, VFMIG_FEATURE_GET | VFMIG_FEATURE_DMA_LOGGING_REPORT,
					   &report, sizeof(report), NULL),
		 0);
	CHECK_EQ(bitmap, 9);
	vfmig_device_close(d);
}

static void drops(void)
{
	struct vfmig_device *d = fault("op=data-write,do=drop,nth=2");
	struct vfmig_feature_dma_logging_report report = {.length = 4096, .page_size = 4096};
	uint64_t bitmap = 0;

	CHECK_EQ(data(d, true, "ab", 2), 2);
	CHECK_EQ(data(d, true, "cd", 2), 2);
	CHECK_EQ(data(d, true, "ef", 2), 2);
	CHECK_EQ(seen.written_len, 4);
	CHECK(!memcmp(seen.written, "abef", 4));
	vfmig_device_close(d);

	d = fault("op=data-read,do=drop,nth=2");
	CHECK_EQ(data(d, false, buf, 4), 4);
	CHECK_EQ(data(d, false, buf + 4, 4), 4);
	CHECK_EQ(buf[3], 3);
	CHECK_EQ(buf[4], 8); /* 4 to 7 are gone */
	vfmig_device_close(d);

	/* Logging off behind its user's back: the report is good, and clean. */
	d = fault("feature=dma-logging-report,do=drop,times=0");
	seen.dirty = 0xff;
	report.bitmap = (uintptr_t)&bitmap;
	CHECK_EQ(vfmig_device_call_feature(d, VFMIG_FEATURE_GET | VFMIG_FEATURE_DMA_LOGGING_REPORT,
					   &report, sizeof(report), NULL),
		 0);
	CHECK_EQ(bitmap, 0);
	vfmig_device_close(d);

	d = fault("op=reset,do=drop");
	CHECK_EQ(vfmig_device_reset(d, NULL), 0);
	CHECK_EQ(seen.ops[VFMIG_OP_RESET], 0);
	vfmig_device_close(d);
}

static void repeats(void)
{
	struct vfmig_device *d = fault("op=data-write,do=twice,nth=2");

	CHECK_EQ(data(d, true, "ab", 2), 2);
	CHECK_EQ(data(d, true, "cd", 2), 2);
	CHECK_EQ(seen.written_len, 6);
	CHECK(!memcmp(seen.written, "abcdcd", 6));
	vfmig_device_close(d);

	/* What is read twice may be read in other pieces the second time. */
	d = fault("op=data-read,do=twice");
	CHECK_EQ(data(d, false, buf, 8), 8);
	CHECK_EQ(data(d, false, buf, 5), 5);
	CHECK_EQ(buf[0], 0);
	CHECK_EQ(data(d, false, buf, 5), 3);
	CHECK_EQ(buf[2], 7);
	CHECK_EQ(data(d, false, buf, 5), 5);
	CHECK_EQ(buf[0], 8);
	vfmig_device_close(d);

	d = fault("op=data-read,do=twice"); /* closed with a chunk to come */
	CHECK_EQ(data(d, false, buf, 8), 8);
	vfmig_device_close(d);
}

int main(void)
{
	RUN(shortens());
	RUN(corrupts());
	RUN(drops());
	RUN(repeats());
	return 0;
}
