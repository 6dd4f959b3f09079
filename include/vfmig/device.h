/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Devices: a VFIO device as its user sees it.
 *
 * A device is information, regions, interrupts, reset and features, whatever is behind it: a software
 * model in this process, a server behind a socket, a filter around another device. Its operations are
 * VFIO's own, and what they carry is laid out as the uAPI lays it out (abi.h), so that an export can
 * pass it on without knowing what it means.
 *
 * Each operation is one request, and there is one way in: vfmig_submit(). A request completes once, in the
 * submit itself or later, while the device is worked. The blocking functions below it are that, and
 * nothing else.
 *
 * Working a device: it has a file descriptor that becomes readable when there is something to do, and
 * vfmig_device_process() does it: replies are taken in, a peer's DMA is served, a model in this
 * process runs. Whoever waits for a request works the device while it waits. A caller with a loop of its
 * own polls the descriptor; one without asks for a thread (vfmig_device_start()).
 *
 * Any of these functions may be called from any thread, and at the same time, but for
 * vfmig_device_close(). No lock is held while a caller's callback runs.
 */
#ifndef VFMIG_DEVICE_H
#define VFMIG_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include <vfmig/abi.h>
#include <vfmig/abi_history.h>
#include <vfmig/error.h>

#ifdef __cplusplus
extern "C" {
#endif

struct vfmig_device;
struct vfmig_space;
struct vfmig_map;

/**
 * enum vfmig_op - what can be asked of a device, and of a session
 *
 * The session's operations (session.h) share the structure, so that a session can hand a request on to its
 * device as it is. A device refuses them with -EOPNOTSUPP.
 */
enum vfmig_op {
	VFMIG_OP_DEVICE_INFO,  /* VFIO_DEVICE_GET_INFO -> info */
	VFMIG_OP_REGION_INFO,  /* VFIO_DEVICE_GET_REGION_INFO -> info */
	VFMIG_OP_IRQ_INFO,     /* VFIO_DEVICE_GET_IRQ_INFO -> info */
	VFMIG_OP_REGION_READ,  /* pread on the device -> region */
	VFMIG_OP_REGION_WRITE, /* pwrite on the device -> region */
	VFMIG_OP_REGION_FD,    /* what mmap on the device would map -> region_fd */
	VFMIG_OP_SET_IRQS,     /* VFIO_DEVICE_SET_IRQS -> irqs */
	VFMIG_OP_RESET,	       /* VFIO_DEVICE_RESET */
	VFMIG_OP_FEATURE,      /* VFIO_DEVICE_FEATURE -> feature */
	VFMIG_OP_DATA_READ,    /* read on the migration's data FD -> data */
	VFMIG_OP_DATA_WRITE,   /* write on the migration's data FD -> data */
	VFMIG_OP_PRECOPY_INFO, /* VFIO_MIG_GET_PRECOPY_INFO on the data FD -> precopy */
	VFMIG_OP_ATTACH,       /* the device gets an address space -> space */
	VFMIG_OP_DETACH,       /* and loses it */
	VFMIG_OP_SPACE_MAP,    /* a map has come into the device's space -> map */
	VFMIG_OP_SPACE_UNMAP,  /* a map is about to leave it -> map */

	VFMIG_OP_SET_STATE, /* sessions: go to a state -> state */
	VFMIG_OP_GET_STATE, /* sessions: which state -> state */
	VFMIG_OP_DATA_SIZE, /* sessions: how much is left, at the most -> data_size */
	VFMIG_OP_WINDOW,    /* memory for the data to go through -> window */

	VFMIG_OP_COUNT,
};

/** vfmig_op_name() - an operation's name as commands and events have it, such as "region-read" */
const char *vfmig_op_name(enum vfmig_op op);

/* Pieces in which a device lends bytes, at the most. */
#define VFMIG_LENT_MAX 16u

/**
 * struct vfmig_lent - bytes where they are, in the place of a copy
 * @count: how many pieces; 0: nothing was lent
 * @piece: where, in order
 * @file: of each piece: a file that it is mapped from, at @offset; @fd -1: there is none
 *
 * Whoever was lent bytes may hand on the file's pages instead of a copy of them (sendfile(2)). They are then as they are
 * when the receiver takes them. So a device lends only what does not change until its state is asked to change or
 * it is reset, or what it will tell again if it does (as pre-copy does); and whoever hands pages on sees to it that they
 * are taken before it asks for either.
 */
struct vfmig_lent {
	unsigned count;
	struct iovec piece[VFMIG_LENT_MAX];
	struct vfmig_lent_file {
		int fd;
		uint64_t offset;
	} file[VFMIG_LENT_MAX];
};

/**
 * struct vfmig_page_run - pages of a report of what DMA wrote
 * @skip: pages since the run before, or the beginning, that were not written
 * @pages: pages behind those that were; not 0
 */
struct vfmig_page_run {
	uint32_t skip;
	uint32_t pages;
};

/**
 * struct vfmig_page_runs - a report as runs, in the place of its bitmap
 * @run: room for @capacity of them
 * @count: how many there are
 * @reported: they are the report, and nothing was done to its bitmap
 */
struct vfmig_page_runs {
	struct vfmig_page_run *run;
	uint32_t capacity;
	uint32_t count;
	bool reported;
};

/**
 * struct vfmig_window_piece - bytes in a window, in the place of a buffer
 * @offset: where in it
 * @sum: XXH3-64 of them; a read tells it, a write is refused if it is wrong
 */
struct vfmig_window_piece {
	uint64_t offset;
	uint64_t sum;
};

/**
 * struct vfmig_request - one operation under way
 * @op: which
 * @info: DEVICE_INFO, REGION_INFO, IRQ_INFO: @buf of @size bytes receives the uAPI's structure (struct
 *	vfmig_region_info and its like), capabilities behind it where they all fit. @index: the region's
 *	or interrupt's. The result is argsz: what the whole answer takes, which may be more than @size
 * @region: REGION_READ, REGION_WRITE: @len bytes at @offset of region @index from or to @buf. The result
 *	is @len; a device does an access whole or not at all
 * @region_fd: REGION_FD: @fd is a descriptor, which the caller closes, that region @index can be mapped
 *	from; the region begins at @file_offset of it. Which parts may be mapped is in its information.
 *	-ENODEV if none may
 * @irqs: SET_IRQS: as the uAPI's structure; @fds or @bools has @count values according to @flags (with
 *	DATA_EVENTFD, -1 takes one away). The device makes duplicates of the descriptors
 * @feature: FEATURE: @flags is the uAPI's (index and GET, SET, PROBE); @data of @size bytes its payload,
 *	in and out. Pointers in a payload (DMA logging) are pointers in this process. With @runs (not @reported),
 *	a device may tell a DMA_LOGGING_REPORT as runs instead of setting bits, which it must have room for
 *	all the same
 * @data: DATA_READ, DATA_WRITE: at most @len bytes of the device's migration data, in order. The result
 *	is how many; for a read, 0 is the end of the stream and -ENOMSG the end of what there is for now,
 *	in pre-copy (some devices say 0 there, too). With @lent (its count 0), a read may say where bytes are
 *	instead of copying them: all of the result is in its pieces then, some of which may be in @buf. They
 *	are there until the submitter asks for anything but the next DATA_READ. While the device runs it may
 *	write to them; if so, it will tell them again. With @window, of a device that has taken a window,
 *	the bytes are there and not in @buf. A read that is taken back may still write there, until the
 *	device has another window
 * @window: WINDOW: the device may be asked to move its data through the first @size bytes (at most 64 MiB, whole
 *	pages) of memory behind @fd, which is a memfd that cannot shrink and stays the caller's. It takes the
 *	place of the one before; @size 0: there is none any more. -EOPNOTSUPP where data only goes through
 *	buffers. Of devices and of sessions
 * @precopy: PRECOPY_INFO: what pre-copy still has
 * @space: ATTACH: the space, borrowed until DETACH; a device has at most one. Its maps follow as
 *	SPACE_MAP
 * @map: SPACE_MAP, SPACE_UNMAP: the map; valid during the request
 * @state: STATE_GO, STATE_GET
 * @data_size: DATA_SIZE
 * @deadline: when vfmig_call() gives up, by CLOCK_MONOTONIC in ns; 0 is the device's own time limit
 *	(vfmig_device_set_timeout()). Who submits by itself keeps its own time, and cancels
 * @err: where a sentence goes if it fails, or NULL; must live as long as the request
 * @done: called once, when @result is there; may submit, but must not wait
 * @user: the submitter's own
 * @result: 0 or a count, or a negative errno
 * @held_by, @link, @held: of the device that has the request at the moment; a submitter leaves them alone
 *
 * The structure and all it points to belong to the submitter, who keeps them in place until the request
 * is done or vfmig_cancel() has taken it back. Zero it, set the operation and its member, then submit.
 */
struct vfmig_request {
	enum vfmig_op op;
	union {
		struct {
			uint32_t index;
			void *buf;
			size_t size;
		} info;
		struct {
			uint32_t index;
			uint32_t len;
			uint64_t offset;
			void *buf;
		} region;
		struct {
			uint32_t index;
			int fd;
			uint64_t file_offset;
		} region_fd;
		struct {
			uint32_t flags;
			uint32_t index;
			uint32_t start;
			uint32_t count;
			const int32_t *fds;
			const uint8_t *bools;
		} irqs;
		struct {
			uint32_t flags;
			void *data;
			size_t size;
			struct vfmig_page_runs *runs;
		} feature;
		struct {
			void *buf;
			size_t len;
			struct vfmig_lent *lent;
			struct vfmig_window_piece *window;
		} data;
		struct {
			int fd;
			uint64_t size;
		} window;
		struct vfmig_precopy_info precopy;
		struct vfmig_space *space;
		const struct vfmig_map *map;
		enum vfmig_state state;
		uint64_t data_size;
	};
	int64_t deadline;
	struct vfmig_error *err;
	void (*done)(struct vfmig_request *request);
	void *user;
	ssize_t result;

	struct vfmig_device *held_by;
	struct vfmig_request *link[2];
	uint64_t held[2];
};

/**
 * vfmig_submit() - ask a device
 * @device: whom
 * @request: what; its @done must be set
 *
 * May complete the request before it returns. Never waits for a peer, but for a device that says so
 * (a kernel device has a worker for what blocks).
 */
void vfmig_submit(struct vfmig_device *device, struct vfmig_request *request);

/**
 * vfmig_cancel() - take a request back
 * @device: who has it
 * @request: which
 *
 * After a true return the device has forgotten the request and @done will not be called; what was asked
 * may happen all the same. After a false one it is done, or its @done is running.
 */
bool vfmig_cancel(struct vfmig_device *device, struct vfmig_request *request);

/**
 * vfmig_call() - submit a request and wait until it is done
 * @device: whom
 * @request: what; @done and @user are used by the call
 *
 * Works the device meanwhile. At the deadline the request is taken back.
 *
 * Return: the result; -ETIMEDOUT at the deadline.
 */
ssize_t vfmig_call(struct vfmig_device *device, struct vfmig_request *request);

/**
 * vfmig_device_wait() - work a device until something is so
 * @device: which
 * @ready: asked now and again, in this thread; only looks (at an atomic, say): it must not call the device
 * @context: its argument
 * @deadline: CLOCK_MONOTONIC in ns; 0 is never
 *
 * For those who keep several requests under way. Several threads may wait for one device: one of them works
 * it, the others are woken when it has.
 *
 * Return: 0, -ETIMEDOUT, or the device's own failure (its peer is gone).
 */
int vfmig_device_wait(struct vfmig_device *device, bool (*ready)(void *context), void *context,
		      int64_t deadline);

/** vfmig_device_fd() - a descriptor to poll for reading, or -1 if the device never has anything to do */
int vfmig_device_fd(struct vfmig_device *device);

/**
 * vfmig_device_process() - do what is there to be done, without waiting for more
 *
 * Return: 0, or a negative errno when the device is lost: its requests have failed then, and what comes
 * later will. The sentence is in @err.
 */
int vfmig_device_process(struct vfmig_device *device, struct vfmig_error *err);

/**
 * vfmig_device_start() - have a thread of the library's work the device
 *
 * All signals but SIGBUS are blocked in it. Return: 0, -EALREADY, or what pthread_create() says.
 */
int vfmig_device_start(struct vfmig_device *device, struct vfmig_error *err);

/** vfmig_device_stop() - end that thread; nothing if there is none */
void vfmig_device_stop(struct vfmig_device *device);

/** vfmig_device_name() - as it was opened, filters and all; owned by the device */
const char *vfmig_device_name(const struct vfmig_device *device);

/** vfmig_device_set_timeout() - the time limit of requests without one, in ms; 0 is none (preset: 30000) */
void vfmig_device_set_timeout(struct vfmig_device *device, uint64_t msec);

/**
 * vfmig_device_close() - let go of a device
 *
 * Stops its thread, detaches it, and closes what it is around. Must not be called while another call on
 * the device is under way. NULL is fine.
 */
void vfmig_device_close(struct vfmig_device *device);

/* ---- the operations, blocking; all return 0 or a negative errno unless they say otherwise ---- */

/** vfmig_device_get_info() - flags and numbers of regions and interrupts */
int vfmig_device_get_info(struct vfmig_device *device, struct vfmig_device_info *info,
			  struct vfmig_error *err);

/* More areas than this are not looked at: a region with a thousand holes has something to hide. */
#define VFMIG_MMAP_AREAS 128

/**
 * struct vfmig_region - a region's information, decoded
 * @index: which
 * @flags: VFMIG_REGION_FLAG_READ, _WRITE, _MMAP
 * @size: bytes; 0 if the region is not there
 * @type: with @subtype, its kind, for regions that are a device's own; else 0
 * @subtype: see @type
 * @msix_mappable: the page with the MSI-X table may be mapped, too
 * @revision: of a migration region that says so, enum vfmig_region_revision; else 0
 * @revision_flags: with it, VFMIG_REGION_REVISION_*
 * @revision_capacity: with it, the most bytes of a transaction
 * @unknown_count: how many of its capabilities are unknown here; their ids in @unknown
 * @areas: how many parts can be mapped; one that is the whole region if it has no sparse list
 * @area: each part's @offset and @size
 */
struct vfmig_region {
	uint32_t index;
	uint32_t flags;
	uint64_t size;
	uint32_t type, subtype;
	bool msix_mappable;
	uint32_t revision, revision_flags;
	uint64_t revision_capacity;
	uint32_t unknown_count;
	uint16_t unknown[16];
	uint32_t areas;
	struct {
		uint64_t offset, size;
	} area[VFMIG_MMAP_AREAS];
};

/** vfmig_device_get_region_info() - a region's information */
int vfmig_device_get_region_info(struct vfmig_device *device, uint32_t index,
				 struct vfmig_region *region, struct vfmig_error *err);

/** vfmig_device_get_irq_info() - an interrupt index's information */
int vfmig_device_get_irq_info(struct vfmig_device *device, uint32_t index,
			      struct vfmig_irq_info *info, struct vfmig_error *err);

/** vfmig_device_region_read() - read @len bytes at @offset of a region */
int vfmig_device_region_read(struct vfmig_device *device, uint32_t index, uint64_t offset,
			     void *buf, uint32_t len, struct vfmig_error *err);

/** vfmig_device_region_write() - write @len bytes at @offset of a region */
int vfmig_device_region_write(struct vfmig_device *device, uint32_t index, uint64_t offset,
			      const void *buf, uint32_t len, struct vfmig_error *err);

/**
 * vfmig_device_region_map() - map a part of a region that its information says can be mapped
 * @device: whose
 * @index: which region
 * @offset: of the part, in the region; page-aligned
 * @size: of the part; page-aligned
 * @ptr: the mapping, readable and writable as the region is; munmap() it
 */
int vfmig_device_region_map(struct vfmig_device *device, uint32_t index, uint64_t offset,
			    uint64_t size, void **ptr, struct vfmig_error *err);

/** vfmig_device_set_irq_eventfds() - SET_IRQS with DATA_EVENTFD and ACTION_TRIGGER, as users mostly want it */
int vfmig_device_set_irq_eventfds(struct vfmig_device *device, uint32_t index, uint32_t start,
				  uint32_t count, const int32_t *fds, struct vfmig_error *err);

/** vfmig_device_reset() - VFIO_DEVICE_RESET */
int vfmig_device_reset(struct vfmig_device *device, struct vfmig_error *err);

/**
 * vfmig_device_call_feature() - VFIO_DEVICE_FEATURE
 * @device: whom
 * @flags: VFMIG_FEATURE_GET, _SET or _PROBE with the feature's index
 * @data: the payload
 * @size: its size
 *
 * Return: 0, or a negative errno: -ENOTTY for a feature that the device does not have.
 */
int vfmig_device_call_feature(struct vfmig_device *device, uint32_t flags, void *data, size_t size,
			      struct vfmig_error *err);

/**
 * vfmig_device_get_history() - get what a server remembers of its device's state
 * @device: the device
 * @history: filled in; its text ends within the array and is printable
 *
 * Servers of this library remember where the state came from, and whether a copy of it may run elsewhere. That tells an
 * owner what to do with a device whose migration was interrupted; see docs/handoff.md.
 *
 * Return: 0; -ENOTTY for a device in this process, and behind a server that does not remember.
 */
int vfmig_device_get_history(struct vfmig_device *device, struct vfmig_feature_history *history,
			     struct vfmig_error *err);

/**
 * vfmig_device_set_moved() - have the server remember that the device was moved away
 * @device: the source of a migration whose outcome is VFMIG_OUTCOME_DONE
 * @where: where it runs now, for people; cut to what fits
 *
 * Until the device is reset, loaded or run again, the history is VFMIG_HISTORY_MOVED.
 *
 * Return: 0; -ENOTTY as above; -EINVAL if the device runs, or if the server does not see all of its states.
 */
int vfmig_device_set_moved(struct vfmig_device *device, const char *where, struct vfmig_error *err);

/** vfmig_history_name() - "new", "loading", "loaded", "ran", "read", "moved", "unknown" */
const char *vfmig_history_name(enum vfmig_history past);

#ifdef __cplusplus
}
#endif
#endif
