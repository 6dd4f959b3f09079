/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sending: each message in a system call of its own, immediately if possible, from the queue if
 * not. A message with pages of a file in place of copies takes several calls.
 *
 * Messages are not joined: a server in the field treats what one receive returns as the whole
 * message, and the kernel keeps a message of up to 32 KiB that was sent in one call in one piece.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/utsname.h>

#include "device/sigpipe_guard.h"
#include "wire/wire.h"

/*
 * With EPOLLET each time the peer takes data makes one event; without it there would be events all
 * the time. No incoming data is missed meanwhile: such an event reports that, too, and everything
 * is checked again when it is over.
 */
static void poll_for(struct wire *wire, enum wire_end end, bool reads, bool writes, bool drains)
{
	struct wire_socket *s = &wire->ends[end];
	struct epoll_event event = {
		.events = (reads ? (uint32_t)EPOLLIN : 0) |
			  (writes || drains ? (uint32_t)EPOLLOUT : 0) |
			  (drains ? (uint32_t)EPOLLET : 0),
		.data.u32 = end,
	};

	if (s->fd < 0 || wire->lost ||
	    (s->reads == reads && s->writes == writes && s->drains == drains))
		return;
	s->reads = reads;
	s->writes = writes;
	s->drains = drains;
	if (epoll_ctl(wire->epoll, EPOLL_CTL_MOD, s->fd, &event))
		wire_lose(wire, -errno, "epoll on a vfio-user socket");
}

void wire_reads(struct wire *wire, enum wire_end end, bool reads)
{
	poll_for(wire, end, reads, wire->ends[end].writes, wire->ends[end].drains);
}

/* The kernel reports that the last message was taken while one byte of it still counts. */
#define ALL_BUT_TAKEN 1

bool wire_taken(struct wire *wire, enum wire_end end)
{
	struct wire_socket *s = &wire->ends[end];
	int bytes = 0;

	if (s->pages && !wire->lost && !s->broken)
		s->pages = s->first || (!ioctl(s->fd, SIOCOUTQ, &bytes) && bytes > ALL_BUT_TAKEN);
	else
		s->pages = false;
	poll_for(wire, end, s->reads, s->writes, s->pages);
	return !s->pages;
}

static size_t total(const struct wire_out *out)
{
	return out->head_len + out->body_len;
}

/*
 * Before Linux 6.6 sendfile() into such a socket may block until the peer reads, despite
 * O_NONBLOCK.
 */
bool wire_sends_pages(void)
{
	struct utsname name;
	int major, minor;

	return !uname(&name) && sscanf(name.release, "%d.%d", &major, &minor) == 2 &&
	       (major > 6 || (major == 6 && minor >= 6));
}

/*
 * The rest of a message up to the next piece that is sent from its file, or that piece alone:
 * *file is its number then, and -1 otherwise. Returns the number of places.
 */
static unsigned rest(const struct wire_out *out, struct iovec *iov, int *file)
{
	const struct iovec whole = {.iov_base = (void *)out->body, .iov_len = out->body_len};
	const struct iovec *from = out->npieces ? out->pieces : &whole;
	unsigned count = out->npieces ? out->npieces : 1, n = 0;
	size_t gone = out->done;

	*file = -1;
	if (gone < out->head_len) {
		iov[n++] = (struct iovec){.iov_base = (uint8_t *)out->head + gone,
					  .iov_len = out->head_len - gone};
		gone = 0;
	} else {
		gone -= out->head_len;
	}
	for (unsigned i = 0; i < count; i++) {
		size_t here = gone < from[i].iov_len ? gone : from[i].iov_len;
		bool by_file = out->npieces && out->files && out->files[i].fd >= 0;

		gone -= here;
		if (here == from[i].iov_len)
			continue;
		if (by_file && n)
			break;
		iov[n++] = (struct iovec){.iov_base = (char *)from[i].iov_base + here,
					  .iov_len = from[i].iov_len - here};
		if (by_file) {
			*file = (int)i;
			break;
		}
	}
	return n;
}

/*
 * Send the file's pages themselves: the peer copies from there, and there is no copy before that.
 * sendfile() has no flag against blocking, and none against SIGPIPE.
 */
