/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * UNIX stream sockets with a path: listen on one.
 */
#ifndef VFMIG_SOCKET_H
#define VFMIG_SOCKET_H

#include <stdint.h>

#include <vfmig/error.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * struct vfmig_socket_file - the file of a listening socket
 * @dev: st_dev, as in struct stat
 * @ino: st_ino, as in struct stat
 */
struct vfmig_socket_file {
	uint64_t dev, ino;
};

/**
 * vfmig_socket_listen() - listen on a UNIX stream socket
 * @path: where the socket file is made
 * @mode: permissions of the file; 0 leaves what the umask makes. They hold before the first client can connect
 * @file: which file was made, for vfmig_socket_unlink()
 *
 * A socket file on which no process listens is replaced. A file of another kind, also a symbolic link, and a
 * socket on which a process listens are left alone. Of several processes that listen at one path at the same
 * time one succeeds: the folder of @path is locked with flock(2) meanwhile.
 *
 * Return: a descriptor with O_CLOEXEC set; -EADDRINUSE if @path is in use; -ETIMEDOUT if another process keeps the
 * folder locked for five seconds; or another negative errno.
 */
int vfmig_socket_listen(const char *path, uint32_t mode, struct vfmig_socket_file *file,
			struct vfmig_error *err);

/** vfmig_socket_unlink() - remove the file of a socket, unless another file has taken its path */
void vfmig_socket_unlink(const char *path, const struct vfmig_socket_file *file);

#ifdef __cplusplus
}
#endif
#endif
