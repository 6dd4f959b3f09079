/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Receiving: a stream of bytes and descriptors becomes messages.
 *
 * One system call takes all that has arrived: the rest of the current payload goes straight to its
 * place, and what follows goes into the buffer. So a small message costs one call. Only the kernel
 * copies a large message, except for the bytes that were in the buffer with its header.
 *
 * Which message do descriptors belong to? The kernel ends a receive behind the bytes that came
 * with descriptors, and a message with descriptors begins a send of its own. So they belong to the
 * message that has the last byte of what was received.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "wire/wire.h"

/* ---- messages, kept for the next use: each page of a new buffer costs a page fault ---- */

struct wire_msg *wire_msg_new(struct wire *wire, size_t len)
{
	struct wire_msg **at = len > WIRE_SMALL ? &wire->kept_large : &wire->kept_small;
	struct wire_msg *msg = *at;

	if (msg) {
		*at = msg->next;
		(*(len > WIRE_SMALL ? &wire->nlarge : &wire->nsmall))--;
	} else {
		msg = malloc(sizeof(*msg));
		if (!msg)
			return NULL;
		msg->large = NULL;
		msg->capacity = 0;
	}
	if (len > WIRE_SMALL && msg->capacity < len) {
		/* Whole buffers of the agreed size, so that each fits every message. */
		size_t capacity = len < wire->command_max ? wire->command_max : len;

		free(msg->large);
		msg->large = malloc(capacity);
		msg->capacity = msg->large ? capacity : 0;
		if (!msg->large) {
			free(msg);
			return NULL;
		}
	}
	msg->payload = len > WIRE_SMALL ? msg->large : msg->small;
	msg->len = len;
	msg->nfds = 0;
	msg->next = NULL;
	return msg;
}

void wire_msg_free(struct wire *wire, struct wire_msg *msg)
{
	bool large = msg->large;

	wire_close_fds(msg->fds, &msg->nfds);
	if (large ? wire->nlarge >= WIRE_KEEP_LARGE : wire->nsmall >= WIRE_KEEP_SMALL) {
		free(msg->large);
		free(msg);
		return;
	}
	msg->next = large ? wire->kept_large : wire->kept_small;
	*(large ? &wire->kept_large : &wire->kept_small) = msg;
	(*(large ? &wire->nlarge : &wire->nsmall))++;
}

/* ---- where payload goes ---- */

/* The place of byte @got of the current payload, and how many bytes go there in one piece. */
static void *place(struct wire *wire, struct wire_socket *s, size_t got, size_t *len)
{
	struct wire_ask *ask = s->ask;
	size_t left = s->len - got;

	if (s->msg) {
		*len = left;
		return s->msg->payload + got;
	}
	if (got < ask->fixed) {
		*len = left < ask->fixed - got ? left : ask->fixed - got;
		return ask->reply + got;
	}
	got -= ask->fixed;
	if (ask->data && !ask->error && got < ask->data_max) {
		*len = left < ask->data_max - got ? left : ask->data_max - got;
		return (char *)ask->data + got;
	}
	*len = left < sizeof(wire->trash) ? left : sizeof(wire->trash);
	return wire->trash;
}

/* ---- from bytes to messages ---- */

static int command_begins(struct wire *wire, struct wire_socket *s)
{
	const struct vfmig_user_header *h = &s->header;

	if (h->msg_size > wire->command_max)
		return wire_lose(
			wire, -EMSGSIZE,
			"the peer sent command %u with %u bytes; the negotiated limit is %u",
			h->cmd, h->msg_size, wire->command_max);
	s->msg = wire_msg_new(wire, s->len);
	if (!s->msg)
		return wire_lose(wire, -ENOMEM, "no memory for a command of %u bytes", h->msg_size);
	s->msg->header = *h;
	return 0;
}

