/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What `vfmig exec` leaves in the folder that $VFMIG_EXEC names, for the library that is loaded into the VMM.
 */
#ifndef EXPORT_DEV_VFIO_PRELOAD_H
#define EXPORT_DEV_VFIO_PRELOAD_H

#include <vfmig/open.h>

#include "export/dev-vfio/dev_vfio.h"

struct preload_device {
	char *name;
	const char *filters[VFMIG_FILTERS_MAX];
	size_t count;
};

/*
 * @config: for the view; without devices if there is no list
 * @error: the errno if it could not be read completely
 * @fd: of the list: the process that becomes the VMM locks it
 */
struct preload_list {
	struct preload_device devices[DEV_VFIO_DEVICES];
	struct dev_vfio_config config;
	uint64_t timeout_ms;
	int fd;
	int error;
};

void preload_list(struct preload_list *list);
/* The same from a file that is open. */
void preload_read(struct preload_list *list, FILE *file);

/*
 * End this process, the VMM, when `vfmig exec` ends, for any reason and with any process in
 * between. Returns false if it has ended already.
 */
bool preload_end_with_exec(void);

#endif
