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
#ifndef REGION_USER_H
#define REGION_USER_H

#include <vfmig/space.h>

#include "abi/device_state.h"
#include "abi/region.h"
#include "protocol/steps.h"

/* No transaction is larger, and no more regions are looked at for the migration region. */
#define REGION_USER_TRANSACTION_MAX (256ull << 20)
#define REGION_USER_REGIONS_MAX	    256u

/* Trapped data goes through a buffer of this size. */
#define REGION_USER_BOUNCE 65536u

/* What a stream of framed transactions begins with. */
#define REGION_USER_PREFIX 64u

/* Saving. */
struct region_user_read {
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
	uint8_t head[REGION_USER_PREFIX]; /* what goes before the data */
	size_t head_at, head_len;
	struct abi_ds_writer writer;
};

/* Resuming. */
struct region_user_write {
	enum { REGION_USER_UNDECIDED, REGION_USER_RAW, REGION_USER_FRAMED } form;
	size_t matched; /* bytes of the prefix that have come */
	struct abi_ds_reader reader;
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
	step_fn then;	     /* after that */
};

/*
 * pfn: a report of written pages, of @pages of @unit bytes from @iova on, into a bitmap of pages of @page_size;
 * @done of them were told, and of @left more the bitmap at @at tells.
 */
struct region_user_report {
	uint64_t iova, page_size, unit;
	uint64_t pages, done, left, at;
	uint64_t *bitmap;
};

struct region_user {
	struct vfmig_session session; /* first */
	struct steps steps;
	enum vfmig_region_revision revision;
	uint32_t index;
	uint64_t region_size;
	uint64_t capacity; /* bytes of a transaction, as far as is known */
	bool framing;	   /* it is a stranger's: keep its transactions */
	bool checks;	   /* RESUMING may be left for STOP */

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
	uint8_t way[2 * ABI_REGION_WRITES_MAX + 1];
	uint32_t ways, way_at;
	ssize_t result;
	struct vfmig_error why;
	step_fn then, flushed;
	uint8_t *draining; /* what was begun before the stop, being read to its end */
	uint64_t drained;
	uint8_t prefix[REGION_USER_PREFIX];

	struct region_user_read read;
	struct region_user_write write;

	/* pfn/drive.c */
	bool log_to;	/* what @logs is about to be */
	bool logs;	/* written pages are asked for: the device saves while it runs or stands */
	bool reporting; /* the device is being asked for them */
	bool gap; /* they were not told for a while: all that is logged counts as written, once */
	struct region_user_logged {
		struct vfmig_dma_logging_range range;
		uint64_t reported; /* of it, bytes from its beginning, since the gap */
	} * logged;
	uint32_t nlogged; /* 0: it was not said what */
	struct vfmig_tracker tracker;
	struct vfmig_space *space; /* where it was added */
	struct region_user_report report;
};

/* From here on what was written before is not known, if anybody asks. */
static inline void region_user_gap(struct region_user *user)
{
	user->gap = user->logs;
	for (uint32_t i = 0; i < user->nlogged; i++)
		user->logged[i].reported = 0;
}

static inline struct region_user *region_user_of(struct steps *steps)
{
	return (struct region_user *)((char *)steps - offsetof(struct region_user, steps));
}

/**
 * region_user_open() - a session on a device that shows a migration region
 * @revision: which; a region that tells another one is none
 * @ops: the revision's, made of the three below
 *
 * Return: 0; -EOPNOTSUPP if there is no such region.
 */
int region_user_open(struct vfmig_device *device, enum vfmig_region_revision revision,
		     const struct session_ops *ops, struct vfmig_session **session,
		     struct vfmig_error *err);
void region_user_submit(struct vfmig_session *session, struct vfmig_request *request);
bool region_user_cancel(struct vfmig_session *session, struct vfmig_request *request);
void region_user_close(struct vfmig_session *session);

/* ---- between the drive's files: all but the last are steps or parts of them ---- */

/* drive_access.c */

/* Read or write a register; the value is in @word. */
ssize_t region_user_get(struct region_user *user, enum abi_region_register reg, step_fn then);
ssize_t region_user_put(struct region_user *user, enum abi_region_register reg, uint64_t value,
			step_fn then);
/* Where in this process the byte at @offset is, or NULL; *n is cut to what is like it. */
uint8_t *region_user_mapped(struct region_user *user, uint64_t offset, uint64_t *n);
/* Read (into @bounce) or write (from there) at most *n bytes, as many as are done at once. */
ssize_t region_user_trapped(struct region_user *user, uint64_t offset, uint64_t n, bool write,
			    step_fn then);
/* Call it with the result: true if it is to be tried again, in smaller pieces. */
bool region_user_refused(struct region_user *user, ssize_t result);
/* Whether @n bytes at @offset are all in the data section; with a sentence if not. */
int region_user_place(struct region_user *user, uint64_t offset, uint64_t n);
/* What can be mapped of the region is, before it is used by others. */
void region_user_map(struct region_user *user, const struct vfmig_region *region);

/* drive_state.c */
ssize_t region_user_state_get(struct region_user *user);
ssize_t region_user_state_go(struct region_user *user);
/* pfn: bring the device to where it tells its written pages, or no more. */
ssize_t region_user_log_switch(struct region_user *user, bool on);

/* drive_read.c */
void region_user_read_reset(struct region_user *user);
ssize_t region_user_data_read(struct region_user *user);
ssize_t region_user_pending(struct region_user *user);
/* Pre-copy is about to be left, or another use made of the data section: what was begun is read to its end; then @then. */
ssize_t region_user_drain(struct region_user *user, step_fn then);

/* drive_write.c */
void region_user_write_reset(struct region_user *user);
ssize_t region_user_data_write(struct region_user *user);
/* RESUMING is about to be left: is all there? Then @then. */
ssize_t region_user_flush(struct region_user *user, step_fn then);

/* drive_frame.c */
size_t region_user_prefix(uint8_t *buf, struct abi_ds_writer *writer);
extern const struct abi_ds_events region_user_events;

/* pfn/drive.c: DMA logging, as the uAPI has it */
ssize_t region_user_log(struct region_user *user);

#endif
