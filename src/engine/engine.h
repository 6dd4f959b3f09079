/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the files of the engine share: a migration, and who does what to it.
 *
 *	migration.c	making one, and its end		step.c		steps, in this thread or another
 *	negotiation.c	what each end is		compat.c	whether the two fit
 *	source.c	a source's set-up and run	rounds.c	pre-copy
 *	pump.c		bytes of a round go out		reads.c		the devices' part of that
 *	ask.c		what the devices have left	writes.c	the devices' part of loading
 *	memory.c	the memory's part		scan.c		pages copied and tested for zero
 *	maps.c		which memory that is		holes.c		what of it was never touched
 *	vma.c		what the kernel says of it
 *	destination.c	a destination's set-up and run	load.c		sections are taken in
 *	handoff.c	the hand-over, as a table	switchover.c	its source's side
 *	takeover.c	its destination's side		states.c	devices go to states, all at once
 *	estimate.c	rates and the downtime		limit.c		the bandwidth
 *	loop.c		waiting for several things	out.c in.c port.c	the channel
 *	tracker*.c uffd.c	what the CPU writes	inspect*.c	what is in a stream
 *	window.c	data goes by another way	local.c		both ends in one process
 *	report.c	events and results		wait.c		waiting with all time limits
 *	sync.c		what the destination has loaded
 */
#ifndef ENGINE_ENGINE_H
#define ENGINE_ENGINE_H

#include <pthread.h>

#include <vfmig/migration.h>

#include "device/device.h"
#include "engine/channel/channel.h"
#include "engine/estimate.h"
#include "engine/handoff.h"
#include "engine/negotiation/negotiation.h"
#include "engine/loop.h"

/*
 * Chunks of one device's data that are asked for (or written) ahead: one is on its way while another is dealt with.
 * More would not be faster, and would fall out of the cache before their turn.
 */
#define ENGINE_DEVICE_DEPTH 2u

/*
 * A device that moves.
 * @state: the last that is known
 * @unsure: it may be in another (a request failed)
 * @op: a change of state, or a question
 * @asked, @from: where it is going, and whence
 * @flying: buffers that are being read or written, in order
 * @open: destination: a chunk that comes in several sections, as far as it has come
 * @bytes, @chunks: of its data, in the stream
 * @reading: it has data for now; @drained: not any more; @ended: nor ever
 * @round_bytes: of its data, in this round
 * @guess: what it will still have (estimate.c)
 */
struct engine_device {
	struct vfmig_migration *m;
	uint32_t index;
	char id[VFMIG_MIGRATION_ID_MAX + 1];
	struct vfmig_session *session;
	bool opened;
	uint64_t timeout_ms; /* the device's own, to be put back */
	uint64_t flags;
	enum vfmig_state state;
	bool unsure;
	struct loop_request op;
	enum vfmig_state asked, from;
	struct buffer_queue flying;
	struct channel_buffer *open;
	uint64_t bytes, chunks;
	bool reading, drained, ended;
	bool no_size, no_precopy; /* it cannot tell */
	uint64_t round_bytes;
	uint64_t progress_bytes;
	struct size_estimate estimate;
	struct engine_window *window; /* that its data goes through, or NULL */
};

/* What a map's memory is made of, as far as it tells which pages were never touched (holes.c). */
enum engine_backing {
	ENGINE_BACKING_NONE, /* it does not tell */
	ENGINE_BACKING_FILE,
	ENGINE_BACKING_MEMORY,
	ENGINE_BACKING_PAGES,
	ENGINE_BACKING_HUGE,
};

/*
 * A map of memory that moves.
 * @covered: bytes from its start that were looked up in the process's mappings, and are of @backing
 */
struct engine_map {
	uint32_t space;
	uint32_t prot;
	uint64_t iova, size;
	uint8_t *ptr;
	int fd;
	uint64_t fd_offset;
	enum engine_backing backing;
	uint64_t covered;
};

/* Written pages of a region, from @offset in it; the first @data bytes of it are known to be no hole. */
struct engine_run {
	uint32_t region;
	uint64_t offset, size;
	uint64_t data;
};

