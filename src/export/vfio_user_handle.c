/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Commands: what each asks of the device, and what it answers. Those about memory and features have files of
 * their own.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "export/vfio_user.h"

/* A region has no more to say of itself than fits here. */
#define REGION_INFO_MAX 65536u

static void answer_nothing(struct export_op *op, ssize_t result)
{
	if (result < 0)
		vfmig_export_failed(op, (int)result);
	else
		vfmig_export_done(op, 0);
}

/* ---- information ---- */

static void device_info_back(struct export_op *op, ssize_t result)
{
	struct vfmig_device_info *info = &op->payload.device_info;

	if (result < 0) {
		vfmig_export_failed(op, (int)result);
		return;
	}
	info->argsz = VFMIG_USER_DEVICE_INFO_SIZE;
	info->flags &= VFMIG_DEVICE_FLAG_RESET | VFMIG_DEVICE_FLAG_PCI;
	vfmig_export_done(
		op, vfmig_user_put_device_info(vfmig_export_fixed(op), EXPORT_FIXED_ROOM, info));
}

static void device_info(struct export_op *op)
{
	const char *why = vfmig_user_get_device_info(op->msg->payload, op->msg->len,
						     &op->payload.device_info);

	if (why) {
		vfmig_export_refuse(op, -EINVAL, "%s", why);
		return;
	}
	memset(&op->payload.device_info, 0, sizeof(op->payload.device_info));
	op->request.info.buf = &op->payload.device_info;
	op->request.info.size = sizeof(op->payload.device_info);
	vfmig_export_ask(op, VFMIG_VERB_DEVICE_INFO, device_info_back);
}

static void region_info_done(struct export_op *op, uint64_t offset)
{
	struct vfmig_region_info *info = (struct vfmig_region_info *)op->answer->payload;
	size_t len = info->argsz < op->answer->len ? info->argsz : op->answer->len;

	info->offset = offset;
	if (op->fd >= 0) {
		op->out.fds = &op->fd;
		op->out.nfds = 1;
	} else {
		info->flags &= ~VFMIG_REGION_FLAG_MMAP;
	}
	op->out.body = op->answer->payload;
	op->out.body_len = len;
	vfmig_export_done(op, 0);
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
		vfmig_export_failed(op, (int)result);
		return;
	}
	if (result < VFMIG_USER_REGION_INFO_SIZE || result > UINT32_MAX) {
		vfmig_export_refuse(op, -EIO, "region %u: the device answered with %zd bytes",
				    index, result);
		return;
	}
	info->argsz = (uint32_t)result;
	if (!(info->flags & VFMIG_REGION_FLAG_MMAP) || !op->client->caps.max_msg_fds) {
		region_info_done(op, 0);
		return;
	}
	memset(&op->request, 0, sizeof(op->request));
	op->request.region_fd.index = index;
	op->request.region_fd.fd = -1;
	vfmig_export_ask(op, VFMIG_VERB_REGION_FD, region_fd_back);
}

static void region_info(struct export_op *op)
{
	struct vfmig_region_info info;
	const char *why = vfmig_user_get_region_info(op->msg->payload, op->msg->len, &info);
	uint32_t room = info.argsz < REGION_INFO_MAX ? info.argsz : REGION_INFO_MAX;

	if (why) {
		vfmig_export_refuse(op, -EINVAL, "%s", why);
		return;
	}
	if (!vfmig_export_room(op, room))
		return;
	memset(op->answer->payload, 0, room);
	((struct vfmig_region_info *)op->answer->payload)->index = info.index;
	op->request.info.index = info.index;
	op->request.info.buf = op->answer->payload;
	op->request.info.size = room;
	vfmig_export_ask(op, VFMIG_VERB_REGION_INFO, region_info_back);
}

static void io_fds_back(struct export_op *op, ssize_t result)
{
	struct vfmig_user_io_fds h = {
		.argsz = VFMIG_USER_IO_FDS_SIZE,
		.index = op->request.info.index,
	};

	if (result < 0)
		vfmig_export_failed(op, (int)result);
	else
		vfmig_export_done(op, vfmig_user_put_io_fds(vfmig_export_fixed(op),
							    EXPORT_FIXED_ROOM, &h, NULL));
}

