/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Devices: a VFIO device as its user sees it.
 *
 * A device has information, regions, interrupts, reset and features, whether it is a software model in this process,
 * a server behind a socket, or a filter around another device. Its operations are VFIO's own. Their payloads have
 * the layout of the uAPI (abi.h), so an export passes them on without decoding them.
 *
 * Each operation is one request, and vfmig_submit() is the only entry point. A request completes once: during
 * vfmig_submit(), or later while the device is processed. The blocking functions below submit a request and wait.
 *
 * Processing: a device has a file descriptor that becomes readable when there is work, and
 * vfmig_device_process() does the work: it receives replies, serves the peer's DMA, and runs a model of this
 * process. A thread that waits for a request also processes the device. A caller with an event loop polls the
 * descriptor; a caller without one starts a thread (vfmig_device_start()).
 *
 * All functions may be called from any thread and concurrently, except vfmig_device_close(). No lock is held while a
 * callback of the caller runs.
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
 * enum vfmig_op - the operations of devices and sessions
 *
 * Sessions (session.h) use the same request structure, so a session can pass a request on to its device unchanged.
 * A device fails the operations of sessions with -EOPNOTSUPP.
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
	VFMIG_OP_ATTACH,       /* attach the device to a space -> space */
	VFMIG_OP_DETACH,       /* detach it */
	VFMIG_OP_SPACE_MAP,    /* a map was added to the device's space -> map */
	VFMIG_OP_SPACE_UNMAP,  /* a map is about to be removed -> map */

	VFMIG_OP_SET_STATE, /* sessions: change the state -> state */
	VFMIG_OP_GET_STATE, /* sessions: the state of the device -> state */
	VFMIG_OP_DATA_SIZE, /* sessions: estimated size of STOP_COPY -> data_size */

	VFMIG_OP_COUNT,
};

/**
 * vfmig_op_name() - the name of an operation in commands and events, such as "region-read"; static
 */
const char *vfmig_op_name(enum vfmig_op op);

/* Maximum number of pieces of a zero-copy buffer. */
#define VFMIG_LENT_MAX 16u

/**
 * struct vfmig_lent - a zero-copy buffer: bytes of the device in place of a copy
 * @count: number of pieces; 0: the buffer is not used
 * @piece: the pieces, in order
 * @file: of each piece: the file that it is mapped from, and the @offset there; @fd -1: none
 *
 * The borrower may send the file's pages with sendfile(2); the receiver gets their contents at the time when it reads
 * them. So a device uses zero-copy buffers only for bytes that do not change until the next change of its state or
 * reset, or that it sends again after a change (as in pre-copy). The borrower must not request either before
 * the receiver has read the pages.
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
 * struct vfmig_page_run - a run of pages in a report of pages that DMA wrote
 * @skip: pages between the end of the previous run, or the start of the report, and this run; they were not written
 * @pages: pages of the run; they were written; not 0
 */
struct vfmig_page_run {
	uint32_t skip;
	uint32_t pages;
};

/**
 * struct vfmig_page_runs - a report as runs instead of a bitmap
 * @run: array of @capacity runs, provided by the submitter
 * @capacity: number of runs that fit
 * @count: number of runs that the device filled in
 * @reported: the runs are the report, and the device did not modify the bitmap
 */
struct vfmig_page_runs {
	struct vfmig_page_run *run;
	uint32_t capacity;
	uint32_t count;
	bool reported;
};

