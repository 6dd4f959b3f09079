/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A client: how it comes, and how it goes.
 *
 * When it goes, what was its own goes with it: memory, interrupts, logging. The device stays, with its state; but
 * it runs for nobody, so it is stopped, as long as it can be. Who comes next may go on with it (set it
 * running) or begin anew (reset it).
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "device/device.h"
#include "export/vfio_user/server.h"
#include "protocol/expose.h"

/* What a client without our extension is told of descriptors in a message. */
#define PLAIN_FDS 16u

/* ---- what the wire tells ---- */

static int command_came(struct wire *wire, struct wire_msg *msg)
{
	return export_queue((struct export_client *)wire, msg);
}

/* A server asks for nothing but DMA. */
static void answer_came(struct wire *wire, struct wire_ask *ask)
{
	export_remote_answer((struct export_client *)wire, ask);
}

static const struct wire_ops wire_ops = {
	.command = command_came,
	.reply = answer_came,
};

/* ---- how it comes ---- */

static void poll_listen(struct vfmig_export *server, bool on)
{
	struct epoll_event event = {.events = on ? EPOLLIN : 0, .data.u32 = EXPORT_POLL_LISTEN};

	if (server->listen_fd >= 0)
		epoll_ctl(server->epoll, EPOLL_CTL_MOD, server->listen_fd, &event);
}

/* The time that a client has to introduce itself; after that how often its commands are looked at. 0 ends it. */
static void set_timer(struct vfmig_export *server, uint64_t msec)
{
	const struct timespec time = {.tv_sec = (time_t)(msec / 1000),
				      .tv_nsec = (long)(msec % 1000) * 1000000};
	const struct itimerspec when = {.it_interval = time, .it_value = time};

	timerfd_settime(server->timer, 0, &when, NULL);
}

/* How long after a failed accept() it is tried again: the connection stays in the backlog, and would be reported without end. */
#define ACCEPT_AGAIN_MS 100

void export_accept_later(struct vfmig_export *server)
{
	poll_listen(server, false);
	set_timer(server, ACCEPT_AGAIN_MS);
}

void export_accept_again(struct vfmig_export *server)
{
	set_timer(server, 0);
	poll_listen(server, true);
}

int export_client_new(struct vfmig_export *server, int fd, struct vfmig_error *err)
{
	struct export_client *client = calloc(1, sizeof(*client));
	pthread_condattr_t attr;
	int ret;

	if (!client) {
		close(fd);
		return vfmig_err(err, -ENOMEM, "no memory for a client");
	}
	client->server = server;
	client->xfer = ABI_MSG_XFER_DEFAULT;
	client->dma_wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (client->dma_wake < 0) {
		ret = vfmig_err(err, -errno, "no eventfd for a client: raise RLIMIT_NOFILE");
		close(fd);
		free(client);
		return ret;
	}
	ret = wire_init(&client->wire, &wire_ops, fd, server->epoll,
			WIRE_COMMAND_MAX(ABI_MSG_XFER_DEFAULT), err);
	if (ret) {
		close(client->dma_wake);
		free(client);
		return ret;
	}
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&client->changed, &attr);
	pthread_condattr_destroy(&attr);
	server->client = client;
	poll_listen(server, false);
	set_timer(server, server->config.timeout_ms);
	return 0;
}

/* ---- VERSION ---- */

struct version_reply {
	struct wire_out out;
	int fd;
	void *payload;
};

static void version_sent(struct wire *wire, struct wire_out *out)
{
	struct version_reply *reply = (struct version_reply *)out;

	if (reply->fd >= 0)
		close(reply->fd);
	free(reply->payload);
	free(reply);
}

static void refuse_version(struct export_client *client, const struct wire_msg *msg, int code)
{
	struct version_reply *reply = calloc(1, sizeof(*reply));

	if (!reply)
		return;
	reply->fd = -1;
	reply->out.sent = version_sent;
	wire_reply_header(&reply->out, &msg->header, code);
	wire_send(&client->wire, WIRE_MAIN, &reply->out);
}