#define ENGINE_RUNS 128u

/*
 * The memory that moves, and, at a source, how far this round is.
 * @at, @next: the region that runs are taken from, and where in it
 * @runs: written pages that were taken and not sent; [@first, @count)
 * @left: bytes of this round that are not sent, as far as is known
 */
struct engine_memory {
	struct vfmig_space **spaces;
	struct vfmig_cursor **cursors;
	uint32_t space_count;
	struct engine_map *regions;
	uint64_t *sizes;
	uint32_t region_count;
	uint64_t total;
	uint32_t at;
	uint64_t next;
	struct engine_run runs[ENGINE_RUNS];
	unsigned first, count;
	bool drained;
	uint64_t left;
	uint64_t progress_bytes;
};

/* How far a migration is, for the order of steps. */
enum engine_stage {
	ENGINE_STAGE_NEW,
	ENGINE_STAGE_MOVING, /* set up; rounds, loading */
	ENGINE_STAGE_OVER,
};

struct space_entry; /* device/space.h */

struct vfmig_migration {
	enum vfmig_role role;
	struct vfmig_migration_options options;
	struct vfmig_migration_user user;
	const struct vfmig_events *events;
	enum engine_stage stage;
	bool begun; /* something was done to a device: there is something to put back */
	bool file;  /* nobody answers */
	bool paused;
	bool ended; /* the channel and the devices' time limits are put back */

	struct engine_device **devices;
	uint32_t device_count;
	struct engine_memory memory;
	struct abi_stream_device *stream_devices;
	uint32_t *order; /* of the stream's devices: which of ours each is */

	struct loop loop;
	int in_fd, out_fd;
	struct channel_out out;
	struct channel_in in;
	struct buffer_queue free;
	uint8_t id[16];
	uint16_t version; /* of the stream: a destination answers in its source's */
	uint32_t turn;	  /* whose read is next */

	uint64_t request_ms; /* the limit of a request; less on the way back */
	/* deadlines: CLOCK_MONOTONIC, 0 is none; the sentence says which it was */
	int64_t deadline;
	const char *deadline_what;
	int64_t total_deadline;

	/* a round of pre-copy */
	bool round_open, stopping;
	uint64_t round;
	int64_t round_began;
	int64_t round_ns;		   /* how long the last one took */
	struct engine_counts round_counts; /* of this round, and … */
	struct engine_counts counts;	   /* … of those before */
	uint64_t bytes_at_stop;
	uint64_t progress_next;

	/* the hand-over */
	enum handoff handoff;
	int64_t pause_began, stage_began, memory_sent_at;
	struct vfmig_downtime downtime;
	bool in_ready;	      /* the last turn has seen something to read */
	bool received_header; /* of the stream that comes in */
	bool commit_begun;    /* some of COMMIT may be on its way */
	bool peer_cancelled;
	bool checks_by_running; /* some device of the destination can check in no other way */
	bool peer_reset;	/* FAILED has come, and all of its devices are reset */
	bool fenced;		/* the destination knows that the source goes on */
	struct vfmig_error why;
	enum handoff_event why_event;

	struct estimator estimator;
	uint64_t
		loaded_sections; /* source: of those sent, as far as the destination has reported */

	/* what others may ask for meanwhile */
	pthread_mutex_t lock;
	struct vfmig_migration_result result;
	struct vfmig_estimate estimate;
	int64_t began;

	/* a step in a thread */
	pthread_t thread;
	bool thread_runs;
	enum vfmig_step step;
	uint64_t budget;
	int step_fd;
	ssize_t step_result;
	struct vfmig_error step_err;
};

/* ---- wait.c ---- */

/* What of the channel to wait for. */
#define ENGINE_WAIT_IN	1u
#define ENGINE_WAIT_OUT 2u