/**
 * struct vfmig_request - an operation in progress
 * @op: the operation; it selects the member that is used
 * @info: DEVICE_INFO, REGION_INFO, IRQ_INFO: @buf of @size bytes receives the uAPI's structure (such as struct
 *	vfmig_region_info), followed by capabilities if all of them fit. @index: of the region or
 *	interrupt. The result is argsz: the size of the whole answer, which may exceed @size
 * @region: REGION_READ, REGION_WRITE: @len bytes at @offset of region @index to or from @buf. The result
 *	is @len; an access is done completely or not at all
 * @region_fd: REGION_FD: @fd is a descriptor, which the caller closes, that region @index can be mapped
 *	from; the region begins at @file_offset of it. The region's information lists the areas that may be
 *	mapped. -ENODEV if there are none
 * @irqs: SET_IRQS: as the uAPI's structure; @fds or @bools has @count values, depending on @flags (with
 *	DATA_EVENTFD, -1 removes an eventfd). The device duplicates the descriptors
 * @feature: FEATURE: @flags is the uAPI's (index and GET, SET, PROBE); @data of @size bytes is the payload,
 *	in and out. Pointers in a payload (DMA logging) are pointers in this process. With @runs (not @reported),
 *	a device may answer DMA_LOGGING_REPORT by runs instead of setting bits; the payload must have space for
 *	the bitmap all the same
 * @data: DATA_READ, DATA_WRITE: at most @len bytes of the device's migration data, in order. The result
 *	is their number; for a read, 0 is the end of the stream and -ENOMSG the end of what pre-copy has
 *	for now (some devices return 0 there). With @lent (its count 0), a read may return where bytes are
 *	instead of copying them: all of the result is in the pieces then, some of which may be in @buf. They
 *	are valid until the submitter submits anything but the next DATA_READ. While the device runs it may
 *	write to them; if so, it sends them again
 * @precopy: PRECOPY_INFO: what pre-copy has left
 * @space: ATTACH: the space; must stay valid until DETACH. A device has at most one. Its maps follow as
 *	SPACE_MAP
 * @map: SPACE_MAP, SPACE_UNMAP: the map; valid during the request
 * @state: SET_STATE: the target; GET_STATE: the state of the device
 * @data_size: DATA_SIZE: estimated bytes until the end of STOP_COPY
 * @deadline: when vfmig_call() cancels the request, in ns of CLOCK_MONOTONIC; 0: after the time limit of the device
 *	(vfmig_device_set_timeout()). A caller of vfmig_submit() keeps its own time, and cancels
 * @err: receives the reason of a failure, or NULL; must live as long as the request
 * @done: called once, when @result is set; may submit requests, must not wait
 * @user: for the submitter
 * @result: 0 or a count, or a negative errno
 *
 * The submitter owns the structure and everything it points to, and must keep them in place until the request
 * completes or vfmig_cancel() has cancelled it. Zero it, set the operation and its member, and submit it.
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
		} data;
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
};

/**
 * vfmig_submit() - submit a request
 * @device: the device to send the request to
 * @request: the request; @done must be set
 *
 * The request may complete before the function returns. The function does not wait for a peer, except on devices that
 * document it (a kernel device uses a worker thread for calls that block).
 */
void vfmig_submit(struct vfmig_device *device, struct vfmig_request *request);

/**
 * vfmig_cancel() - cancel a request
 * @device: the device that the request was submitted to
 * @request: the request
 *
 * Return: true if the request was cancelled: the device does not access it any more and does not call @done. The
 * operation may take effect all the same. False if the request has completed or its @done is running.
 */
bool vfmig_cancel(struct vfmig_device *device, struct vfmig_request *request);

/**
 * vfmig_call() - submit a request and wait until it completes
 * @device: the device to send the request to
 * @request: the request; the call overwrites @done and @user
 *
 * Processes the device while it waits. Cancels the request at its deadline.
 *
 * Return: the result of the request; -ETIMEDOUT at the deadline.
 */
ssize_t vfmig_call(struct vfmig_device *device, struct vfmig_request *request);

/**
 * vfmig_device_wait() - process a device until a condition is true
 * @device: the device
 * @ready: returns whether the condition is true; called repeatedly in this thread. It must not call the device: it
 *	reads an atomic variable, say
 * @context: passed to @ready
 * @deadline: in ns of CLOCK_MONOTONIC; 0 for none
 *
 * For callers with several requests in flight. Several threads may wait for one device: one of them processes it and
 * wakes the others. If a thread that does not wait can make the condition true (a @done that is called in its
 * vfmig_submit(), say), that thread calls vfmig_device_wake() after it.
 *
 * Return: 0; -ETIMEDOUT; or the error of a device whose peer is gone.
 */
int vfmig_device_wait(struct vfmig_device *device, bool (*ready)(void *context), void *context,
		      int64_t deadline);

/** vfmig_device_wake() - let all threads in vfmig_device_wait() check their condition again; from any thread */
void vfmig_device_wake(struct vfmig_device *device);

/**
 * vfmig_device_fd() - the descriptor to poll for reading; -1 for a device that never has work to process
 */
int vfmig_device_fd(struct vfmig_device *device);

/**
 * vfmig_device_process() - do the work that is pending, without waiting for more
 *
 * Return: 0; a negative errno if the device is lost: all its requests have failed, and later ones will.
 */
int vfmig_device_process(struct vfmig_device *device, struct vfmig_error *err);

/**
 * vfmig_device_start() - start a thread that processes the device
 *
 * All signals except SIGBUS are blocked in the thread.
 *
 * Return: 0; -EALREADY if the device has a thread; or the error of pthread_create().
 */
int vfmig_device_start(struct vfmig_device *device, struct vfmig_error *err);

/**
 * vfmig_device_stop() - stop the thread of vfmig_device_start() and wait until it has ended; no effect without one
 */
void vfmig_device_stop(struct vfmig_device *device);

/**
 * vfmig_device_name() - the name that the device was opened by, with its filters; owned by the device
 */
const char *vfmig_device_name(const struct vfmig_device *device);

/**
 * vfmig_device_set_timeout() - set the time limit of requests without a deadline, in ms; 0: none (default: 30000)
 */
void vfmig_device_set_timeout(struct vfmig_device *device, uint64_t msec);

