/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The inside of the vfio-user export: a server for one client at a time.
 *
 * The thread that works the export takes commands in, in order, and has them done one by one; only data
 * of a migration may have several pieces under way. Each command is an operation (command.c): decoded,
 * asked of the device as a request, encoded, sent. A device's DMA to memory that the client keeps to itself
 * goes the other way, by question and answer (remote.c), from whatever thread the device works in.
 *
 * The lock of the connection guards the lists here, too. No lock is held while a device is asked.
 */
#ifndef EXPORT_VFIO_USER_H
#define EXPORT_VFIO_USER_H

#include <stdatomic.h>

#include <vfmig/device.h>
#include <vfmig/export.h>
#include <vfmig/socket.h>
#include <vfmig/space.h>
#include <vfmig/type1.h>

#include "wire/version.h"
#include "wire/wire.h"

/* What a client may have waiting: that many commands of that many bytes. More ends the connection. */
#define EXPORT_QUEUE	   1024u
#define EXPORT_QUEUE_BYTES (64u << 20)
/*
 * From here on nothing more is taken in until some is done, or some replies are gone. What one receive brings
 * after that has still to find a place.
 */
#define EXPORT_ENOUGH	    512u
#define EXPORT_ENOUGH_BYTES (8u << 20)
_Static_assert(EXPORT_ENOUGH + WIRE_BUFFER / ABI_MSG_HEADER_SIZE < EXPORT_QUEUE, "a place");
/* Pieces of migration data that the device may have at a time. */
#define EXPORT_PIECES 16u
/* Pieces of DMA by message under way at a time, for one access. */
#define EXPORT_DMA_PIECES 16u

/* Who is polled, besides the ends of the wire. */
enum { EXPORT_POLL_LISTEN = WIRE_ENDS, EXPORT_POLL_WAKE, EXPORT_POLL_DEVICE, EXPORT_POLL_TIMER };

struct export_client;

/*
 * A command from when its turn has come until its reply is sent.
 *
 * @answer: a buffer for what the device tells
 * @fd: a descriptor to go with the reply, closed after it
 * @at: REGION_WRITE_MULTI: how many are done
 * @turns: of the two who could go on with it, how many have been there
 * @serial: commands are counted, from 1
 * @finished: the reply is ready
 * @lent: bytes that the device has lent, and not got back
 */
struct export_command {
	struct wire_out out;
	struct export_client *client;
	struct wire_msg *msg;
	struct wire_msg *answer;
	struct vfmig_request request;
	struct vfmig_error err;
	void (*back)(struct export_command *command, ssize_t result);
	int fd;
	uint64_t at;
	atomic_uint turns;
	uint64_t serial;
	bool finished;
	struct vfmig_lent lent;
	struct vfmig_page_runs runs;
	void *memory; /* something large, freed at the end */
	size_t memory_len;
	union {
		struct vfmig_feature_dma_logging_control start;
		struct vfmig_feature_dma_logging_report report;
		struct vfmig_feature_mig_state state;
		struct vfmig_feature_low_power_wake wake;
		struct vfmig_device_info device_info;
		uint64_t u64;
	} payload;
	struct export_command *next;
};

/* A file that memory is mapped from; maps of one file share it. */
struct export_file {
	int fd;
	uint64_t dev, ino;
	int mode;
	unsigned uses;
	struct export_file *next;
};

struct export_map {
	uint64_t iova, size;
	void *base; /* of the mapping, NULL for memory by message */
	size_t len;
	struct export_file *file;
};

/* The client's memory, in order of IOVA. Only the working thread changes it, with the lock for vfmig_export_sigbus(). */
struct export_table {
	pthread_mutex_t lock;
	struct export_map *maps;
	size_t count, capacity;
	struct export_file *files;
};

struct export_dma; /* remote.c */

struct export_client {
	struct wire wire; /* the first, so that one is the other */
	struct vfmig_export *server;
	bool agreed;
	bool welcomed;		   /* and the device knows of it */
	struct wire_caps caps;	   /* the client's */
	uint32_t xfer;		   /* bytes of data per message to the client */
	uint64_t irqs_used;	   /* bit: index */
	bool logging;		   /* by DEVICE_FEATURE */
	struct vfmig_type1 *type1; /* by DIRTY_PAGES; NULL while it does not */
	bool sleeps;		   /* it has allowed low power */

	struct wire_msg *first, **last; /* commands whose turn has not come */
	unsigned count;
	size_t bytes;
	struct export_command *running, **running_last;
	unsigned nrunning;
	uint64_t serial, checked; /* the last command, now and when they were looked at last */
	unsigned nlent;		  /* operations with bytes that the device has lent */
	struct export_command *unused;
	void *zeros; /* a bitmap of so many bytes, for the next report */
	size_t zeros_len;
	bool many_runs; /* the last report had more than there is room for */
	pthread_cond_t
		changed; /* an operation has finished, a DMA answer is there, or a poll is over */

	struct export_dma *dma_unused;
	unsigned dma_waits; /* somebody waits for DMA behind commands: everything is taken in */
	bool dma_led;	    /* somebody polls for the answers */
	bool dma_polls;	    /* at this moment */
	int dma_wake;
};

