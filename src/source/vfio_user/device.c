/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The vfio-user source: its beginning, its end, and its work.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "source/vfio_user/priv.h"
#include "wire/socket.h"

const struct vfmig_option vfio_user_option_table[] = {
	{.name = "extensions",
	 .kind = VFMIG_OPTION_BOOL,
	 .offset = offsetof(struct vfio_user_options, extensions),
	 .preset = "on",
	 .help = "offer our extension (P2P states, sizes); off: be a plain client"},
	{.name = "twin_socket",
	 .kind = VFMIG_OPTION_BOOL,
	 .offset = offsetof(struct vfio_user_options, twin_socket),
	 .preset = "on",
	 .help = "let the server have a socket of its own for DMA by message"},
	{.name = "timeout",
	 .kind = VFMIG_OPTION_MSEC,
	 .offset = offsetof(struct vfio_user_options, timeout_ms),
	 .preset = "30s",
	 .help = "how long the server may take to be met, and for an answer",
	 .min = 1},
	{.kind = VFMIG_OPTION_END},
};

/* ---- what the wire tells ---- */

static struct vu *vu_of(struct wire *wire)
{
	return (struct vu *)((char *)wire - offsetof(struct vu, wire));
}

static int command_came(struct wire *wire, struct wire_msg *msg)
{
	return vfio_user_command(vu_of(wire), msg);
}

static void reply_came(struct wire *wire, struct wire_ask *ask)
{
	vfio_user_answer(vu_of(wire), ask);
}

static const struct wire_ops wire_ops = {
	.command = command_came,
	.reply = reply_came,
};

/* ---- a device's operations ---- */

static void submit(struct vfmig_device *device, struct vfmig_request *request)
{
	struct vu *vu = (struct vu *)device;

	switch (request->op) {
	case VFMIG_OP_DEVICE_INFO:
	case VFMIG_OP_REGION_INFO:
	case VFMIG_OP_IRQ_INFO:
		vfio_user_info(vu, request);
		return;
	case VFMIG_OP_REGION_READ:
	case VFMIG_OP_REGION_WRITE:
		vfio_user_region(vu, request);
		return;
	case VFMIG_OP_REGION_FD:
		vfio_user_region_fd(vu, request);
		return;
	case VFMIG_OP_SET_IRQS:
		vfio_user_irqs(vu, request);
		return;
	case VFMIG_OP_RESET:
		vfio_user_reset(vu, request);
		return;
	case VFMIG_OP_FEATURE:
		vfio_user_feature(vu, request);
		return;
	case VFMIG_OP_DATA_READ:
	case VFMIG_OP_DATA_WRITE:
		vfio_user_data(vu, request);
		return;
	case VFMIG_OP_WINDOW:
		vfio_user_window(vu, request);
		return;
	case VFMIG_OP_PRECOPY_INFO:
		vfio_user_precopy(vu, request);
		return;
	case VFMIG_OP_ATTACH:
		vfio_user_attach(vu, request);
		return;
	case VFMIG_OP_DETACH:
		vfio_user_detach(vu, request);
		return;
	case VFMIG_OP_SPACE_MAP:
		vfio_user_map(vu, request);
		return;
	case VFMIG_OP_SPACE_UNMAP:
		vfio_user_unmap(vu, request);
		return;
	default:
		request_complete_err(request, -EOPNOTSUPP, "%s: a device does not do %s",
				     device->name, vfmig_op_name(request->op));
	}
}

static int get_fd(struct vfmig_device *device)
{
	return ((struct vu *)device)->epoll;
}

/* After the end something stays readable, so that whoever polls comes and learns of it. */
static void note_end(struct vu *vu)
{
	uint64_t one = 1;
	ssize_t n = write(vu->gone, &one, sizeof(one));

	(void)n;
}

/*
 * With one question under way its answer is all that there is to wait for, as a rule, and the receive can wait for it by
 * itself: a register read is a send and a receive then, with no poll between. For the few milliseconds that it takes at
 * the most nobody looks at the rest: room to send, of which there is enough, and kicks. Not where the server does DMA
 * by message, which has a socket of its own.
 */
static bool wait_for_answer(struct vu *vu)
{
	struct wire *wire = &vu->wire;

	pthread_mutex_lock(&wire->lock);
	vu->waited = vu->under_way == 1 && !vu->by_message && wire_wait(wire, WIRE_MAIN);
	pthread_mutex_unlock(&wire->lock);
	return vu->waited;
}

