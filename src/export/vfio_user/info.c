/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Information: what the device, its regions and its interrupts are, by the rules of argsz; and the descriptors that
 * regions are mapped from.
 */
#include <errno.h>
#include <string.h>

#include "export/vfio_user/client.h"
#include "export/vfio_user/command.h"

/* Neither a device nor a region has more to say of itself than fits here. */
#define INFO_MAX 65536u

static void device_info_back(struct export_command *command, ssize_t result)
{
	struct vfmig_device_info *info = &command->payload.device_info;

	if (result < 0) {
		export_failed(command, (int)result);
		return;
	}
	info->argsz = ABI_MSG_DEVICE_INFO_SIZE;
	info->flags &= VFMIG_DEVICE_FLAG_RESET | VFMIG_DEVICE_FLAG_PCI;
	export_done(command,
		    abi_msg_put_device_info(export_fixed(command), EXPORT_FIXED_ROOM, info));
}

/* With our extension it is the uAPI's, capabilities and all. */
static void device_about_back(struct export_command *command, ssize_t result)
{
	struct vfmig_device_info *info = (struct vfmig_device_info *)command->answer->payload;

	if (result < 0) {
		export_failed(command, (int)result);
		return;
	}
	if (result < ABI_MSG_DEVICE_INFO_SIZE || result > UINT32_MAX) {
		export_refuse(command, -EIO, "GET_INFO: the device returned %zd bytes", result);
		return;
	}
	info->argsz = (uint32_t)result;
	command->out.body = command->answer->payload;
	command->out.body_len =
		(size_t)result < command->answer->len ? (size_t)result : command->answer->len;
	export_done(command, 0);
}

static void device_about(struct export_command *command, uint32_t argsz)
{
	uint32_t capacity = argsz < INFO_MAX ? argsz : INFO_MAX;

	if (!export_room(command, capacity))
		return;
	memset(command->answer->payload, 0, capacity);
	command->request.info.buf = command->answer->payload;
	command->request.info.size = capacity;
	export_ask(command, VFMIG_OP_DEVICE_INFO, device_about_back);
}

void export_device_info(struct export_command *command)
{
	const char *why = abi_msg_get_device_info(command->msg->payload, command->msg->len,
						  &command->payload.device_info);

	if (why) {
		export_refuse(command, -EINVAL, "%s", why);
		return;
	}
	if (command->client->caps.vfmig) {
		device_about(command, command->payload.device_info.argsz);
		return;
	}
	memset(&command->payload.device_info, 0, sizeof(command->payload.device_info));
	command->request.info.buf = &command->payload.device_info;
	command->request.info.size = sizeof(command->payload.device_info);
	export_ask(command, VFMIG_OP_DEVICE_INFO, device_info_back);
}

/*
 * The client will send the command again, with space for the capabilities. Only that reply has the
 * descriptor, because some clients do not expect one with the first reply.
 */
static bool short_of_caps(const struct export_command *command)
{
	return ((struct vfmig_region_info *)command->answer->payload)->argsz > command->answer->len;
}

static void region_info_done(struct export_command *command, uint64_t offset)
{
	struct vfmig_region_info *info = (struct vfmig_region_info *)command->answer->payload;
	size_t len = info->argsz < command->answer->len ? info->argsz : command->answer->len;

	info->offset = offset;
	if (command->fd >= 0) {
		command->out.fds = &command->fd;
		command->out.nfds = 1;
	} else if (!command->client->caps.max_msg_fds || !short_of_caps(command)) {
		info->flags &= ~VFMIG_REGION_FLAG_MMAP;
	}
	command->out.body = command->answer->payload;
	command->out.body_len = len;
	export_done(command, 0);
}

static void region_fd_back(struct export_command *command, ssize_t result)
{
	if (result < 0) {
		/*
		 * The device reported the region as mappable, but cannot map it: do not report it
		 * to the client as mappable.
		 */
		command->err.code = 0;
		region_info_done(command, 0);
		return;
	}
	command->fd = command->request.region_fd.fd;
	region_info_done(command, command->request.region_fd.file_offset);
}