/* One turn of the loop, with the deadlines of the migration and the channel. 0, or why to stop. */
int engine_wait(struct vfmig_migration *m, unsigned what, struct vfmig_error *err);
/* The same without waiting. */
int engine_look(struct vfmig_migration *m, struct vfmig_error *err);
/* Set the deadline of what is done now, in ms from now; 0 is none. */
void engine_limit_time(struct vfmig_migration *m, uint64_t ms, const char *what);
/* From here on no request of the devices takes longer than @ms (0: no change), also one that a space makes. */
void engine_limit_devices(struct vfmig_migration *m, uint64_t ms);
/* The way back, or the end: what a device does not answer must not cost its whole time limit again and again. */
void engine_limit_back(struct vfmig_migration *m);

/* ---- pump.c ---- */

struct channel_buffer *engine_buffer_get(struct vfmig_migration *m, bool control);
void engine_buffer_put(struct vfmig_migration *m, struct channel_buffer *buffer);
/* Queue a section of up to a buffer, with zeros if @payload is NULL; waits for room. */
int engine_control(struct vfmig_migration *m, struct abi_section *section, const char *payload,
		   struct vfmig_error *err);
/* Write what is queued, as far as it goes now. Bytes, 0, or an error. */
ssize_t engine_push(struct vfmig_migration *m, struct vfmig_error *err);
/* Write until nothing is queued. */
int engine_flush(struct vfmig_migration *m, struct vfmig_error *err);
/**
 * engine_pump() - send what memory and devices have, side by side
 * @budget: return after about so many bytes; 0 is all
 *
 * Return: 0 with *@over true when nothing is left for now, and all of it is written.
 */
int engine_pump(struct vfmig_migration *m, uint64_t budget, bool *over, struct vfmig_error *err);

/* ---- reads.c ---- */

/* Queue what was read, in order. Whether there was something, or an error. */
int engine_reads_reap(struct vfmig_migration *m, struct vfmig_error *err);
/* Ask devices for more, as buffers allow. */
void engine_reads_submit(struct vfmig_migration *m);
/* Has every device given all it has for now? */
bool engine_reads_over(struct vfmig_migration *m);
/* Take all back, without looking at it. */
void engine_reads_drop(struct vfmig_migration *m);

/* ---- maps.c, memory.c ---- */

/* Find the maps. */
int engine_memory_find(struct vfmig_migration *m, struct vfmig_error *err);
/* Are they as they were? */
int engine_memory_same(struct vfmig_migration *m, struct vfmig_error *err);
/* Begin to track. All pages count as written. */
int engine_memory_track(struct vfmig_migration *m, struct vfmig_error *err);
void engine_memory_untrack(struct vfmig_migration *m);
/* Gather what was written; a round begins. 1 if a tracker failed, and so everything counts. */
int engine_memory_collect(struct vfmig_migration *m, struct vfmig_error *err);
/* Pages that are to be sent. */
uint64_t engine_memory_pages(struct vfmig_migration *m);
/* Sections of written pages into a buffer. 1, 0 when there are no more for now, or an error. */
int engine_memory_fill(struct vfmig_migration *m, struct channel_buffer *buffer,
		       struct vfmig_error *err);
/*
 * Hold a region while it is touched: its map may go, with its memory, and whoever takes it out waits for the
 * release. -EBUSY if it is not there as it was.
 */
int engine_memory_hold(struct vfmig_migration *m, uint32_t region, struct space_entry **held,
		       struct vfmig_error *err);
void engine_memory_release(struct vfmig_migration *m, uint32_t region, struct space_entry *held);
void engine_memory_free(struct vfmig_migration *m);

/* ---- holes.c ---- */

/* Find out what all regions are made of. */
void engine_holes_find(struct engine_memory *memory);
/*
 * How many bytes from @offset on, up to @size, are a hole (*hole) or may be data. At least a page. The region is held.
 */
uint64_t engine_hole_look(const struct engine_map *at, const struct space_entry *held,
			  uint64_t offset, uint64_t size, bool *hole);
/* Make bytes zero; a hole stays one. */
void engine_hole_zero(const struct engine_map *at, const struct space_entry *held, uint64_t offset,
		      uint64_t size);

/* ---- scan.c ---- */

