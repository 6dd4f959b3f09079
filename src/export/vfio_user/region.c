/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Regions: read, written, and written in several places by one message.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "export/vfio_user/server.h"

static void region_back(struct export_op *op, ssize_t result)
{
	struct vfmig_user_region_access a = {
		.offset = op->request.region.offset,
		.region = op->request.region.index,
		.count = op->request.region.len,
	};

	if (result < 0) {
		export_failed(op, (int)result);
		return;
	}
	if (op->msg->header.cmd == VFMIG_USER_REGION_READ) {
		op->out.body = op->request.region.buf;
		op->out.body_len = a.count;
	}
	export_done(op, abi_msg_put_region_access(export_fixed(op), EXPORT_FIXED_ROOM, &a));
}

/* Where what is read goes; a register needs no buffer for it. NULL: it was refused. */
static void *room(struct export_op *op, uint32_t count)
{
	if (count > sizeof(op->payload.u64))
		return export_room(op, count);
	op->payload.u64 = 0;
	return &op->payload.u64;
}

void export_region_access(struct export_op *op)
{
	bool write = op->msg->header.cmd == VFMIG_USER_REGION_WRITE;
	struct vfmig_user_region_access a;
	const char *why = abi_msg_get_region_access(op->msg->payload, op->msg->len,
						    ABI_MSG_XFER_DEFAULT, write, &a);

	if (why) {
		export_refuse(op, -EINVAL, "%s", why);
		return;
	}
	op->request.region.index = a.region;
	op->request.region.offset = a.offset;
	op->request.region.len = a.count;
	op->request.region.buf =
		write ? op->msg->payload + ABI_MSG_REGION_ACCESS_SIZE : room(op, a.count);
	if (!op->request.region.buf)
		return;
	if (!a.count) {
		region_back(op, 0);
		return;
	}
	export_ask(op, write ? VFMIG_VERB_REGION_WRITE : VFMIG_VERB_REGION_READ, region_back);
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
		export_failed(op, (int)op->request.result);
		return;
	}
	op->err.code = 0;
	memcpy(export_fixed(op), &op->at, sizeof(op->at));
	export_done(op, ABI_MSG_WRITE_MULTI_SIZE);
}

static void write_multi_back(struct export_op *op, ssize_t result);

static void write_multi_ask(struct export_op *op)
{
	struct vfmig_user_write w;

	abi_msg_write_at(op->msg->payload, op->at, &w);
	memset(&op->request, 0, sizeof(op->request));
	op->request.region.index = w.region;
	op->request.region.offset = w.offset;
	op->request.region.len = w.count;
	/* The data in the message, which stays. */
	op->request.region.buf =
		op->msg->payload + ABI_MSG_WRITE_MULTI_SIZE + op->at * ABI_MSG_WRITE_SIZE + 16;
	atomic_store(&op->turns, 0);
	export_ask(op, VFMIG_VERB_REGION_WRITE, write_multi_back);
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

void export_write_multi(struct export_op *op)
{
	const char *why = abi_msg_get_write_multi(op->msg->payload, op->msg->len, &op->payload.u64);

	if (why)
		export_refuse(op, -EINVAL, "%s", why);
	else
		write_multi_next(op);
}