/* What both can. */
static void meet(struct export_client *client, struct wire_caps *ours)
{
	const struct vfmig_export_options *config = &client->server->config;
	const struct wire_caps *theirs = &client->caps;

	wire_caps_ours(ours);
	if (theirs->minor < ours->minor)
		ours->minor = theirs->minor;
	ours->max_dma_maps = client->server->max_maps;
	/* Objects and booleans are answers: only to who asked. */
	if (!theirs->migration_pgsize)
		ours->migration_pgsize = 0;
	if (!theirs->write_multiple)
		ours->write_multiple = false;
	if (!theirs->vfmig || config->no_extensions)
		ours->vfmig = 0;
	if (!theirs->twin_socket || !theirs->max_msg_fds || config->no_twin_socket)
		ours->twin_socket = false;
	/* QEMU's client refuses a server that takes more descriptors than it would ever send. */
	if (!ours->vfmig && ours->max_msg_fds > PLAIN_FDS)
		ours->max_msg_fds = PLAIN_FDS;
	client->caps.vfmig = ours->vfmig < theirs->vfmig ? ours->vfmig : theirs->vfmig;
	client->xfer = ours->max_data_xfer_size < theirs->max_data_xfer_size
			       ? ours->max_data_xfer_size
			       : theirs->max_data_xfer_size;
}

/* The socket for commands from here to there. The client's end goes with the reply. */
static int make_twin(struct export_client *client, struct version_reply *reply,
		     struct wire_caps *ours, struct vfmig_error *err)
{
	int pair[2], ret;

	if (!ours->twin_socket)
		return 0;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		return vfmig_err(err, -errno, "no pair of sockets for the client");
	ret = wire_twin(&client->wire, pair[0], err);
	reply->fd = pair[1];
	reply->out.fds = &reply->fd;
	reply->out.nfds = 1;
	ours->twin_fd = 0;
	return ret;
}

static int agree(struct export_client *client, const struct wire_msg *msg,
		 struct version_reply *reply, struct vfmig_error *err)
{
	struct wire_caps ours;
	size_t len;
	int ret;

	if (msg->header.cmd != VFMIG_USER_VERSION)
		return vfmig_err(err, -EINVAL, "the client began with command %u, not with VERSION",
				 msg->header.cmd);
	ret = wire_caps_decode(msg->payload, msg->len, &client->caps, err);
	if (ret)
		return ret;
	if (client->caps.major != WIRE_MAJOR)
		return vfmig_err(err, -EINVAL, "the client speaks version %u.%u, and we %u.%u",
				 client->caps.major, client->caps.minor, WIRE_MAJOR, WIRE_MINOR);
	meet(client, &ours);
	ret = make_twin(client, reply, &ours, err);
	if (ret)
		return ret;
	reply->payload = wire_caps_encode(&ours, &len);
	if (!reply->payload)
		return vfmig_err(err, -ENOMEM, "no memory for VERSION");
	reply->out.body = reply->payload;
	reply->out.body_len = len;
	reply->out.head_len = ABI_MSG_HEADER_SIZE;
	return 0;
}

bool export_agree(struct export_client *client, struct wire_msg *msg)
{
	struct version_reply *reply = calloc(1, sizeof(*reply));
	struct vfmig_error err = {0};
	int ret = -ENOMEM;

	if (reply) {
		reply->fd = -1;
		reply->out.sent = version_sent;
		ret = agree(client, msg, reply, &err);
	}
	if (ret) {
		if (reply)
			version_sent(&client->wire, &reply->out);
		refuse_version(client, msg, ret);
		wire_lose(&client->wire, ret, "%s", err.text);
		return false;
	}
	client->agreed = true;
	set_timer(client->server, atomic_load(&client->server->device->timeout_ms));
	atomic_store(&client->server->has_client, true);
	vfmig_event(client->server->config.events, "client",
		    VFMIG_U64("extension", client->caps.vfmig),
		    VFMIG_U64("twin_socket", client->wire.ends[WIRE_TWIN].fd >= 0));
	wire_reply_header(&reply->out, &msg->header, 0);
	wire_send(&client->wire, WIRE_MAIN, &reply->out);
	return true;
}

/* ---- how it goes ---- */

static bool runs(uint32_t state)
{
	return state == VFMIG_STATE_RUNNING || state == VFMIG_STATE_RUNNING_P2P ||
	       state == VFMIG_STATE_PRE_COPY || state == VFMIG_STATE_PRE_COPY_P2P;
}