/* Copy a page that others may be writing; whether anything in it is not zero. */
bool engine_page_copy(void *to, const void *from);
bool engine_page_zero(const void *page);
/* Make bytes zero, without touching pages that are. */
void engine_bytes_zero(void *at, uint64_t len);

/* ---- states.c ---- */

/* Where a mover is to go; its own state if nowhere. */
typedef enum vfmig_state (*engine_where_fn)(const struct engine_device *dev);

/* All go, side by side; wait until all have arrived or failed. The first failure. */
int engine_states_go(struct vfmig_migration *m, engine_where_fn where, struct vfmig_error *err);
/* The same in two halves: what is asked may be waited for later, with engine_states_over(). */
void engine_states_ask(struct vfmig_migration *m, engine_where_fn where);
bool engine_states_over(struct vfmig_migration *m);
/* One mover's: true once its change is over, with the result in *ret. */
bool engine_state_arrived(struct engine_device *dev, int *ret, struct vfmig_error *err);
void engine_state_ask(struct engine_device *dev, enum vfmig_state state);
/* A device's errno, as the engine may return it: those that mean the channel, the peer or a cancel do not. */
int engine_device_code(ssize_t ret);
/* Ask all where they are, as far as that is unsure. 0, or -ECANCELED. */
int engine_states_learn(struct vfmig_migration *m);
/* The same at the beginning, when all must say it. */
int engine_states_begin(struct vfmig_migration *m, struct vfmig_error *err);
/* Devices that reach each other must all be quiet before one stops, and before one runs. Can they? */
int engine_states_p2p(struct vfmig_migration *m, struct vfmig_error *err);
/* Source: all back to RUNNING. How many would not. */
uint32_t engine_states_back(struct vfmig_migration *m, struct vfmig_error *err);
/* Destination: reset all. How many could not. */
uint32_t engine_states_reset(struct vfmig_migration *m, struct vfmig_error *err);

/* ---- sync.c ---- */

/* Write what is queued, and wait until the destination has loaded everything. To a file: only write. */
int engine_sync(struct vfmig_migration *m, struct vfmig_error *err);
/* The same with nothing before it: measures the round trip. */
int engine_sync_round_trip(struct vfmig_migration *m, struct vfmig_error *err);
/* Measure the rate with payload that the destination drops. Nothing to a file. */
int engine_sync_probe(struct vfmig_migration *m, struct vfmig_error *err);
/* Sections that were sent and that the destination has not reported as loaded. */
uint64_t engine_sync_unloaded(const struct vfmig_migration *m);

/* ---- source.c, rounds.c, switchover.c, ask.c ---- */

/* Ask all devices what they have left. */
int engine_ask_sizes(struct vfmig_migration *m, struct vfmig_error *err);

int engine_source_setup(struct vfmig_migration *m, struct vfmig_error *err);
int engine_source_run(struct vfmig_migration *m, struct vfmig_error *err);
ssize_t engine_source_iterate(struct vfmig_migration *m, uint64_t budget, struct vfmig_error *err);
int engine_source_complete(struct vfmig_migration *m, const char *reason, struct vfmig_error *err);
/* Something failed before the hand-over began, or it was cancelled: put back. Returns the reason's code. */
int engine_source_give_up(struct vfmig_migration *m, int code, struct vfmig_error *err);
/* Has the destination failed, or gone, as far as the last turn has seen? 0 or an error. */
int engine_source_check_peer(struct vfmig_migration *m, struct vfmig_error *err);
/* Wait for one. */
int engine_source_await(struct vfmig_migration *m, uint16_t type, struct vfmig_error *err);

/* ---- await_reset.c ---- */

/* The destination learns from CANCEL that the source goes on, if it can be told. */
void engine_send_cancel(struct vfmig_migration *m);
/* 0: no device of the destination runs, nor can it come to. */
int engine_await_reset(struct vfmig_migration *m, struct vfmig_error *err);

/* ---- destination.c, load.c, writes.c, takeover.c ---- */

