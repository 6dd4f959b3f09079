/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A connection's beginning and end, and its table of pending commands.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "wire/wire.h"

/*
 * Indexes take this many bits of an id; the others distinguish one use of an index from the next.
 */
#define INDEX_BITS 10
_Static_assert(WIRE_ASKS == 1u << INDEX_BITS, "an index fits in an id");

/*
 * With this buffer a message of 1 MiB goes out in few pieces, and several small ones go out
 * without waiting for the peer. The system's limit may allow less.
 */
#define SEND_BUFFER (1 << 20)

/* How long wire_wait() waits: no longer than the thread that serves the other end can wait. */
#define WAIT_US 1000

static int add_socket(struct wire *wire, enum wire_end end, int fd, struct vfmig_error *err)
{
	struct wire_socket *s = &wire->ends[end];
	struct epoll_event event = {.events = EPOLLIN, .data.u32 = end};
	const struct timeval wait = {.tv_usec = WAIT_US};
	int size = SEND_BUFFER, ret;

	s->fd = fd;
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)))
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	if (epoll_ctl(wire->epoll, EPOLL_CTL_ADD, fd, &event)) {
		ret = -errno;
		return vfmig_err(err, ret, "epoll on a vfio-user socket: %s", strerror(-ret));
	}
	s->reads = true;
	s->flags = fcntl(fd, F_GETFL);
	s->sends_pages = wire_sends_pages();
	s->waits = !setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	return 0;
}

int wire_init(struct wire *wire, const struct wire_ops *ops, int fd, int epoll,
	      uint32_t command_max, struct vfmig_error *err)
{
	int ret;

	memset(wire, 0, sizeof(*wire));
	wire->ops = ops;
	wire->epoll = epoll;
	wire->command_max = command_max;
	for (unsigned i = 0; i < WIRE_ENDS; i++) {
		wire->ends[i].fd = -1;
		wire->ends[i].last = &wire->ends[i].first;
	}
	for (unsigned i = 0; i < WIRE_ASKS; i++)
		wire->unused[i] = (uint16_t)(WIRE_ASKS - 1 - i);
	wire->nunused = WIRE_ASKS;
	ret = add_socket(wire, WIRE_MAIN, fd, err);
	if (ret) {
		close(fd);
		wire->ends[WIRE_MAIN].fd = -1;
		return ret;
	}
	pthread_mutex_init(&wire->lock, NULL);
	return 0;
}

int wire_twin(struct wire *wire, int fd, struct vfmig_error *err)
{
	int ret = add_socket(wire, WIRE_TWIN, fd, err);

	if (ret) {
		close(fd);
		wire->ends[WIRE_TWIN].fd = -1;
	}
	return ret;
}

static void free_list(struct wire_msg *list)
{
	while (list) {
		struct wire_msg *next = list->next;

		free(list->large);
		free(list);
		list = next;
	}
}

void wire_fini(struct wire *wire)
{
	for (unsigned i = 0; i < WIRE_ENDS; i++) {
		struct wire_socket *s = &wire->ends[i];

		if (s->fd >= 0)
			close(s->fd);
		s->fd = -1;
	}
	free_list(wire->kept_small);
	free_list(wire->kept_large);
	pthread_mutex_destroy(&wire->lock);
}

