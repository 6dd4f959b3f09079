/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Commands: a handler for each, in a table; those of migration data and reset are here, the others in other files.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "export/vfio_user/client.h"
#include "export/vfio_user/command.h"
#include "export/vfio_user/server.h"

/* ---- migration data ---- */

/*
 * Returns whether the file has the bytes at the device's offset, and as many as the device
 * reported.
 */
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

	/* In pre-copy: nothing for now. The protocol does not distinguish it from the end. */
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
	/* The reply cannot report a short write, so all bytes must be written. */
	command->at += (uint64_t)result;
	if (command->at == command->payload.u64) {
		export_done(command, 0);
		return;
	}
	if (!result || command->at > command->payload.u64) {
		export_refuse(
			command, -EIO, "the device accepted %llu of %llu bytes of migration data",
			(unsigned long long)command->at, (unsigned long long)command->payload.u64);
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

/* ---- the table ---- */

static void reset(struct export_command *command)
{
	command->client->server->was_running = false;
	export_ask(command, VFMIG_OP_RESET, export_reply_empty);
}

static void again(struct export_command *command)
{
	export_refuse(command, -EINVAL, "VERSION may be sent only once, as the first command");
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
	[VFMIG_USER_DEVICE_SET_IRQS] = {export_set_irqs, WIRE_FDS},
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
		export_refuse(command, -EINVAL, "unknown command %u", cmd);
		return;
	}
	export_keep_fds(msg, handler->fds);
	handler->handle(command);
}
