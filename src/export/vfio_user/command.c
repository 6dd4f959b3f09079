/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Commands wait for their turn, run in order, and are replied to in order.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "device/device.h"
#include "export/vfio_user/client.h"
#include "export/vfio_user/command.h"
#include "export/vfio_user/server.h"

/* ---- commands that wait ---- */

static bool enough(const struct export_client *client)
{
	return client->count > EXPORT_ENOUGH || client->bytes > EXPORT_ENOUGH_BYTES;
}

int export_queue(struct export_client *client, struct wire_msg *msg)
{
	struct wire *wire = &client->wire;

	if (msg->end != WIRE_MAIN)
		return wire_lose(
			wire, -EPROTO,
			"the client sent a command on the socket that is for the server's commands");
	if (!client->count)
		client->last = &client->first;
	if (client->count >= EXPORT_QUEUE || client->bytes > EXPORT_QUEUE_BYTES)
		return wire_lose(
			wire, -ENOBUFS,
			"the client filled the queue of commands and replied to none of the server's");
	msg->next = NULL;
	*client->last = msg;
	client->last = &msg->next;
	client->count++;
	client->bytes += msg->header.msg_size;
	if (enough(client) && !client->dma_waits)
		wire_reads(wire, WIRE_MAIN, false);
	return 0;
}

static struct wire_msg *next_command(struct export_client *client)
{
	struct wire_msg *msg = client->first;

	client->first = msg->next;
	client->count--;
	client->bytes -= msg->header.msg_size;
	if (!enough(client))
		wire_reads(&client->wire, WIRE_MAIN, true);
	return msg;
}

/* ---- commands ---- */

static struct export_command *op_of(struct wire_out *out)
{
	return (struct export_command *)((char *)out - offsetof(struct export_command, out));
}

static struct export_command *op_new(struct export_client *client, struct wire_msg *msg)
{
	struct export_command *command = client->unused;

	if (command)
		client->unused = command->next;
	else
		command = malloc(sizeof(*command));
	if (!command)
		return NULL;
	memset(&command->out, 0, sizeof(command->out));
	memset(&command->request, 0, sizeof(command->request));
	command->err.code = 0;
	command->client = client;
	command->msg = msg;
	command->answer = NULL;
	command->fd = -1;
	command->at = 0;
	command->serial = ++client->serial;
	command->finished = false;
	command->lent.count = 0;
	command->memory = NULL;
	command->next = NULL;
	return command;
}

static void op_free(struct export_command *command)
{
	struct export_client *client = command->client;

	if (command->fd >= 0)
		close(command->fd);
	free(command->memory);
	wire_msg_free(&client->wire, command->msg);
	if (command->answer)
		wire_msg_free(&client->wire, command->answer);
	command->next = client->unused;
	client->unused = command;
}

void export_ops_free(struct export_client *client)
{
	while (client->unused) {
		struct export_command *command = client->unused;

		client->unused = command->next;
		free(command);
	}
}

static void reply_sent(struct wire *wire, struct wire_out *out)
{
	struct export_command *command = op_of(out);

	command->client->nlent -= command->lent.count > 0;
	op_free(command);
}

/* ---- turns ---- */

static bool is_piece(const struct wire_msg *msg)
{
	return msg->header.cmd == VFMIG_USER_MIG_DATA_READ ||
	       msg->header.cmd == VFMIG_USER_MIG_DATA_WRITE;
}

static bool may_change_all(const struct wire_msg *msg)
{
	return msg->header.cmd == VFMIG_USER_DEVICE_FEATURE ||
	       msg->header.cmd == VFMIG_USER_DEVICE_RESET;
}

/* Whether the next command may begin while others run. */
static bool may_begin(struct export_client *client)
{
	const struct wire_msg *msg = client->first;

	if (!msg || client->wire.ends[WIRE_MAIN].queued > EXPORT_ENOUGH_BYTES)
		return false;
	/* Zero-copy buffers must be sent before the device gets another request. */
	if (client->nlent && msg->header.cmd != VFMIG_USER_MIG_DATA_READ)
		return false;
	/* And where it is its pages that are on their way, they must be there before they change for good. */
	if (may_change_all(msg) && !wire_taken(&client->wire, WIRE_MAIN))
		return false;
	if (!client->running)
		return true;
	return is_piece(msg) && msg->header.cmd == client->running->msg->header.cmd &&
	       client->nrunning < EXPORT_PIECES;
}

