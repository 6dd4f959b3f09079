/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Driver side of v1 and pfn: exposes a session as a migration region.
 *
 * The region is 32 or 64 bytes of registers and a data section. An access to a register becomes
 * requests to the session; the data section is memory, in which one transaction at a time is
 * handed over. A transaction is what one read of the session returned, or what one write of it
 * takes. So chunk boundaries of the session are kept.
 *
 * An empty transaction would be an ambiguous end of the data. So a read of pending_bytes reads the
 * next transaction from the session: it is in the data section before the user sees it, and is not
 * lost when the user leaves pre-copy without fetching it.
 */
#ifndef REGION_DRIVER_H
#define REGION_DRIVER_H

#include "abi/region.h"
#include "protocol/steps.h"

enum region_data {
	REGION_DATA_TRAPPED, /* right behind the registers, by read and write only */
	REGION_DATA_MAPPED,  /* on pages of its own, which can be mapped */
	REGION_DATA_PARTLY,  /* on pages of its own, which can be mapped */
};

/* The largest transaction that can be configured, and the default. */
#define REGION_TRANSACTION_MAX (256ull << 20)
#define REGION_TRANSACTION     (1ull << 20)

/*
 * @index: the region's
 * @data: how users reach its data section
 * @transaction: the most bytes of one transaction; 0 is REGION_TRANSACTION
 * @reserved: the value of bits 3 to 31 of device_state
 * @framed: the session's data is that of docs/device-state.md, and a capability reports
 *	that
 * @mute: expose no capability that names the revision
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
 * pfn: the source of written pages. It is a logger, which answers immediately; or a device with
 * DMA logging, which may take its time; or the session itself, which takes the same requests (the
 * session of a pfn device).
 * @ranges: fills in the ranges to log, at most @max of them; called with the driver side's
 *	lock held
 * @covered: whether everything that exists has been logged since
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
 * The registers and the log that pfn has beside the device's data; pfn/pages.c.
 * @reg: start_pfn, page_size, total_pfns, as the user wrote them
 * @written: since copied_pfns was read
 * @range: the pages of the current answer, and @done, how many of them were reported
 * @reported: the number of pages that the current bitmap covers, if @answered; the user
 *	fetched it if @fetched
 * @current: the next read of data_offset is about the bitmap
 * @asking: a query of driver->value pages is under way, and the log clears them as it
 *	answers
 * @logs: the logger runs
 * @pending, @pending_end: pages of this range were in a bitmap that the user did not
 *	fetch, in bytes
 * @at, @size: the bitmap's place in the region
 * @bitmap: holds it until then
 */
struct region_pages {
	uint64_t reg[3];
	bool written;
	uint64_t range[3];
	uint64_t done, reported;
	bool answered, fetched, current, asking, logs;
	bool stale; /* the log may be on without a user: from before a reset, or from a cancelled access */
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

/*
 * The lock in @steps, which is first, guards the other fields.
 */
struct region_driver {
	struct steps steps;
	struct region_log log;
	struct region_options options;
	struct abi_region_layout layout;
	uint32_t nr_areas;
	struct vfmig_sparse_mmap_area area[2];
	int fd;		   /* of the region's memory; its file offsets are the region's */
	uint8_t *bytes;	   /* the same, mapped; without the registers */
	uint8_t *own;	   /* private copy for the session: other processes may write @bytes */
	uint64_t capacity; /* the most bytes of a transaction */

	uint32_t resets, began;	 /* a request that began before the last reset is void */
	uint32_t bits;		 /* the three bits of device_state, as last reported */
	bool precopy_only_shown; /* PRE_COPY is exposed, the session is in RUNNING */
	bool failed;		 /* a transition failed half-way: ERROR is exposed */

	uint64_t staged; /* bytes of the transaction in the data section */
	bool handed;	 /* its offset or size was read: it is the current one */
	bool aside;	 /* the transaction is in @own, since the bitmap is in its place */
	bool ended;	 /* the session has reported the end */
	bool moving;	 /* a read or write of the session is under way */
	bool broken;	 /* such a request was cancelled half-way: the data is damaged */

	/* of the request under way */
	enum abi_region_register reg;
	uint32_t from, to;	/* device_state */
	ssize_t result;		/* the first failure, during the cleanup, */
	struct vfmig_error why; /* and its message */
	uint64_t at, value;

	struct region_pages pages;
};

/**
 * region_driver_open() - expose a session as a migration region
 * @session: the device's migration; borrowed
 * @log: pfn: the log of written pages; copied, what it points to is borrowed. NULL: all
 *	pages count as written, always
 * @revision: v1 or pfn
 * @options: copied
 *
 * Return: 0; -EINVAL for invalid options; -ENOMEM or an error of memfd_create().
 */
int region_driver_open(struct vfmig_session *session, const struct region_log *log,
		       enum vfmig_region_revision revision, const struct region_options *options,
		       struct region_driver **driver, struct vfmig_error *err);
void region_driver_close(struct region_driver *driver);

/**
 * region_driver_submit() - answer a device's request
 *
 * Answers REGION_INFO, REGION_FD, REGION_READ and REGION_WRITE of the region. The device's owner
 * counts the region in its DEVICE_INFO. Return: true if the request was the region's: it is
 * completed, or will be.
 */
bool region_driver_submit(struct region_driver *driver, struct vfmig_request *request);

/** region_driver_cancel() - vfmig_cancel(), for requests that this driver side answers */
bool region_driver_cancel(struct region_driver *driver, struct vfmig_request *request);

/** region_driver_reset() - the device was reset, and the session with it */
void region_driver_reset(struct region_driver *driver);

/* ---- between the files of the driver side: all are steps, see protocol/steps.h ---- */

static inline struct region_driver *region_driver_of(struct steps *steps)
{
	return (struct region_driver *)steps;
}

/* Whether there was a reset in between; call it first in each step. */
bool region_driver_void(struct region_driver *driver);

/* Ends a read of a register: the user gets the value. */
ssize_t region_give(struct region_driver *driver, uint64_t value);
/* The value that the user writes. */
uint64_t region_taken(const struct region_driver *driver);

/* driver_state.c */
ssize_t region_read_state(struct region_driver *driver);
ssize_t region_write_state(struct region_driver *driver);

/* driver_data.c */
ssize_t region_read_pending(struct region_driver *driver);
ssize_t region_read_offset(struct region_driver *driver);
ssize_t region_read_size(struct region_driver *driver);
ssize_t region_write_size(struct region_driver *driver);
/* The data is over: the session left the state. */
void region_drop_data(struct region_driver *driver);

/* The access that moved data was cancelled. */
void region_data_dropped(struct region_driver *driver);

/* pfn/pages.c */
int region_pages_open(struct region_driver *driver, struct vfmig_error *err);
/* The access that was to report written pages was cancelled: they stay pending. */
void region_pages_dropped(struct region_driver *driver);
/* The user reads data_offset: the bitmap goes to its place in the region. */
ssize_t region_expose_bitmap(struct region_driver *driver);
ssize_t region_write_range(struct region_driver *driver);
ssize_t region_read_copied(struct region_driver *driver);
/*
 * Logging follows the _SAVING bit: it starts before the bit is set, and stops after it is cleared.
 * Then @then, with the result.
 */
ssize_t region_log_start(struct region_driver *driver, step_fn then);
ssize_t region_log_stop(struct region_driver *driver, step_fn then);
/* The device was reset, or the driver side is about to close; called without the lock. */
void region_log_end(struct region_driver *driver, bool reset);

#endif