static int reply_begins(struct wire *wire, struct wire_socket *s)
{
	const struct vfmig_user_header *h = &s->header;
	struct wire_ask *ask = wire->asks[h->msg_id & (WIRE_ASKS - 1)];

	if (!ask || ask->id != h->msg_id || ask->cmd != h->cmd || &wire->ends[ask->end] != s)
		return wire_lose(wire, -EPROTO,
				 "the peer sent a reply without a command: command %u, id %u",
				 h->cmd, h->msg_id);
	if (ask->out.queued)
		return wire_lose(wire, -EPROTO,
				 "the peer replied to command %u, id %u, before all of it was sent",
				 h->cmd, h->msg_id);
	if (s->len > ask->fixed + ask->data_max + ask->slack)
		return wire_lose(wire, -EPROTO,
				 "the peer replied to command %u with %zu bytes; the limit is %zu",
				 h->cmd, s->len, ask->fixed + ask->data_max + ask->slack);
	ask->error = 0;
	if (h->flags & VFMIG_USER_FLAG_ERROR) {
		/* Errnos of all systems are small; 0 and nonsense mean an unknown error. */
		ask->error = h->error_no && h->error_no < 4096 ? -(int)h->error_no : -EIO;
	}
	s->ask = ask;
	return 0;
}

static int header_is_there(struct wire *wire, struct wire_socket *s)
{
	const char *why =
		abi_msg_get_header(s->buffer + s->at, ABI_MSG_HEADER_SIZE, UINT32_MAX, &s->header);

	if (why)
		return wire_lose(wire, -EPROTO, "the peer sent an invalid message: %s", why);
	s->at += ABI_MSG_HEADER_SIZE;
	s->len = s->header.msg_size - ABI_MSG_HEADER_SIZE;
	s->got = 0;
	s->body = true;
	if ((s->header.flags & VFMIG_USER_FLAG_TYPE_MASK) == VFMIG_USER_FLAG_TYPE_COMMAND)
		return command_begins(wire, s);
	return reply_begins(wire, s);
}

static int merge_late(struct wire *wire, struct wire_socket *s)
{
	if (s->nfds + s->nlate > WIRE_FDS)
		return wire_lose(wire, -EPROTO,
				 "the peer sent more than %u descriptors with one message",
				 WIRE_FDS);
	memcpy(s->fds + s->nfds, s->late, s->nlate * sizeof(s->late[0]));
	s->nfds += s->nlate;
	s->nlate = 0;
	return 0;
}

static int command_is_there(struct wire *wire, struct wire_socket *s)
{
	struct wire_msg *msg = s->msg;
	int ret;

	s->msg = NULL;
	msg->end = s == &wire->ends[WIRE_TWIN] ? WIRE_TWIN : WIRE_MAIN;
	memcpy(msg->fds, s->fds, s->nfds * sizeof(s->fds[0]));
	msg->nfds = s->nfds;
	s->nfds = 0;
	ret = wire->ops->command(wire, msg);
	if (ret)
		wire_msg_free(wire, msg);
	return ret;
}

static int reply_is_there(struct wire *wire, struct wire_socket *s)
{
	struct wire_ask *ask = s->ask;

	if (s->nfds > WIRE_REPLY_FDS)
		return wire_lose(
			wire, -EPROTO,
			"the peer sent %u descriptors with a reply; the negotiated limit is %u",
			s->nfds, WIRE_REPLY_FDS);
	s->ask = NULL;
	/* A peer that answers a later message has taken these pages. */
	if (ask->npages == s->npages)
		s->pages = false;
	ask->reply_len = s->len < ask->fixed ? s->len : ask->fixed;
	ask->data_len = s->len - ask->reply_len;
	if (ask->data_len > ask->data_max)
		ask->data_len = ask->data_max;
	memcpy(ask->fds, s->fds, s->nfds * sizeof(s->fds[0]));
	ask->nfds = s->nfds;
	s->nfds = 0;
	if (ask->error || ask->abandoned)
		wire_close_fds(ask->fds, &ask->nfds);
	wire_forget(wire, ask);
	wire->ops->reply(wire, ask);
	return 0;
}