/* There are none; but of a region that there is not, it is an error to ask. */
static void io_fds(struct export_op *op)
{
	struct vfmig_user_io_fds h;
	const char *why = vfmig_user_get_io_fds_request(op->msg->payload, op->msg->len, &h);

	if (why) {
		vfmig_export_refuse(op, -EINVAL, "%s", why);
		return;
	}
	if (!vfmig_export_room(op, VFMIG_USER_REGION_INFO_SIZE))
		return;
	op->request.info.index = h.index;
	op->request.info.buf = op->answer->payload;
	op->request.info.size = VFMIG_USER_REGION_INFO_SIZE;
	vfmig_export_ask(op, VFMIG_VERB_REGION_INFO, io_fds_back);
}

static void irq_info_back(struct export_op *op, ssize_t result)
{
	struct vfmig_irq_info *info = (struct vfmig_irq_info *)op->answer->payload;

	if (result < 0) {
		vfmig_export_failed(op, (int)result);
		return;
	}
	info->argsz = VFMIG_USER_IRQ_INFO_SIZE;
	vfmig_export_done(op,
			  vfmig_user_put_irq_info(vfmig_export_fixed(op), EXPORT_FIXED_ROOM, info));
}

static void irq_info(struct export_op *op)
{
	struct vfmig_irq_info info;
	const char *why = vfmig_user_get_irq_info(op->msg->payload, op->msg->len, &info);

	if (why) {
		vfmig_export_refuse(op, -EINVAL, "%s", why);
		return;
	}
	if (!vfmig_export_room(op, sizeof(info)))
		return;
	memset(op->answer->payload, 0, sizeof(info));
	op->request.info.index = info.index;
	op->request.info.buf = op->answer->payload;
	op->request.info.size = sizeof(info);
	vfmig_export_ask(op, VFMIG_VERB_IRQ_INFO, irq_info_back);
}

/* ---- interrupts ---- */

/* A device writes to what it is given here; a pipe that is full would hold it for ever. */
static bool is_eventfd(int fd)
{
	static const char is[] = "anon_inode:[eventfd]";
	char link[32], name[sizeof(is)];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, name, sizeof(name));
	return n == sizeof(is) - 1 && !memcmp(name, is, sizeof(is) - 1);
}

static void set_irqs(struct export_op *op)
{
	struct vfmig_wire_msg *msg = op->msg;
	struct vfmig_irq_set set;
	const uint8_t *bools;
	const char *why = vfmig_user_get_irq_set(msg->payload, msg->len, msg->nfds, &set, &bools);

	if (why) {
		vfmig_export_refuse(op, -EINVAL, "%s", why);
		return;
	}
	if (set.index >= VFMIG_USER_IRQ_KINDS_MAX) {
		vfmig_export_refuse(op, -EINVAL, "SET_IRQS: there is no interrupt index %u",
				    set.index);
		return;
	}
	for (unsigned i = 0; i < msg->nfds; i++) {
		if (!is_eventfd(msg->fds[i])) {
			vfmig_export_refuse(op, -EINVAL, "SET_IRQS: descriptor %u is no eventfd",
					    i);
			return;
		}
	}
	if ((set.flags & VFMIG_IRQ_SET_DATA_EVENTFD) && !msg->nfds) {
		/* None at all takes them away. */
		int32_t *none = (int32_t *)vfmig_export_room(op, set.count * sizeof(*none));

		if (!none)
			return;
		memset(none, 0xff, set.count * sizeof(*none));
		op->request.irqs.fds = none;
	} else {
		op->request.irqs.fds = msg->fds;
	}
	op->client->irqs_used |= 1ull << set.index;
	op->request.irqs.flags = set.flags;
	op->request.irqs.index = set.index;
	op->request.irqs.start = set.start;
	op->request.irqs.count = set.count;
	op->request.irqs.bools = bools;
	vfmig_export_ask(op, VFMIG_VERB_SET_IRQS, answer_nothing);
}

/* ---- regions ---- */

static void region_back(struct export_op *op, ssize_t result)
{
	struct vfmig_user_region_access a = {
		.offset = op->request.region.offset,
		.region = op->request.region.index,
		.count = op->request.region.len,
	};

	if (result < 0) {
		vfmig_export_failed(op, (int)result);
		return;
	}
	if (op->answer) {
		op->out.body = op->answer->payload;
		op->out.body_len = a.count;
	}
	vfmig_export_done(
		op, vfmig_user_put_region_access(vfmig_export_fixed(op), EXPORT_FIXED_ROOM, &a));
}

