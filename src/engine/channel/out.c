/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The way out: sections are sealed into buffers, and buffers are written in order.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>
#include <xxhash.h>

#include "device/device.h"
#include "device/sigpipe_guard.h"
#include "engine/channel/channel.h"

#define AT_ONCE 8

void buffer_queue_push(struct buffer_queue *queue, struct channel_buffer *buffer)
{
	buffer->next = NULL;
	if (queue->last)
		queue->last->next = buffer;
	else
		queue->first = buffer;
	queue->last = buffer;
	queue->count++;
}

struct channel_buffer *buffer_queue_shift(struct buffer_queue *queue)
{
	struct channel_buffer *buffer = queue->first;

	if (!buffer)
		return NULL;
	queue->first = buffer->next;
	if (!queue->first)
		queue->last = NULL;
	queue->count--;
	return buffer;
}

void channel_out_seal(struct channel_out *out, uint8_t *header, struct abi_section *section)
{
	section->seq = out->sections++;
	section->checksum = 0;
	out->payload += section->length;
	abi_section_put(header, ABI_SECTION_HEADER_SIZE, section);
	abi_section_put_checksum(
		header, XXH3_64bits(header, ABI_SECTION_HEADER_SIZE + (size_t)section->length));
}

static ssize_t guarded_writev(int fd, const struct iovec *iov, int count)
{
	struct sigpipe_guard quiet;
	size_t asked = 0;
	ssize_t n;
	int code;

	for (int i = 0; i < count; i++)
		asked += iov[i].iov_len;
	sigpipe_guard_begin(&quiet);
	n = writev(fd, iov, count);
	code = errno;
	sigpipe_guard_end(&quiet, n < 0 ? code : (size_t)n < asked ? EPIPE : 0);
	errno = code;
	return n;
}

static ssize_t write_some(struct channel_port *port, struct iovec *iov, int count)
{
	struct msghdr msg = {.msg_iov = iov, .msg_iovlen = (size_t)count};
	ssize_t n;

	do
		n = port->socket ? sendmsg(port->fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL)
				 : guarded_writev(port->fd, iov, count);
	while (n < 0 && errno == EINTR);
	return n;
}

static int explain(int code, struct vfmig_error *err)
{
	switch (code) {
	case ENOSPC:
	case EDQUOT:
		return vfmig_err(err, -code, "writing the stream: no space is left%s",
				 code == EDQUOT ? " within the quota" : " on the disk");
	case EFBIG:
		return vfmig_err(
			err, -code,
			"writing the stream: the file may not become larger (RLIMIT_FSIZE, "
			"or the file system's limit)");
	case EPIPE:
	case ECONNRESET:
		return vfmig_err(err, -code, "writing the stream: the other side is gone");
	default:
		return vfmig_err(err, -code, "writing the stream: %s", strerror(code));
	}
}

static void wrote(struct channel_out *out, size_t n, struct buffer_queue *spent)
{
	while (n) {
		struct channel_buffer *buffer = out->queue.first;
		size_t had = buffer->end - buffer->start;

		if (n < had) {
			buffer->start += (uint32_t)n;
			return;
		}
		n -= had;
		buffer->start = buffer->end;
		buffer_queue_push(spent, buffer_queue_shift(&out->queue));
	}
}

ssize_t channel_out_write(struct channel_out *out, struct buffer_queue *spent,
			  struct vfmig_error *err)
{
	struct iovec iov[AT_ONCE];
	struct channel_buffer *buffer;
	uint64_t all = 0, may;
	int64_t now = device_now();
	int count = 0, i;
	ssize_t n;

	for (buffer = out->queue.first; buffer && count < AT_ONCE; buffer = buffer->next) {
		iov[count++] = (struct iovec){.iov_base = buffer->bytes + buffer->start,
					      .iov_len = buffer->end - buffer->start};
		all += buffer->end - buffer->start;
	}
	if (!all) {
		out->moved = now;
		return 0;
	}
	may = rate_limit_allow(&out->limit, all, now);
	if (!may) {
		out->moved = now; /* the bandwidth limit holds data back */
		return 0;
	}
	for (i = 0; i < count && may; i++) {
		if (iov[i].iov_len > may)
			iov[i].iov_len = may;
		may -= iov[i].iov_len;
	}
	n = write_some(&out->port, iov, i);
	if (n < 0)
		return errno == EAGAIN ? 0 : explain(errno, err);
	rate_limit_spend(&out->limit, (uint64_t)n);
	out->bytes += (uint64_t)n;
	out->moved = now;
	wrote(out, (size_t)n, spent);
	return n;
}
