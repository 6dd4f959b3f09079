/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A command while it runs: its requests to the device, and its reply.
 */
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "abi/feature.h"
#include "export/vfio_user/client.h"
#include "export/vfio_user/command.h"
#include "export/vfio_user/history.h"
#include "export/vfio_user/server.h"

static void finished(struct export_command *command)
{
	struct vfmig_export *server = command->client->server;
	bool here = atomic_load(&server->works) &&
		    pthread_equal(atomic_load(&server->worker), pthread_self());

	/* The thread that works the export is the only one that reads this. */
	if (here) {
		command->finished = true;
		return;
	}
	/* With the lock held: after that, the command and even the client may be freed. */
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
	/* For a device that fills in zero-copy buffers but not their files. */
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

void export_put_feature(struct export_command *command, const void *payload, size_t size)
{
	struct vfmig_device_feature f;

	abi_feature_get(command->msg->payload, command->msg->len, &f);
	if ((f.flags & (VFMIG_FEATURE_GET | VFMIG_FEATURE_PROBE)) == VFMIG_FEATURE_GET)
		f.argsz = (uint32_t)(ABI_FEATURE_HEADER_SIZE + size + command->out.body_len);
	abi_feature_put(export_fixed(command), EXPORT_FIXED_ROOM, &f);
	if (size)
		memcpy(export_fixed(command) + ABI_FEATURE_HEADER_SIZE, payload, size);
	export_done(command, ABI_FEATURE_HEADER_SIZE + size);
}

void export_reply_empty(struct export_command *command, ssize_t result)
{
	if (result < 0)
		export_failed(command, (int)result);
	else
		export_done(command, 0);
}
