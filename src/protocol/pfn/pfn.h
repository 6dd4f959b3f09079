/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Revision pfn, the one before v1: its two adapters.
 */
#ifndef PFN_PFN_H
#define PFN_PFN_H

#include "protocol/region/driver.h"

/**
 * pfn_driver_open() - driver side: region_driver_open() for pfn
 * @log: the log of written pages; it runs while the device is _SAVING. NULL: every page
 *	may have been written
 */
int pfn_driver_open(struct vfmig_session *session, const struct region_log *log,
		    const struct region_options *options, struct region_driver **driver,
		    struct vfmig_error *err);

/**
 * pfn_user_open() - user side: a session on a device that exposes pfn
 *
 * As v1_user_open(). If the device is attached to a space, the session reports the pages that the
 * device wrote to that space, in place of DMA logging, until the session is closed.
 *
 * Return: 0; -EOPNOTSUPP if the device does not expose it. A region that does not name its
 * revision counts as pfn, so call this only if the user names pfn.
 */
int pfn_user_open(struct vfmig_device *device, struct vfmig_session **session,
		  struct vfmig_error *err);

#endif
