/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Regions: read, written, and written in several places by one message.
 */
#include <errno.h>
#include <string.h>

#include "export/vfio_user/command.h"

static void region_back(struct export_command *command, ssize_t result)
{
	struct vfmig_user_region_access a = {
		.offset = command->request.region.offset,
		.region = command->request.region.index,
		.count = command->request.region.len,
	};

	if (result < 0) {
		export_failed(command, (int)result);
		return;
	}
	if (command->msg->header.cmd == VFMIG_USER_REGION_READ) {
		command->out.body = command->request.region.buf;
		command->out.body_len = a.count;
	}
	export_done(command,
		    abi_msg_put_region_access(export_fixed(command), EXPORT_FIXED_ROOM, &a));
}

/* Where what is read goes; a register needs no buffer for it. NULL: it was refused. */
static void *capacity(struct export_command *command, uint32_t count)
{
	if (count > sizeof(command->payload.u64))
		return export_room(command, count);
	command->payload.u64 = 0;
	return &command->payload.u64;
}

void export_region_access(struct export_command *command)
{
	bool write = command->msg->header.cmd == VFMIG_USER_REGION_WRITE;
	struct vfmig_user_region_access a;
	const char *why = abi_msg_get_region_access(command->msg->payload, command->msg->len,
						    ABI_MSG_XFER_DEFAULT, write, &a);

	if (why) {
		export_refuse(command, -EINVAL, "%s", why);
		return;
	}
	command->request.region.index = a.region;
	command->request.region.offset = a.offset;
	command->request.region.len = a.count;
	command->request.region.buf = write ? command->msg->payload + ABI_MSG_REGION_ACCESS_SIZE
					    : capacity(command, a.count);
	if (!command->request.region.buf)
		return;
	if (!a.count) {
		region_back(command, 0);
		return;
	}
	export_ask(command, write ? VFMIG_OP_REGION_WRITE : VFMIG_OP_REGION_READ, region_back);
}

/* What one write has come to. */
static void write_multi_count(struct export_command *command)
{
	if (command->request.result >= 0)
		command->at++;
	else
		/* The accesses before it are done, and the reply has their number. */
		command->payload.u64 = command->at;
}

static void write_multi_end(struct export_command *command)
{
	if (!command->at && command->request.result < 0) {
		export_failed(command, (int)command->request.result);
		return;
	}
	command->err.code = 0;
	memcpy(export_fixed(command), &command->at, sizeof(command->at));
	export_done(command, ABI_MSG_WRITE_MULTI_SIZE);
}

static void write_multi_back(struct export_command *command, ssize_t result);

static void write_multi_ask(struct export_command *command)
{
	struct vfmig_user_write w;

	abi_msg_write_at(command->msg->payload, command->at, &w);
	memset(&command->request, 0, sizeof(command->request));
	command->request.region.index = w.region;
	command->request.region.offset = w.offset;
	command->request.region.len = w.count;
	/* The data in the message, which stays. */
	command->request.region.buf = command->msg->payload + ABI_MSG_WRITE_MULTI_SIZE +
				      command->at * ABI_MSG_WRITE_SIZE + 16;
	atomic_store(&command->turns, 0);
	export_ask(command, VFMIG_OP_REGION_WRITE, write_multi_back);
}

/*
 * A device may complete an access inside submit, and there may be thousands of accesses: so this is
 * a loop, not a recursion. Of the completion and the return from submit, the later one continues
 * the operation; the earlier one does not touch it any more.
 */
static void write_multi_next(struct export_command *command)
{
	while (command->at < command->payload.u64) {
		write_multi_ask(command);
		if (!atomic_fetch_add(&command->turns, 1))
			return;
		write_multi_count(command);
	}
	write_multi_end(command);
}

static void write_multi_back(struct export_command *command, ssize_t result)
{
	if (!atomic_fetch_add(&command->turns, 1))
		return;
	write_multi_count(command);
	write_multi_next(command);
}

void export_write_multi(struct export_command *command)
{
	const char *why = abi_msg_get_write_multi(command->msg->payload, command->msg->len,
						  &command->payload.u64);

	if (why)
		export_refuse(command, -EINVAL, "%s", why);
	else
		write_multi_next(command);
}
