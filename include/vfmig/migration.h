/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Migrations: devices and memory move from one place to another.
 *
 * Two migrations make one move: a source, and a destination that was made with the same devices (by id)
 * and the same layout of memory. Between them is a channel: a socket, a pair of pipes, or a file that is
 * written now and loaded later. What goes over it is specified in docs/stream.md, what happens to each
 * side when something fails in docs/handoff.md.
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
 * and the same at the other end with VFMIG_ROLE_DESTINATION. A VMM with a migration of its own takes the
 * steps one by one instead (vfmig_migration_step(), or vfmig_migration_start() and a descriptor to poll).
 *
 * The one promise: a device runs in at most one place. Until the source has sent COMMIT, any failure
 * (also a cancel, a lost peer or a time limit) leaves the source running and the destination reset. From
 * then on the source never runs again by itself.
 *
 * What the source's memory holds is moved as it is mapped: each map of kind VFMIG_MAP_MEMORY of each space
 * that was added. Devices tell what they wrote by their logs; for what the CPU writes the user adds a
 * tracker to the space (tracker.h), or says that it writes nothing (vfmig_space_only_devices_write()); a source
 * refuses a space without either. Maps must not come or go during a
 * migration; that is checked, and fails it.
 *
 * Pages that were never touched are not read at the source, and stay untouched at the destination. That can be told of
 * memory that a map has a descriptor of (a memfd, also of huge pages; a file on ext4 or xfs), and while the
 * system has no swap of anonymous memory. Other memory is read, which allocates it if it is shared.
 *
 * The memory of a migration is bounded: VFMIG_MIGRATION_BUFFERS buffers of VFMIG_MIGRATION_BUFFER_BYTES,
 * 200 KiB for the table of maps, some KiB for each device, and while the two ends compare what they are up to
 * 32 MiB for the other one's description; whatever there is to move. (The log of written pages is the space's.)
 *
 * Threads: a migration is used by one thread at a time, but for vfmig_migration_cancel(),
 * vfmig_migration_get_estimate() and vfmig_migration_get_result(), which any thread may call at any time. Source
 * and destination share nothing and may live in one process.
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

/* What a migration keeps in memory for data on its way, whatever the size of what moves. */
#define VFMIG_MIGRATION_BUFFERS	     8u
#define VFMIG_MIGRATION_BUFFER_BYTES ((1u << 20) + 4096u)

/* Devices and memory maps in one migration, at the most. */
#define VFMIG_MIGRATION_DEVICES_MAX 256u
#define VFMIG_MIGRATION_REGIONS_MAX 4096u
/* Bytes of a device's id: printable ASCII without quotes and backslash. */
#define VFMIG_MIGRATION_ID_MAX 63u

enum vfmig_role {
	VFMIG_ROLE_SOURCE,
	VFMIG_ROLE_DESTINATION,
};

/* What to do when the last round has passed and the estimate still does not fit the downtime limit. */
enum vfmig_unconverged {
	VFMIG_UNCONVERGED_FAIL,	  /* fail; the source runs on. The preset: a limit is a limit */
	VFMIG_UNCONVERGED_SWITCH, /* switch over all the same */
};

