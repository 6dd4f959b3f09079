/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * UNIX sockets with a name: connecting to one, and offering one.
 */
#ifndef VFMIG_WIRE_SOCKET_H
#define VFMIG_WIRE_SOCKET_H

#include <stdint.h>
#include <sys/types.h>

#include <vfmig/error.h>

/* Connect; one that has its name and does not listen yet is waited for, 100 ms. Return: the descriptor, or a negative errno. */
int vfmig_socket_connect(const char *path, struct vfmig_error *err);

/*
 * vfmig_socket_listen() - offer a socket under a name
 * @path: where
 * @mode: permissions of the file; 0 leaves what the umask makes
 * @dev, @ino: which file it became, for vfmig_socket_unlink()
 *
 * A socket file that is left from somebody who is gone is replaced. One that somebody serves, or a file of
 * another kind, is not. Return: the descriptor, or a negative errno.
 */
int vfmig_socket_listen(const char *path, mode_t mode, dev_t *dev, ino_t *ino,
			struct vfmig_error *err);

/* Take the name away, if it is still the same file. */
void vfmig_socket_unlink(const char *path, dev_t dev, ino_t ino);

#endif
