/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The inside of a session: what a drive (user side) or the model kit (driver side) fills in.
 *
 * A session is either the user's handle on a device, made by a drive, or a model's own migration, made by
 * the kit and offered in some revision. Both take the same requests under the rules of device.h. Because it
 * is the same noun, a bridge between revisions is an offer around a drive.
 */
#ifndef DEVICE_SESSION_H
#define DEVICE_SESSION_H

#include <vfmig/session.h>

#include "device/device.h"

struct session_ops {
	const char *protocol; /* "v2"; NULL for a model's own */
	void (*submit)(struct vfmig_session *session, struct vfmig_request *request);
	bool (*cancel)(struct vfmig_session *session, struct vfmig_request *request);
	void (*close)(struct vfmig_session *session); /* frees all; NULL for an embedded session */
};

/*
 * @ops: how
 * @device: a drive's: what is driven, and worked while a call waits. NULL for a model's own
 * @flags: VFMIG_MIGRATION_*: which states there are
 * @properties: of enum vfmig_session_property
 * @checks_late: set after opening by a caller that cannot load everything before STOP. A session that checks by
 *	running then reports STOP while the device stays in RESUMING; the device checks when it runs
 */
struct vfmig_session {
	const struct session_ops *ops;
	struct vfmig_device *device;
	uint64_t flags;
	uint32_t properties;
	bool checks_late;
};

/*
 * The driver side's other half: which pages a device wrote. Beside the session and not in it, as DMA logging
 * is not connected to the migration state in the uAPI. All calls may come from any thread.
 */
struct logger {
	const struct logger_ops *ops;
};

struct logger_ops {
	/* 0 ranges: everything. *page_size is a hint on the way in, the choice on the way out */
	int (*start)(struct logger *logger, uint64_t *page_size,
		     const struct vfmig_dma_logging_range *ranges, uint32_t count,
		     struct vfmig_error *err);
	int (*stop)(struct logger *logger, struct vfmig_error *err);
	/* sets bits in the bitmap, clears none; any range, any power of two from 4 KiB */
	int (*report)(struct logger *logger, uint64_t iova, uint64_t length, uint64_t page_size,
		      uint64_t *bitmap, struct vfmig_error *err);
	/* the same, by runs if possible (@reported), else by bits. NULL: bits only */
	int (*runs)(struct logger *logger, uint64_t iova, uint64_t length, uint64_t page_size,
		    struct vfmig_page_runs *runs, uint64_t *bitmap, struct vfmig_error *err);
};

#endif
