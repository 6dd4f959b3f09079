/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Information: what the device, its regions and its interrupts are, by the rules of argsz; and the descriptors that
 * regions are mapped from.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "export/vfio_user/server.h"

/* Neither a device nor a region has more to say of itself than fits here. */
#define INFO_MAX 65536u

static void device_info_back(struct export_op *op, ssize_t result)
{
	struct vfmig_device_info *info = &op->payload.device_info;

	if (result < 0) {
		export_failed(op, (int)result);
		return;
	}
	info->argsz = ABI_MSG_DEVICE_INFO_SIZE;
	info->flags &= VFMIG_DEVICE_FLAG_RESET | VFMIG_DEVICE_FLAG_PCI;
	export_done(op, abi_msg_put_device_info(export_fixed(op), EXPORT_FIXED_ROOM, info));
}

/* With our extension it is the uAPI's, capabilities and all. */
static void device_about_back(struct export_op *op, ssize_t result)
{
	struct vfmig_device_info *info = (struct vfmig_device_info *)op->answer->payload;

	if (result < 0) {
		export_failed(op, (int)result);
		return;
	}
	if (result < ABI_MSG_DEVICE_INFO_SIZE || result > UINT32_MAX) {
		export_refuse(op, -EIO, "the device told of itself in %zd bytes", result);
		return;
	}
	info->argsz = (uint32_t)result;
	op->out.body = op->answer->payload;
	op->out.body_len = (size_t)result < op->answer->len ? (size_t)result : op->answer->len;
	export_done(op, 0);
}

static void device_about(struct export_op *op, uint32_t argsz)
{
	uint32_t room = argsz < INFO_MAX ? argsz : INFO_MAX;

	if (!export_room(op, room))
		return;
	memset(op->answer->payload, 0, room);
	op->request.info.buf = op->answer->payload;
	op->request.info.size = room;
	export_ask(op, VFMIG_VERB_DEVICE_INFO, device_about_back);
}

void export_device_info(struct export_op *op)
{
	const char *why =
		abi_msg_get_device_info(op->msg->payload, op->msg->len, &op->payload.device_info);

	if (why) {
		export_refuse(op, -EINVAL, "%s", why);
		return;
	}
	if (op->client->caps.vfmig) {
		device_about(op, op->payload.device_info.argsz);
		return;
	}
	memset(&op->payload.device_info, 0, sizeof(op->payload.device_info));
	op->request.info.buf = &op->payload.device_info;
	op->request.info.size = sizeof(op->payload.device_info);
	export_ask(op, VFMIG_VERB_DEVICE_INFO, device_info_back);
}

/*
 * The client will ask again, with room for the capabilities. Only that reply has the descriptor, for there are clients
 * that do not expect one with the first.
 */
static bool short_of_caps(const struct export_op *op)
{
	return ((struct vfmig_region_info *)op->answer->payload)->argsz > op->answer->len;
}

static void region_info_done(struct export_op *op, uint64_t offset)
{
	struct vfmig_region_info *info = (struct vfmig_region_info *)op->answer->payload;
	size_t len = info->argsz < op->answer->len ? info->argsz : op->answer->len;

	info->offset = offset;
	if (op->fd >= 0) {
		op->out.fds = &op->fd;
		op->out.nfds = 1;
	} else if (!op->client->caps.max_msg_fds || !short_of_caps(op)) {
		info->flags &= ~VFMIG_REGION_FLAG_MMAP;
	}
	op->out.body = op->answer->payload;
	op->out.body_len = len;
	export_done(op, 0);
}

static void region_fd_back(struct export_op *op, ssize_t result)
{
	if (result < 0) {
		/* It said that it can be mapped, and cannot: then it is not said to the client. */
		op->err.code = 0;
		region_info_done(op, 0);
		return;
	}
	op->fd = op->request.region_fd.fd;
	region_info_done(op, op->request.region_fd.file_offset);
}

