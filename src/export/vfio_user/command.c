/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Operations: commands wait for their turn, are done in order, and answered in order.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "device/device.h"
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
		return wire_lose(wire, -EPROTO,
				 "the client sent a command on the socket for the server's");
	if (!client->count)
		client->last = &client->first;
	if (client->count >= EXPORT_QUEUE || client->bytes > EXPORT_QUEUE_BYTES)
		return wire_lose(wire, -ENOBUFS,
				 "the client sent commands without end and answered none "
				 "of the server's");
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

/* ---- operations ---- */

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

/* ---- the end of an operation ---- */

static void finished(struct export_command *command)
{
	struct vfmig_export *server = command->client->server;
	bool here = atomic_load(&server->works) &&
		    pthread_equal(atomic_load(&server->worker), pthread_self());

	/* Only who works the export looks at this. */
	if (here) {
		command->finished = true;
		return;
	}
	/* Under the lock, for after it the operation and even the client may be gone. */
	pthread_mutex_lock(&command->client->wire.lock);
	command->finished = true;
	pthread_cond_broadcast(&command->client->changed);
	export_wake(server);
	pthread_mutex_unlock(&command->client->wire.lock);
}

void export_done(struct export_command *command, size_t fixed)
{
	command->out.head_len = ABI_MSG_HEADER_SIZE + fixed;
	wire_reply_header(&command->out, &command->msg->header, 0);
	finished(command);
}

static void refused(struct export_command *command, int code)
{
	const struct abi_msg_kind *kind = abi_msg_find_kind(command->msg->header.cmd);

	command->out.nfds = 0;
	wire_reply_header(&command->out, &command->msg->header, code);
	vfmig_event(command->client->server->config.events, "refused",
		    VFMIG_TEXT("command", kind ? kind->name : "?"), VFMIG_U64("code", -code),
		    VFMIG_TEXT("why", command->err.code ? command->err.text : strerror(-code)));
	finished(command);
}

void export_refuse(struct export_command *command, int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfmig_verr(&command->err, code, fmt, ap);
	va_end(ap);
	refused(command, code);
}

void export_failed(struct export_command *command, int code)
{
	refused(command, code);
}

uint8_t *export_room(struct export_command *command, size_t len)
{
	struct export_client *client = command->client;

	pthread_mutex_lock(&client->wire.lock);
	command->answer = wire_msg_new(&client->wire, len);
	pthread_mutex_unlock(&client->wire.lock);
	if (!command->answer) {
		export_refuse(command, -ENOMEM, "no memory for a reply of %zu bytes", len);
		return NULL;
	}
	return command->answer->payload;
}

void export_read_data(struct export_command *command, size_t len,
		      void (*back)(struct export_command *command, ssize_t result))
{
	command->request.data.buf = command->answer->payload;
	command->request.data.len = len;
	command->request.data.lent = &command->lent;
	/* For a device that lends bytes and says nothing of files. */
	for (unsigned i = 0; i < VFMIG_LENT_MAX; i++)
		command->lent.file[i].fd = -1;
	export_ask(command, VFMIG_OP_DATA_READ, back);
}

static void asked(struct vfmig_request *request)
{
	struct export_command *command = request->user;

	if (request->result >= 0)
		export_history_note(command->client, request);
	command->back(command, request->result);
}

void export_ask(struct export_command *command, enum vfmig_op op,
		void (*back)(struct export_command *command, ssize_t result))
{
	command->back = back;
	command->request.op = op;
	command->request.err = &command->err;
	command->request.done = asked;
	command->request.user = command;
	vfmig_submit(command->client->server->device, &command->request);
}

/* ---- whose turn it is ---- */

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

/* May the next command begin beside those that run? */
static bool may_begin(struct export_client *client)
{
	const struct wire_msg *msg = client->first;

	if (!msg || client->wire.ends[WIRE_MAIN].queued > EXPORT_ENOUGH_BYTES)
		return false;
	/* What was lent must be on its way before the device is asked for anything else. */
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

/* A request that cannot be taken back is being done this moment, or is between two. Under the lock. */
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
 * Called once in the device's time limit: what has begun before the last time is given up, if it can be, so that the
 * client can go on with something else: a reset.
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
		vfmig_err(&command->err, -ETIMEDOUT, "device %s: no answer to %s in time; it hangs",
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