static void send_finished(struct export_client *client)
{
	struct export_command *command;

	while ((command = client->running) && command->finished) {
		client->running = command->next;
		client->nrunning--;
		if (command->msg->header.flags & VFMIG_USER_FLAG_NO_REPLY) {
			op_free(command);
			continue;
		}
		client->nlent += command->lent.count > 0;
		command->out.sent = reply_sent;
		wire_send(&client->wire, WIRE_MAIN, &command->out);
	}
}

static bool agree_first(struct export_client *client)
{
	struct wire_msg *msg = next_command(client);
	bool ok = export_agree(client, msg);

	wire_msg_free(&client->wire, msg);
	return ok;
}

bool export_advance(struct export_client *client)
{
	struct wire *wire = &client->wire;
	struct wire_msg *msg;
	struct export_command *command;
	bool lost;

	pthread_mutex_lock(&wire->lock);
	for (;;) {
		send_finished(client);
		if (wire->lost || !client->first)
			break;
		if (!client->agreed) {
			if (!agree_first(client))
				break;
			continue;
		}
		if (!may_begin(client))
			break;
		msg = next_command(client);
		command = op_new(client, msg);
		if (!command) {
			wire_msg_free(wire, msg);
			wire_lose(wire, -ENOMEM, "no memory for a command");
			break;
		}
		if (!client->running)
			client->running_last = &client->running;
		*client->running_last = command;
		client->running_last = &command->next;
		client->nrunning++;
		pthread_mutex_unlock(&wire->lock);
		export_handle(command);
		pthread_mutex_lock(&wire->lock);
	}
	lost = wire->lost;
	pthread_mutex_unlock(&wire->lock);
	return !lost;
}

/* A request that cannot be cancelled is being completed, or the command is between two requests. Called with the lock held. */
static void take_back(struct export_client *client, struct export_command *command)
{
	pthread_mutex_t *lock = &client->wire.lock;

	while (!command->finished) {
		int64_t until = device_now() + 1000000;
		struct timespec ts = {.tv_sec = until / 1000000000, .tv_nsec = until % 1000000000};
		bool taken;

		pthread_mutex_unlock(lock);
		taken = vfmig_cancel(client->server->device, &command->request);
		pthread_mutex_lock(lock);
		if (taken)
			return;
		if (!command->finished)
			pthread_cond_timedwait(&client->changed, lock, &ts);
	}
}

/*
 * Called once in each time limit of the device: commands that began before the last call are cancelled, so that the
 * client can go on, with a reset for instance.
 */
void export_hurry(struct export_client *client)
{
	struct vfmig_device *device = client->server->device;
	uint64_t old = client->checked;
	struct export_command *command, *next;
	bool late;

	client->checked = client->serial;
	for (command = client->running; command; command = next) {
		next = command->next;
		pthread_mutex_lock(&client->wire.lock);
		late = command->serial <= old && !command->finished;
		pthread_mutex_unlock(&client->wire.lock);
		if (!late || !vfmig_cancel(device, &command->request))
			continue;
		vfmig_err(
			&command->err, -ETIMEDOUT,
			"device %s: no reply to %s within the time limit; reset the device or raise the limit (vfmig serve --timeout)",
			vfmig_device_name(device), vfmig_op_name(command->request.op));
		command->back(command, -ETIMEDOUT);
	}
}

void export_take_back(struct export_client *client)
{
	struct wire *wire = &client->wire;
	struct export_command *command;

	pthread_mutex_lock(&wire->lock);
	while (client->first)
		wire_msg_free(wire, next_command(client));
	while ((command = client->running)) {
		client->running = command->next;
		client->nrunning--;
		take_back(client, command);
		op_free(command);
	}
	pthread_mutex_unlock(&wire->lock);
}
