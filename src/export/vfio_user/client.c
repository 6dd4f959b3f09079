/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The begin and the end of a client.
 *
 * When a client disconnects, its memory, interrupts and logging are removed. The device keeps its state and is stopped
 * if it can be. The next client may continue (set it RUNNING) or start anew (reset it).
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "device/device.h"
#include "export/vfio_user/client.h"
#include "export/vfio_user/history.h"
#include "export/vfio_user/memory.h"
#include "export/vfio_user/server.h"
#include "protocol/expose.h"

/* ---- callbacks of the wire ---- */

static int command_came(struct wire *wire, struct wire_msg *msg)
{
	return export_queue((struct export_client *)wire, msg);
}

/* A server sends no commands but DMA. */
static void answer_came(struct wire *wire, struct wire_ask *ask)
{
	export_remote_answer((struct export_client *)wire, ask);
}

static const struct wire_ops wire_ops = {
	.command = command_came,
	.reply = answer_came,
};

/* ---- the begin ---- */

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
	export_poll_listen(server, false);
	export_set_timer(server, server->config.timeout_ms);
	return 0;
}

/* ---- the end ---- */

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
 * The next client gets the device. A client with the extension sees that it is stopped, and starts it when its memory is
 * mapped. A client without it expects to find the device as it was left, and may not know other states.
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
			    VFMIG_TEXT("why", "the device could not be returned to RUNNING"));
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

	export_set_timer(server, 0);
	atomic_store(&server->has_client, false);
	export_take_back(client);
	if (client->agreed) {
		stop_device(server);
		forget_irqs(client);
	}
	export_dirty_stop(client);
	/* DMA that waits for the client has failed, and ends here. */
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
	vfmig_event(server->config.events, "client-disconnected",
		    VFMIG_TEXT("why", wire->why.text));
	/*
	 * QEMU's own client moves a VM as if there were no device: it reports success, and the guest finds a device that
	 * has forgotten it. Nothing comes by which a server could tell; what it sees is this.
	 */
	if (server->was_running && client->agreed && !client->caps.vfmig)
		vfmig_event(
			server->config.events, "left-running",
			VFMIG_TEXT(
				"note",
				"the client disconnected from a running device and did not read its state; if its VM was migrated, the device state was not"));
	server->client = NULL;
	export_remote_free(client);
	export_ops_free(client);
	wire_fini(wire);
	pthread_cond_destroy(&client->changed);
	close(client->dma_wake);
	free(client->zeros);
	free(client);
	export_poll_listen(server, true);
}