/* Move payload that is in the buffer to its place. */
static void from_buffer(struct wire *wire, struct wire_socket *s)
{
	while (s->got < s->len && s->at < s->have) {
		size_t n, here = s->have - s->at;
		void *to = place(wire, s, s->got, &n);

		if (n > here)
			n = here;
		memcpy(to, s->buffer + s->at, n);
		s->at += n;
		s->got += n;
	}
}

static int message_is_there(struct wire *wire, struct wire_socket *s)
{
	s->body = false;
	s->whole++;
	return s->msg ? command_is_there(wire, s) : reply_is_there(wire, s);
}

static int parse(struct wire *wire, struct wire_socket *s)
{
	int ret = 0;

	for (;;) {
		if (!s->body) {
			if (s->have - s->at < ABI_MSG_HEADER_SIZE)
				break;
			ret = header_is_there(wire, s);
			if (ret)
				return ret;
		}
		/* The message that has the last byte gets the descriptors. */
		if (s->nlate && s->have - s->at <= s->len - s->got) {
			ret = merge_late(wire, s);
			if (ret)
				return ret;
		}
		from_buffer(wire, s);
		if (s->got < s->len)
			break;
		ret = message_is_there(wire, s);
		if (ret || wire->lost)
			return ret ? ret : wire->lost;
	}
	if (s->nlate)
		ret = merge_late(wire, s);
	return ret;
}

/* ---- from the socket ---- */

static int take_fds(struct wire *wire, struct wire_socket *s, struct msghdr *msg)
{
	struct cmsghdr *cmsg;

	for (cmsg = CMSG_FIRSTHDR(msg); cmsg; cmsg = CMSG_NXTHDR(msg, cmsg)) {
		size_t n;

		if (cmsg->cmsg_level != SOL_SOCKET || cmsg->cmsg_type != SCM_RIGHTS)
			continue;
		/* The control buffer holds at most WIRE_FDS, all of one message. */
		n = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		memcpy(s->late, CMSG_DATA(cmsg), n * sizeof(int));
		s->nlate = (unsigned)n;
	}
	if (msg->msg_flags & MSG_CTRUNC)
		return wire_lose(
			wire, -EPROTO,
			"the peer sent more than %u descriptors in a message, or this process reached RLIMIT_NOFILE",
			WIRE_FDS);
	return 0;
}

/*
 * Where the next bytes go: first the current payload, @direct bytes of it. Returns the number of
 * places.
 */
static unsigned places(struct wire *wire, struct wire_socket *s, struct iovec *iov, size_t *direct)
{
	size_t got = s->got;
	unsigned n = 0;

	*direct = 0;
	/* At most an unfinished header is left. */
	if (s->at) {
		memmove(s->buffer, s->buffer + s->at, s->have - s->at);
		s->have -= s->at;
		s->at = 0;
	}
	while (s->body && got < s->len && n < 3) {
		struct iovec *v = &iov[n++];

		v->iov_base = place(wire, s, got, &v->iov_len);
		got += v->iov_len;
		*direct += v->iov_len;
		if (v->iov_base == wire->trash)
			break;
	}
	if (!s->body || got == s->len)
		iov[n++] = (struct iovec){.iov_base = s->buffer + s->have,
					  .iov_len = sizeof(s->buffer) - s->have};
	return n;
}

union control {
	char bytes[CMSG_SPACE(WIRE_FDS * sizeof(int))];
	struct cmsghdr align;
};