void wire_close_fds(int *fds, unsigned *count)
{
	for (unsigned i = 0; i < *count; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	*count = 0;
}

/* ---- the end ---- */

static void drop_socket(struct wire *wire, struct wire_socket *s)
{
	struct wire_out *out;

	if (s->fd < 0)
		return;
	/*
	 * The descriptor stays open until fini, so that no thread polls a number that has been
	 * reused.
	 */
	epoll_ctl(wire->epoll, EPOLL_CTL_DEL, s->fd, NULL);
	shutdown(s->fd, SHUT_RDWR);
	s->reads = s->writes = false;
	s->broken = true;
	wire_close_fds(s->fds, &s->nfds);
	wire_close_fds(s->late, &s->nlate);
	if (s->msg)
		wire_msg_free(wire, s->msg);
	s->msg = NULL;
	s->ask = NULL;
	s->at = s->have = 0;
	while ((out = s->first)) {
		s->first = out->next;
		out->queued = false;
		free(out->own);
		out->own = NULL;
		if (out->sent)
			out->sent(wire, out);
	}
	s->last = &s->first;
	s->queued = 0;
}

void wire_forget(struct wire *wire, struct wire_ask *ask)
{
	unsigned index = ask->id & (WIRE_ASKS - 1);

	ask->pending = false;
	wire->asks[index] = NULL;
	wire->turn[index]++;
	wire->unused[wire->nunused++] = (uint16_t)index;
}

int wire_lose(struct wire *wire, int code, const char *fmt, ...)
{
	va_list ap;

	if (wire->lost)
		return code;
	wire->lost = code;
	va_start(ap, fmt);
	vfmig_verr(&wire->why, code, fmt, ap);
	va_end(ap);
	for (unsigned i = 0; i < WIRE_ENDS; i++)
		drop_socket(wire, &wire->ends[i]);
	for (unsigned i = 0; i < WIRE_ASKS; i++) {
		struct wire_ask *ask = wire->asks[i];

		if (!ask)
			continue;
		wire_forget(wire, ask);
		wire_close_fds(ask->fds, &ask->nfds);
		ask->error = code;
		wire->ops->reply(wire, ask);
	}
	return code;
}

/* ---- pending commands ---- */

static void put_header(struct wire_out *out, uint16_t id, uint16_t cmd, uint32_t flags,
		       uint32_t error)
{
	struct vfmig_user_header h = {
		.msg_id = id,
		.cmd = cmd,
		.msg_size = (uint32_t)(out->head_len + out->body_len),
		.flags = flags,
		.error_no = error,
	};

	abi_msg_put_header(out->head, sizeof(out->head), &h);
}

int wire_send_command(struct wire *wire, enum wire_end end, uint16_t cmd, struct wire_ask *ask)
{
	unsigned index;

	if (wire->lost)
		return -ENOTCONN;
	if (!wire->nunused)
		return -EBUSY;
	index = wire->unused[--wire->nunused];
	ask->id = (uint16_t)(index | (unsigned)wire->turn[index] << INDEX_BITS);
	ask->cmd = cmd;
	ask->end = end;
	ask->error = 0;
	ask->reply_len = ask->data_len = 0;
	ask->nfds = 0;
	ask->abandoned = false;
	ask->pending = true;
	wire->asks[index] = ask;
	ask->npages = wire->ends[end].first ? UINT64_MAX : wire->ends[end].npages;
	put_header(&ask->out, ask->id, cmd, VFMIG_USER_FLAG_TYPE_COMMAND, 0);
	wire_send(wire, end, &ask->out);
	return 0;
}

void wire_reply_header(struct wire_out *out, const struct vfmig_user_header *command, int error)
{
	if (error) {
		out->head_len = ABI_MSG_HEADER_SIZE;
		out->body = NULL;
		out->files = NULL;
		out->npieces = 0;
		out->body_len = 0;
	}
	put_header(out, command->msg_id, command->cmd,
		   VFMIG_USER_FLAG_TYPE_REPLY | (error ? VFMIG_USER_FLAG_ERROR : 0),
		   error ? (uint32_t)-error : 0);
}

/* Remove it from the queue, if no byte of it was sent. */
static bool take_back(struct wire *wire, struct wire_ask *ask)
{
	struct wire_socket *s = &wire->ends[ask->end];
	struct wire_out **at = &s->first;

	while (*at && *at != &ask->out)
		at = &(*at)->next;
	if (!*at)
		return false;
	*at = ask->out.next;
	if (!*at)
		s->last = at;
	s->queued -= ask->out.head_len + ask->out.body_len;
	ask->out.queued = false;
	return true;
}

bool wire_abandon(struct wire *wire, struct wire_ask *ask)
{
	struct wire_out *out = &ask->out;
	size_t gone;

	ask->abandoned = true;
	ask->data = NULL;
	if (!ask->pending)
		return false;
	if (!out->queued)
		return false;
	if (!out->done && take_back(wire, ask)) {
		wire_forget(wire, ask);
		return true;
	}
	/* The peer has the beginning and must get the rest: send that from a copy. */
	gone = out->done > out->head_len ? out->done - out->head_len : 0;
	out->own = malloc(out->body_len - gone + 1);
	if (!out->own) {
		wire_lose(wire, -ENOMEM, "no memory to finish a message that is half sent");
		return false;
	}
	if (out->body_len > gone)
		memcpy(out->own, (const char *)out->body + gone, out->body_len - gone);
	/* As if the body began there. */
	out->body = out->own;
	out->body_len -= gone;
	out->done -= gone;
	wire->ends[ask->end].queued -= gone;
	return false;
}
