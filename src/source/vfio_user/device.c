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

#define AT(member) offsetof(struct vfio_user_options, member)
const struct vfmig_option vfio_user_option_table[] = {
	{"extensions", VFMIG_OPTION_BOOL, AT(extensions), "on",
	 "negotiate the vfmig extension (P2P states, data sizes); off: only what the specification has"},
	{"twin_socket", VFMIG_OPTION_BOOL, AT(twin_socket), "on",
	 "offer the server a second socket for DMA messages (twin-socket)"},
	{"timeout", VFMIG_OPTION_MSEC, AT(timeout_ms), "30s",
	 "time limit for connecting and for each reply", 1},
	{NULL},
};

/* ---- callbacks of the wire ---- */

static struct vfio_user *client_of(struct wire *wire)
{
	return (struct vfio_user *)((char *)wire - offsetof(struct vfio_user, wire));
}

static int command_came(struct wire *wire, struct wire_msg *msg)
{
	return vfio_user_command(client_of(wire), msg);
}

static void reply_came(struct wire *wire, struct wire_ask *ask)
{
	vfio_user_answer(client_of(wire), ask);
}

static const struct wire_ops wire_ops = {
	.command = command_came,
	.reply = reply_came,
};

/* ---- a device's operations ---- */

static void submit(struct vfmig_device *device, struct vfmig_request *request)
{
	struct vfio_user *client = (struct vfio_user *)device;

	switch (request->op) {
	case VFMIG_OP_DEVICE_INFO:
	case VFMIG_OP_REGION_INFO:
	case VFMIG_OP_IRQ_INFO:
		vfio_user_info(client, request);
		return;
	case VFMIG_OP_REGION_READ:
	case VFMIG_OP_REGION_WRITE:
		vfio_user_region(client, request);
		return;
	case VFMIG_OP_REGION_FD:
		vfio_user_region_fd(client, request);
		return;
	case VFMIG_OP_SET_IRQS:
		vfio_user_irqs(client, request);
		return;
	case VFMIG_OP_RESET:
		vfio_user_reset(client, request);
		return;
	case VFMIG_OP_FEATURE:
		vfio_user_feature(client, request);
		return;
	case VFMIG_OP_DATA_READ:
	case VFMIG_OP_DATA_WRITE:
		vfio_user_data(client, request);
		return;
	case VFMIG_OP_PRECOPY_INFO:
		vfio_user_precopy(client, request);
		return;
	case VFMIG_OP_ATTACH:
		vfio_user_attach(client, request);
		return;
	case VFMIG_OP_DETACH:
		vfio_user_detach(client, request);
		return;
	case VFMIG_OP_SPACE_MAP:
		vfio_user_map(client, request);
		return;
	case VFMIG_OP_SPACE_UNMAP:
		vfio_user_unmap(client, request);
		return;
	default:
		request_complete_err(request, -EOPNOTSUPP,
				     "%s: operation %s is not an operation of devices",
				     device->name, vfmig_op_name(request->op));
	}
}

static int get_fd(struct vfmig_device *device)
{
	return ((struct vfio_user *)device)->epoll;
}

/* After the end a descriptor stays readable, so that every thread that polls learns of it. */
static void note_end(struct vfio_user *client)
{
	uint64_t one = 1;
	ssize_t n = write(client->gone, &one, sizeof(one));

	(void)n;
}

/*
 * If one request is under way, the next event is usually its answer, and recv() can wait for that:
 * a register read is then a send and a receive, without a poll between. For up to a few
 * milliseconds the thread does not watch for space to send, of which there is enough, or for
 * wake-ups. Not if the server does DMA by message on this socket.
 */
static bool wait_for_answer(struct vfio_user *client)
{
	struct wire *wire = &client->wire;

	pthread_mutex_lock(&wire->lock);
	client->waited =
		client->under_way == 1 && !client->by_message && wire_wait(wire, WIRE_MAIN);
	pthread_mutex_unlock(&wire->lock);
	return client->waited;
}

/* A request with less time left than this expires by the clock. */
#define SOON_MS 100