/* Who has less time than this finds out by the clock. */
#define SOON_MS 100

/* One system call finds out all that a leader and the ends of the wire wait for. */
static void wait_for_events(struct vfmig_device *device, int timeout_ms)
{
	struct vu *vu = (struct vu *)device;
	int n;

	if ((timeout_ms < 0 || timeout_ms > SOON_MS) && wait_for_answer(vu))
		return;
	n = epoll_wait(vu->epoll, vu->events, VU_EVENTS, timeout_ms);

	vu->nevents = n > 0 ? n : 0;
}

static void end_event(struct wire *wire, enum wire_end end, uint32_t events)
{
	if (events & EPOLLOUT)
		wire_flush(wire, end);
	if (events & ~(uint32_t)EPOLLOUT)
		wire_recv(wire, end);
}

static void drain(int fd)
{
	uint64_t count;
	ssize_t n = read(fd, &count, sizeof(count));

	(void)n;
}

static int process(struct vfmig_device *device, struct vfmig_error *err)
{
	struct vu *vu = (struct vu *)device;
	struct wire *wire = &vu->wire;
	bool commands;
	int lost;

	if (!vu->nevents && !vu->waited)
		wait_for_events(device, 0);
	vu->waited = false;
	pthread_mutex_lock(&wire->lock);
	for (int i = 0; i < vu->nevents; i++) {
		uint32_t who = vu->events[i].data.u32;

		if (who < WIRE_ENDS)
			end_event(wire, who, vu->events[i].events);
		else if (who == VU_KICK)
			drain(device->work_wake);
	}
	vu->nevents = 0;
	lost = wire->lost;
	commands = vu->commands;
	if (!commands)
		vfio_user_look_locked(vu);
	pthread_mutex_unlock(&wire->lock);
	if (commands) {
		vfio_user_serve(vu);
		vfio_user_look(vu);
	}
	if (!lost)
		return 0;
	note_end(vu);
	return vfmig_err(err, lost, "%s: %s", device->name, wire->why.text);
}

static void close_device(struct vfmig_device *device)
{
	struct vu *vu = (struct vu *)device;
	struct wire *wire = &vu->wire;

	pthread_mutex_lock(&wire->lock);
	wire_lose(wire, -ESHUTDOWN, "the device was closed");
	vfio_user_serve_free(vu);
	pthread_mutex_unlock(&wire->lock);
	vfio_user_look(vu);
	vfio_user_jobs_free(vu);
	vfio_user_kept_free(vu);
	wire_fini(wire);
	pthread_cond_destroy(&vu->looked);
	dirty_free(vu->extra);
	free(vu->maps);
	close(vu->epoll);
	close(vu->gone);
	if (vu->nowhere >= 0)
		close(vu->nowhere);
	device_fini(device);
	free(vu);
}

static const struct device_ops ops = {
	.submit = submit,
	.cancel = vfio_user_cancel,
	.fd = get_fd,
	.process = process,
	.poll = wait_for_events,
	.close = close_device,
};

/* ---- VERSION ---- */

struct negotiation {
	struct wire_ask ask;
	bool done;
	uint8_t data[ABI_MSG_JSON_MAX + ABI_MSG_VERSION_SIZE];
};

static void hello_answered(struct wire *wire, struct wire_ask *ask)
{
	((struct negotiation *)ask)->done = true;
}

static int no_command_yet(struct wire *wire, struct wire_msg *msg)
{
	return wire_lose(wire, -EPROTO, "the server asks before it has introduced itself");
}

static const struct wire_ops hello_ops = {
	.command = no_command_yet,
	.reply = hello_answered,
};

static int wait_hello(struct vu *vu, struct negotiation *negotiation, int64_t deadline,
		      struct vfmig_error *err)
{
	int64_t left;
	struct pollfd fd = {.fd = vu->epoll, .events = POLLIN};
	struct wire *wire = &vu->wire;

