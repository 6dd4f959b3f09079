/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Exports: expose a device to programs that do not use this library.
 *
 * An export takes any device, as a filter does, and serves it to other processes. It has a descriptor to poll
 * and a function to call when that is readable. A caller without an event loop runs it in a thread.
 */
#ifndef VFMIG_EXPORT_H
#define VFMIG_EXPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <vfmig/error.h>
#include <vfmig/event.h>

#ifdef __cplusplus
extern "C" {
#endif

struct vfmig_device;
struct vfmig_export;

/**
 * struct vfmig_export_options - how to serve a device over vfio-user
 * @struct_size: sizeof(struct vfmig_export_options), set by vfmig_export_options_init()
 * @socket_path: path of the socket to listen on. The export creates the socket file and removes it at the end; it replaces a
 *	file on which no server listens. NULL to serve @fd
 * @fd: without @socket_path: a UNIX stream socket, connected to a client or listening. The export owns it from the call
 *	on and closes it if the call fails
 * @socket_mode: permissions of the socket file; 0 means 0600: only its owner
 * @timeout_ms: time limit of a client's negotiation, and of each reply when the export accesses the client's memory by
 *	message; 0 means 30000
 * @no_extensions: do not offer the extension of docs/vfio-user.md
 * @no_twin_socket: send commands over the client's connection even if the client offers a second socket
 * @require_sealed: reject memory of the client that is not sealed against shrinking (F_SEAL_SHRINK). Without it a
 *	client that truncates a file that it shared makes this process receive SIGBUS, unless the program
 *	handles the signal (vfmig_export_sigbus())
 * @allow_other_users: accept clients of all users on the listening socket. Without it the export disconnects
 *	clients that are neither of this process's effective user nor of root
 * @events: receives events, or NULL: "client" after the negotiation with a client (fields: extension, twin_socket),
 *	"client-disconnected" (why), "left-running" (note) when a client without the extension disconnects from a
 *	running device, which is all that is visible of a VM that moves without its device, "refused" for each
 *	command that gets an error reply (command, code, why), "client-rejected" (uid, why) for a client of another user,
 *	"cannot-accept" (why) when accept() begins to fail; the export retries ten times per second
 */
struct vfmig_export_options {
	size_t struct_size;
	const char *socket_path;
	int fd;
	uint32_t socket_mode;
	uint64_t timeout_ms;
	bool no_extensions;
	bool no_twin_socket;
	bool require_sealed;
	bool allow_other_users;
	const struct vfmig_events *events;
};

/** vfmig_export_options_init() - set all options to their defaults: zeros, and no descriptor (@fd -1) */
static inline void vfmig_export_options_init(struct vfmig_export_options *options)
{
	memset(options, 0, sizeof(*options));
	options->struct_size = sizeof(*options);
	options->fd = -1;
}

/**
 * vfmig_export_open_vfio_user() - serve a device over vfio-user
 * @device: the device; must outlive the export. The export attaches it to a space of its own, so it must not be attached to
 *	another, and processes it (vfmig_device_process())
 * @config: how to serve it; copied, except @events
 * @server: the export; the caller calls vfmig_export_close()
 *
 * The export serves one client at a time; the next client waits until the first disconnects. When a client disconnects,
 * the export unmaps its memory, forgets its eventfds and ends DMA logging; the device keeps its state. A
 * running device is stopped. A client with the extension finds it in STOP and starts it; for a client without, the
 * export starts it when that connects. A reset starts it as well.
 *
 * Return: 0; -EADDRINUSE if a server listens on @socket_path; -EBUSY if the device is attached to a space; or
 * another negative errno.
 */
int vfmig_export_open_vfio_user(struct vfmig_device *device,
				const struct vfmig_export_options *config,
				struct vfmig_export **server, struct vfmig_error *err);

/** vfmig_export_fd() - the descriptor to poll for reading; owned by the export */
int vfmig_export_fd(struct vfmig_export *server);

/**
 * vfmig_export_process() - do the work that is pending
 *
 * Call it when the descriptor is readable, from one thread at a time, and not while the export has a thread. It may
 * wait for the client while the device waits for its DMA.
 *
 * Return: 0; -ENOTCONN after the client of a connected descriptor has disconnected: no more work will come.
 */
int vfmig_export_process(struct vfmig_export *server, struct vfmig_error *err);

/**
 * vfmig_export_run() - process the export until its client has disconnected for good, or until vfmig_export_stop()
 */
int vfmig_export_run(struct vfmig_export *server, struct vfmig_error *err);

/**
 * vfmig_export_start() - start a thread that calls vfmig_export_run()
 *
 * All signals except SIGBUS are blocked in the thread.
 *
 * Return: 0; -EALREADY if the export has a thread; or the error of pthread_create().
 */
int vfmig_export_start(struct vfmig_export *server, struct vfmig_error *err);

/**
 * vfmig_export_stop() - end vfmig_export_run(), and the thread of vfmig_export_start() if there is one
 *
 * May be called from any thread. Without a thread of vfmig_export_start() it may be called from a signal handler.
 */
void vfmig_export_stop(struct vfmig_export *server);

/**
 * vfmig_export_sigbus() - survive a client that truncates a file that it shared
 * @server: the export
 * @address: si_addr of the signal
 *
 * For a SIGBUS handler of the program; the library installs none. If @address is in memory of the client, the function
 * replaces that map by anonymous memory, and the export disconnects the client when it is next processed. It may be
 * called only while handling a signal that an access to memory raised. It adds no cost to accesses.
 *
 * Return: true if the access can be retried: the handler returns. False if the signal has another reason.
 */
bool vfmig_export_sigbus(struct vfmig_export *server, const void *address);

/**
 * vfmig_export_has_client() - whether a client is connected and has negotiated; may be called from any thread
 */
bool vfmig_export_has_client(struct vfmig_export *server);

/**
 * vfmig_export_close() - disconnect the client, stop the thread and remove the socket file; NULL is allowed
 */
void vfmig_export_close(struct vfmig_export *server);

#ifdef __cplusplus
}
#endif
#endif