/* One system call finds out all that a leader and the ends of the wire wait for. */
static void wait_for_events(struct vfmig_device *device, int timeout_ms)
{
	struct vfio_user *client = (struct vfio_user *)device;
	int n;

	if ((timeout_ms < 0 || timeout_ms > SOON_MS) && wait_for_answer(client))
		return;
	n = epoll_wait(client->epoll, client->events, VFIO_USER_EVENTS, timeout_ms);

	client->nevents = n > 0 ? n : 0;
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
	struct vfio_user *client = (struct vfio_user *)device;
	struct wire *wire = &client->wire;
	bool commands;
	int lost;

	if (!client->nevents && !client->waited)
		wait_for_events(device, 0);
	client->waited = false;
	pthread_mutex_lock(&wire->lock);
	for (int i = 0; i < client->nevents; i++) {
		uint32_t who = client->events[i].data.u32;

		if (who < WIRE_ENDS)
			end_event(wire, who, client->events[i].events);
		else if (who == VFIO_USER_WAKE)
			drain(device->work_wake);
	}
	client->nevents = 0;
	lost = wire->lost;
	commands = client->commands;
	if (!commands)
		vfio_user_look_locked(client);
	pthread_mutex_unlock(&wire->lock);
	if (commands) {
		vfio_user_serve(client);
		vfio_user_look(client);
	}
	if (!lost)
		return 0;
	note_end(client);
	return vfmig_err(err, lost, "%s: %s", device->name, wire->why.text);
}

static void close_device(struct vfmig_device *device)
{
	struct vfio_user *client = (struct vfio_user *)device;
	struct wire *wire = &client->wire;

	pthread_mutex_lock(&wire->lock);
	wire_lose(wire, -ESHUTDOWN, "the device is closed");
	vfio_user_serve_free(client);
	pthread_mutex_unlock(&wire->lock);
	vfio_user_look(client);
	vfio_user_jobs_free(client);
	vfio_user_kept_free(client);
	wire_fini(wire);
	pthread_cond_destroy(&client->looked);
	dirty_free(client->extra);
	free(client->maps);
	close(client->epoll);
	close(client->gone);
	if (client->nowhere >= 0)
		close(client->nowhere);
	device_fini(device);
	free(client);
}

static const struct device_ops ops = {
	.handles = DEVICE_HANDLES_RUNS,
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
	return wire_lose(wire, -EPROTO, "the server sent a command before its reply to VERSION");
}

static const struct wire_ops hello_ops = {
	.command = no_command_yet,
	.reply = hello_answered,
};

static int wait_hello(struct vfio_user *client, struct negotiation *negotiation, int64_t deadline,
		      struct vfmig_error *err)
{
	int64_t left;
	struct pollfd fd = {.fd = client->epoll, .events = POLLIN};
	struct wire *wire = &client->wire;

	while (!negotiation->done) {
		left = deadline - device_now();
		if (left <= 0)
			return vfmig_err(
				err, -ETIMEDOUT,
				"%s: no reply to VERSION within the time limit; the server hangs or serves another client",
				client->device.name);
		left = (left + 999999) / 1000000;
		poll(&fd, 1, left > 60000 ? 60000 : (int)left);
		pthread_mutex_lock(&wire->lock);
		wire_flush(wire, WIRE_MAIN);
		/* No more than the answer: what follows may want the second socket. */
		wire_recv(wire, WIRE_MAIN);
		pthread_mutex_unlock(&wire->lock);
	}
	if (wire->lost)
		return vfmig_err(err, wire->lost, "%s: %s", client->device.name, wire->why.text);
	if (negotiation->ask.error)
		return vfmig_err(err, negotiation->ask.error, "%s: the server rejected VERSION: %s",
				 client->device.name, strerror(-negotiation->ask.error));
	return 0;
}

static int take_twin(struct vfio_user *client, struct negotiation *negotiation,
		     struct vfmig_error *err)
{
	int type = 0, domain = 0, *fd;
	socklen_t len = sizeof(int);

	if (!client->caps.twin_socket)
		return 0;
	if (!client->options.twin_socket || client->caps.twin_fd < 0 ||
	    (unsigned)client->caps.twin_fd >= negotiation->ask.nfds)
		return vfmig_err(
			err, -EPROTO,
			"%s: the server negotiated twin-socket, and its reply has no descriptor for it",
			client->device.name);
	fd = &negotiation->ask.fds[client->caps.twin_fd];
	if (getsockopt(*fd, SOL_SOCKET, SO_TYPE, &type, &len) ||
	    getsockopt(*fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) || type != SOCK_STREAM ||
	    domain != AF_UNIX)
		return vfmig_err(err, -EPROTO,
				 "%s: the server's descriptor for twin-socket is not a socket",
				 client->device.name);
	type = *fd;
	*fd = -1;
	return wire_twin(&client->wire, type, err);
}

static int take_hello(struct vfio_user *client, struct negotiation *negotiation,
		      struct vfmig_error *err)
{
	int ret =
		wire_caps_decode(negotiation->data, negotiation->ask.data_len, &client->caps, err);

