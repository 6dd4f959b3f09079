/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Descriptors of any kind, read and written without blocking and without signals.
 *
 * A socket takes a flag per call. A pipe must be set nonblocking, which other processes that share
 * it would notice: the old flags are restored afterwards. A file has no such mode, and the engine
 * waits for its disk.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/channel/channel.h"

int channel_port_open(struct channel_port *port, int fd, struct vfmig_error *err)
{
	struct stat st;

	*port = (struct channel_port){.fd = fd, .flags = -1};
	if (fd < 0)
		return 0;
	if (fstat(fd, &st) < 0)
		return vfmig_err(err, -errno, "the channel's descriptor %d cannot be used: %s", fd,
				 strerror(errno));
	port->socket = S_ISSOCK(st.st_mode);
	port->file = S_ISREG(st.st_mode) || S_ISBLK(st.st_mode);
	if (port->socket || port->file)
		return 0;
	port->flags = fcntl(fd, F_GETFL);
	if (port->flags < 0 || fcntl(fd, F_SETFL, port->flags | O_NONBLOCK) < 0)
		return vfmig_err(err, -errno, "the channel's descriptor %d cannot be used: %s", fd,
				 strerror(errno));
	return 0;
}

void channel_port_close(struct channel_port *port)
{
	if (port->fd >= 0 && port->flags >= 0)
		fcntl(port->fd, F_SETFL, port->flags);
	port->fd = -1;
	port->flags = -1;
}