static void region_info_back(struct export_op *op, ssize_t result)
{
	struct vfmig_region_info *info = (struct vfmig_region_info *)op->answer->payload;
	uint32_t index = info->index;

	if (result < 0) {
		export_failed(op, (int)result);
		return;
	}
	if (result < ABI_MSG_REGION_INFO_SIZE || result > UINT32_MAX) {
		export_refuse(op, -EIO, "region %u: the device answered with %zd bytes", index,
			      result);
		return;
	}
	info->argsz = (uint32_t)result;
	if (!(info->flags & VFMIG_REGION_FLAG_MMAP) || !op->client->caps.max_msg_fds ||
	    short_of_caps(op)) {
		region_info_done(op, 0);
		return;
	}
	memset(&op->request, 0, sizeof(op->request));
	op->request.region_fd.index = index;
	op->request.region_fd.fd = -1;
	export_ask(op, VFMIG_VERB_REGION_FD, region_fd_back);
}

void export_region_info(struct export_op *op)
{
	struct vfmig_region_info info;
	const char *why = abi_msg_get_region_info(op->msg->payload, op->msg->len, &info);
	uint32_t room = info.argsz < INFO_MAX ? info.argsz : INFO_MAX;

	if (why) {
		export_refuse(op, -EINVAL, "%s", why);
		return;
	}
	if (!export_room(op, room))
		return;
	memset(op->answer->payload, 0, room);
	((struct vfmig_region_info *)op->answer->payload)->index = info.index;
	op->request.info.index = info.index;
	op->request.info.buf = op->answer->payload;
	op->request.info.size = room;
	export_ask(op, VFMIG_VERB_REGION_INFO, region_info_back);
}

static void io_fds_back(struct export_op *op, ssize_t result)
{
	struct vfmig_user_io_fds h = {
		.argsz = ABI_MSG_IO_FDS_SIZE,
		.index = op->request.info.index,
	};

	if (result < 0)
		export_failed(op, (int)result);
	else
		export_done(op, abi_msg_put_io_fds(export_fixed(op), EXPORT_FIXED_ROOM, &h, NULL));
}

/* There are none; but of a region that there is not, it is an error to ask. */
void export_io_fds(struct export_op *op)
{
	struct vfmig_user_io_fds h;
	const char *why = abi_msg_get_io_fds_request(op->msg->payload, op->msg->len, &h);

	if (!why && h.count)
		why = "the count of a GET_REGION_IO_FDS command must be 0";
	if (why) {
		export_refuse(op, -EINVAL, "%s", why);
		return;
	}
	if (!export_room(op, ABI_MSG_REGION_INFO_SIZE))
		return;
	op->request.info.index = h.index;
	op->request.info.buf = op->answer->payload;
	op->request.info.size = ABI_MSG_REGION_INFO_SIZE;
	export_ask(op, VFMIG_VERB_REGION_INFO, io_fds_back);
}

static void irq_info_back(struct export_op *op, ssize_t result)
{
	struct vfmig_irq_info *info = (struct vfmig_irq_info *)op->answer->payload;

	if (result < 0) {
		export_failed(op, (int)result);
		return;
	}
	info->argsz = ABI_MSG_IRQ_INFO_SIZE;
	export_done(op, abi_msg_put_irq_info(export_fixed(op), EXPORT_FIXED_ROOM, info));
}

void export_irq_info(struct export_op *op)
{
	struct vfmig_irq_info info;
	const char *why = abi_msg_get_irq_info(op->msg->payload, op->msg->len, &info);

	if (why) {
		export_refuse(op, -EINVAL, "%s", why);
		return;
	}
	if (!export_room(op, sizeof(info)))
		return;
	memset(op->answer->payload, 0, sizeof(info));
	op->request.info.index = info.index;
	op->request.info.buf = op->answer->payload;
	op->request.info.size = sizeof(info);
	export_ask(op, VFMIG_VERB_IRQ_INFO, irq_info_back);
}