/**
 * struct vfmig_migration_options - how to migrate
 * @downtime_ms: source: switch over when the expected downtime is at most this (preset 300; 1 to 2^40). It is an
 *	estimate: everything that was sent before is loaded by then, and what is left is set against the rate
 *	at which the destination has loaded. A downtime that was longer all the same is reported
 *	(@over_limit of the result and of the event "downtime")
 * @enforce_downtime: source: give up a switchover that has taken @downtime_ms before COMMIT; the source runs on
 *	(preset off: only @switchover_ms ends it). For devices whose destination may load slower than anything
 *	that could be measured before, as those without pre-copy
 * @bandwidth: source: bytes per second in pre-copy, at the most; 0 is no limit (the preset). Does not hold
 *	at the switchover, when each millisecond is downtime
 * @max_rounds: source: as many rounds of pre-copy at the most (preset 64); 0 is none: all is sent while
 *	everything stands still, as @unconverged allows it
 * @unconverged: source: enum vfmig_unconverged
 * @precopy: source: use PRE_COPY of the devices that have it (preset on)
 * @untracked: source: move also a space whose written pages cannot be told, by sending all of its memory
 *	while everything stands still (preset off: such a space is refused)
 * @run_on: source that saves to a file: run on afterwards (preset off: the device is in the file now, and
 *	stays stopped here, so that it cannot come to run twice)
 * @start_stopped: destination: leave the devices stopped, loaded and checked, and do not resume the user;
 *	for a file only, where nobody waits for an answer
 * @progress_bytes: a progress event about every so many bytes (preset 16 MiB); 0 is none
 * @setup_ms: time limit from the start until the other side has accepted (preset 30 s). The command `vfmig` also
 *	waits as long for the other side to be met
 * @request_ms: time limit of each thing that is asked of a device (preset 10 s)
 * @channel_ms: time limit of a channel on which nothing moves though one of the sides waits (preset 30 s)
 * @switchover_ms: source: time limit from pausing the user until the destination is READY; then the
 *	source runs on (preset 60 s). Destination: how long each of these may take: checking what was loaded,
 *	COMMIT after READY, and starting the devices (it resets then). On the way back each request has half of
 *	it, but at least a second and at most @request_ms, and a device that does not answer is not asked again
 * @total_ms: time limit of all, until COMMIT; 0 is none (the preset)
 *
 * All time limits are in ms; 0 is none.
 */
