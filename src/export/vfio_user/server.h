/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The inside of the vfio-user export: a server for one client at a time.
 *
 * The thread that works the export receives commands and runs them in order, one at a time; only migration data may have
 * several requests in flight. A command (command.c) is decoded, submitted to the device as a request (reply.c), encoded
 * and sent. DMA of the device to memory without a descriptor is a message to the client (remote.c), from any thread.
 *
 * The lock of the connection also protects the lists of a client. No lock is held during a request to the device.
 */
#ifndef EXPORT_VFIO_USER_H
#define EXPORT_VFIO_USER_H

#include <stdatomic.h>

#include <vfmig/abi_history.h>
#include <vfmig/device.h>
#include <vfmig/export.h>
#include <vfmig/socket.h>
#include <vfmig/space.h>

#include "export/vfio_user/memory.h"
#include "wire/wire.h"

/* The descriptors in the epoll, besides the ends of the wire. */
enum { EXPORT_POLL_LISTEN = WIRE_ENDS, EXPORT_POLL_WAKE, EXPORT_POLL_DEVICE, EXPORT_POLL_TIMER };

struct export_client;

struct vfmig_export {
	struct vfmig_device *device;
	struct vfmig_space *space;
	struct vfmig_export_options config;
	char *path;
	struct vfmig_socket_file file;
	int epoll, listen_fd, wake, timer;
	uint32_t max_maps; /* the limit in VERSION */
	bool cannot_accept;
	atomic_bool
		cut_off; /* the file of the client's memory has shrunk, and the memory was replaced */
	bool only;	 /* serve one client on a connection from the caller */
	bool was_running; /* the device ran until its client left, and no client has set its state since */
	bool device_polled;
	int64_t polled; /* when it was polled last */
	struct export_table table;
	struct export_client *client;
	atomic_bool has_client;
	pthread_mutex_t past_lock;
	struct vfmig_feature_history past;
	bool has_region; /* the device has a migration region */
	uint32_t state;	 /* the last known state of the device */

	atomic_bool ends;
	pthread_t thread;
	bool runs;
	_Atomic(pthread_t) worker; /* the thread that works the export, */
	atomic_bool works;	   /* if one does */
};

/* ---- loop.c ---- */

/* A client could not be accepted: stop accepting for a while; and accept again. */
void export_accept_later(struct vfmig_export *server);
void export_accept_again(struct vfmig_export *server);
/* The timer of a client, in ms: the limit for its VERSION, then the interval of export_hurry(). 0 stops it. */
void export_set_timer(struct vfmig_export *server, uint64_t msec);
/* Whether to accept clients. */
void export_poll_listen(struct vfmig_export *server, bool on);
/* Wake the working thread. Any thread. */
void export_wake(struct vfmig_export *server);

#endif
