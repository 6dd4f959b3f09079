/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * UNIX sockets with a path: connecting to one. Listening is public: <vfmig/socket.h>.
 */
#ifndef VFMIG_WIRE_SOCKET_H
#define VFMIG_WIRE_SOCKET_H

#include <vfmig/socket.h>

/*
 * Connect. A socket that has its path and does not listen yet is waited for, 100 ms. Return: the descriptor, or a
 * negative errno.
 */
int vfmig_socket_connect(const char *path, struct vfmig_error *err);

#endif