	while (!negotiation->done) {
		left = deadline - device_now();
		if (left <= 0)
			return vfmig_err(err, -ETIMEDOUT,
					 "%s: the server does not answer; it hangs, or serves "
					 "somebody else",
					 vu->device.name);
		left = (left + 999999) / 1000000;
		poll(&fd, 1, left > 60000 ? 60000 : (int)left);
		pthread_mutex_lock(&wire->lock);
		wire_flush(wire, WIRE_MAIN);
		/* No more than the answer: what follows may want the second socket. */
		wire_recv(wire, WIRE_MAIN);
		pthread_mutex_unlock(&wire->lock);
	}
	if (wire->lost)
		return vfmig_err(err, wire->lost, "%s: %s", vu->device.name, wire->why.text);
	if (negotiation->ask.error)
		return vfmig_err(err, negotiation->ask.error, "%s: the server refuses us: %s",
				 vu->device.name, strerror(-negotiation->ask.error));
	return 0;
}

static int take_twin(struct vu *vu, struct negotiation *negotiation, struct vfmig_error *err)
{
	int type = 0, domain = 0, *fd;
	socklen_t len = sizeof(int);

	if (!vu->caps.twin_socket)
		return 0;
	if (!vu->options.twin_socket || vu->caps.twin_fd < 0 ||
	    (unsigned)vu->caps.twin_fd >= negotiation->ask.nfds)
		return vfmig_err(err, -EPROTO,
				 "%s: the server has a second socket for us, and does not send it",
				 vu->device.name);
	fd = &negotiation->ask.fds[vu->caps.twin_fd];
	if (getsockopt(*fd, SOL_SOCKET, SO_TYPE, &type, &len) ||
	    getsockopt(*fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) || type != SOCK_STREAM ||
	    domain != AF_UNIX)
		return vfmig_err(err, -EPROTO, "%s: the server's second socket is none",
				 vu->device.name);
	type = *fd;
	*fd = -1;
	return wire_twin(&vu->wire, type, err);
}

static int take_hello(struct vu *vu, struct negotiation *negotiation, struct vfmig_error *err)
{
	int ret = wire_caps_decode(negotiation->data, negotiation->ask.data_len, &vu->caps, err);

	if (ret)
		return vfmig_err_at(err, ret, "%s", vu->device.name);
	if (vu->caps.major != WIRE_MAJOR || vu->caps.minor > WIRE_MINOR)
		return vfmig_err(err, -EPROTO, "%s: the server speaks version %u.%u, and we %u.%u",
				 vu->device.name, vu->caps.major, vu->caps.minor, WIRE_MAJOR,
				 WIRE_MINOR);
	if (vu->caps.max_data_xfer_size < VU_XFER_MIN)
		return vfmig_err(
			err, -EPROTO,
			"%s: the server takes %u bytes of data per message (max_data_xfer_size), "
			"and we need %u",
			vu->device.name, vu->caps.max_data_xfer_size, VU_XFER_MIN);
	if (!vu->options.extensions)
		vu->caps.vfmig = 0;
	if (vu->caps.vfmig > WIRE_EXTENSION)
		vu->caps.vfmig = WIRE_EXTENSION;
	vu->plain = !vu->caps.vfmig;
	vu->xfer = vu->caps.max_data_xfer_size < ABI_MSG_XFER_DEFAULT ? vu->caps.max_data_xfer_size
								      : ABI_MSG_XFER_DEFAULT;
	vu->write_max = vu->plain && vu->xfer > VU_PLAIN_PIECE ? VU_PLAIN_PIECE : vu->xfer;
	return take_twin(vu, negotiation, err);
}

static int introduce(struct vu *vu, int64_t deadline, struct vfmig_error *err)
{
	struct negotiation *negotiation = calloc(1, sizeof(*negotiation));
	struct wire_caps ours;
	void *payload = NULL;
	size_t len;
	int ret;

	wire_caps_ours(&ours);
	ours.max_msg_fds = WIRE_REPLY_FDS;
	if (!vu->options.extensions)
		ours.vfmig = 0;
	if (!vu->options.twin_socket)
		ours.twin_socket = false;
	if (negotiation)
		payload = wire_caps_encode(&ours, &len);
	if (!payload) {
		free(negotiation);
		return vfmig_err(err, -ENOMEM, "no memory for VERSION");
	}
	negotiation->ask.out.head_len = ABI_MSG_HEADER_SIZE;
	negotiation->ask.out.body = payload;
	negotiation->ask.out.body_len = len;
	negotiation->ask.data = negotiation->data;
	negotiation->ask.data_max = sizeof(negotiation->data);
	vu->wire.ops = &hello_ops;
	pthread_mutex_lock(&vu->wire.lock);
	wire_send_command(&vu->wire, WIRE_MAIN, VFMIG_USER_VERSION, &negotiation->ask);
	pthread_mutex_unlock(&vu->wire.lock);
	ret = wait_hello(vu, negotiation, deadline, err);
	if (!ret)
		ret = take_hello(vu, negotiation, err);
	if (ret) {
		pthread_mutex_lock(&vu->wire.lock);
		wire_lose(&vu->wire, -EPROTO, "the server did not introduce itself");
		pthread_mutex_unlock(&vu->wire.lock);
	}
	vu->wire.ops = &wire_ops;
	wire_close_fds(negotiation->ask.fds, &negotiation->ask.nfds);
	free(payload);
	free(negotiation);
	return ret;
}

