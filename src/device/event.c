/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Events: stamped and sent.
 */
#include <vfmig/event.h>

#include "device/device.h"

void vfmig_emit(const struct vfmig_events *to, const char *name,
		const struct vfmig_event_field *fields, size_t count)
{
	struct vfmig_event event = {.name = name, .fields = fields, .count = count};

	if (!to || !to->emit)
		return;
	event.time_ns = device_now();
	to->emit(to->context, &event);
}
