/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Commands: what each asks of the device, and what it answers. Those about information, regions, memory and
 * features have files of their own.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "export/vfio_user/server.h"

static void answer_nothing(struct export_command *command, ssize_t result)
{
	if (result < 0)
		export_failed(command, (int)result);
	else
		export_done(command, 0);
}

/* Some clients attach the descriptor of a DMA_MAP to the DMA_UNMAP as well: what is of no use is closed. */
static void keep_fds(struct wire_msg *msg, unsigned keep)
{
	unsigned surplus = msg->nfds > keep ? msg->nfds - keep : 0;

	msg->nfds -= surplus;
	wire_close_fds(msg->fds + msg->nfds, &surplus);
}

/* ---- interrupts ---- */

bool export_is_eventfd(int fd)
{
	static const char is[] = "anon_inode:[eventfd]";
	char link[32], name[sizeof(is)];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, name, sizeof(name));
	return n == sizeof(is) - 1 && !memcmp(name, is, sizeof(is) - 1);
}

static void set_irqs(struct export_command *command)
{
	struct wire_msg *msg = command->msg;
	struct vfmig_irq_set set;
	const uint8_t *bools;
	const char *why = abi_msg_get_irq_set(msg->payload, msg->len, msg->nfds, &set, &bools);

	if (why) {
		export_refuse(command, -EINVAL, "%s", why);
		return;
	}
	if (set.index >= ABI_MSG_IRQ_KINDS_MAX) {
		export_refuse(command, -EINVAL, "SET_IRQS: there is no interrupt index %u",
			      set.index);
		return;
	}
	keep_fds(msg, set.flags & VFMIG_IRQ_SET_DATA_EVENTFD ? set.count : 0);
	for (unsigned i = 0; i < msg->nfds; i++) {
		if (!export_is_eventfd(msg->fds[i])) {
			export_refuse(command, -EINVAL, "SET_IRQS: descriptor %u is no eventfd", i);
			return;
		}
	}
	if ((set.flags & VFMIG_IRQ_SET_DATA_EVENTFD) && !msg->nfds) {
		/* None at all takes them away. */
		int32_t *none = (int32_t *)export_room(command, set.count * sizeof(*none));

		if (!none)
			return;
		memset(none, 0xff, set.count * sizeof(*none));
		command->request.irqs.fds = none;
	} else {
		command->request.irqs.fds = msg->fds;
	}
	command->client->irqs_used |= 1ull << set.index;
	command->request.irqs.flags = set.flags;
	command->request.irqs.index = set.index;
	command->request.irqs.start = set.start;
	command->request.irqs.count = set.count;
	command->request.irqs.bools = bools;
	export_ask(command, VFMIG_OP_SET_IRQS, answer_nothing);
}

/* ---- migration data ---- */

/* The bytes are where the device says, and as many as it says; else false. */
static bool lent(struct export_command *command)
{
	size_t bytes = 0;

	for (unsigned i = 0; i < command->lent.count; i++)
		bytes += command->lent.piece[i].iov_len;
	if (bytes != command->out.body_len) {
		export_refuse(command, -EPROTO, "the device read %zu bytes and lent %zu",
			      command->out.body_len, bytes);
		return false;
	}
	command->out.body = NULL;
	command->out.pieces = command->lent.piece;
	command->out.files = command->lent.file;
	command->out.npieces = command->lent.count;
	return true;
}

static void data_read_back(struct export_command *command, ssize_t result)
{
	struct vfmig_user_mig_data m;

	/* In pre-copy that is "nothing for now", and in this protocol the same as the end. */
	if (result == -ENOMSG)
		result = 0;
	if (result < 0) {
		export_failed(command, (int)result);
		return;
	}
	m.size = (uint32_t)result;
	m.argsz = ABI_MSG_MIG_DATA_SIZE + m.size;
	command->out.body = command->answer->payload;
	command->out.body_len = m.size;
	if (command->lent.count && !lent(command))
		return;
	export_done(command, abi_msg_put_mig_data(export_fixed(command), EXPORT_FIXED_ROOM, &m));
}

static void data_read(struct export_command *command)
{
	struct vfmig_user_mig_data m;
	const char *why = abi_msg_get_mig_data(command->msg->payload, command->msg->len,
					       ABI_MSG_XFER_DEFAULT, false, &m);

	if (why) {
		export_refuse(command, -EINVAL, "%s", why);
		return;
	}
	if (!export_room(command, m.size))
		return;
	export_read_data(command, m.size, data_read_back);
}

