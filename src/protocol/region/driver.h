/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Driver side of v1 and pfn: a session, shown as a migration region.
 *
 * The region is 32 or 64 bytes of registers and a data section. An access to a register becomes requests to
 * the session; the data section is memory, in which one transaction at a time is handed over. A transaction is
 * what one read of the session brought, or what one write of it takes: so whoever cares for boundaries
 * on the other side of the session finds them kept.
 *
 * To tell when the data is at its end without handing over an empty transaction, the next transaction is read
 * from the session when pending_bytes is: it stands in the data section before the user knows of it, and is
 * not lost when the user leaves pre-copy without fetching it.
 */
#ifndef REGION_DRIVER_H
#define REGION_DRIVER_H

#include "abi/region.h"
#include "protocol/steps.h"

enum region_data {
	REGION_DATA_TRAPPED, /* right behind the registers, by read and write only */
	REGION_DATA_MAPPED,  /* on pages of its own, which can be mapped */
	REGION_DATA_PARTLY,  /* the first half of it can be mapped */
};

/* The largest transaction that can be asked for, and the preset. */
#define REGION_TRANSACTION_MAX (256ull << 20)
#define REGION_TRANSACTION     (1ull << 20)

/*
 * @index: the region's
 * @data: how its data section is reached
 * @transaction: the most bytes of one transaction; 0 is REGION_TRANSACTION
 * @reserved: bits 3 to 31 of device_state as they read
 * @framed: the session's data is that of docs/device-state.md, which users are told
 * @mute: say nothing of our own: no capability tells the revision
 * @bitmap_apart: pfn: the bitmap has a place behind the device's data, and not the same
 */
struct region_options {
	uint32_t index;
	enum region_data data;
	uint64_t transaction;
	uint32_t reserved;
	bool framed;
	bool mute;
	bool bitmap_apart;
};

/*
 * pfn: who knows which pages were written: a logger, which answers at once; or a device with DMA logging, which is
 * asked and may take its time; or the session itself, which is asked in the same form (that of a pfn device).
 * @ranges: fills in what is to be logged, at most @max of it; called under the offer's lock
 * @covered: whether all that there is has been logged since
 */
struct region_log {
	struct logger *logger;
	struct vfmig_device *device;
	bool session_tells;
	uint32_t (*ranges)(void *context, struct vfmig_dma_logging_range *ranges, uint32_t max);
	bool (*covered)(void *context);
	void *context;
};
#define REGION_LOG_RANGES 256u

/*
 * What pfn has beside the device's data; pfn/pages.c.
 * @reg: start_pfn, page_size, total_pfns, as they were written
 * @written: since copied_pfns was read
 * @range: those that are being answered, and @done, how many of their pages were
 * @reported: of how many pages the bitmap tells that stands, if @answered; it was fetched if @fetched
 * @current: the next read of data_offset is about the bitmap
 * @asking: the log is being asked about offer->value pages, and forgets them as it answers
 * @logs: the logger runs
 * @owed, @owed_end: pages of this range were told in a bitmap that nobody fetched, in bytes
 * @at, @size: where the bitmap is shown, in the region
 * @bitmap: where it stands until then
 */
struct region_pages {
	uint64_t reg[3];
	bool written;
	uint64_t range[3];
	uint64_t done, reported;
	bool answered, fetched, current, asking, logs;
	bool stale; /* the log may be on, and nobody uses it: from before a reset, or from an access that was given up */
	uint64_t pending, pending_end;
	uint64_t at, size;
	uint64_t *bitmap;
	struct vfmig_dma_logging_range *ranges;
	union {
		struct vfmig_feature_dma_logging_control control;
		struct vfmig_feature_dma_logging_report report;
	} ask;
	step_fn then;
};

/* @steps is first; the rest is the offer's own, and is touched under its lock. */
struct region_driver {
	struct steps steps;
	struct region_log log;
	struct region_options options;
	struct abi_region_layout layout;
	uint32_t nr_areas;
	struct vfmig_sparse_mmap_area area[2];
	int fd;		/* of the region's memory; its file offsets are the region's */
	uint8_t *bytes; /* the same, mapped: registers are not in there */
	uint8_t *own;	/* what is given to the session is copied first: others may write @bytes */
	uint64_t capacity; /* bytes that a transaction can have */