	if (ret)
		return vfmig_err_at(err, ret, "%s", client->device.name);
	if (client->caps.major != WIRE_MAJOR || client->caps.minor > WIRE_MINOR)
		return vfmig_err(err, -EPROTO,
				 "%s: the server uses protocol version %u.%u, this client %u.%u",
				 client->device.name, client->caps.major, client->caps.minor,
				 WIRE_MAJOR, WIRE_MINOR);
	if (client->caps.max_data_xfer_size < VFIO_USER_XFER_MIN)
		return vfmig_err(
			err, -EPROTO,
			"%s: the server's max_data_xfer_size is %u; this client needs at least %u",
			client->device.name, client->caps.max_data_xfer_size, VFIO_USER_XFER_MIN);
	if (!client->options.extensions)
		client->caps.vfmig = 0;
	if (client->caps.vfmig > WIRE_EXTENSION)
		client->caps.vfmig = WIRE_EXTENSION;
	client->plain = !client->caps.vfmig;
	client->xfer = client->caps.max_data_xfer_size < ABI_MSG_XFER_DEFAULT
			       ? client->caps.max_data_xfer_size
			       : ABI_MSG_XFER_DEFAULT;
	client->write_max = client->plain && client->xfer > VFIO_USER_PLAIN_PIECE
				    ? VFIO_USER_PLAIN_PIECE
				    : client->xfer;
	return take_twin(client, negotiation, err);
}

static int introduce(struct vfio_user *client, int64_t deadline, struct vfmig_error *err)
{
	struct negotiation *negotiation = calloc(1, sizeof(*negotiation));
	struct wire_caps ours;
	void *payload = NULL;
	size_t len;
	int ret;

	wire_caps_ours(&ours);
	ours.max_msg_fds = WIRE_REPLY_FDS;
	if (!client->options.extensions)
		ours.vfmig = 0;
	if (!client->options.twin_socket)
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
	client->wire.ops = &hello_ops;
	pthread_mutex_lock(&client->wire.lock);
	wire_send_command(&client->wire, WIRE_MAIN, VFMIG_USER_VERSION, &negotiation->ask);
	pthread_mutex_unlock(&client->wire.lock);
	ret = wait_hello(client, negotiation, deadline, err);
	if (!ret)
		ret = take_hello(client, negotiation, err);
	if (ret) {
		pthread_mutex_lock(&client->wire.lock);
		wire_lose(&client->wire, -EPROTO, "no reply to VERSION");
		pthread_mutex_unlock(&client->wire.lock);
	}
	client->wire.ops = &wire_ops;
	wire_close_fds(negotiation->ask.fds, &negotiation->ask.nfds);
	free(payload);
	free(negotiation);
	return ret;
}

/* ---- making one ---- */

static int add_fd(struct vfio_user *client, int fd, uint32_t who)
{
	struct epoll_event event = {.events = EPOLLIN, .data.u32 = who};

	return epoll_ctl(client->epoll, EPOLL_CTL_ADD, fd, &event);
}

static int open_epoll(struct vfio_user *client)
{
	client->epoll = epoll_create1(EPOLL_CLOEXEC);
	client->gone = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (client->epoll < 0 || client->gone < 0 || add_fd(client, client->gone, VFIO_USER_GONE) ||
	    add_fd(client, client->device.work_wake, VFIO_USER_WAKE))
		return -errno;
	return 0;
}

static int open_wire(struct vfio_user *client, int fd, struct vfmig_error *err)
{
	int ret = open_epoll(client);

	if (ret || dirty_create(&client->extra, NULL)) {
		ret = ret ? ret : -ENOMEM;
		close(fd);
		return vfmig_err(err, ret, "no descriptors or memory for a vfio-user client: %s",
				 strerror(-ret));
	}
	return wire_init(&client->wire, &wire_ops, fd, client->epoll,
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
	struct vfio_user *client = calloc(1, sizeof(*client));
	int ret;

	if (!client) {
		close(fd);
		return vfmig_err(err, -ENOMEM, "no memory for a vfio-user client");
	}
	client->epoll = client->gone = client->nowhere = -1;
	client->order_last = &client->order;
	client->waiting_last = &client->waiting;
	client->answers_last = &client->answers;
	ret = vfmig_options_parse(vfio_user_option_table, options, &client->options, err);
	if (!ret)
		ret = device_init(&client->device, &ops, name, err);
	if (ret) {
		close(fd);
		free(client);
		return ret;
	}
	vfmig_device_set_timeout(&client->device, client->options.timeout_ms);
	ret = open_wire(client, fd, err);
	if (ret) {
		if (client->epoll >= 0)
			close(client->epoll);
		if (client->gone >= 0)
			close(client->gone);
		dirty_free(client->extra);
		device_fini(&client->device);
		free(client);
		return ret;
	}
	pthread_cond_init(&client->looked, NULL);
	ret = introduce(client, deadline ? deadline : deadline_of(&client->options), err);
	if (ret) {
		close_device(&client->device);
		return ret;
	}
	*device = &client->device;
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
