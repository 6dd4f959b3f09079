/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * VERSION: what the client and the server agree on, and the second socket.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "device/device.h"
#include "export/vfio_user/client.h"
#include "export/vfio_user/server.h"

/* The most descriptors in a message, for clients without the extension. */
#define PLAIN_FDS 16u

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

/* What both ends support. */
static void meet(struct export_client *client, struct wire_caps *ours)
{
	const struct vfmig_export_options *config = &client->server->config;
	const struct wire_caps *theirs = &client->caps;

	wire_caps_ours(ours);
	if (theirs->minor < ours->minor)
		ours->minor = theirs->minor;
	ours->max_dma_maps = client->server->max_maps;
	/* Objects and booleans are replies to those of the client. */
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

/* The socket for commands from the server. The client's end is sent with the reply. */
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
		return vfmig_err(err, -EINVAL, "the client's first command is %u, not VERSION",
				 msg->header.cmd);
	ret = wire_caps_decode(msg->payload, msg->len, &client->caps, err);
	if (ret)
		return ret;
	if (client->caps.major != WIRE_MAJOR)
		return vfmig_err(err, -EINVAL,
				 "the client uses protocol version %u.%u, the server %u.%u",
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
	export_set_timer(client->server, atomic_load(&client->server->device->timeout_ms));
	atomic_store(&client->server->has_client, true);
	vfmig_event(client->server->config.events, "client",
		    VFMIG_U64("extension", client->caps.vfmig),
		    VFMIG_U64("twin_socket", client->wire.ends[WIRE_TWIN].fd >= 0));
	wire_reply_header(&reply->out, &msg->header, 0);
	wire_send(&client->wire, WIRE_MAIN, &reply->out);
	return true;
}
