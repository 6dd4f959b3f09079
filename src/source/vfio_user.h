/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The source vfio-user:SOCKET: a device behind a socket.
 */
#ifndef SOURCE_VFIO_USER_H
#define SOURCE_VFIO_USER_H

#include <stdbool.h>
#include <stdint.h>

#include <vfmig/device.h>
#include <vfmig/options.h>

/*
 * @extensions: offer this project's extensions (docs/vfio-user.md); without them, this is a plain
 *	client
 * @twin_socket: let the server use a second socket for its commands to the client
 * @timeout_ms: the time limit for the server's VERSION reply; also the device's time limit
 */
struct vfio_user_options {
	bool extensions;
	bool twin_socket;
	uint64_t timeout_ms;
};

/* The options behind "vfio-user:SOCKET,", closed by VFMIG_OPTION_END. */
extern const struct vfmig_option vfio_user_option_table[];

/*
 * vfio_user_connect() - the device that is served at a socket
 * @path: of the socket
 * @options: as text, or NULL
 * @device: vfmig_device_close() it
 *
 * Waits for the server to introduce itself.
 */
int vfio_user_connect(const char *path, const char *options, struct vfmig_device **device,
		      struct vfmig_error *err);

/* The same over a socket that is connected; @fd is the device's from the call on, also if it fails. */
int vfio_user_adopt(int fd, const char *name, const char *options, struct vfmig_device **device,
		    struct vfmig_error *err);

#endif
