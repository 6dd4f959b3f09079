/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Migrations: move devices and memory from one place to another.
 *
 * A migration has two ends: a source, and a destination with the same devices (by id) and the same layout of
 * memory. A channel connects them: a socket, a pair of pipes, or a file that is written now and loaded
 * later. docs/stream.md specifies the stream, docs/handoff.md the outcome of each failure on both sides.
 *
 *	struct vfmig_migration *m;
 *
 *	vfmig_migration_new(VFMIG_ROLE_SOURCE, NULL, &m, &err);
 *	vfmig_migration_add_device(m, "nvme0", device, NULL, &err);
 *	vfmig_migration_add_space(m, space, &err);
 *	vfmig_migration_set_user(m, &vcpus);
 *	vfmig_migration_run(m, sock, sock, &err);
 *	vfmig_migration_free(m);
 *
 * The other end does the same with VFMIG_ROLE_DESTINATION. A VMM with its own migration loop takes single
 * steps instead (vfmig_migration_step(), or vfmig_migration_start() and a descriptor to poll).
 *
 * A device runs in at most one place. Until the source has sent COMMIT, every failure (including a cancellation, a
 * lost peer and a time limit) leaves the source running and the destination reset. After COMMIT the source does not run
 * again unless its owner says so (vfmig_migration_resolve()).
 *
 * A migration moves each map of kind VFMIG_MAP_MEMORY of each space that was added. Devices log the pages that they
 * write. For writes of the CPU the caller adds a tracker to the space (tracker.h), or declares that there are none
 * (vfmig_space_set_no_cpu_writes()); a source rejects a space with neither. A migration fails if maps change.
 *
 * Pages that were never touched are not read at the source and stay untouched at the destination. The engine recognises
 * them in memory with a descriptor (a memfd, also with huge pages; a file on ext4 or xfs), provided that the system has
 * no swap for anonymous memory. Other memory is read, which allocates its pages if it is shared.
 *
 * It uses bounded memory: VFMIG_MIGRATION_BUFFERS buffers of VFMIG_MIGRATION_BUFFER_BYTES, 200 KiB for the table of maps,
 * some KiB for each device, and during the negotiation up to 32 MiB for the peer's description.
 *
 * Threads: one thread at a time uses a migration, but vfmig_migration_cancel(), vfmig_migration_get_estimate() and
 * vfmig_migration_get_result() may be called from any thread at any time. Both ends may live in one process.
 */
#ifndef VFMIG_MIGRATION_H
#define VFMIG_MIGRATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <vfmig/device.h>
#include <vfmig/error.h>
#include <vfmig/event.h>
#include <vfmig/options.h>
#include <vfmig/session.h>
#include <vfmig/space.h>