/* ---- making one ---- */

static int add_fd(struct vu *vu, int fd, uint32_t who)
{
	struct epoll_event event = {.events = EPOLLIN, .data.u32 = who};

	return epoll_ctl(vu->epoll, EPOLL_CTL_ADD, fd, &event);
}

static int open_epoll(struct vu *vu)
{
	vu->epoll = epoll_create1(EPOLL_CLOEXEC);
	vu->gone = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (vu->epoll < 0 || vu->gone < 0 || add_fd(vu, vu->gone, VU_GONE) ||
	    add_fd(vu, vu->device.work_wake, VU_KICK))
		return -errno;
	return 0;
}

static int open_wire(struct vu *vu, int fd, struct vfmig_error *err)
{
	int ret = open_epoll(vu);

	if (ret || dirty_create(&vu->extra, NULL)) {
		ret = ret ? ret : -ENOMEM;
		close(fd);
		return vfmig_err(err, ret, "no descriptors or memory for a vfio-user client: %s",
				 strerror(-ret));
	}
	return wire_init(&vu->wire, &wire_ops, fd, vu->epoll,
			 WIRE_COMMAND_MAX(ABI_MSG_XFER_DEFAULT), err);
}

/* By when a server that is met now must have introduced itself. */
static int64_t deadline_of(const struct vfio_user_options *options)
{
	return device_now() + (int64_t)options->timeout_ms * 1000000;
}

/* @deadline: 0 is the options' time limit from now on */
static int adopt(int fd, const char *name, const char *options, int64_t deadline,
		 struct vfmig_device **device, struct vfmig_error *err)
{
	struct vu *vu = calloc(1, sizeof(*vu));
	int ret;

	if (!vu) {
		close(fd);
		return vfmig_err(err, -ENOMEM, "no memory for a vfio-user client");
	}
	vu->epoll = vu->gone = vu->nowhere = -1;
	vu->order_last = &vu->order;
	vu->waiting_last = &vu->waiting;
	vu->answers_last = &vu->answers;
	ret = vfmig_options_parse(vfio_user_option_table, options, &vu->options, err);
	if (!ret)
		ret = device_init(&vu->device, &ops, name, err);
	if (ret) {
		close(fd);
		free(vu);
		return ret;
	}
	vfmig_device_set_timeout(&vu->device, vu->options.timeout_ms);
	ret = open_wire(vu, fd, err);
	if (ret) {
		if (vu->epoll >= 0)
			close(vu->epoll);
		if (vu->gone >= 0)
			close(vu->gone);
		dirty_free(vu->extra);
		device_fini(&vu->device);
		free(vu);
		return ret;
	}
	pthread_cond_init(&vu->looked, NULL);
	ret = introduce(vu, deadline ? deadline : deadline_of(&vu->options), err);
	if (ret) {
		close_device(&vu->device);
		return ret;
	}
	*device = &vu->device;
	return 0;
}

int vfio_user_adopt(int fd, const char *name, const char *options, struct vfmig_device **device,
		    struct vfmig_error *err)
{
	return adopt(fd, name, options, 0, device, err);
}

int vfio_user_connect(const char *path, const char *options, struct vfmig_device **device,
		      struct vfmig_error *err)
{
	struct vfio_user_options parsed;
	int64_t deadline;
	char name[256];
	int fd, ret = vfmig_options_parse(vfio_user_option_table, options, &parsed, err);

	if (ret)
		return ret;
	deadline = deadline_of(&parsed);
	fd = socket_connect_until(path, deadline, err);
	if (fd < 0)
		return fd;
	snprintf(name, sizeof(name), "vfio-user:%s", path);
	return adopt(fd, name, options, deadline, device, err);
}