static ssize_t send_pages(struct wire_socket *s, const struct wire_out *out, int file,
			  const struct iovec *left)
{
	off_t at = (off_t)(out->files[file].offset + out->pieces[file].iov_len - left->iov_len);
	struct sigpipe_guard quiet;
	ssize_t n;
	int code;

	sigpipe_guard_begin(&quiet);
	fcntl(s->fd, F_SETFL, s->flags | O_NONBLOCK);
	n = sendfile(s->fd, out->files[file].fd, &at, left->iov_len);
	code = errno;
	fcntl(s->fd, F_SETFL, s->flags);
	sigpipe_guard_end(&quiet, n < 0 ? code : (size_t)n < left->iov_len ? EPIPE : 0);
	errno = code;
	if (n > 0) {
		s->pages = true;
		s->npages++;
	}
	return n;
}

static ssize_t send_bytes(struct wire_socket *s, const struct wire_out *out, struct iovec *iov,
			  unsigned count)
{
	char control[CMSG_SPACE(WIRE_FDS * sizeof(int))];
	struct msghdr msg = {.msg_iov = iov, .msg_iovlen = count};

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
	/*
	 * Most messages are one piece without descriptors; send() spares the kernel a structure to
	 * parse.
	 */
	if (count == 1 && !msg.msg_control)
		return send(s->fd, iov->iov_base, iov->iov_len, MSG_DONTWAIT | MSG_NOSIGNAL);
	return sendmsg(s->fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* The file does not support it, or the process may not: the bytes are in memory as well. */
static bool only_copies(int error)
{
	return error == EINVAL || error == ENOSYS || error == EPERM || error == EOPNOTSUPP ||
	       error == ESPIPE;
}

/*
 * Send the rest of a message. 1: all of it is sent. 0: the socket is full. Otherwise it cannot be
 * sent.
 */
static int push(struct wire_socket *s, struct wire_out *out)
{
	struct iovec iov[1 + WIRE_PIECES];
	size_t asked;
	ssize_t n;

	do {
		int file;
		unsigned count = rest(out, iov, &file);

		asked = 0;
		for (unsigned i = 0; i < count; i++)
			asked += iov[i].iov_len;
		do
			n = file < 0 ? send_bytes(s, out, iov, count)
				     : send_pages(s, out, file, iov);
		while (n < 0 && errno == EINTR);
		if (n < 0 && file >= 0 && only_copies(errno)) {
			out->files = NULL;
			continue;
		}
		if (n < 0)
			return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -errno;
		if (!n && asked) /* the file was truncated */
			return -EIO;
		out->done += (size_t)n;
		if ((size_t)n < asked)
			return 0;
	} while (out->done < total(out));
	return 1;
}

static void finish(struct wire *wire, struct wire_out *out)
{
	free(out->own);
	out->own = NULL;
	if (out->sent)
		out->sent(wire, out);
}

/*
 * The socket accepts no more data. Messages that the peer sent before it closed may still be worth
 * reading, so the receiver detects the end of the connection. Shut the sending direction down,
 * because a peer that closed only its receiving direction would never be detected.
 */
static void broken(struct wire *wire, struct wire_socket *s, int error)
{
	s->broken = true;
	if (error != -EPIPE && error != -ECONNRESET)
		wire_lose(wire, error, "sendmsg: %s", strerror(-error));
	else
		shutdown(s->fd, SHUT_WR);
}

void wire_send(struct wire *wire, enum wire_end end, struct wire_out *out)
{
	struct wire_socket *s = &wire->ends[end];
	int ret = 0;

	/* Copying a few bytes is cheaper than a second piece in the system call. */
	if (out->body && out->body_len && out->body_len <= sizeof(out->head) - out->head_len) {
		memcpy(out->head + out->head_len, out->body, out->body_len);
		out->head_len += out->body_len;
		out->body_len = 0;
	}
	if (!s->sends_pages)
		out->files = NULL;
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
	poll_for(wire, end, s->reads, true, s->drains);
}

void wire_flush(struct wire *wire, enum wire_end end)
{
	struct wire_socket *s = &wire->ends[end];
	struct wire_out *out;
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
		poll_for(wire, end, s->reads, false, s->drains);
}