static void region_access(struct export_op *op)
{
	bool write = op->msg->header.cmd == VFMIG_USER_REGION_WRITE;
	struct vfmig_user_region_access a;
	const char *why = vfmig_user_get_region_access(op->msg->payload, op->msg->len,
						       op->client->xfer, write, &a);

	if (why) {
		vfmig_export_refuse(op, -EINVAL, "%s", why);
		return;
	}
	if (!write && !vfmig_export_room(op, a.count))
		return;
	op->request.region.index = a.region;
	op->request.region.offset = a.offset;
	op->request.region.len = a.count;
	op->request.region.buf =
		write ? op->msg->payload + VFMIG_USER_REGION_ACCESS_SIZE : op->answer->payload;
	if (!a.count) {
		region_back(op, 0);
		return;
	}
	vfmig_export_ask(op, write ? VFMIG_VERB_REGION_WRITE : VFMIG_VERB_REGION_READ, region_back);
}

/* What one write has come to. */
static void write_multi_count(struct export_op *op)
{
	if (op->request.result >= 0)
		op->at++;
	else
		/* Those before it are done, and the reply tells how many. */
		op->payload.u64 = op->at;
}

static void write_multi_end(struct export_op *op)
{
	if (!op->at && op->request.result < 0) {
		vfmig_export_failed(op, (int)op->request.result);
		return;
	}
	op->err.code = 0;
	memcpy(vfmig_export_fixed(op), &op->at, sizeof(op->at));
	vfmig_export_done(op, VFMIG_USER_WRITE_MULTI_SIZE);
}

static void write_multi_back(struct export_op *op, ssize_t result);

static void write_multi_ask(struct export_op *op)
{
	struct vfmig_user_write w;

	vfmig_user_write_at(op->msg->payload, op->at, &w);
	memset(&op->request, 0, sizeof(op->request));
	op->request.region.index = w.region;
	op->request.region.offset = w.offset;
	op->request.region.len = w.count;
	/* The data in the message, which stays. */
	op->request.region.buf = op->msg->payload + VFMIG_USER_WRITE_MULTI_SIZE +
				 op->at * VFMIG_USER_WRITE_SIZE + 16;
	atomic_store(&op->turns, 0);
	vfmig_export_ask(op, VFMIG_VERB_REGION_WRITE, write_multi_back);
}

/*
 * A device may answer at once, and there may be thousands: so it is a loop. Of the answer and the return from
 * asking, the later one goes on with it; the other does not touch the operation any more.
 */
static void write_multi_next(struct export_op *op)
{
	while (op->at < op->payload.u64) {
		write_multi_ask(op);
		if (!atomic_fetch_add(&op->turns, 1))
			return;
		write_multi_count(op);
	}
	write_multi_end(op);
}

static void write_multi_back(struct export_op *op, ssize_t result)
{
	if (!atomic_fetch_add(&op->turns, 1))
		return;
	write_multi_count(op);
	write_multi_next(op);
}

static void write_multi(struct export_op *op)
{
	const char *why =
		vfmig_user_get_write_multi(op->msg->payload, op->msg->len, &op->payload.u64);

	if (why)
		vfmig_export_refuse(op, -EINVAL, "%s", why);
	else
		write_multi_next(op);
}

/* ---- migration data ---- */

static void data_read_back(struct export_op *op, ssize_t result)
{
	struct vfmig_user_mig_data m;

	/* In pre-copy that is "nothing for now", and in this protocol the same as the end. */
	if (result == -ENOMSG)
		result = 0;
	if (result < 0) {
		vfmig_export_failed(op, (int)result);
		return;
	}
	m.size = (uint32_t)result;
	m.argsz = VFMIG_USER_MIG_DATA_SIZE + m.size;
	op->out.body = op->answer->payload;
	op->out.body_len = m.size;
	vfmig_export_done(op,
			  vfmig_user_put_mig_data(vfmig_export_fixed(op), EXPORT_FIXED_ROOM, &m));
}

static void data_read(struct export_op *op)
{
	struct vfmig_user_mig_data m;
	const char *why = vfmig_user_get_mig_data(op->msg->payload, op->msg->len, op->client->xfer,
						  false, &m);

	if (why) {
		vfmig_export_refuse(op, -EINVAL, "%s", why);
		return;
	}
	if (!vfmig_export_room(op, m.size))
		return;
	op->request.data.buf = op->answer->payload;
	op->request.data.len = m.size;
	vfmig_export_ask(op, VFMIG_VERB_DATA_READ, data_read_back);
}