static ssize_t take(int fd, struct msghdr *msg, int flags)
{
	ssize_t n;

	do
		n = recvmsg(fd, msg, flags | MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

/*
 * @n bytes or none have arrived. Returns that number, the error if the connection is lost,
 *	or 0: no data.
 */
static ssize_t came(struct wire *wire, struct wire_socket *s, struct msghdr *msg, size_t direct,
		    ssize_t n)
{
	if (n == -EAGAIN || n == -EWOULDBLOCK)
		return 0;
	if (n < 0)
		return wire_lose(wire, (int)n, "recvmsg: %s", strerror((int)-n));
	if (!n)
		return wire_lose(wire, -ECONNRESET, "the peer closed the connection%s",
				 s->body || s->have ? ", in the middle of a message" : "");
	if ((size_t)n <= direct) {
		s->got += (size_t)n;
	} else {
		s->got += direct;
		s->have += (size_t)n - direct;
	}
	return take_fds(wire, s, msg) ? wire->lost : n;
}

/* The number of bytes that arrived; *full if they filled the buffers. 0: no data. */
static ssize_t receive(struct wire *wire, struct wire_socket *s, bool *full)
{
	union control control;
	struct iovec iov[4];
	struct msghdr msg = {
		.msg_iov = iov,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes),
	};
	const struct iovec *last;
	size_t direct;
	ssize_t n;

	msg.msg_iovlen = places(wire, s, iov, &direct);
	last = &iov[msg.msg_iovlen - 1];
	n = take(s->fd, &msg, MSG_DONTWAIT);
	*full = n > 0 &&
		(size_t)n == direct + (last->iov_base == s->buffer + s->have ? last->iov_len : 0);
	return came(wire, s, &msg, direct, n);
}

/* Limits a busy end, so that the owner can serve the other end. */
#define RECEIVES_AT_A_TIME 16
/*
 * The limit also lets the owner use a large message while it is in the cache, and reply to it
 * while the next one arrives. A receiver that first took in everything under way would leave the
 * sender without work.
 */
#define BYTES_AT_A_TIME (64u << 10)

bool wire_recv(struct wire *wire, enum wire_end end)
{
	struct wire_socket *s = &wire->ends[end];
	uint64_t whole = s->whole;
	size_t taken = 0;
	bool full = true;
	ssize_t n;

	for (unsigned i = 0; i < RECEIVES_AT_A_TIME && full; i++) {
		if (wire->lost || s->fd < 0 || !s->reads)
			return false;
		if (taken >= BYTES_AT_A_TIME && s->whole != whole)
			break;
		n = receive(wire, s, &full);
		if (n <= 0)
			return false;
		taken += (size_t)n;
		if (parse(wire, s)) {
			/*
			 * An end that failed has set its message already; otherwise the owner
			 * refused a command.
			 */
			wire_lose(wire, -EPROTO, "a command was not handled");
			return false;
		}
	}
	return full;
}

/* Close the descriptors that arrived for a lost connection. */
static void drop_fds(struct msghdr *msg)
{
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(msg);
	int fd;

	for (size_t at = CMSG_LEN(0); cmsg && at + sizeof(fd) <= cmsg->cmsg_len; at += sizeof(fd)) {
		memcpy(&fd, (char *)cmsg + at, sizeof(fd));
		close(fd);
	}
}

bool wire_wait(struct wire *wire, enum wire_end end)
{
	struct wire_socket *s = &wire->ends[end];
	union control control;
	struct iovec iov[4];
	struct msghdr msg = {
		.msg_iov = iov,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes),
	};
	size_t direct;
	ssize_t n;

	/* Between two messages everything goes to the buffer, which only the receiver uses. */
	if (wire->lost || !s->waits || !s->reads || s->first || s->body || s->at != s->have)
		return false;
	msg.msg_iovlen = places(wire, s, iov, &direct);
	pthread_mutex_unlock(&wire->lock);
	/* Do not retry after a signal: that would restart the timeout. */
	n = recvmsg(s->fd, &msg, MSG_CMSG_CLOEXEC);
	if (n < 0)
		n = errno == EINTR ? -EAGAIN : -errno;
	pthread_mutex_lock(&wire->lock);
	if (wire->lost) {
		if (n > 0)
			drop_fds(&msg);
		return true;
	}
	n = came(wire, s, &msg, direct, n);
	if (n > 0 && parse(wire, s))
		wire_lose(wire, -EPROTO, "a command was not handled");
	return n;
}
