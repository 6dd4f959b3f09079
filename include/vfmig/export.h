/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Exports: a device is shown to others.
 *
 * An export takes any device, as a filter does, and serves it in some manner to programs that do not know
 * this library. It is a descriptor to poll and a function to call; a caller with no loop of its own asks for a
 * thread.
 */
#ifndef VFMIG_EXPORT_H
#define VFMIG_EXPORT_H

#include <stdbool.h>
#include <stdint.h>

#include <vfmig/error.h>
#include <vfmig/event.h>

#ifdef __cplusplus
extern "C" {
#endif

struct vfmig_device;
struct vfmig_export;

/**
 * struct vfmig_vfio_user_config - how a device is served over vfio-user
 * @socket_path: where to listen: a socket file, which is made, and removed in the end. A file that is left from
 *	a server that is gone is replaced. NULL to serve @fd
 * @fd: without a @socket_path: a UNIX stream socket, connected to a client or listening. The export's own from
 *	the call on, and closed also if the call fails
 * @socket_mode: permissions of the socket file; 0 means 0600: its owner alone
 * @timeout_ms: how long a client may take to introduce itself, and to answer when its memory is reached by
 *	message; 0 means 30000
 * @no_extensions: do not offer the extension of docs/vfio-user.md
 * @no_twin_socket: no socket of its own for commands from the server, even if the client offers it
 * @require_sealed: refuse a client's memory that is not sealed against shrinking (F_SEAL_SHRINK). Without it
 *	a client that cuts off a file which it has shared ends this process by SIGBUS, as it would any that
 *	maps the file, unless the program handles that (vfmig_export_sigbus())
 * @allow_other_users: also clients of other users may connect to the listening socket. Without it those of this process's
 *	own effective user and of root may, and others are disconnected
 * @events: where events go, or NULL: "client" when one has been agreed with (fields: extension, twin_socket),
 *	"client-gone" (why), "left-running" (note) when one without our extension has gone from a device that ran,
 *	which is all that can be seen of a VM that moves without its device, "refused" for each command that
 *	got an error reply (command, code, why), "turned-away" (uid, why) for a client of another user, "cannot-accept"
 *	(why) when accept() begins to fail; it is tried again ten times in a second
 *
 * Zero it and set what you need.
 */
struct vfmig_vfio_user_config {
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

/**
 * vfmig_export_vfio_user() - serve a device over vfio-user
 * @device: which; borrowed, and must outlive the export. It is attached to a space of the export's, so it
 *	must not be attached to another. The export works it (vfmig_device_process())
 * @config: how; copied, but for @events
 * @server: the export; vfmig_export_close() it
 *
 * One client at a time; the next one waits until the first is gone. When a client goes, its memory is
 * unmapped, its interrupts are forgotten and DMA logging ends; the device keeps its state. If it was running it
 * is stopped, and stays so until it is reset or reclaimed: a client with our extension finds it in STOP and starts it
 * when it is ready; for a plain one, which may know of no such state, it runs on as soon as that has connected.
 *
 * Return: 0; -EADDRINUSE if somebody serves at @socket_path; -EBUSY if the device is attached already; or
 * another negative errno.
 */
int vfmig_export_vfio_user(struct vfmig_device *device, const struct vfmig_vfio_user_config *config,
			   struct vfmig_export **server, struct vfmig_error *err);

/** vfmig_export_fd() - a descriptor to poll for reading; owned by the export */
int vfmig_export_fd(struct vfmig_export *server);

/**
 * vfmig_export_process() - do what is there to be done
 *
 * To be called when the descriptor is readable, by one thread at a time, and by none while the export has
 * a thread of its own. May wait for a client where a device waits for its DMA.
 *
 * Return: 0; -ENOTCONN once the client of a connected descriptor is gone: nothing will come any more.
 */
int vfmig_export_process(struct vfmig_export *server, struct vfmig_error *err);

/** vfmig_export_run() - vfmig_export_process() until there is nothing more to come, or vfmig_export_stop() */
int vfmig_export_run(struct vfmig_export *server, struct vfmig_error *err);

/** vfmig_export_start() - vfmig_export_run() in a thread of the library's, all signals but SIGBUS blocked */
int vfmig_export_start(struct vfmig_export *server, struct vfmig_error *err);

/**
 * vfmig_export_stop() - end vfmig_export_run(), and the thread if there is one
 *
 * May be called from any thread, and from a signal handler where there is no thread of the library's.
 */
void vfmig_export_stop(struct vfmig_export *server);

/**
 * vfmig_export_sigbus() - survive a client that cuts off a file which it has shared
 * @server: the export
 * @address: si_addr of the signal
 *
 * For a handler of SIGBUS that the program installs, since a library installs none. If @address is in memory of the
 * client's, that map is replaced by anonymous memory, and the client is disconnected when the export is next worked. May be
 * called only where an access to memory has raised the signal. Accesses to memory cost nothing for it.
 *
 * Return: whether the access can be tried again: the handler returns. If not, the fault has another reason.
 */
bool vfmig_export_sigbus(struct vfmig_export *server, const void *address);

/** vfmig_export_has_client() - whether a client is connected and agreed with; any thread may ask */
bool vfmig_export_has_client(struct vfmig_export *server);

/** vfmig_export_close() - send the client away, end the thread, remove the socket file; NULL is fine */
void vfmig_export_close(struct vfmig_export *server);

#ifdef __cplusplus
}
#endif
#endif
