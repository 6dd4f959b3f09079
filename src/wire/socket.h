/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * UNIX sockets with a path: connecting to one. Listening is public: <vfmig/socket.h>.
 */
#ifndef WIRE_SOCKET_H
#define WIRE_SOCKET_H

#include <vfmig/socket.h>

/*
 * Connect. If the socket has its path and does not listen yet, wait up to 100 ms. Return: the
 * descriptor, or a negative errno.
 */
int socket_connect(const char *path, struct vfmig_error *err);
/*
 * The same with a deadline (CLOCK_MONOTONIC, ns; 0: no deadline), also if a server's backlog is
 * full: -ETIMEDOUT.
 */
int socket_connect_until(const char *path, int64_t deadline, struct vfmig_error *err);

#endif
