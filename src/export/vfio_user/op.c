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

static struct export_op *op_of(struct wire_out *out)
{
	return (struct export_op *)((char *)out - offsetof(struct export_op, out));
}

static struct export_op *op_new(struct export_client *client, struct wire_msg *msg)
{
	struct export_op *op = client->unused;

	if (op)
		client->unused = op->next;
	else
		op = malloc(sizeof(*op));
	if (!op)
		return NULL;
	memset(&op->out, 0, sizeof(op->out));
	memset(&op->request, 0, sizeof(op->request));
	op->err.code = 0;
	op->client = client;
	op->msg = msg;
	op->answer = NULL;
	op->fd = -1;
	op->at = 0;
	op->serial = ++client->serial;
	op->finished = false;
	op->lent.count = 0;
	op->memory = NULL;
	op->next = NULL;
	return op;
}

static void op_free(struct export_op *op)
{
	struct export_client *client = op->client;

	if (op->fd >= 0)
		close(op->fd);
	free(op->memory);
	wire_msg_free(&client->wire, op->msg);
	if (op->answer)
		wire_msg_free(&client->wire, op->answer);
	op->next = client->unused;
	client->unused = op;
}

void export_ops_free(struct export_client *client)
{
	while (client->unused) {
		struct export_op *op = client->unused;

		client->unused = op->next;
		free(op);
	}
}

static void reply_sent(struct wire *wire, struct wire_out *out)
{
	struct export_op *op = op_of(out);

	op->client->nlent -= op->lent.count > 0;
	op_free(op);
}

/* ---- the end of an operation ---- */

static void finished(struct export_op *op)
{
	struct vfmig_export *server = op->client->server;
	bool here = atomic_load(&server->works) &&
		    pthread_equal(atomic_load(&server->worker), pthread_self());

	/* Only who works the export looks at this. */
	if (here) {
		op->finished = true;
		return;
	}
	/* Under the lock, for after it the operation and even the client may be gone. */
	pthread_mutex_lock(&op->client->wire.lock);
	op->finished = true;
	pthread_cond_broadcast(&op->client->changed);
	export_wake(server);
	pthread_mutex_unlock(&op->client->wire.lock);
}

void export_done(struct export_op *op, size_t fixed)
{
	op->out.head_len = ABI_MSG_HEADER_SIZE + fixed;
	wire_reply_header(&op->out, &op->msg->header, 0);
	finished(op);
}

static void refused(struct export_op *op, int code)
{
	const struct abi_msg_kind *kind = abi_msg_kind(op->msg->header.cmd);

	op->out.nfds = 0;
	wire_reply_header(&op->out, &op->msg->header, code);
	vfmig_event(op->client->server->config.events, "refused",
		    VFMIG_TEXT("command", kind ? kind->name : "?"), VFMIG_U64("code", -code),
		    VFMIG_TEXT("why", op->err.code ? op->err.text : strerror(-code)));
	finished(op);
}

void export_refuse(struct export_op *op, int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfmig_verr(&op->err, code, fmt, ap);
	va_end(ap);
	refused(op, code);
}

void export_failed(struct export_op *op, int code)
{
	refused(op, code);
}

uint8_t *export_room(struct export_op *op, size_t len)
{
	struct export_client *client = op->client;

	pthread_mutex_lock(&client->wire.lock);
	op->answer = wire_msg_new(&client->wire, len);
	pthread_mutex_unlock(&client->wire.lock);
	if (!op->answer) {
		export_refuse(op, -ENOMEM, "no memory for a reply of %zu bytes", len);
		return NULL;
	}
	return op->answer->payload;
}

void export_read_data(struct export_op *op, size_t len,
		      void (*back)(struct export_op *op, ssize_t result))
{
	op->request.data.buf = op->answer->payload;
	op->request.data.len = len;
	op->request.data.lent = &op->lent;
	/* For a device that lends bytes and says nothing of files. */
	for (unsigned i = 0; i < VFMIG_LENT_MAX; i++)
		op->lent.file[i].fd = -1;
	export_ask(op, VFMIG_VERB_DATA_READ, back);
}

