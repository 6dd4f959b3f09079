/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The list of devices that `vfmig exec` leaves for the library in the VMM. Any bytes give a list within its bounds: each
 * device has a name, each filter belongs to a device, and nothing is opened yet.
 */
#include <stdio.h>

#include "export/dev-vfio/preload.h"
#include "fuzz/property.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct preload_list list = {0};
	FILE *file = size ? fmemopen((void *)(uintptr_t)data, size, "r") : NULL;

	if (!file)
		return 0;
	preload_read(&list, file);
	fclose(file);
	HOLDS(!list.error && list.config.devices <= DEV_VFIO_DEVICES);
	for (unsigned i = 0; i < DEV_VFIO_DEVICES; i++) {
		struct preload_device *d = &list.devices[i];

		HOLDS(!d->name == (i >= list.config.devices) && d->count <= VFMIG_FILTERS_MAX);
		HOLDS(d->name || !d->count);
		free((void *)(uintptr_t)d->name);
		for (size_t k = 0; k < d->count; k++)
			free((void *)(uintptr_t)d->filters[k]);
	}
	return 0;
}