#ifdef __cplusplus
extern "C" {
#endif

struct vfmig_migration;

/* Number and size of the buffers of a migration. */
#define VFMIG_MIGRATION_BUFFERS	     8u
#define VFMIG_MIGRATION_BUFFER_BYTES ((1u << 20) + 4096u)

/* Maximum number of devices and of memory maps in a migration. */
#define VFMIG_MIGRATION_DEVICES_MAX 256u
#define VFMIG_MIGRATION_REGIONS_MAX 4096u
/* Maximum length of a device's id: printable ASCII without quotes and backslash. */
#define VFMIG_MIGRATION_ID_MAX 63u

/* The two ends of a migration. */
enum vfmig_role {
	VFMIG_ROLE_SOURCE,	/* the devices run here at first */
	VFMIG_ROLE_DESTINATION, /* the devices run here at the end */
};

/* What a source does if the estimated downtime exceeds its limit after the last round. */
enum vfmig_unconverged {
	VFMIG_UNCONVERGED_FAIL,	  /* fail; the source runs on (default) */
	VFMIG_UNCONVERGED_SWITCH, /* switch over anyway */
};

/**
 * struct vfmig_migration_options - how to migrate; set by vfmig_migration_options_init()
 * @struct_size: sizeof(struct vfmig_migration_options)
 * @downtime_ms: source: switch over when the estimated downtime is at most this (default 300; 1 to 2^40). The estimate
 *	divides the bytes that are left by the rate at which the destination has loaded; everything sent before
 *	is loaded by then. If the actual downtime is longer, @over_limit of the result and the event "downtime"
 *	report it
 * @enforce_downtime: source: abort a switchover that has not reached COMMIT within @downtime_ms; the source runs on
 *	(default off: only @switchover_ms aborts it). For devices whose destination may load more slowly than
 *	could be measured before, such as those without pre-copy
 * @bandwidth: source: maximum bytes per second in pre-copy; 0: no limit (default). Not applied during the switchover
 * @max_rounds: source: maximum number of rounds of pre-copy (default 64); 0: everything is sent while the source is
 *	stopped, if @unconverged allows it
 * @unconverged: source: enum vfmig_unconverged
 * @precopy: source: use PRE_COPY of devices that have it (default on)
 * @untracked: source: also move a space whose dirty pages cannot be tracked, by sending all of its memory while the source
 *	is stopped (default off: such a space is rejected)
 * @run_on: source that saves to a file: run on afterwards (default off: the device stays stopped, since its state is in
 *	the file and must not run twice)
 * @start_stopped: destination: leave the devices stopped, loaded and checked, and do not resume the user. Only when
 *	loading from a file, since no source waits for a reply
 * @progress_bytes: emit a progress event about every @progress_bytes bytes (default 16 MiB); 0: none
 * @setup_ms: time limit from the start until the peer has accepted (default 30 s). The command `vfmig` also waits as
 *	long for the connection
 * @request_ms: time limit of each request to a device (default 10 s)
 * @channel_ms: time limit without progress on the channel while one end waits (default 30 s)
 * @switchover_ms: source: time limit from pausing the user until the destination is READY; on expiry the source runs on
 *	(default 60 s). Destination: time limit of each of: checking the loaded state, waiting for COMMIT after
 *	READY, and starting the devices (on expiry it resets them). When a source goes back, each request gets
 *	half of it, but at least one second and at most @request_ms, and a device that does not answer gets
 *	no further requests
 * @total_ms: time limit of the migration until COMMIT; 0: none (default)
 *
 * Time limits are in ms; 0: none.
 */
struct vfmig_migration_options {
	size_t struct_size;
	uint64_t downtime_ms;
	bool enforce_downtime;
	uint64_t bandwidth;
	uint64_t max_rounds;
	uint64_t unconverged;
	bool precopy;
	bool untracked;
	bool run_on;
	bool start_stopped;
	uint64_t progress_bytes;
	uint64_t setup_ms;
	uint64_t request_ms;
	uint64_t channel_ms;
	uint64_t switchover_ms;
	uint64_t total_ms;
};

/**
 * vfmig_migration_option_table() - the options as a table for vfmig_options_parse()
 *
 * Keys: downtime, enforce-downtime, bandwidth, max-rounds, unconverged (fail, switch), precopy, untracked, run-on,
 * start-stopped, progress, setup-timeout, request-timeout, channel-timeout, switchover-timeout,
 * total-timeout.
 *
 * Return: a constant; it has no options of kind TEXT.
 */
const struct vfmig_option *vfmig_migration_option_table(void);

/** vfmig_migration_options_set_defaults() - set the first @size bytes; for vfmig_migration_options_init() */
void vfmig_migration_options_set_defaults(struct vfmig_migration_options *options, size_t size);

/** vfmig_migration_options_init() - set all options to their defaults */
static inline void vfmig_migration_options_init(struct vfmig_migration_options *options)
{
	vfmig_migration_options_set_defaults(options, sizeof(*options));
}

/**
 * struct vfmig_migration_user - callbacks to what uses the devices: vCPUs, a workload
 * @pause: source: stop all accesses to the devices and the memory before returning 0. Should return before
 *	@deadline (ns of CLOCK_MONOTONIC; 0: none); the engine cannot interrupt it. A failure fails the
 *	migration, and @resume is called all the same
 * @resume: source: continue after a migration that failed. Destination: start. The devices run already. A failure is
 *	reported in the event and the error; it does not undo the migration
 * @context: passed to the callbacks
 * @keep: source that saves to a file: everything is written and on the disk (fsync). Give the file its final
 *	name; when the callback returns 0, the source gives the devices up. A failure fails the migration, and the
 *	devices run on
 *
 * Called from the thread that runs the step. A callback that is NULL is skipped.
 */
struct vfmig_migration_user {
	int (*pause)(void *context, int64_t deadline, struct vfmig_error *err);
	int (*resume)(void *context, struct vfmig_error *err);
	void *context;
	int (*keep)(void *context, struct vfmig_error *err);
};

/* ---- making one ---- */

/**
 * vfmig_migration_new() - create a migration without devices or spaces
 * @role: source or destination
 * @options: copied; NULL for the defaults
 * @m: the migration; the caller calls vfmig_migration_free()
 *
 * Return: 0; -ENOMEM; -EINVAL for options out of range; -E2BIG for options that this version does not support.
 */
int vfmig_migration_new(enum vfmig_role role, const struct vfmig_migration_options *options,
			struct vfmig_migration **m, struct vfmig_error *err);

/**
 * vfmig_migration_free() - clean up (vfmig_migration_cleanup()) and free a migration; NULL is allowed
 *
 * No step may be in progress: call vfmig_migration_cancel() and vfmig_migration_finish() first.
 */
void vfmig_migration_free(struct vfmig_migration *m);

/**
 * vfmig_migration_add_device() - add a device
 * @m: the migration
 * @id: identifies the device; the same at both ends; copied
 * @device: must outlive the migration; attached to its space
 * @protocol: the protocol revision to use, or NULL for the newest that the device has
 *
 * Opens a session on the device. Its state does not change before SETUP.
 *
 * Return: 0; -EEXIST if the id is in use; -ENOSPC beyond VFMIG_MIGRATION_DEVICES_MAX; -EBUSY after the migration has
 * begun; or the error of vfmig_session_open().
 */
int vfmig_migration_add_device(struct vfmig_migration *m, const char *id,
			       struct vfmig_device *device, const char *protocol,
			       struct vfmig_error *err);

/** vfmig_migration_add_session() - add a device by a session, which stays the caller's */
int vfmig_migration_add_session(struct vfmig_migration *m, const char *id,
				struct vfmig_session *session, struct vfmig_error *err);

/**
 * vfmig_migration_add_space() - add the memory of a space
 * @m: the migration
 * @space: must outlive the migration. The destination's space has the same maps: IOVA, size and protection. Both ends
 *	add their spaces in the same order
 */
int vfmig_migration_add_space(struct vfmig_migration *m, struct vfmig_space *space,
			      struct vfmig_error *err);

/** vfmig_migration_set_user() - set the callbacks that pause and resume; copied */
void vfmig_migration_set_user(struct vfmig_migration *m, const struct vfmig_migration_user *user);

/**
 * vfmig_migration_set_events() - set the receiver of events; it must outlive the migration
 *
 * The first field of every event is `role` ("source", "destination"). The others, by name of the event:
 *
 *	setup		devices, regions, memory_bytes: SETUP begins
 *	device		device (its id), protocol, pre_copy, p2p (0 or 1): one for each
 *	accepted	ns: both ends match and are ready to move data
 *	progress	phase ("pre-copy", "stop"), round, of ("memory", or a device's id), bytes (so far),
 *			left_bytes (as far as is known), total_bytes (so far of everything), rate (bytes/s)
 *	round		round (from 1), ns, bytes, memory_bytes, device_bytes, zero_pages (of this round), rate
 *			(bytes/s), dirty_pages (written meanwhile, to be sent again), dirty_rate (pages/s),
 *			left_bytes, downtime_ns (estimated, if it switched over now), fits (0 or 1)
 *	tracking-lost	sentence: a tracker failed; all of its space is sent again
 *	arc		device, from, to (states: "RUNNING" ...), ns, result (0 or a negative errno)
 *	switchover	round, left_bytes, rate, downtime_ns (estimated), reason ("fits", "max-rounds",
 *			"asked"; "unmeasured": to a file, before anything was measured), unloaded_sections (sent,
 *			and not yet reported as loaded: 0 except for a file)
 *	handoff		state, on (what led there): each step of the hand-over; see docs/handoff.md
 *	user		what ("pause", "resume"), ns, result
 *	downtime	ns, and its parts: source: pause_ns, quiesce_ns, stop_ns, memory_ns (until the last
 *			page was sent), state_ns (from there until the last device data was sent), load_ns
 *			(from there to READY), run_ns (from there to RUNNING); bytes, sent while stopped;
 *			commit_ns. A source that saves to a file: commit_ns (until the file was on its disk and
 *			kept) and, with run-on, run_ns (from there until the devices ran again).
 *			Destination: load_ns (STOPPED to READY), commit_ns (READY to COMMIT), run_ns (from there
 *			until the user was resumed). Source: limit_ns (the downtime limit), over_limit (0 or 1:
 *			the downtime was longer)
 *	done		ns, bytes, memory_bytes, device_bytes, zero_pages, rounds, downtime_ns
 *	failed		as done, and sentence, code
 *	cancelled	as failed
 *	in-doubt	as failed
 *
 * Events are emitted in the thread that runs the step. New fields may be appended.
 */
void vfmig_migration_set_events(struct vfmig_migration *m, const struct vfmig_events *events);

/* ---- running it ---- */

/**
 * vfmig_migration_run() - run a whole migration and wait for its end
 * @m: the migration
 * @in_fd: source: replies of the destination. Destination: the stream
 * @out_fd: source: the stream. Destination: replies to the source
 *
 * For a socket both are the same descriptor. -1 if there are no replies: a source with @in_fd -1 saves to @out_fd
 * (a file, or a pipe to a program), a destination with @out_fd -1 loads from @in_fd. Neither needs to be
 * seekable. The caller owns the descriptors; those that are not sockets are non-blocking during the call and restored
 * afterwards.
 *
 * Return: 0 on success; -ECANCELED; -EOWNERDEAD if it is in doubt whether the destination runs; -EREMOTEIO for a failure of
 * the peer; -ETIMEDOUT; -EBADMSG for an invalid stream; -EPIPE or -ECONNRESET if the peer is gone; or the error of a
 * local failure. vfmig_migration_get_result() returns the outcome.
 */
int vfmig_migration_run(struct vfmig_migration *m, int in_fd, int out_fd, struct vfmig_error *err);

/**
 * vfmig_migration_run_local() - run both ends in this process
 * @source: a migration of that role, complete except for its channel
 * @destination: the other end, likewise
 *
 * The destination runs in a thread, the source in the calling thread; events are emitted in them.
 *
 * Return: as vfmig_migration_run() of the source; the destination's error if the source succeeds. The results of both
 * remain available.
 */
int vfmig_migration_run_local(struct vfmig_migration *source, struct vfmig_migration *destination,
			      struct vfmig_error *err);

/**
 * vfmig_migration_cancel() - cancel a migration
 *
 * From any thread at any time. The step in progress returns -ECANCELED after restoring everything. No effect after COMMIT.
 */
void vfmig_migration_cancel(struct vfmig_migration *m);

/* ---- step by step ---- */

/*
 * A VMM has its own migration loop: it decides when to begin, how much to send at a time, and when to switch
 * over. Source: SETUP, ITERATE repeatedly, COMPLETE. Destination: SETUP, LOAD until it returns 0. There are two ways:
 *
 *  - vfmig_migration_step() runs it in the calling thread and waits for its end;
 *  - vfmig_migration_start() runs it in a thread of the library. vfmig_migration_fd() becomes readable when
 *    the step has ended, and vfmig_migration_finish() returns its result. An event loop never blocks.
 *
 * A step uses a thread because not everything that it waits for can be polled. A step that fails has restored
 * everything, as vfmig_migration_run() does.
 */
enum vfmig_step {
	VFMIG_STEP_SETUP, /* negotiate with the peer; start tracking. Returns 0 */
	VFMIG_STEP_ITERATE, /* source: send up to @budget bytes. Returns their number; 0: nothing to send now */
	VFMIG_STEP_COMPLETE, /* source: the switchover, whatever the estimate is. Returns 0 */
	VFMIG_STEP_LOAD, /* destination: load up to @budget bytes. Returns their number; 0: the devices run */
	VFMIG_STEP_RUN, /* the whole migration. Returns 0 */
};

/**
 * vfmig_migration_set_channel() - set the descriptors, as for vfmig_migration_run(); before SETUP
 */
int vfmig_migration_set_channel(struct vfmig_migration *m, int in_fd, int out_fd,
				struct vfmig_error *err);

/**
 * vfmig_migration_step() - run one step in the calling thread
 * @m: the migration
 * @step: the step
 * @budget: ITERATE and LOAD: return after about this many bytes of the channel, to the size of a buffer; 0: at the end of the
 *	round, or (LOAD) of the migration
 *
 * Return: see enum vfmig_step; -EINVAL for a step that is not allowed now; or as vfmig_migration_run().
 */
ssize_t vfmig_migration_step(struct vfmig_migration *m, enum vfmig_step step, uint64_t budget,
			     struct vfmig_error *err);

/**
 * vfmig_migration_start() - start a thread that runs one step
 *
 * All signals except SIGBUS are blocked in the thread.
 *
 * Return: 0; -EALREADY while a step is in progress; or the error of pthread_create().
 */
int vfmig_migration_start(struct vfmig_migration *m, enum vfmig_step step, uint64_t budget,
			  struct vfmig_error *err);

/** vfmig_migration_fd() - readable from the end of a started step until vfmig_migration_finish() */
int vfmig_migration_fd(struct vfmig_migration *m);

/**
 * vfmig_migration_finish() - wait until a started step ends; returns what vfmig_migration_step() would
 */
ssize_t vfmig_migration_finish(struct vfmig_migration *m, struct vfmig_error *err);

/**
 * struct vfmig_estimate - what is left to send, and the downtime that it would cost
 * @memory_bytes: bytes of pages to be sent, again or for the first time
 * @device_bytes: bytes of device data: the larger of the devices' estimates and of what was measured
 * @rate: bytes/s at which the destination loads, without time spent waiting for @bandwidth; 0 until it was measured
 * @dirty_rate: pages/s written to memory, measured in the last round
 * @downtime_ns: estimated downtime if the source switched over now; UINT64_MAX while @rate is unknown
 * @initial_left: a device has initial bytes that are not sent; the source does not switch over yet
 * @fits: @downtime_ns is within the limit, and @initial_left is false
 * @unknown: number of devices without a size estimate or a measurement; they count as 0 bytes
 */
struct vfmig_estimate {
	uint64_t memory_bytes;
	uint64_t device_bytes;
	uint64_t rate;
	uint64_t dirty_rate;
	uint64_t downtime_ns;
	bool initial_left;
	bool fits;
	uint32_t unknown;
};

/** vfmig_migration_get_estimate() - get the latest estimate; allowed while a step is in progress */
void vfmig_migration_get_estimate(struct vfmig_migration *m, struct vfmig_estimate *estimate);

/**
 * vfmig_migration_cleanup() - end a migration, finished or not
 *
 * An unfinished migration is cancelled: a source's devices go back to RUNNING and its user is resumed, a
 * destination's devices are reset. Tracking stops. Repeated calls have no effect.
 *
 * Return: 0, or the first error in restoring.
 */
int vfmig_migration_cleanup(struct vfmig_migration *m, struct vfmig_error *err);

/* ---- how it ended ---- */

enum vfmig_outcome {
	VFMIG_OUTCOME_NONE,	 /* not finished */
	VFMIG_OUTCOME_DONE,	 /* the devices run at the destination and not at the source */
	VFMIG_OUTCOME_FAILED,	 /* source: the devices run on; destination: they are reset */
	VFMIG_OUTCOME_CANCELLED, /* as FAILED, since one of the ends was cancelled */
	/* source: COMMIT was sent and RUNNING not received, or a device that checks its state by running did not confirm
	 * its reset. The source stays stopped */
	VFMIG_OUTCOME_IN_DOUBT,
};

/**
 * struct vfmig_downtime - the parts of the downtime, in ns
 * @total: all of it. At the source from before the pause until RUNNING was received
 * @pause: pausing the user
 * @quiesce: to RUNNING_P2P
 * @stop: to STOP_COPY
 * @memory: until the last page was sent
 * @state: from there until the last device data was sent
 * @load: source: from there to READY. Destination: from STOPPED to READY
 * @commit: destination: from READY to COMMIT. A source that saves to a file: until the file was on its disk and kept
 * @run: from COMMIT until the devices ran
 *
 * The same values as in the event "downtime".
 */
struct vfmig_downtime {
	uint64_t total;
	uint64_t pause;
	uint64_t quiesce;
	uint64_t stop;
	uint64_t memory;
	uint64_t state;
	uint64_t load;
	uint64_t commit;
	uint64_t run;
};

/**
 * struct vfmig_migration_result - what happened so far, or in the whole migration
 * @outcome: enum vfmig_outcome
 * @code: 0 or the negative errno of the failure
 * @sentence: the reason of the failure; "" without one
 * @committed: COMMIT was sent (source) or received (destination)
 * @running: all devices run at this end, as far as this end has started them
 * @lost_devices: number of devices that could not be restored (source) or reset (destination) and need attention
 * @total_ns: time since SETUP began
 * @downtime: the downtime and its parts
 * @stop_bytes: bytes on the channel while the source was stopped
 * @bytes: all bytes on the channel
 * @memory_bytes: bytes of page contents
 * @device_bytes: bytes of device data
 * @zero_pages: pages that were sent as zero, without their contents
 * @rounds: rounds of pre-copy
 * @dirty_pages: pages that were sent more than once, counted each time
 * @over_limit: source, done: the downtime exceeded its limit
 */
struct vfmig_migration_result {
	enum vfmig_outcome outcome;
	int code;
	char sentence[VFMIG_ERROR_TEXT];
	bool committed;
	bool running;
	uint32_t lost_devices;
	uint64_t total_ns;
	struct vfmig_downtime downtime;
	uint64_t stop_bytes;
	uint64_t bytes;
	uint64_t memory_bytes;
	uint64_t device_bytes;
	uint64_t zero_pages;
	uint64_t rounds;
	uint64_t dirty_pages;
	bool over_limit;
};

/** vfmig_migration_get_result() - get the result; may be called from any thread at any time */
void vfmig_migration_get_result(struct vfmig_migration *m, struct vfmig_migration_result *result);

/** vfmig_outcome_name() - "done", "failed", "cancelled", "in-doubt", "none" */
const char *vfmig_outcome_name(enum vfmig_outcome outcome);

/* The state of the destination of a migration in doubt, as its owner has determined it. */
enum vfmig_resolution {
	VFMIG_RESOLVED_DESTINATION, /* it runs at the destination: the source stays stopped */
	VFMIG_RESOLVED_SOURCE, /* it does not run there and never will: the source runs again */
};

/**
 * vfmig_migration_resolve() - resolve a migration in doubt
 * @m: a source with the outcome VFMIG_OUTCOME_IN_DOUBT
 * @resolution: must be certain: a wrong VFMIG_RESOLVED_SOURCE makes the device run twice
 *
 * Outcome and devices become those of a migration that succeeded or failed.
 *
 * Return: 0; -EINVAL if the migration is not in doubt; or the error in restoring the devices.
 */
int vfmig_migration_resolve(struct vfmig_migration *m, enum vfmig_resolution resolution,
			    struct vfmig_error *err);

#ifdef __cplusplus
}
#endif
#endif