static void asked(struct vfmig_request *request)
{
	struct export_op *op = request->user;

	if (request->result >= 0)
		export_history_note(op->client, request);
	op->back(op, request->result);
}

void export_ask(struct export_op *op, enum vfmig_verb verb,
		void (*back)(struct export_op *op, ssize_t result))
{
	op->back = back;
	op->request.verb = verb;
	op->request.err = &op->err;
	op->request.done = asked;
	op->request.user = op;
	vfmig_submit(op->client->server->device, &op->request);
}

/* ---- whose turn it is ---- */

static bool is_piece(const struct wire_msg *msg)
{
	return msg->header.cmd == VFMIG_USER_MIG_DATA_READ ||
	       msg->header.cmd == VFMIG_USER_MIG_DATA_WRITE ||
	       msg->header.cmd == VFMIG_USER_WINDOW_READ ||
	       msg->header.cmd == VFMIG_USER_WINDOW_WRITE;
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
	struct export_op *op;

	while ((op = client->running) && op->finished) {
		client->running = op->next;
		client->nrunning--;
		if (op->msg->header.flags & VFMIG_USER_FLAG_NO_REPLY) {
			op_free(op);
			continue;
		}
		client->nlent += op->lent.count > 0;
		op->out.sent = reply_sent;
		wire_send(&client->wire, WIRE_MAIN, &op->out);
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
	struct export_op *op;
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
		op = op_new(client, msg);
		if (!op) {
			wire_msg_free(wire, msg);
			wire_lose(wire, -ENOMEM, "no memory for a command");
			break;
		}
		if (!client->running)
			client->running_last = &client->running;
		*client->running_last = op;
		client->running_last = &op->next;
		client->nrunning++;
		pthread_mutex_unlock(&wire->lock);
		export_handle(op);
		pthread_mutex_lock(&wire->lock);
	}
	lost = wire->lost;
	pthread_mutex_unlock(&wire->lock);
	return !lost;
}

/* A request that cannot be taken back is being done this moment, or is between two. Under the lock. */
static void take_back(struct export_client *client, struct export_op *op)
{
	pthread_mutex_t *lock = &client->wire.lock;

	while (!op->finished) {
		int64_t until = device_now() + 1000000;
		struct timespec ts = {.tv_sec = until / 1000000000, .tv_nsec = until % 1000000000};
		bool taken;

		pthread_mutex_unlock(lock);
		taken = vfmig_cancel(client->server->device, &op->request);
		pthread_mutex_lock(lock);
		if (taken)
			return;
		if (!op->finished)
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
	uint64_t old = client->looked_at;
	struct export_op *op, *next;
	bool late;

	client->looked_at = client->serial;
	for (op = client->running; op; op = next) {
		next = op->next;
		pthread_mutex_lock(&client->wire.lock);
		late = op->serial <= old && !op->finished;
		pthread_mutex_unlock(&client->wire.lock);
		if (!late || !vfmig_cancel(device, &op->request))
			continue;
		vfmig_err(&op->err, -ETIMEDOUT, "device %s: no answer to %s in time; it hangs",
			  vfmig_device_name(device), vfmig_verb_name(op->request.verb));
		op->back(op, -ETIMEDOUT);
	}
}

void export_take_back(struct export_client *client)
{
	struct wire *wire = &client->wire;
	struct export_op *op;

	pthread_mutex_lock(&wire->lock);
	while (client->first)
		wire_msg_free(wire, next_command(client));
	while ((op = client->running)) {
		client->running = op->next;
		client->nrunning--;
		take_back(client, op);
		op_free(op);
	}
	pthread_mutex_unlock(&wire->lock);
}
