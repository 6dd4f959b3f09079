/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The way in.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define XXH_STATIC_LINKING_ONLY /* for a state on the stack */
#include <xxhash.h>

#include "device/device.h"
#include "engine/channel/channel.h"

void channel_in_consume(struct channel_in *in, void *to, uint32_t len)
{
	memcpy(to, in->buf + in->start, len);
	in->start += len;
	if (in->start == in->end)
		in->start = in->end = 0;
}

bool channel_in_sealed(uint8_t *header, const void *payload, const struct abi_section *section)
{
	XXH3_state_t state;

	abi_section_put_checksum(header, 0);
	if (payload == header + ABI_SECTION_HEADER_SIZE)
		return XXH3_64bits(header, ABI_SECTION_HEADER_SIZE + (size_t)section->length) ==
		       section->checksum;
	XXH3_64bits_reset(&state);
	XXH3_64bits_update(&state, header, ABI_SECTION_HEADER_SIZE);
	XXH3_64bits_update(&state, payload, section->length);
	return XXH3_64bits_digest(&state) == section->checksum;
}

static ssize_t read_some(struct channel_port *port, struct iovec *iov, size_t count)
{
	struct msghdr msg = {.msg_iov = iov, .msg_iovlen = count};
	ssize_t n;

	do
		n = port->socket ? recvmsg(port->fd, &msg, MSG_DONTWAIT)
				 : readv(port->fd, iov, (int)count);
	while (n < 0 && errno == EINTR);
	return n;
}

ssize_t channel_in_read(struct channel_in *in, void *to, size_t len, struct vfmig_error *err)
{
	struct iovec iov[2] = {{.iov_base = to, .iov_len = to ? len : 0}};
	ssize_t n;

	if (in->start) {
		memmove(in->buf, in->buf + in->start, in->end - in->start);
		in->end -= in->start;
		in->start = 0;
	}
	iov[1].iov_base = in->buf + in->end;
	iov[1].iov_len = sizeof(in->buf) - in->end;
	if (to)
		iov[1].iov_len = ABI_SECTION_HEADER_SIZE;
	else if (in->ahead && in->ahead < iov[1].iov_len)
		iov[1].iov_len = in->ahead;
	n = read_some(&in->port, to ? iov : iov + 1, to ? 2 : 1);
	if (n < 0) {
		if (errno == EAGAIN)
			return -EAGAIN;
		return vfmig_err(err, -errno, "reading the stream: %s",
				 errno == ECONNRESET ? "the other side is gone" : strerror(errno));
	}
	in->moved = device_now();
	in->bytes += (uint64_t)n;
	if (!n)
		in->eof = true;
	if (!to || (size_t)n <= iov[0].iov_len) {
		in->end += to ? 0 : (uint32_t)n;
		return n;
	}
	in->end += (uint32_t)((size_t)n - iov[0].iov_len);
	return (ssize_t)iov[0].iov_len;
}