void export_data_written(struct export_command *command, ssize_t result)
{
	if (result < 0) {
		export_failed(command, (int)result);
		return;
	}
	/* The message has no place to say how much was taken, so that all of it must be. */
	command->at += (uint64_t)result;
	if (command->at == command->payload.u64) {
		export_done(command, 0);
		return;
	}
	if (!result || command->at > command->payload.u64) {
		export_refuse(command, -EIO, "the device took %llu of %llu bytes of its data",
			      (unsigned long long)command->at,
			      (unsigned long long)command->payload.u64);
		return;
	}
	memset(&command->request, 0, sizeof(command->request));
	command->request.data.buf =
		(command->answer ? command->answer->payload
				 : command->msg->payload + ABI_MSG_MIG_DATA_SIZE) +
		command->at;
	command->request.data.len = command->payload.u64 - command->at;
	export_ask(command, VFMIG_OP_DATA_WRITE, export_data_written);
}

static void data_write(struct export_command *command)
{
	struct vfmig_user_mig_data m;
	const char *why = abi_msg_get_mig_data(command->msg->payload, command->msg->len,
					       ABI_MSG_XFER_DEFAULT, true, &m);

	if (why) {
		export_refuse(command, -EINVAL, "%s", why);
		return;
	}
	command->payload.u64 = m.size;
	command->request.data.buf = command->msg->payload + ABI_MSG_MIG_DATA_SIZE;
	command->request.data.len = m.size;
	if (!m.size) {
		export_done(command, 0);
		return;
	}
	export_ask(command, VFMIG_OP_DATA_WRITE, export_data_written);
}

/* ---- which is which ---- */

static void reset(struct export_command *command)
{
	command->client->server->was_running = false;
	export_ask(command, VFMIG_OP_RESET, answer_nothing);
}

static void again(struct export_command *command)
{
	export_refuse(command, -EINVAL, "VERSION comes once, at the beginning");
}

struct handler {
	void (*handle)(struct export_command *command);
	unsigned fds;
};

static const struct handler commands[VFMIG_USER_COMMAND_COUNT] = {
	[VFMIG_USER_VERSION] = {again, 0},
	[VFMIG_USER_DMA_MAP] = {export_dma_map, 1},
	[VFMIG_USER_DMA_UNMAP] = {export_dma_unmap, 0},
	[VFMIG_USER_DEVICE_GET_INFO] = {export_device_info, 0},
	[VFMIG_USER_DEVICE_GET_REGION_INFO] = {export_region_info, 0},
	[VFMIG_USER_DEVICE_GET_REGION_IO_FDS] = {export_io_fds, 0},
	[VFMIG_USER_DEVICE_GET_IRQ_INFO] = {export_irq_info, 0},
	[VFMIG_USER_DEVICE_SET_IRQS] = {set_irqs, WIRE_FDS},
	[VFMIG_USER_REGION_READ] = {export_region_access, 0},
	[VFMIG_USER_REGION_WRITE] = {export_region_access, 0},
	[VFMIG_USER_DEVICE_RESET] = {reset, 0},
	[VFMIG_USER_DIRTY_PAGES] = {export_dirty_pages, 0},
	[VFMIG_USER_REGION_WRITE_MULTI] = {export_write_multi, 0},
	[VFMIG_USER_DEVICE_FEATURE] = {export_feature, 1},
	[VFMIG_USER_MIG_DATA_READ] = {data_read, 0},
	[VFMIG_USER_MIG_DATA_WRITE] = {data_write, 0},
};

static const struct handler *find(uint16_t cmd)
{
	return cmd < VFMIG_USER_COMMAND_COUNT && commands[cmd].handle ? &commands[cmd] : NULL;
}

void export_handle(struct export_command *command)
{
	struct wire_msg *msg = command->msg;
	uint16_t cmd = msg->header.cmd;
	const struct handler *handler = find(cmd);

	if (!handler) {
		export_refuse(command, -EINVAL, "there is no command %u from client to server",
			      cmd);
		return;
	}
	keep_fds(msg, handler->fds);
	handler->handle(command);
}