struct vfmig_export {
	struct vfmig_device *device;
	struct vfmig_space *space;
	struct vfmig_export_options config;
	char *path;
	struct vfmig_socket_file file;
	int epoll, listen_fd, wake, timer;
	uint32_t max_maps; /* that a client is told of */
	bool cannot_accept;
	atomic_bool cut_off; /* the client's memory was replaced, for its file has shrunk */
	bool only;	     /* one client, who was there when we began */
	bool was_running;    /* until its client left, and nobody has said what it is to be since */
	bool device_polled;
	int64_t polled; /* when it was */
	struct export_table table;
	struct export_client *client;
	atomic_bool has_client;
	pthread_mutex_t past_lock;
	struct vfmig_feature_history past;
	bool has_region; /* the device has a migration region */
	uint32_t state;	 /* the last that the device was seen in */

	atomic_bool ends;
	pthread_t thread;
	bool runs;
	_Atomic(pthread_t) worker; /* who works the export at the moment, */
	atomic_bool works;	   /* if anybody does */
};

/* ---- client.c ---- */

/* A client could not be accepted: stop looking for a while; and go on looking. */
void export_accept_later(struct vfmig_export *server);
void export_accept_again(struct vfmig_export *server);
/* A client has come; @fd is taken. */
int export_client_new(struct vfmig_export *server, int fd, struct vfmig_error *err);
/* It has said who it is: a device that ran for the last one may run for it. Without the lock. */
void export_welcome(struct export_client *client);
/* It is gone, or is sent away: undo what it did. */
void export_client_gone(struct vfmig_export *server);
/* VERSION, its first command. Under the lock; false: the connection is to end. */
bool export_agree(struct export_client *client, struct wire_msg *msg);

/* ---- history.c: where the device's state has come from, and where it may have gone ---- */

/* What is known of a device that is about to be served. */
void export_history_begin(struct vfmig_export *server);
/* The device is in this state. */
void export_history_state(struct vfmig_export *server, uint32_t state);
/* The client goes, and the device is in this state: what of it was not seen, as it was done by a migration region. */
void export_history_left(struct vfmig_export *server, uint32_t state);
/* The device has answered @request of @client: note what follows from it. */
void export_history_note(struct export_client *client, const struct vfmig_request *request);
/* The feature USER_HISTORY: GET, and SET, which has been refused if this returns false. */
void export_history_tell(struct export_command *command);
bool export_history_moved(struct export_command *command, const uint8_t *data, size_t len);

/* ---- command.c ---- */

/* A command came in. Under the lock. */
int export_queue(struct export_client *client, struct wire_msg *msg);
/* Have done what can be done now. Without the lock. False: the connection is lost. */
bool export_advance(struct export_client *client);
/* The client is gone: take everything back. Without the lock. */
void export_take_back(struct export_client *client);
/* Give up what takes longer than the device may. */
void export_hurry(struct export_client *client);
/* Free what is kept for the next use. */
void export_ops_free(struct export_client *client);
/* Ask the device; @back is called with the result. */
void export_ask(struct export_command *command, enum vfmig_op op,
		void (*back)(struct export_command *command, ssize_t result));
/* The same for migration data, of which the device may lend some: up to @len bytes, to the room that there is. */
void export_read_data(struct export_command *command, size_t len,
		      void (*back)(struct export_command *command, ssize_t result));
/* The reply is in op->out (@fixed bytes behind the header, and the body); or an error. */
void export_done(struct export_command *command, size_t fixed);
void export_refuse(struct export_command *command, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* The error that is in op->err already, or @code. */
void export_failed(struct export_command *command, int code);
/* Room for what the device tells, or a refused operation and NULL. */
uint8_t *export_room(struct export_command *command, size_t len);
/* Where the fixed part of a reply goes. */
static inline uint8_t *export_fixed(struct export_command *command)
{
	return command->out.head + ABI_MSG_HEADER_SIZE;
}
#define EXPORT_FIXED_ROOM (WIRE_HEAD - ABI_MSG_HEADER_SIZE)
/* Something happened that the working thread is to look at. Any thread. */
void export_wake(struct vfmig_export *server);

/* ---- handle.c, and the files for what each command asks ---- */

/* Begin an operation. It is done now, or when the device has answered. */
void export_handle(struct export_command *command);
/* A device writes to what it is given; a pipe that is full would hold it for ever. */
bool export_is_eventfd(int fd);
void export_device_info(struct export_command *command);
void export_region_info(struct export_command *command);
void export_io_fds(struct export_command *command);
void export_irq_info(struct export_command *command);
void export_region_access(struct export_command *command);
void export_write_multi(struct export_command *command);
void export_feature(struct export_command *command);
/* The reply's header, with the payload of @size bytes behind it, in line. */
void export_put_feature(struct export_command *command, const void *payload, size_t size);

/* ---- report.c ---- */

void export_report(struct export_command *command, const struct vfmig_device_feature *f,
		   const uint8_t *data, size_t len);

/* The device has taken some of what was written: it is asked to take the rest, or all is done. */
void export_data_written(struct export_command *command, ssize_t result);

/* ---- dma.c ---- */

void export_dma_map(struct export_command *command);
void export_dma_unmap(struct export_command *command);
void export_unmap_all(struct vfmig_export *server);

/* ---- dirty.c ---- */

void export_dirty_pages(struct export_command *command);
/* Whether a map of this size can be logged by it. */
int export_dirty_check(uint64_t size, struct vfmig_error *err);
/* End logging by DIRTY_PAGES, if there is any. */
void export_dirty_stop(struct export_client *client);

/* ---- remote.c ---- */

/* A vfmig_remote_fn; @context is the client. */
int export_remote(void *context, uint64_t iova, void *buf, size_t len, bool write,
		  struct vfmig_error *err);
/* An answer is there. Under the lock. */
void export_remote_answer(struct export_client *client, struct wire_ask *ask);
void export_remote_free(struct export_client *client);

#endif
