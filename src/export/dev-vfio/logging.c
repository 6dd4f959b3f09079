/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * DMA logging as the kernel has it: ranges and bitmap are in the caller's memory.
 *
 * It is always there. A VMM that is told to migrate and finds no way to track a device's writes may go on without one,
 * and lose them; so for a device that keeps no log a report says that everything was written.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "export/dev-vfio/priv.h"

static long start(struct dv_slot *slot, uint32_t flags,
		  struct vfmig_feature_dma_logging_control *control)
{
	struct vfmig_dma_logging_range ranges[VFMIG_LOGGING_RANGES_MAX];
	uint64_t theirs = control->ranges;
	long ret;

	if (!control->num_ranges || control->reserved)
		return -EINVAL;
	if (control->num_ranges > VFMIG_LOGGING_RANGES_MAX)
		return -E2BIG;
	if (vfmig_dv_copy_in(ranges, (const void *)(uintptr_t)theirs,
			     control->num_ranges * sizeof(ranges[0])))
		return -EFAULT;
	if (vfmig_logging_start_check(control->page_size, ranges, control->num_ranges, false))
		return -EINVAL;
	if (slot->no_log) {
		pthread_mutex_lock(&slot->lock);
		ret = slot->blind_log ? -EINVAL : 0;
		slot->blind_log = true;
		pthread_mutex_unlock(&slot->lock);
		vfmig_dv_say(slot->view,
			     "%s cannot tell which pages it writes: all of them count "
			     "as written, always",
			     vfmig_device_name(slot->device));
		return ret;
	}
	control->ranges = (uintptr_t)ranges;
	ret = vfmig_device_feature(slot->device, flags, control, sizeof(*control), NULL);
	control->ranges = theirs;
	return ret;
}

static long stop(struct dv_slot *slot, uint32_t flags)
{
	if (!slot->no_log)
		return vfmig_device_feature(slot->device, flags, NULL, 0, NULL);
	pthread_mutex_lock(&slot->lock);
	slot->blind_log = false;
	pthread_mutex_unlock(&slot->lock);
	return 0;
}

static long report(struct dv_slot *slot, uint32_t flags,
		   struct vfmig_feature_dma_logging_report *report)
{
	struct vfmig_logging_report r = {report->iova, report->length, report->page_size};
	uint64_t theirs = report->bitmap, bytes;
	uint64_t *bits;
	long ret;

	if (vfmig_logging_report_check(&r, &bytes))
		return -EINVAL;
	bits = calloc(1, bytes);
	if (!bits)
		return -ENOMEM;
	report->bitmap = (uintptr_t)bits;
	if (!slot->no_log) {
		ret = vfmig_device_feature(slot->device, flags, report, sizeof(*report), NULL);
	} else {
		ret = slot->blind_log ? 0 : -EINVAL;
		for (uint64_t n = 0; n < r.length / r.page_size; n++)
			vfmig_bitmap_set(bits, n);
	}
	if (!ret)
		ret = vfmig_dv_copy_bits((void *)(uintptr_t)theirs, bits, bytes);
	report->bitmap = theirs;
	free(bits);
	return ret;
}

long vfmig_dv_logging(struct dv_slot *slot, uint32_t flags, void *payload, size_t len)
{
	uint32_t feature = flags & VFMIG_FEATURE_MASK;
	uint32_t ops = flags & (VFMIG_FEATURE_GET | VFMIG_FEATURE_SET);

	if (ops &
	    ~(feature == VFMIG_FEATURE_DMA_LOGGING_REPORT ? VFMIG_FEATURE_GET : VFMIG_FEATURE_SET))
		return -EINVAL;
	if (flags & VFMIG_FEATURE_PROBE)
		return 0;
	switch (feature) {
	case VFMIG_FEATURE_DMA_LOGGING_START:
		return start(slot, flags, payload);
	case VFMIG_FEATURE_DMA_LOGGING_STOP:
		return stop(slot, flags);
	default:
		return report(slot, flags, payload);
	}
}