static void data_write_back(struct export_op *op, ssize_t result)
{
	if (result < 0) {
		vfmig_export_failed(op, (int)result);
		return;
	}
	/* The message has no place to say how much was taken, so that all of it must be. */
	op->at += (uint64_t)result;
	if (op->at == op->payload.u64) {
		vfmig_export_done(op, 0);
		return;
	}
	if (!result || op->at > op->payload.u64) {
		vfmig_export_refuse(op, -EIO, "the device took %llu of %llu bytes of its data",
				    (unsigned long long)op->at,
				    (unsigned long long)op->payload.u64);
		return;
	}
	memset(&op->request, 0, sizeof(op->request));
	op->request.data.buf = op->msg->payload + VFMIG_USER_MIG_DATA_SIZE + op->at;
	op->request.data.len = op->payload.u64 - op->at;
	vfmig_export_ask(op, VFMIG_VERB_DATA_WRITE, data_write_back);
}

static void data_write(struct export_op *op)
{
	struct vfmig_user_mig_data m;
	const char *why =
		vfmig_user_get_mig_data(op->msg->payload, op->msg->len, op->client->xfer, true, &m);

	if (why) {
		vfmig_export_refuse(op, -EINVAL, "%s", why);
		return;
	}
	op->payload.u64 = m.size;
	op->request.data.buf = op->msg->payload + VFMIG_USER_MIG_DATA_SIZE;
	op->request.data.len = m.size;
	if (!m.size) {
		vfmig_export_done(op, 0);
		return;
	}
	vfmig_export_ask(op, VFMIG_VERB_DATA_WRITE, data_write_back);
}

/* ---- which is which ---- */

static void reset(struct export_op *op)
{
	op->client->server->was_running = false;
	vfmig_export_ask(op, VFMIG_VERB_RESET, answer_nothing);
}

static void again(struct export_op *op)
{
	vfmig_export_refuse(op, -EINVAL, "VERSION comes once, at the beginning");
}

static const struct {
	void (*handle)(struct export_op *op);
	unsigned fds;
} commands[VFMIG_USER_COMMAND_COUNT] = {
	[VFMIG_USER_VERSION] = {again, 0},
	[VFMIG_USER_DMA_MAP] = {vfmig_export_dma_map, 1},
	[VFMIG_USER_DMA_UNMAP] = {vfmig_export_dma_unmap, 0},
	[VFMIG_USER_DEVICE_GET_INFO] = {device_info, 0},
	[VFMIG_USER_DEVICE_GET_REGION_INFO] = {region_info, 0},
	[VFMIG_USER_DEVICE_GET_REGION_IO_FDS] = {io_fds, 0},
	[VFMIG_USER_DEVICE_GET_IRQ_INFO] = {irq_info, 0},
	[VFMIG_USER_DEVICE_SET_IRQS] = {set_irqs, VFMIG_WIRE_FDS},
	[VFMIG_USER_REGION_READ] = {region_access, 0},
	[VFMIG_USER_REGION_WRITE] = {region_access, 0},
	[VFMIG_USER_DEVICE_RESET] = {reset, 0},
	[VFMIG_USER_REGION_WRITE_MULTI] = {write_multi, 0},
	[VFMIG_USER_DEVICE_FEATURE] = {vfmig_export_feature, 0},
	[VFMIG_USER_MIG_DATA_READ] = {data_read, 0},
	[VFMIG_USER_MIG_DATA_WRITE] = {data_write, 0},
};

void vfmig_export_handle(struct export_op *op)
{
	const struct vfmig_wire_msg *msg = op->msg;
	uint16_t cmd = msg->header.cmd;

	if (cmd >= VFMIG_USER_COMMAND_COUNT || !commands[cmd].handle) {
		vfmig_export_refuse(op, -EINVAL, "there is no command %u from client to server",
				    cmd);
		return;
	}
	if (msg->nfds > commands[cmd].fds) {
		vfmig_export_refuse(op, -EINVAL, "%s came with %u descriptors, and takes %u",
				    vfmig_user_kind(cmd)->name, msg->nfds, commands[cmd].fds);
		return;
	}
	commands[cmd].handle(op);
}
