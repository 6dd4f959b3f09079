/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A device's own log of what it writes: VFIO_DEVICE_FEATURE_DMA_LOGGING_START, _STOP and _REPORT.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "device/space_map.h"
#include "dirty/map.h"

/* One kernel page of ranges is what every device takes. */
#define MAX_RANGES (4096 / sizeof(struct vfmig_dma_logging_range))

/* A report of this much at 4 KiB a bit is a bitmap of 2 MiB. */
#define REPORT_PIECE (64ull << 30)

int device_log_check(struct vfmig_device *device, struct vfmig_error *err)
{
	struct vfmig_error why = {0};
	int ret = vfmig_device_call_feature(
		device, VFMIG_FEATURE_PROBE | VFMIG_FEATURE_SET | VFMIG_FEATURE_DMA_LOGGING_START,
		NULL, 0, &why);

	if (ret == -ENOTTY || ret == -EINVAL || ret == -EOPNOTSUPP)
		return vfmig_err(
			err, -EOPNOTSUPP,
			"device %s has no DMA logging, so memory that it writes cannot be migrated while it runs",
			device->name);
	if (ret)
		return vfmig_err(err, ret, "device %s: DMA logging could not be probed: %s",
				 device->name, why.code ? why.text : strerror(-ret));
	return 0;
}

/*
 * The maps as ranges: neighbours joined, and where there are still too many, the last range is stretched over
 * the gaps. To log too much is no mistake.
 */
static uint32_t ranges_of(struct vfmig_space *space, struct vfmig_dma_logging_range *ranges)
{
	uint32_t n = 0;

	SPACE_FOR_EACH (entry, space) {
		const struct vfmig_map *map = &entry->map;
		struct vfmig_dma_logging_range *last = n ? &ranges[n - 1] : NULL;

		if (last && (last->iova + last->length == map->iova || n == MAX_RANGES)) {
			last->length = map->iova + map->size - last->iova;
			continue;
		}
		ranges[n].iova = map->iova;
		ranges[n++].length = map->size;
	}
	return n;
}

int device_log_start(struct vfmig_device *device, struct vfmig_space *space, bool *started,
		     struct vfmig_error *err)
{
	struct vfmig_dma_logging_range ranges[MAX_RANGES];
	struct vfmig_feature_dma_logging_control control = {
		.page_size = VFMIG_PAGE_SIZE,
		.ranges = (uintptr_t)ranges,
	};
	int ret;

	*started = false;
	control.num_ranges = ranges_of(space, ranges);
	if (!control.num_ranges)
		return 0;
	ret = vfmig_device_call_feature(device, VFMIG_FEATURE_SET | VFMIG_FEATURE_DMA_LOGGING_START,
					&control, sizeof(control), err);
	*started = !ret;
	return ret;
}

int device_log_stop(struct vfmig_device *device, struct vfmig_error *err)
{
	return vfmig_device_call_feature(device, VFMIG_FEATURE_SET | VFMIG_FEATURE_DMA_LOGGING_STOP,
					 NULL, 0, err);
}

/*
 * The largest number of runs in one report. For more, a bitmap is shorter for many devices, and not
 * much longer for any.
 */
#define RUNS 32768u

/* Merge the pages of a report into @into, and clear the bitmap. */
static int take_report(const struct vfmig_feature_dma_logging_report *report,
		       const struct vfmig_page_runs *runs, size_t bytes, struct vfmig_dirty *into)
{
	void *bitmap = (void *)(uintptr_t)report->bitmap;
	uint64_t at = 0;
	int ret;

	if (!runs->reported) {
		ret = dirty_mark_bitmap(into, report->iova, report->length, VFMIG_PAGE_SIZE,
					bitmap);
		memset(bitmap, 0, bytes);
		return ret;
	}
	for (uint32_t i = 0; i < runs->count; i++) {
		uint64_t skip = (uint64_t)runs->run[i].skip * VFMIG_PAGE_SIZE;
		uint64_t len = (uint64_t)runs->run[i].pages * VFMIG_PAGE_SIZE;

		if (skip > report->length - at || len > report->length - at - skip)
			return -EPROTO;
		vfmig_dirty_mark(into, report->iova + at + skip, len);
		at += skip + len;
	}
	return 0;
}

int device_log_read_clear(struct vfmig_device *device, uint64_t iova, uint64_t size,
			  struct vfmig_dirty *into, struct vfmig_error *err)
{
	uint64_t most = size < REPORT_PIECE ? size : REPORT_PIECE;
	size_t bytes = dirty_bitmap_bytes(most, VFMIG_PAGE_SIZE);
	struct vfmig_page_runs runs = {.run = malloc(RUNS * sizeof(*runs.run)), .capacity = RUNS};
	/* Zeroed pages that are never touched take no memory, and a report by runs touches none. */
	uint64_t *bitmap = calloc(1, bytes);
	int ret = 0;

	if (!bitmap || !runs.run)
		ret = vfmig_err(err, -ENOMEM,
				"device %s: no memory for a dirty page report of %zu bytes",
				device->name, bytes);
	while (size && !ret) {
		struct vfmig_feature_dma_logging_report report = {
			.iova = iova,
			.length = size < most ? size : most,
			.page_size = VFMIG_PAGE_SIZE,
			.bitmap = (uintptr_t)bitmap,
		};
		struct vfmig_request request = {.op = VFMIG_OP_FEATURE, .err = err};

		request.feature.flags = VFMIG_FEATURE_GET | VFMIG_FEATURE_DMA_LOGGING_REPORT;
		request.feature.data = &report;
		request.feature.size = sizeof(report);
		request.feature.runs = &runs;
		runs.count = 0;
		runs.reported = false;
		ret = (int)vfmig_call(device, &request);
		if (!ret && take_report(&report, &runs, bytes, into))
			ret = vfmig_err(
				err, -EPROTO,
				"device %s reported dirty pages outside of the requested range",
				device->name);
		iova += report.length;
		size -= report.length;
	}
	free(runs.run);
	free(bitmap);
	return ret;
}