static void region_info_back(struct export_command *command, ssize_t result)
{
	struct vfmig_region_info *info = (struct vfmig_region_info *)command->answer->payload;
	uint32_t index = info->index;

	if (result < 0) {
		export_failed(command, (int)result);
		return;
	}
	if (result < ABI_MSG_REGION_INFO_SIZE || result > UINT32_MAX) {
		export_refuse(command, -EIO, "region %u: the device returned %zd bytes", index,
			      result);
		return;
	}
	info->argsz = (uint32_t)result;
	if (!(info->flags & VFMIG_REGION_FLAG_MMAP) || !command->client->caps.max_msg_fds ||
	    short_of_caps(command)) {
		region_info_done(command, 0);
		return;
	}
	memset(&command->request, 0, sizeof(command->request));
	command->request.region_fd.index = index;
	command->request.region_fd.fd = -1;
	export_ask(command, VFMIG_OP_REGION_FD, region_fd_back);
}

void export_region_info(struct export_command *command)
{
	struct vfmig_region_info info;
	const char *why = abi_msg_get_region_info(command->msg->payload, command->msg->len, &info);
	uint32_t capacity = info.argsz < INFO_MAX ? info.argsz : INFO_MAX;

	if (why) {
		export_refuse(command, -EINVAL, "%s", why);
		return;
	}
	if (!export_room(command, capacity))
		return;
	memset(command->answer->payload, 0, capacity);
	((struct vfmig_region_info *)command->answer->payload)->index = info.index;
	command->request.info.index = info.index;
	command->request.info.buf = command->answer->payload;
	command->request.info.size = capacity;
	export_ask(command, VFMIG_OP_REGION_INFO, region_info_back);
}

static void io_fds_back(struct export_command *command, ssize_t result)
{
	struct vfmig_user_io_fds h = {
		.argsz = ABI_MSG_IO_FDS_SIZE,
		.index = command->request.info.index,
	};

	if (result < 0)
		export_failed(command, (int)result);
	else
		export_done(command,
			    abi_msg_put_io_fds(export_fixed(command), EXPORT_FIXED_ROOM, &h, NULL));
}

/* There are none; but of a region that there is not, it is an error to ask. */
void export_io_fds(struct export_command *command)
{
	struct vfmig_user_io_fds h;
	const char *why = abi_msg_get_io_fds_request(command->msg->payload, command->msg->len, &h);

	if (!why && h.count)
		why = "GET_REGION_IO_FDS: count must be 0";
	if (why) {
		export_refuse(command, -EINVAL, "%s", why);
		return;
	}
	if (!export_room(command, ABI_MSG_REGION_INFO_SIZE))
		return;
	command->request.info.index = h.index;
	command->request.info.buf = command->answer->payload;
	command->request.info.size = ABI_MSG_REGION_INFO_SIZE;
	export_ask(command, VFMIG_OP_REGION_INFO, io_fds_back);
}

static void irq_info_back(struct export_command *command, ssize_t result)
{
	struct vfmig_irq_info *info = (struct vfmig_irq_info *)command->answer->payload;

	if (result < 0) {
		export_failed(command, (int)result);
		return;
	}
	info->argsz = ABI_MSG_IRQ_INFO_SIZE;
	export_done(command, abi_msg_put_irq_info(export_fixed(command), EXPORT_FIXED_ROOM, info));
}

void export_irq_info(struct export_command *command)
{
	struct vfmig_irq_info info;
	const char *why = abi_msg_get_irq_info(command->msg->payload, command->msg->len, &info);

	if (why) {
		export_refuse(command, -EINVAL, "%s", why);
		return;
	}
	if (!export_room(command, sizeof(info)))
		return;
	memset(command->answer->payload, 0, sizeof(info));
	command->request.info.index = info.index;
	command->request.info.buf = command->answer->payload;
	command->request.info.size = sizeof(info);
	export_ask(command, VFMIG_OP_IRQ_INFO, irq_info_back);
}
