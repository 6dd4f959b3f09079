/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sending: each message in a system call of its own, at once if it can be, from the queue if not.
 *
 * Messages are not joined: a server in the field takes what one receive brings for the whole message, and the
 * kernel keeps a message of up to 32 KiB that was sent in one call in one piece.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "wire/wire.h"

static void poll_for(struct vfmig_wire *wire, enum vfmig_wire_end end, bool reads, bool writes)
{
	struct vfmig_wire_socket *s = &wire->ends[end];
	struct epoll_event event = {
		.events = (reads ? (uint32_t)EPOLLIN : 0) | (writes ? (uint32_t)EPOLLOUT : 0),
		.data.u32 = end,
	};

	if (s->fd < 0 || wire->lost || (s->reads == reads && s->writes == writes))
		return;
	s->reads = reads;
	s->writes = writes;
	if (epoll_ctl(wire->epoll, EPOLL_CTL_MOD, s->fd, &event))
		vfmig_wire_lose(wire, -errno, "a vfio-user socket cannot be polled");
}

void vfmig_wire_reads(struct vfmig_wire *wire, enum vfmig_wire_end end, bool reads)
{
	poll_for(wire, end, reads, wire->ends[end].writes);
}

static size_t total(const struct vfmig_wire_out *out)
{
	return out->head_len + out->body_len;
}

/* What is left of the body; returns how many pieces that is. */
static unsigned body(const struct vfmig_wire_out *out, struct iovec *iov)
{
	const struct iovec whole = {.iov_base = (void *)out->body, .iov_len = out->body_len};
	const struct iovec *from = out->npieces ? out->pieces : &whole;
	size_t gone = out->done > out->head_len ? out->done - out->head_len : 0;
	unsigned count = out->npieces ? out->npieces : 1, n = 0;

	for (unsigned i = 0; i < count; i++) {
		size_t here = gone < from[i].iov_len ? gone : from[i].iov_len;

		gone -= here;
		if (here < from[i].iov_len)
			iov[n++] = (struct iovec){.iov_base = (char *)from[i].iov_base + here,
						  .iov_len = from[i].iov_len - here};
	}
	return n;
}

/* Send what is left of a message. 1: all of it has gone. 0: no room. Else it cannot be sent. */
static int push(struct vfmig_wire_socket *s, struct vfmig_wire_out *out)
{
	char control[CMSG_SPACE(VFMIG_WIRE_FDS * sizeof(int))];
	struct iovec iov[1 + VFMIG_WIRE_PIECES];
	struct msghdr msg = {.msg_iov = iov};
	ssize_t n;

	if (out->done < out->head_len)
		iov[msg.msg_iovlen++] = (struct iovec){.iov_base = out->head + out->done,
						       .iov_len = out->head_len - out->done};
	if (out->body_len)
		msg.msg_iovlen += body(out, iov + msg.msg_iovlen);
	if (out->nfds && !out->done) {
		struct cmsghdr *cmsg;

		msg.msg_control = control;
		msg.msg_controllen = CMSG_SPACE(out->nfds * sizeof(int));
		memset(control, 0, msg.msg_controllen);
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(out->nfds * sizeof(int));
		memcpy(CMSG_DATA(cmsg), out->fds, out->nfds * sizeof(int));
	}
	/* One piece without descriptors is most of what there is, and spares the system a structure to take apart. */
	do
		n = msg.msg_iovlen == 1 && !msg.msg_control
			    ? send(s->fd, iov[0].iov_base, iov[0].iov_len,
				   MSG_DONTWAIT | MSG_NOSIGNAL)
			    : sendmsg(s->fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -errno;
	out->done += (size_t)n;
	return out->done == total(out);
}

static void finish(struct vfmig_wire *wire, struct vfmig_wire_out *out)
{
	free(out->own);
	out->own = NULL;
	if (out->sent)
		out->sent(wire, out);
}

/*
 * The socket takes nothing more. What the other side has sent before it went may still be worth reading, so
 * the connection's end is left to the receiver, who will see it; but one who only closed its ears would
 * never be seen.
 */
static void broken(struct vfmig_wire *wire, struct vfmig_wire_socket *s, int error)
{
	s->broken = true;
	if (error != -EPIPE && error != -ECONNRESET)
		vfmig_wire_lose(wire, error, "sending failed: %s", strerror(-error));
	else
		shutdown(s->fd, SHUT_WR);
}

void vfmig_wire_send(struct vfmig_wire *wire, enum vfmig_wire_end end, struct vfmig_wire_out *out)
{
	struct vfmig_wire_socket *s = &wire->ends[end];
	int ret = 0;

	/* A few bytes are moved more cheaply than the system takes apart two pieces. */
	if (out->body && out->body_len && out->body_len <= sizeof(out->head) - out->head_len) {
		memcpy(out->head + out->head_len, out->body, out->body_len);
		out->head_len += out->body_len;
		out->body_len = 0;
	}
	out->done = 0;
	out->own = NULL;
	out->next = NULL;
	out->queued = false;
	if (s->broken || wire->lost) {
		finish(wire, out);
		return;
	}
	if (!s->first) {
		ret = push(s, out);
		if (ret) {
			if (ret < 0)
				broken(wire, s, ret);
			finish(wire, out);
			return;
		}
	}
	out->queued = true;
	*s->last = out;
	s->last = &out->next;
	s->queued += total(out);
	poll_for(wire, end, s->reads, true);
}

void vfmig_wire_flush(struct vfmig_wire *wire, enum vfmig_wire_end end)
{
	struct vfmig_wire_socket *s = &wire->ends[end];
	struct vfmig_wire_out *out;
	int ret = 1;

	while (!wire->lost && (out = s->first)) {
		ret = s->broken ? 1 : push(s, out);
		if (!ret)
			return;
		if (ret < 0)
			broken(wire, s, ret);
		if (wire->lost)
			return;
		s->first = out->next;
		if (!s->first)
			s->last = &s->first;
		s->queued -= total(out);
		out->queued = false;
		finish(wire, out);
	}
	if (!wire->lost)
		poll_for(wire, end, s->reads, false);
}