struct vfmig_migration_options {
	uint64_t downtime_ms;
	bool enforce_downtime;
	uint64_t bandwidth;
	uint64_t max_rounds;
	uint64_t unconverged;
	bool precopy;
	bool window;
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
 * Return: a constant; there are no TEXT values in it.
 */
const struct vfmig_option *vfmig_migration_option_table(void);

/** vfmig_migration_options_init() - the presets */
void vfmig_migration_options_init(struct vfmig_migration_options *options);

/**
 * struct vfmig_migration_user - who makes the devices work: vCPUs, a workload
 * @pause: source: stop touching the devices and the memory; all of it has stopped when this returns 0. Try
 *	not to take longer than @deadline (CLOCK_MONOTONIC, ns; 0 is none): the engine cannot take it back.
 *	A failure fails the migration, and @resume is called all the same
 * @resume: source: go on, after a migration that failed. Destination: start. The devices run. A failure is
 *	told in the event and the sentence; it undoes nothing
 * @context: their argument
 * @keep: source that saves to a file: everything has been written and is on the disk (fsync). Put the file where
 *	it is to be found; when this returns 0, the source gives the devices up. A failure fails the migration,
 *	and the devices run on
 *
 * Called from the thread that runs the step (the library's, after vfmig_migration_start()). Each may be
 * NULL: nothing to do, or the caller has seen to it.
 */
struct vfmig_migration_user {
	int (*pause)(void *context, int64_t deadline, struct vfmig_error *err);
	int (*resume)(void *context, struct vfmig_error *err);
	void *context;
	int (*keep)(void *context, struct vfmig_error *err);
};

/* ---- making one ---- */

/**
 * vfmig_migration_new() - a migration without anything in it
 * @role: which end
 * @options: how; copied. NULL is the presets
 * @m: vfmig_migration_free() it
 *
 * Return: 0, -ENOMEM, or -EINVAL for options that cannot be.
 */
int vfmig_migration_new(enum vfmig_role role, const struct vfmig_migration_options *options,
			struct vfmig_migration **m, struct vfmig_error *err);

/**
 * vfmig_migration_free() - vfmig_migration_cleanup(), then free; NULL is fine
 *
 * Not while a step is under way (cancel it, and finish).
 */
void vfmig_migration_free(struct vfmig_migration *m);

/**
 * vfmig_migration_add_device() - a device moves
 * @m: in which
 * @id: which device it is: the same at both ends; copied
 * @device: borrowed until the migration is freed. Attached to its space as its user wants it
 * @protocol: the revision to drive it by, or NULL for the newest that it shows
 *
 * Opens a session on it. The state of the device is not changed before the set-up.
 *
 * Return: 0; -EEXIST for an id that is there; -ENOSPC beyond VFMIG_MIGRATION_DEVICES_MAX; -EBUSY once the
 * migration has begun; or what vfmig_session_open() said.
 */
int vfmig_migration_add_device(struct vfmig_migration *m, const char *id,
			       struct vfmig_device *device, const char *protocol,
			       struct vfmig_error *err);

/** vfmig_migration_add_session() - the same with a session of the caller's, who closes it afterwards */
int vfmig_migration_add_session(struct vfmig_migration *m, const char *id,
				struct vfmig_session *session, struct vfmig_error *err);

/**
 * vfmig_migration_add_space() - the memory in a space moves
 * @m: in which
 * @space: borrowed until the migration is freed. The destination's has the same maps: IOVA, size, prot.
 *	The order in which spaces are added is the same at both ends
 */
int vfmig_migration_add_space(struct vfmig_migration *m, struct vfmig_space *space,
			      struct vfmig_error *err);

/** vfmig_migration_set_user() - who pauses and resumes; copied */
void vfmig_migration_set_user(struct vfmig_migration *m, const struct vfmig_migration_user *user);

/**
 * vfmig_migration_set_events() - where events go; borrowed until the migration is freed
 *
 * Every event has the field `role` ("source", "destination") first. Then, by name:
 *
 *	setup		devices, regions, memory_bytes: the set-up begins
 *	device		device (its id), protocol, pre_copy, p2p (0 or 1): one for each
 *	accepted	ns: the two ends fit and are ready to move data
 *	progress	phase ("pre-copy", "stop"), round, of ("memory", or a device's id), bytes (so far),
 *			left_bytes (as far as is known now), total_bytes (so far of everything), rate (bytes/s)
 *	round		round (from 1), ns, bytes, memory_bytes, device_bytes, zero_pages (of this round), rate
 *			(bytes/s), dirty_pages (written meanwhile, to be sent again), dirty_rate (pages/s),
 *			left_bytes, downtime_ns (expected, if it switched over now), fits (0 or 1)
 *	tracking-lost	sentence: a tracker failed; all of its space is sent again
 *	arc		device, from, to (states: "RUNNING" …), ns, result (0 or a negative errno)
 *	switchover	round, left_bytes, rate, downtime_ns (expected), reason ("fits", "max-rounds",
 *			"asked"; "unmeasured": to a file, with nothing to measure), unloaded_sections (sent, and
 *			not yet reported as loaded: 0 but for a file)
 *	handoff		state, on (what led there): each step of the hand-over; see docs/handoff.md
 *	user		what ("pause", "resume"), ns, result
 *	downtime	ns, and its split: source: pause_ns, quiesce_ns, stop_ns, memory_ns (until the last
 *			page was sent), state_ns (from there until the last of the devices' data was), load_ns
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
 * They are emitted in the thread that runs the step. Fields may be added at the end.
 */
void vfmig_migration_set_events(struct vfmig_migration *m, const struct vfmig_events *events);

/* ---- running it ---- */

/**
 * vfmig_migration_run() - do all of it, and wait
 * @m: which
 * @in_fd: where the other side's answers (source) or the stream (destination) come from
 * @out_fd: where the stream (source) or the answers (destination) go
 *
 * The same descriptor twice for a socket. -1 where nobody answers: a source with @in_fd -1 saves to @out_fd
 * (a file, or a pipe to a program), a destination with @out_fd -1 loads from @in_fd. Neither needs to be
 * seekable. Descriptors are borrowed; pipes and other files that are not sockets are made nonblocking
 * meanwhile, and put back.
 *
 * Return: 0 when it is done. -ECANCELED; -EOWNERDEAD if it is in doubt whether the destination runs;
 * -EREMOTEIO for what went wrong at the other side, -ETIMEDOUT, -EBADMSG for a stream that is not sound,
 * -EPIPE or -ECONNRESET for a peer that is gone, or whatever failed here. vfmig_migration_get_result() has the
 * outcome.
 */
int vfmig_migration_run(struct vfmig_migration *m, int in_fd, int out_fd, struct vfmig_error *err);

/**
 * vfmig_migrate_local() - both ends in this process
 * @source: a migration of that role, set up but for its channel
 * @destination: the other
 *
 * Puts a socket pair between them, runs the destination in a thread of its own and the source in this
 * one. The events of both come from these two threads.
 *
 * Return: as vfmig_migration_run() of the source; the destination's failure if the source has none. The
 * results of both can be asked for.
 */
int vfmig_migrate_local(struct vfmig_migration *source, struct vfmig_migration *destination,
			struct vfmig_error *err);

/**
 * vfmig_migration_cancel() - give up
 *
 * From any thread, at any time, also before it begins. The step under way returns -ECANCELED once all is
 * put back. Has no effect after COMMIT.
 */
void vfmig_migration_cancel(struct vfmig_migration *m);

/* ---- step by step ---- */

/*
 * A VMM has a migration of its own: it says when to begin, how much to send before it looks again at
 * something else, and when to switch over. Source: SETUP, ITERATE again and again, COMPLETE. Destination:
 * SETUP, LOAD until it returns 0. Each step can be taken in two ways:
 *
 *  - vfmig_migration_step() takes it in the calling thread, and waits;
 *  - vfmig_migration_start() has it taken by a thread of the library's. vfmig_migration_fd() becomes
 *    readable when it is over, and vfmig_migration_finish() says how it ended. A loop that polls
 *    never blocks.
 *
 * It is a thread because a step waits for several things at once (the channel, each device, dirty logs,
 * page copies of which each takes long), and not all of them can be polled. The code is the same.
 *
 * A step that fails has put everything back already, as vfmig_migration_run() would.
 */
enum vfmig_step {
	VFMIG_STEP_SETUP, /* agree with the other side; begin to track. Returns 0 */
	VFMIG_STEP_ITERATE, /* source: send up to @budget bytes. Returns how many; 0: nothing to send now */
	VFMIG_STEP_COMPLETE, /* source: the switchover, whatever the estimate says. Returns 0 */
	VFMIG_STEP_LOAD, /* destination: take up to @budget bytes. Returns how many; 0: it runs here */
	VFMIG_STEP_RUN, /* all of it. Returns 0 */
};

/** vfmig_migration_set_channel() - the descriptors, as vfmig_migration_run() has them; before SETUP */
int vfmig_migration_set_channel(struct vfmig_migration *m, int in_fd, int out_fd,
				struct vfmig_error *err);

/**
 * vfmig_migration_step() - take one step, in this thread
 * @m: which
 * @step: which
 * @budget: for ITERATE and LOAD: bytes of the channel after which to return, give or take a buffer; 0 is
 *	to the end of the round, or (LOAD) of the migration
 *
 * Return: see enum vfmig_step; -EINVAL for a step that cannot come now; or as vfmig_migration_run().
 */
ssize_t vfmig_migration_step(struct vfmig_migration *m, enum vfmig_step step, uint64_t budget,
			     struct vfmig_error *err);

/** vfmig_migration_start() - have a thread take one step; -EBUSY while another is under way */
int vfmig_migration_start(struct vfmig_migration *m, enum vfmig_step step, uint64_t budget,
			  struct vfmig_error *err);

/** vfmig_migration_fd() - readable from the end of a started step until vfmig_migration_finish() */
int vfmig_migration_fd(struct vfmig_migration *m);

/** vfmig_migration_finish() - wait for the end of a started step; what vfmig_migration_step() returns */
ssize_t vfmig_migration_finish(struct vfmig_migration *m, struct vfmig_error *err);

/**
 * struct vfmig_estimate - what is left, and what it would cost
 * @memory_bytes: pages to be sent (again)
 * @device_bytes: of the devices' data: the larger of what they say and what was measured
 * @rate: bytes/s at which the destination loads, without the time in which @bandwidth held data back; 0 until it
 *	was measured
 * @dirty_rate: pages/s written in memory, measured in the last round
 * @downtime_ns: expected, if it switched over now; UINT64_MAX if @rate is not known
 * @initial_left: a device asks not to switch over yet (its initial bytes are not all sent)
 * @fits: @downtime_ns is within the limit, and no @initial_left
 * @unknown: devices that cannot tell how much they have, and were not measured; counted as nothing
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

/**
 * vfmig_migration_get_estimate() - the estimate as of the last round, or the last ITERATE
 *
 * Does not ask the devices: it can be called while a step is under way.
 */
void vfmig_migration_get_estimate(struct vfmig_migration *m, struct vfmig_estimate *estimate);

/**
 * vfmig_migration_cleanup() - end it, finished or not
 *
 * A migration that is not finished is cancelled: the devices of a source go back to RUNNING and its user is
 * resumed, those of a destination are reset. Tracking is stopped. Idempotent.
 *
 * Return: 0, or the first thing that could not be put back.
 */
int vfmig_migration_cleanup(struct vfmig_migration *m, struct vfmig_error *err);

/* ---- how it ended ---- */

enum vfmig_outcome {
	VFMIG_OUTCOME_NONE,   /* not ended */
	VFMIG_OUTCOME_DONE,   /* it runs at the destination, and not at the source */
	VFMIG_OUTCOME_FAILED, /* the source runs on (source), the devices are reset (destination) */
	VFMIG_OUTCOME_CANCELLED, /* the same, because it was asked for, here or there */
	/*
	 * source: COMMIT was sent, and no RUNNING came; or a device of the destination checks by running what it was
	 * given (v1, pfn), and was not heard to be reset. It stays stopped
	 */
	VFMIG_OUTCOME_IN_DOUBT,
};

/**
 * struct vfmig_downtime - where the downtime went, in ns
 *
 * As in the event "downtime". At the source the clock runs from before the pause until RUNNING has come.
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
 * struct vfmig_migration_result - what happened, so far or in all
 * @outcome: see there
 * @code: 0 or the negative errno that it failed with
 * @sentence: and why; "" if it did not
 * @committed: COMMIT was sent (source) or taken (destination)
 * @running: the devices run here now, all of them, as far as this end has brought them there
 * @lost_devices: devices that could not be brought back (source) or could not be reset (destination), and
 *	are to be looked at
 * @total_ns: from the beginning of the set-up
 * @downtime: and its split
 * @stop_bytes: on the channel while everything stood still
 * @bytes: on the channel, everything included
 * @memory_bytes: pages' contents
 * @device_bytes: devices' data
 * @zero_pages: pages that were not sent, but told to be zero
 * @rounds: of pre-copy
 * @dirty_pages: that were sent more than once, counted each time
 * @over_limit: source, done: the downtime was longer than its limit
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

/** vfmig_migration_get_result() - what happened; any time, from any thread */
void vfmig_migration_get_result(struct vfmig_migration *m, struct vfmig_migration_result *result);

/** vfmig_outcome_name() - "done", "failed", "cancelled", "in-doubt", "none" */
const char *vfmig_outcome_name(enum vfmig_outcome outcome);

/* What an owner has found out about a migration in doubt, by looking at the destination. */
enum vfmig_resolution {
	VFMIG_RESOLVED_THERE, /* it runs at the destination: the source stays stopped for good */
	VFMIG_RESOLVED_HERE,  /* it does not run there, and never will: the source runs again */
};

/**
 * vfmig_migration_resolve() - settle a migration in doubt
 * @m: a source whose outcome is VFMIG_OUTCOME_IN_DOUBT
 * @resolution: what the owner *knows*. Wrong with VFMIG_RESOLVED_HERE means two running devices
 *
 * Outcome and devices become those of a migration that is done, or that failed.
 *
 * Return: 0; -EINVAL if nothing is in doubt; or what failed in bringing the devices back.
 */
int vfmig_migration_resolve(struct vfmig_migration *m, enum vfmig_resolution resolution,
			    struct vfmig_error *err);

#ifdef __cplusplus
}
#endif
#endif
