/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * DMA logging as the kernel has it: ranges and bitmap are in the caller's memory.
 *
 * It is always offered. A VMM that migrates without a way to track a device's writes may go on
 * without one, and lose them. So for a device that keeps no log, a report marks everything dirty.
 *
 * As in Linux, it is independent of the tracking of a container or an iommufd: each may run without the other, and
 * neither takes the other's pages. A device has one log, which its space reads for both; here is a cursor of that space.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "device/space.h"
#include "dirty/map.h"
#include "export/dev-vfio/priv.h"

/* Under the slot's lock, as all that follows. */
static long begin(struct dev_vfio_slot *slot)
{
	if (slot->logging)
		return -EINVAL;
	if (slot->no_log)
		dev_vfio_say(slot->view,
			     "device %s has no DMA logging; all of its pages are reported as dirty",
			     vfmig_device_name(slot->device));
	if (slot->no_log || !slot->ioas)
		return 0;
	return cursor_open_device(slot->ioas->space, slot->device, &slot->log, NULL);
}

static long start(struct dev_vfio_slot *slot, struct vfmig_feature_dma_logging_control *control)
{
	struct vfmig_dma_logging_range ranges[ABI_LOGGING_RANGES_MAX];
	long ret;

	if (!control->num_ranges || control->reserved)
		return -EINVAL;
	if (control->num_ranges > ABI_LOGGING_RANGES_MAX)
		return -E2BIG;
	if (dev_vfio_copy_in(ranges, (const void *)(uintptr_t)control->ranges,
			     control->num_ranges * sizeof(ranges[0])))
		return -EFAULT;
	if (abi_logging_start_check(control->page_size, ranges, control->num_ranges, false))
		return -EINVAL;
	ret = begin(slot);
	if (ret)
		return ret;
	slot->logging = true;
	slot->num_ranges = control->num_ranges;
	memcpy(slot->ranges, ranges, sizeof(ranges));
	/* The page size is a hint; a space reports its own pages. */
	control->page_size = VFMIG_PAGE_SIZE;
	return 0;
}

void dev_vfio_logging_lost(struct dev_vfio_slot *slot)
{
	vfmig_cursor_close(slot->log);
	slot->log = NULL;
}

static long stop(struct dev_vfio_slot *slot)
{
	dev_vfio_logging_lost(slot);
	slot->logging = false;
	return 0;
}

/* Add to @dirty the pages that were written in one logged range's part of a report. */
static void take(struct dev_vfio_slot *slot, const struct vfmig_dma_logging_range *range,
		 const struct abi_logging_report *r, struct vfmig_dirty *dirty)
{
	uint64_t first = range->iova > r->iova ? range->iova : r->iova;
	uint64_t last = range->iova + (range->length - 1), end = r->iova + (r->length - 1);

	last = last < end ? last : end;
	if (first > last)
		return;
	if (!slot->log) {
		vfmig_dirty_mark(dirty, first, last - first + 1);
		return;
	}
	/* If the log fails, everything counts as written: that is an answer. */
	cursor_collect_range(slot->log, first, last, NULL);
	cursor_gather(slot->log, first, last - first + 1, dirty);
}

static int tell(const struct abi_logging_report *r, struct vfmig_dirty *dirty, uint64_t bytes,
		uint64_t bitmap)
{
	uint64_t *bits = calloc(1, bytes);
	int ret = bits ? 0 : -ENOMEM;

	if (!ret)
		ret = dirty_read_clear_bitmap(dirty, r->iova, r->length, r->page_size, bits);
	if (!ret)
		ret = dev_vfio_copy_bits((void *)(uintptr_t)bitmap, bits, bytes);
	free(bits);
	return ret;
}

static long report(struct dev_vfio_slot *slot,
		   const struct vfmig_feature_dma_logging_report *report)
{
	struct abi_logging_report r = {report->iova, report->length, report->page_size};
	struct vfmig_dirty *dirty;
	uint64_t bytes;
	long ret;

	if (abi_logging_report_check(&r, &bytes) || !slot->logging)
		return -EINVAL;
	ret = dirty_create(&dirty, NULL);
	if (ret)
		return ret;
	for (uint32_t i = 0; i < slot->num_ranges; i++)
		take(slot, &slot->ranges[i], &r, dirty);
	ret = tell(&r, dirty, bytes, report->bitmap);
	/* The caller has not received them. */
	if (ret && slot->log)
		vfmig_cursor_mark(slot->log, r.iova, r.length);
	dirty_free(dirty);
	return ret;
}

static long perform(struct dev_vfio_slot *slot, uint32_t feature, void *payload)
{
	switch (feature) {
	case VFMIG_FEATURE_DMA_LOGGING_START:
		return start(slot, payload);
	case VFMIG_FEATURE_DMA_LOGGING_STOP:
		return stop(slot);
	default:
		return report(slot, payload);
	}
}

long dev_vfio_logging(struct dev_vfio_slot *slot, uint32_t flags, void *payload)
{
	uint32_t feature = flags & VFMIG_FEATURE_MASK;
	uint32_t ops = flags & (VFMIG_FEATURE_GET | VFMIG_FEATURE_SET);
	long ret;

	if (ops &
	    ~(feature == VFMIG_FEATURE_DMA_LOGGING_REPORT ? VFMIG_FEATURE_GET : VFMIG_FEATURE_SET))
		return -EINVAL;
	if (flags & VFMIG_FEATURE_PROBE)
		return 0;
	pthread_mutex_lock(&slot->lock);
	ret = perform(slot, feature, payload);
	pthread_mutex_unlock(&slot->lock);
	return ret;
}