	uint32_t resets, began;	 /* a request that was begun before the last reset is void */
	uint32_t bits;		 /* the three bits of device_state, as last heard */
	bool precopy_only_shown; /* PRE_COPY is shown, the session is in RUNNING */
	bool failed;		 /* a transition went wrong half-way: ERROR is shown */

	uint64_t staged; /* bytes of the transaction in the data section */
	bool handed;	 /* its offset or size was read: it is the current one */
	bool aside;	 /* it is in @own, as the bitmap is in its place */
	bool ended;	 /* the session has said so */
	bool moving;	 /* the session is being asked for a transaction, or given one */
	bool broken;	 /* that was given up in the middle: the data is not what it was */

	/* of the request under way */
	enum abi_region_register reg;
	uint32_t from, to;	/* device_state */
	ssize_t result;		/* what failed, while it is being cleared up, */
	struct vfmig_error why; /* and its sentence */
	uint64_t at, value;

	struct region_pages pages;
};

/**
 * region_driver_open() - show a session as a migration region
 * @session: the device's migration; borrowed
 * @log: pfn: which pages were written; copied, what it points to is borrowed. NULL: all of them, always
 * @revision: which
 * @options: how; copied
 *
 * Return: 0; -EINVAL for options that cannot be; -ENOMEM or what memfd_create() says.
 */
int region_driver_open(struct vfmig_session *session, const struct region_log *log,
		       enum vfmig_region_revision revision, const struct region_options *options,
		       struct region_driver **driver, struct vfmig_error *err);
void region_driver_close(struct region_driver *driver);

/**
 * region_driver_submit() - answer a device's request
 *
 * Answers REGION_INFO, REGION_FD, REGION_READ and REGION_WRITE of the region. The device's owner counts the region
 * in its DEVICE_INFO. Return: true if the request was the region's: it is completed, or will be.
 */
bool region_driver_submit(struct region_driver *driver, struct vfmig_request *request);

/** region_driver_cancel() - vfmig_cancel(), for what was answered here */
bool region_driver_cancel(struct region_driver *driver, struct vfmig_request *request);

/** region_driver_reset() - the device was reset, and the session with it */
void region_driver_reset(struct region_driver *driver);

/* ---- between the offer's files: all are steps, see protocol/steps.h ---- */

static inline struct region_driver *region_driver_of(struct steps *steps)
{
	return (struct region_driver *)steps;
}

/* Whether a reset has come between; for the first line of each step. */
bool region_driver_void(struct region_driver *driver);

/* The end of a read of a register: the value goes to the user. */
ssize_t region_give(struct region_driver *driver, uint64_t value);
/* The value that is being written. */
uint64_t region_taken(const struct region_driver *driver);

/* offer_state.c */
ssize_t region_read_state(struct region_driver *driver);
ssize_t region_write_state(struct region_driver *driver);

/* offer_data.c */
ssize_t region_read_pending(struct region_driver *driver);
ssize_t region_read_offset(struct region_driver *driver);
ssize_t region_read_size(struct region_driver *driver);
ssize_t region_write_size(struct region_driver *driver);
/* The data is over: a state was left. */
void region_drop_data(struct region_driver *driver);

/* The access that was about it was taken back. */
void region_data_dropped(struct region_driver *driver);

/* pfn/pages.c */
int region_pages_open(struct region_driver *driver, struct vfmig_error *err);
/* The access that was to tell written pages was taken back: they are owed. */
void region_pages_dropped(struct region_driver *driver);
/* data_offset is read: the bitmap goes to its place in the region. */
ssize_t region_expose_bitmap(struct region_driver *driver);
ssize_t region_write_range(struct region_driver *driver);
ssize_t region_read_copied(struct region_driver *driver);
/* Logging follows the _SAVING bit: before it is set, and after it is gone. Then @then, with the result. */
ssize_t region_log_start(struct region_driver *driver, step_fn then);
ssize_t region_log_stop(struct region_driver *driver, step_fn then);
/* The device was reset, or the offer is about to go; without the lock. */
void region_log_end(struct region_driver *driver, bool reset);

#endif