int engine_destination_setup(struct vfmig_migration *m, struct vfmig_error *err);
ssize_t engine_destination_load(struct vfmig_migration *m, uint64_t budget,
				struct vfmig_error *err);
/* As engine_source_give_up(): reset what was touched, and tell the source. */
int engine_destination_give_up(struct vfmig_migration *m, int code, struct vfmig_error *err);
/* END has come: load, check, commit, run. */
int engine_takeover(struct vfmig_migration *m, struct vfmig_error *err);

/* Wait until so many bytes are in the buffer. */
int engine_load_need(struct vfmig_migration *m, uint32_t bytes, struct vfmig_error *err);
/* Wait for a section's header: well formed, and in its place. */
int engine_load_header(struct vfmig_migration *m, struct abi_section *section,
		       uint8_t header[ABI_SECTION_HEADER_SIZE], struct vfmig_error *err);
/* Its payload, and whether the checksum is right. */
int engine_load_payload(struct vfmig_migration *m, const struct abi_section *section,
			uint8_t header[ABI_SECTION_HEADER_SIZE], void *to, struct vfmig_error *err);
/* Take one section and do what it says. Its type, or an error. */
int engine_load_section(struct vfmig_migration *m, struct vfmig_error *err);

/* Look at writes that are over. */
int engine_writes_reap(struct vfmig_migration *m, struct vfmig_error *err);
/* Wait for a buffer, and for room on the device. */
int engine_writes_room(struct engine_device *dev, struct channel_buffer **buffer,
		       struct vfmig_error *err);
void engine_writes_submit(struct engine_device *dev, struct channel_buffer *buffer, uint32_t len);
/* Wait until every write that was begun is over. */
int engine_writes_drain(struct vfmig_migration *m, struct vfmig_error *err);
/* Wait until every device has taken all, and is in STOP. */
int engine_writes_settle(struct vfmig_migration *m, struct vfmig_error *err);

/* ---- window.c: what is in a chunk where data goes by another way ---- */

struct engine_windows;

/* What a chunk says: where its bytes are. In the stream the chunk is this long. */
#define ENGINE_WINDOW_CHUNK 24u
/* The most that a piece has. */
#define ENGINE_WINDOW_PIECE (1u << 20)

/* Agree on windows with the servers of devices that are in both; NULL if there are none. Before either has begun. */
struct engine_windows *engine_windows_open(struct vfmig_migration *source,
					   struct vfmig_migration *destination);
/* Both are over. */
void engine_windows_close(struct engine_windows *windows);

/* Is a place free? */
bool engine_window_free(const struct engine_window *window);
/* Take one; there is one. */
void engine_window_take(struct engine_window *window, struct vfmig_window_piece *piece);
/* It can be used again. */
void engine_window_give(struct engine_window *window, const struct vfmig_window_piece *piece);
/* Encode a chunk; and decode it, into buffer->piece and its length. */
void engine_window_put(uint8_t *to, const struct vfmig_window_piece *piece, uint32_t bytes);
int engine_window_get(struct engine_device *dev, struct channel_buffer *buffer,
		      struct vfmig_error *err);

/* ---- report.c ---- */

/* vfmig_event() with the role in front. */
#define engine_report(m, name, ...)                                                                \
	vfmig_event((m)->events, (name), VFMIG_TEXT("role", engine_role_name((m)->role)),          \
		    __VA_ARGS__)
const char *engine_role_name(enum vfmig_role role);
void engine_report_progress(struct vfmig_migration *m);
void engine_report_device(const struct engine_device *dev);
/* The event of @code happened in the hand-over; go to the next state. */
void handoff_step(struct vfmig_migration *m, int code, const struct vfmig_error *err);
/* The same for a failure that has a sentence, or has none. */
void handoff_give_up(struct vfmig_migration *m, int code, const struct vfmig_error *err);
/* It ended: event and result. */
void engine_report_end(struct vfmig_migration *m, enum vfmig_outcome outcome, int code,
		       const char *sentence);
/* Bring the counts of the result up to date. */
void engine_report_counts(struct vfmig_migration *m);

#endif