/**
 * vfmig_device_close() - close a device; NULL is allowed
 *
 * Stops the device's thread, detaches the device from its space, and closes the device that a filter is around. No
 * other call on the device may be in progress.
 */
void vfmig_device_close(struct vfmig_device *device);

/* ---- the operations, blocking; each returns 0 or a negative errno unless documented otherwise ---- */

/**
 * vfmig_device_get_info() - get the flags of a device and the numbers of its regions and interrupts
 */
int vfmig_device_get_info(struct vfmig_device *device, struct vfmig_device_info *info,
			  struct vfmig_error *err);

/* Regions with more areas than this are rejected. */
#define VFMIG_MMAP_AREAS 128

/**
 * struct vfmig_region - the information of a region, decoded
 * @index: index of the region
 * @flags: VFMIG_REGION_FLAG_READ, _WRITE, _MMAP
 * @size: in bytes; 0 if the region does not exist
 * @type: with @subtype, the type of a device specific region; else 0
 * @subtype: see @type
 * @msix_mappable: whether the page with the MSI-X table may be mapped
 * @revision: enum vfmig_region_revision, of a migration region with the capability REVISION; else 0
 * @revision_flags: VFMIG_REGION_REVISION_*, with @revision
 * @revision_capacity: maximum bytes of a transaction, with @revision
 * @unknown_count: number of capabilities that this library does not know; their ids are in @unknown
 * @unknown: ids of these capabilities
 * @areas: number of areas that can be mapped; 1 for a region without a sparse list, all of which can be mapped
 * @area: @offset and @size of each area
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

/** vfmig_device_get_region_info() - get the information of a region */
int vfmig_device_get_region_info(struct vfmig_device *device, uint32_t index,
				 struct vfmig_region *region, struct vfmig_error *err);

/** vfmig_device_get_irq_info() - get the information of an interrupt index */
int vfmig_device_get_irq_info(struct vfmig_device *device, uint32_t index,
			      struct vfmig_irq_info *info, struct vfmig_error *err);

/** vfmig_device_region_read() - read @len bytes at @offset of a region */
int vfmig_device_region_read(struct vfmig_device *device, uint32_t index, uint64_t offset,
			     void *buf, uint32_t len, struct vfmig_error *err);

/** vfmig_device_region_write() - write @len bytes at @offset of a region */
int vfmig_device_region_write(struct vfmig_device *device, uint32_t index, uint64_t offset,
			      const void *buf, uint32_t len, struct vfmig_error *err);

/**
 * vfmig_device_region_map() - map an area of a region that its information lists as mappable
 * @device: the device
 * @index: index of the region
 * @offset: of the area, in the region; page-aligned
 * @size: of the area, in bytes; page-aligned
 * @ptr: the mapping, with the access that the region allows; the caller calls munmap()
 */
int vfmig_device_region_map(struct vfmig_device *device, uint32_t index, uint64_t offset,
			    uint64_t size, void **ptr, struct vfmig_error *err);

/** vfmig_device_set_irq_eventfds() - VFIO_DEVICE_SET_IRQS with DATA_EVENTFD and ACTION_TRIGGER */
int vfmig_device_set_irq_eventfds(struct vfmig_device *device, uint32_t index, uint32_t start,
				  uint32_t count, const int32_t *fds, struct vfmig_error *err);

/** vfmig_device_reset() - VFIO_DEVICE_RESET */
int vfmig_device_reset(struct vfmig_device *device, struct vfmig_error *err);

/**
 * vfmig_device_call_feature() - VFIO_DEVICE_FEATURE
 * @device: the device
 * @flags: index of the feature, with VFMIG_FEATURE_GET, _SET or _PROBE
 * @data: the payload
 * @size: of the payload, in bytes
 *
 * Return: 0; -ENOTTY if the device does not have the feature; or another negative errno.
 */
int vfmig_device_call_feature(struct vfmig_device *device, uint32_t flags, void *data, size_t size,
			      struct vfmig_error *err);

/**
 * vfmig_device_get_history() - get the history that a server keeps of its device's state
 * @device: the device
 * @history: filled in; its text is printable and terminated within the array
 *
 * A server of this library records where the state came from and whether a copy of it may run elsewhere. The
 * operator needs it to decide about a device whose migration was interrupted; see docs/handoff.md.
 *
 * Return: 0; -ENOTTY for a device of this process and for a server that keeps no history.
 */
int vfmig_device_get_history(struct vfmig_device *device, struct vfmig_feature_history *history,
			     struct vfmig_error *err);

/**
 * vfmig_device_set_moved() - record in the server's history that the device was moved away
 * @device: the source of a migration with the outcome VFMIG_OUTCOME_DONE
 * @where: where the device runs now, for people to read; truncated if it is too long
 *
 * The history stays VFMIG_HISTORY_MOVED until the device is reset, loaded or started again.
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
