/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * User side of v1 and pfn: a session's requests in, accesses to a migration region out.
 *
 * Each request of the session is a row of accesses, in the order that the text prescribes. The data section is
 * used through a mapping where one is offered and can be trusted, else by accesses as wide as the device takes.
 *
 * A stranger's device may need its transactions back in the sizes in which it gave them, and a session's data is
 * a stream of bytes that may be cut anew on its way. So transactions of strangers travel framed, as CHUNKs of
 * docs/device-state.md, and are taken out of their frames when they are loaded. A device that says of itself
 * that any size will do gets and gives its bytes as they are.
 */
#ifndef VFMIG_PROTOCOL_REGION_DRIVE_H
#define VFMIG_PROTOCOL_REGION_DRIVE_H

#include <vfmig/space.h>

#include "abi/device_state.h"
#include "abi/region.h"
#include "protocol/steps.h"

/* No transaction is larger, and no more regions are looked at for the migration region. */
#define VFMIG_DRIVE_TRANSACTION_MAX (256ull << 20)
#define VFMIG_DRIVE_REGIONS_MAX	    256u

/* Trapped data goes through a buffer of this size. */
#define VFMIG_DRIVE_BOUNCE 65536u

/* What a stream of framed transactions begins with. */
#define VFMIG_DRIVE_PREFIX 64u

/* Saving. */
struct vfmig_drive_read {
	bool begun;	/* pending_bytes was read since the device began to save */
	bool fresh;	/* @pending is what comes next */
	bool ended;	/* it was 0 after the stop */
	bool prefixed;	/* the stream's beginning was given */
	unsigned empty; /* how often something was pending, and nothing came */
	uint64_t pending;
	uint64_t at, size,
		pos;	/* the transaction: where, how much, how much was read; none: pos == size */
	uint64_t frame; /* bytes left in its frame */
	uint8_t *carry; /* the rest of one that was begun before the stop */
	uint8_t head[VFMIG_DRIVE_PREFIX]; /* what goes before the data */
	size_t head_at, head_len;
	struct vfmig_ds_writer writer;
};

/* Resuming. */
struct vfmig_drive_write {
	enum { VFMIG_DRIVE_UNDECIDED, VFMIG_DRIVE_RAW, VFMIG_DRIVE_FRAMED } form;
	size_t matched; /* bytes of the prefix that have come */
	struct vfmig_ds_reader reader;
	bool ended;
	bool acting; /* on what the reader told; if it failed, there is no going on */
	/* what the reader said of the last bytes */
	bool begin, end;
	const uint8_t *data;
	size_t len;
	/* the transaction */
	uint64_t at, pos;
	const uint8_t *from; /* being copied to the region */
	size_t left, later;  /* for this transaction, and for the next ones */
	vfmig_step_fn then;  /* after that */
};

/*
 * pfn: a report of written pages, of @pages of @unit bytes from @iova on, into a bitmap of pages of @page_size;
 * @done of them were told, and of @left more the bitmap at @at tells.
 */
struct vfmig_drive_report {
	uint64_t iova, page_size, unit;
	uint64_t pages, done, left, at;
	uint64_t *bitmap;
};

struct vfmig_region_drive {
	struct vfmig_session session; /* first */
	struct vfmig_steps steps;
	enum vfmig_region_revision revision;
	uint32_t index;
	uint64_t region_size;
	uint64_t room; /* bytes of a transaction, as far as is known */
	bool framing;  /* it is a stranger's: keep its transactions */
	bool checks;   /* RESUMING may be left for STOP */

	struct {
		uint64_t offset, size;
		uint8_t *ptr;
	} map[VFMIG_MMAP_AREAS];
	uint32_t maps;
	uint8_t *bounce;
	uint32_t width; /* of trapped accesses to data, at most */
	uint32_t took;	/* the widest that has succeeded */

	enum vfmig_state state; /* the session's, as far as is known */
	uint8_t bits;		/* what was last read of device_state */
	bool parked;		/* STOP is shown, and it is in RESUMING */
	bool broken;   /* a request was taken back in the middle: the data is not what it was */
	uint64_t word; /* a register, being read or written */

	/* of the request under way */
	size_t out; /* bytes given or taken */
	uint8_t way[2 * VFMIG_REGION_WRITES_MAX + 1];
	uint32_t ways, way_at;
	ssize_t result;
	struct vfmig_error why;
	vfmig_step_fn then, flushed;
	uint8_t *draining; /* what was begun before the stop, being read to its end */
	uint64_t drained;
	uint8_t prefix[VFMIG_DRIVE_PREFIX];

	struct vfmig_drive_read read;
	struct vfmig_drive_write write;