/* A session in the newest revision that answers; the others are busy, or not there. NULL: the device cannot migrate. */
static struct vfmig_session *open_session(struct vfmig_device *device, enum vfmig_state *now)
{
	struct vfmig_session *session;

	for (unsigned i = 1; expose_session_protocols[i]; i++) {
		if (vfmig_session_open(device, expose_session_protocols[i], &session, NULL))
			continue;
		if (!vfmig_session_get_state(session, now, NULL))
			return session;
		vfmig_session_close(session);
	}
	return NULL;
}

/* A device that cannot migrate cannot be stopped, and is left alone. */
static void stop_device(struct vfmig_export *server)
{
	enum vfmig_state now;
	struct vfmig_session *session = open_session(server->device, &now);

	if (!session)
		return;
	export_history_state(server, now);
	export_history_left(server, now);
	if (runs(now))
		server->was_running = !vfmig_session_set_state(session, VFMIG_STATE_STOP, NULL);
	vfmig_session_close(session);
}

static int start_device(struct vfmig_export *server)
{
	enum vfmig_state now;
	struct vfmig_session *session = open_session(server->device, &now);
	int ret = session ? vfmig_session_set_state(session, VFMIG_STATE_RUNNING, NULL) : -ENOTTY;

	vfmig_session_close(session);
	return ret;
}

/*
 * Who comes next has the device back. A client with our extension is told that it is stopped, and starts it when its
 * memory is there; a plain one expects to find it as it was left, and may not know of any other state.
 */
void export_welcome(struct export_client *client)
{
	struct vfmig_export *server = client->server;

	client->welcomed = true;
	if (!server->was_running || client->caps.vfmig)
		return;
	server->was_running = false;
	if (start_device(server))
		vfmig_event(server->config.events, "stays-stopped",
			    VFMIG_TEXT("why", "the device does not go back to RUNNING"));
}

static void forget_irqs(struct export_client *client)
{
	for (uint32_t i = 0; i < 64; i++) {
		struct vfmig_request request = {
			.op = VFMIG_OP_SET_IRQS,
			.irqs = {.flags = VFMIG_IRQ_SET_DATA_NONE | VFMIG_IRQ_SET_ACTION_TRIGGER,
				 .index = i},
		};

		if (client->irqs_used >> i & 1)
			vfmig_call(client->server->device, &request);
	}
}

void export_client_gone(struct vfmig_export *server)
{
	struct export_client *client = server->client;
	struct wire *wire = &client->wire;

	set_timer(server, 0);
	atomic_store(&server->has_client, false);
	export_take_back(client);
	if (client->agreed) {
		stop_device(server);
		forget_irqs(client);
	}
	export_dirty_stop(client);
	/* DMA that still waits for the client has failed, and ends here. */
	export_unmap_all(server);
	atomic_store(&server->cut_off, false);
	if (client->logging)
		vfmig_device_call_feature(server->device,
					  VFMIG_FEATURE_DMA_LOGGING_STOP | VFMIG_FEATURE_SET, NULL,
					  0, NULL);
	if (client->sleeps)
		vfmig_device_call_feature(server->device,
					  VFMIG_FEATURE_LOW_POWER_EXIT | VFMIG_FEATURE_SET, NULL, 0,
					  NULL);
	vfmig_event(server->config.events, "client-gone", VFMIG_TEXT("why", wire->why.text));
	/*
	 * QEMU's own client moves a VM as if there were no device: it reports success, and the guest finds a device that
	 * has forgotten it. Nothing comes by which a server could tell; what it sees is this.
	 */
	if (server->was_running && client->agreed && !client->caps.vfmig)
		vfmig_event(server->config.events, "left-running",
			    VFMIG_TEXT("note",
				       "the client has gone from a running device without its "
				       "state; if its VM has moved, it has lost the device"));
	server->client = NULL;
	export_remote_free(client);
	export_ops_free(client);
	wire_fini(wire);
	pthread_cond_destroy(&client->changed);
	close(client->dma_wake);
	free(client->zeros);
	free(client);
	poll_listen(server, true);
}
