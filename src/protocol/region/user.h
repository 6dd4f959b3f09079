/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * User side of v1 and pfn: a session's requests in, accesses to a migration region out.
 *
 * Each request of the session is a row of accesses, in the order that the text prescribes. The
 * user side accesses the data section through a mapping if one is offered and can be trusted,
 * otherwise by accesses as wide as the device takes.
 *
 * A third-party device may need its transactions back in the sizes in which it produced them, but
 * a session's data is a stream of bytes that may be cut anew on its way. So transactions of
 * third-party devices travel framed, as CHUNKs of docs/device-state.md, and are unframed when they
 * are loaded. A device whose capability allows any size sends and receives its bytes unframed.
 */
#ifndef REGION_USER_H
#define REGION_USER_H

#include <vfmig/space.h>

#include "abi/device_state.h"
#include "abi/region.h"
#include "protocol/steps.h"

/* The largest transaction, and the most regions that are searched for the migration region. */
#define REGION_USER_TRANSACTION_MAX (256ull << 20)
#define REGION_USER_REGIONS_MAX	    256u

/* The buffer size for trapped data. */
#define REGION_USER_BOUNCE 65536u

/* The beginning of a stream of framed transactions. */
#define REGION_USER_PREFIX 64u

/* Saving. */
struct region_user_read {
	bool begun;	/* pending_bytes was read since the device began to save */
	bool fresh;	/* @pending is what comes next */
	bool ended;	/* pending_bytes was 0 after the stop */
	bool prefixed;	/* the stream's beginning was sent */
	unsigned empty; /* how often pending_bytes was not 0, and no data came */
	uint64_t pending;
	uint64_t at, size, pos; /* the transaction: offset, size, bytes read; none: pos == size */
	uint64_t frame;		/* bytes left in its frame */
	uint8_t *carry;		/* the rest of a transaction that was begun before the stop */
	uint8_t head[REGION_USER_PREFIX]; /* precedes the data */
	size_t head_at, head_len;
	struct abi_ds_writer writer;
};

/* Resuming. */
struct region_user_write {
	enum { REGION_USER_UNDECIDED, REGION_USER_RAW, REGION_USER_FRAMED } form;
	size_t matched; /* bytes of the prefix that have arrived */
	struct abi_ds_reader reader;
	bool ended;
	bool acting; /* executing what the reader reported; if that fails, loading cannot continue */
	/* the reader's report about the last bytes */
	bool begin, end;
	const uint8_t *data;
	size_t len;
	/* the transaction */
	uint64_t at, pos;
	const uint8_t *from; /* being copied to the region */
	size_t left, later;  /* for this transaction, and for later ones */
	step_fn then;	     /* the step after the copy */
};

/*
 * pfn: a report of written pages, of @pages of @unit bytes from @iova on, into a bitmap of pages
 * of @page_size; @done of them were reported, and the bitmap at @at covers @left more.
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
	uint64_t capacity; /* bytes of a transaction, if known */
	bool framing;	   /* a third-party device: keep its transactions */
	bool checks;	   /* RESUMING may be left for STOP */

	struct {
		uint64_t offset, size;
		uint8_t *ptr;
	} map[VFMIG_MMAP_AREAS];
	uint32_t maps;
	uint8_t *bounce;
	uint32_t width; /* the widest trapped access to data */
	uint32_t took;	/* the widest that has succeeded */

	enum vfmig_state state; /* the session's last known state */
	uint8_t bits;		/* the last value read from device_state */
	bool parked;		/* STOP is exposed, the device is in RESUMING */
	bool broken;		/* a request was cancelled half-way: the data is damaged */
	uint64_t word;		/* a register, being read or written */

	/* of the request under way */
	size_t out; /* bytes returned or taken */
	uint8_t way[2 * ABI_REGION_WRITES_MAX + 1];
	uint32_t ways, way_at;
	ssize_t result;
	struct vfmig_error why;
	step_fn then, flushed;
	uint8_t *draining; /* the transaction begun before the stop, read to its end */
	uint64_t drained;
	uint8_t prefix[REGION_USER_PREFIX];

	struct region_user_read read;
	struct region_user_write write;

	/* pfn/user.c */
	bool log_to;	/* the next value of @logs */
	bool logs;	/* written pages are logged: the device stays _SAVING, running or stopped */
	bool reporting; /* a query for written pages is under way */
	bool gap;	/* logging was interrupted: report everything logged as written, once */
	struct region_user_logged {
		struct vfmig_dma_logging_range range;
		uint64_t reported; /* bytes of it that were reported since the gap */
	} * logged;
	uint32_t nlogged; /* 0: the user gave no ranges */
	struct vfmig_tracker tracker;
	struct vfmig_space *space; /* the space that it was added to */
	struct region_user_report report;
};

/* From here on, earlier writes are unknown to a later report. */
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
 * region_user_open() - a session on a device that exposes a migration region
 * @revision: v1 or pfn; regions that name another revision are skipped
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

/* ---- between the files of the user side: all but the last are steps or parts of them ---- */

/* user_access.c */

/* Read or write a register; the value is in @word. */
ssize_t region_user_get(struct region_user *user, enum abi_region_register reg, step_fn then);
ssize_t region_user_put(struct region_user *user, enum abi_region_register reg, uint64_t value,
			step_fn then);
/*
 * The mapped address of the byte at @offset, or NULL; *n is cut to the bytes that are mapped (or
 * not) alike.
 */
uint8_t *region_user_mapped(struct region_user *user, uint64_t offset, uint64_t *n);
/* Read (into @bounce) or write (from there) at most *n bytes, as many as one access takes. */
ssize_t region_user_trapped(struct region_user *user, uint64_t offset, uint64_t n, bool write,
			    step_fn then);
/* Call it with the result: true if the access must be tried again, in smaller pieces. */
bool region_user_refused(struct region_user *user, ssize_t result);
/* Whether @n bytes at @offset are all in the data section; sets the error if not. */
int region_user_place(struct region_user *user, uint64_t offset, uint64_t n);
/* Map the mappable parts of the region before other threads use it. */
void region_user_map(struct region_user *user, const struct vfmig_region *region);

/* user_state.c */
ssize_t region_user_state_get(struct region_user *user);
ssize_t region_user_state_go(struct region_user *user);
/* pfn: bring the device to a state in which it reports written pages, or out of it. */
ssize_t region_user_log_switch(struct region_user *user, bool on);

/* user_read.c */
void region_user_read_reset(struct region_user *user);
ssize_t region_user_data_read(struct region_user *user);
ssize_t region_user_pending(struct region_user *user);
/*
 * Pre-copy is about to be left, or the data section to be reused: read the transaction that was
 * begun to its end; then
 * @then.
 */
ssize_t region_user_drain(struct region_user *user, step_fn then);

/* user_write.c */
void region_user_write_reset(struct region_user *user);
ssize_t region_user_data_write(struct region_user *user);
/* RESUMING is about to be left: check that all data has arrived. Then @then. */
ssize_t region_user_flush(struct region_user *user, step_fn then);

/* user_frame.c */
size_t region_user_prefix(uint8_t *buf, struct abi_ds_writer *writer);
extern const struct abi_ds_events region_user_events;

/* pfn/user.c: DMA logging, as the uAPI has it */
ssize_t region_user_log(struct region_user *user);

#endif