	/* pfn/drive.c */
	bool log_to;	/* what @logs is about to be */
	bool logs;	/* written pages are asked for: the device saves while it runs or stands */
	bool reporting; /* the device is being asked for them */
	bool gap; /* they were not told for a while: all that is logged counts as written, once */
	struct vfmig_drive_logged {
		struct vfmig_dma_logging_range range;
		uint64_t told; /* of it, bytes from its beginning, since the gap */
	} * logged;
	uint32_t nlogged; /* 0: it was not said what */
	struct vfmig_tracker tracker;
	struct vfmig_space *space; /* where it was added */
	struct vfmig_drive_report report;
};

/* From here on what was written before is not known, if anybody asks. */
static inline void vfmig_drive_gap(struct vfmig_region_drive *drive)
{
	drive->gap = drive->logs;
	for (uint32_t i = 0; i < drive->nlogged; i++)
		drive->logged[i].told = 0;
}

static inline struct vfmig_region_drive *vfmig_drive_of(struct vfmig_steps *steps)
{
	return (struct vfmig_region_drive *)((char *)steps -
					     offsetof(struct vfmig_region_drive, steps));
}

/**
 * vfmig_region_drive_open() - a session on a device that shows a migration region
 * @revision: which; a region that tells another one is none
 * @ops: the revision's, made of the three below
 *
 * Return: 0; -EOPNOTSUPP if there is no such region.
 */
int vfmig_region_drive_open(struct vfmig_device *device, enum vfmig_region_revision revision,
			    const struct vfmig_session_ops *ops, struct vfmig_session **session,
			    struct vfmig_error *err);
void vfmig_region_drive_submit(struct vfmig_session *session, struct vfmig_request *request);
bool vfmig_region_drive_cancel(struct vfmig_session *session, struct vfmig_request *request);
void vfmig_region_drive_close(struct vfmig_session *session);

/* ---- between the drive's files: all but the last are steps or parts of them ---- */

/* drive_access.c */

/* Read or write a register; the value is in @word. */
ssize_t vfmig_drive_get(struct vfmig_region_drive *drive, enum vfmig_region_register reg,
			vfmig_step_fn then);
ssize_t vfmig_drive_put(struct vfmig_region_drive *drive, enum vfmig_region_register reg,
			uint64_t value, vfmig_step_fn then);
/* Where in this process the byte at @offset is, or NULL; *n is cut to what is like it. */
uint8_t *vfmig_drive_mapped(struct vfmig_region_drive *drive, uint64_t offset, uint64_t *n);
/* Read (into @bounce) or write (from there) at most *n bytes, as many as are done at once. */
ssize_t vfmig_drive_trapped(struct vfmig_region_drive *drive, uint64_t offset, uint64_t n,
			    bool write, vfmig_step_fn then);
/* Call it with the result: true if it is to be tried again, in smaller pieces. */
bool vfmig_drive_refused(struct vfmig_region_drive *drive, ssize_t result);
/* Whether @n bytes at @offset are all in the data section; with a sentence if not. */
int vfmig_drive_place(struct vfmig_region_drive *drive, uint64_t offset, uint64_t n);
/* What can be mapped of the region is, before it is used by others. */
void vfmig_drive_map(struct vfmig_region_drive *drive, const struct vfmig_region *region);

/* drive_state.c */
ssize_t vfmig_drive_state_get(struct vfmig_region_drive *drive);
ssize_t vfmig_drive_state_go(struct vfmig_region_drive *drive);
/* pfn: bring the device to where it tells its written pages, or no more. */
ssize_t vfmig_drive_log_switch(struct vfmig_region_drive *drive, bool on);

/* drive_read.c */
void vfmig_drive_read_reset(struct vfmig_region_drive *drive);
ssize_t vfmig_drive_data_read(struct vfmig_region_drive *drive);
ssize_t vfmig_drive_pending(struct vfmig_region_drive *drive);
/* Pre-copy is about to be left, or another use made of the data section: what was begun is read to its end; then @then. */
ssize_t vfmig_drive_drain(struct vfmig_region_drive *drive, vfmig_step_fn then);

/* drive_write.c */
void vfmig_drive_write_reset(struct vfmig_region_drive *drive);
ssize_t vfmig_drive_data_write(struct vfmig_region_drive *drive);
/* RESUMING is about to be left: is all there? Then @then. */
ssize_t vfmig_drive_flush(struct vfmig_region_drive *drive, vfmig_step_fn then);

/* drive_frame.c */
size_t vfmig_drive_prefix(uint8_t *buf, struct vfmig_ds_writer *writer);
extern const struct vfmig_ds_events vfmig_drive_events;

/* pfn/drive.c: DMA logging, as the uAPI has it */
ssize_t vfmig_drive_log(struct vfmig_region_drive *drive);

#endif
