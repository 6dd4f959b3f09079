/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Region access, interrupts and migration data: requests that may be larger than a message, and go in pieces.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include "source/vfio_user/priv.h"

/* ---- regions ---- */

static void region_answered(struct vfio_user_job *job, struct vfio_user_step *step)
{
	const struct vfmig_request *request = job->request;
	bool write = request->op == VFMIG_OP_REGION_WRITE;
	struct vfmig_user_region_access reported;
	const char *why;

	if (step->ask.error) {
		vfio_user_refused(job, step, write ? "a region write" : "a region read");
		return;
	}
	why = abi_msg_get_region_access(step->ask.reply, step->ask.reply_len + step->ask.data_len,
					(uint32_t)step->b, !write, &reported);
	if (!why && (reported.offset != step->a || reported.count != step->b ||
		     reported.region != request->region.index))
		why = "the reply is for another access";
	if (why)
		vfio_user_fail(job, -EPROTO, "%s: region %u at 0x%llx: %s",
			       job->client->device.name, request->region.index,
			       (unsigned long long)step->a, why);
}

/* @last: and the job is let go. False: it was not asked. */
static bool region_piece(struct vfio_user_job *job, uint32_t at, uint32_t len, bool last)
{
	void (*send)(struct vfio_user_step *, uint16_t, size_t) =
		last ? vfio_user_send_last : vfio_user_send;
	struct vfmig_request *request = job->request;
	struct vfmig_user_region_access a = {
		.offset = request->region.offset + at,
		.region = request->region.index,
		.count = len,
	};
	struct vfio_user_step *step = vfio_user_step(job);
	size_t n;

	if (!step)
		return false;
	step->a = a.offset;
	step->b = len;
	step->ask.fixed = ABI_MSG_REGION_ACCESS_SIZE;
	n = abi_msg_put_region_access(vfio_user_fixed(step), VFIO_USER_FIXED_ROOM, &a);
	if (request->op == VFMIG_OP_REGION_WRITE) {
		step->ask.out.body = (const uint8_t *)request->region.buf + at;
		step->ask.out.body_len = len;
		send(step, VFMIG_USER_REGION_WRITE, n);
	} else {
		step->ask.data = (uint8_t *)request->region.buf + at;
		step->ask.data_max = len;
		send(step, VFMIG_USER_REGION_READ, n);
	}
	return true;
}

void vfio_user_region(struct vfio_user *client, struct vfmig_request *request)
{
	uint32_t most = request->op == VFMIG_OP_REGION_WRITE ? client->write_max : client->xfer;
	uint32_t len = request->region.len, at = 0;
	struct vfio_user_job *job;
	bool asked = true;

	if (len > UINT64_MAX - request->region.offset) {
		request_complete_err(request, -EINVAL,
				     "%s: region %u: offset and size of an access exceed 2^64",
				     client->device.name, request->region.index);
		return;
	}
	/* Skip empty accesses: some servers reject them. */
	if (!len) {
		request_complete(request, 0);
		return;
	}
	job = vfio_user_job(client, request, region_answered);
	if (!job)
		return;
	job->result = len;
	job->quick = true;
	for (; asked && len - at > most; at += most)
		asked = region_piece(job, at, most, false);
	/* Not through the job's error: another thread may be processing the first answers. */
	if (!asked || !region_piece(job, at, len - at, true))
		vfio_user_let_go(job);
}

/* ---- interrupts ---- */

static void irqs_answered(struct vfio_user_job *job, struct vfio_user_step *step)
{
	if (step->ask.error)
		vfio_user_refused(job, step, "interrupts");
}

static bool irqs_send(struct vfio_user_job *job, const struct vfmig_irq_set *set,
		      const uint8_t *bools, const int *fds, unsigned nfds)
{
	struct vfio_user_step *step = vfio_user_step(job);
	struct vfmig_irq_set message = *set;
	size_t n;

	if (!step)
		return false;
	message.argsz = ABI_MSG_IRQ_SET_SIZE + (bools ? set->count : 0);
	/*
	 * The encoder would put the booleans after the structure, beyond the buffer's space: they
	 * are the body.
	 */
	message.flags &= ~VFMIG_IRQ_SET_DATA_BOOL;
	n = abi_msg_put_irq_set(vfio_user_fixed(step), VFIO_USER_FIXED_ROOM, &message, NULL);
	memcpy(vfio_user_fixed(step) + offsetof(struct vfmig_irq_set, flags), &set->flags,
	       sizeof(set->flags));
	step->ask.out.body = bools;
	step->ask.out.body_len = bools ? set->count : 0;
	step->ask.out.fds = fds;
	step->ask.out.nfds = nfds;
	vfio_user_send(step, VFMIG_USER_DEVICE_SET_IRQS, n);
	return true;
}

/*
 * libvfio-user removes eventfds only from the first interrupt on. For other ranges it gets an
 * eventfd without a reader.
 */
static int nowhere(struct vfio_user_job *job)
{
	struct vfio_user *client = job->client;
	int fd;

	pthread_mutex_lock(&client->wire.lock);
	if (client->nowhere < 0)
		client->nowhere = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	fd = client->nowhere;
	pthread_mutex_unlock(&client->wire.lock);
	if (fd < 0)
		vfio_user_fail(job, -EMFILE, "no eventfd to disable an interrupt with");
	return fd;
}

/* A run of eventfds, or of none, as many as go in one message. */
static uint32_t irqs_run(struct vfio_user_job *job, uint32_t at)
{
	const struct vfmig_request *request = job->request;
	const int32_t *fds = request->irqs.fds + at;
	bool none = fds[0] < 0;
	uint32_t left = request->irqs.count - at, most = job->client->caps.max_msg_fds, n = 1;
	struct vfmig_irq_set set = {
		.flags = request->irqs.flags,
		.index = request->irqs.index,
		.start = request->irqs.start + at,
	};
	int dummy;

	if (none && job->client->plain && set.start) {
		dummy = nowhere(job);
		set.count = 1;
		if (dummy < 0 || !irqs_send(job, &set, NULL, &job->client->nowhere, 1))
			return 0;
		return 1;
	}
	while (n < left && (fds[n] < 0) == none && (none || n < most))
		n++;
	set.count = n;
	return irqs_send(job, &set, NULL, none ? NULL : fds, none ? 0 : n) ? n : 0;
}

void vfio_user_irqs(struct vfio_user *client, struct vfmig_request *request)
{
	bool eventfds = request->irqs.flags & VFMIG_IRQ_SET_DATA_EVENTFD;
	bool bools = request->irqs.flags & VFMIG_IRQ_SET_DATA_BOOL;
	struct vfmig_irq_set set = {
		.flags = request->irqs.flags,
		.index = request->irqs.index,
		.start = request->irqs.start,
		.count = request->irqs.count,
	};
	uint32_t n;
	struct vfio_user_job *job;

	if (set.count > ABI_MSG_IRQS_MAX || (eventfds && !request->irqs.fds) ||
	    (bools && !request->irqs.bools) || (eventfds && bools)) {
		request_complete_err(request, -EINVAL,
				     "%s: interrupts: the request is not a valid SET_IRQS",
				     client->device.name);
		return;
	}
	if (eventfds && !client->caps.max_msg_fds) {
		request_complete_err(
			request, -EOPNOTSUPP,
			"%s: the server accepts no descriptors (max_msg_fds is 0), so interrupts cannot have eventfds",
			client->device.name);
		return;
	}
	job = vfio_user_job(client, request, irqs_answered);
	if (!job)
		return;
	if (!eventfds || !set.count) {
		irqs_send(job, &set, bools ? request->irqs.bools : NULL, NULL, 0);
	} else {
		for (uint32_t at = 0; at < set.count; at += n) {
			n = irqs_run(job, at);
			if (!n)
				break;
		}
	}
	vfio_user_let_go(job);
}

/* ---- migration data ---- */

bool vfio_user_in_precopy(const struct vfio_user *client)
{
	return client->state_known &&
	       (client->state == VFMIG_STATE_PRE_COPY || client->state == VFMIG_STATE_PRE_COPY_P2P);
}

/*
 * Errors by which a server may report the end of the data, after a piece that was shorter than
 * requested.
 */
static bool means_the_end(int error)
{
	return error == -ENODATA || error == -ENOMSG || error == -EINVAL;
}

/*
 * By the specification a short piece is the last one; for libvfio-user an empty one is. So the
 * client requests another piece after a short one. A server that has sent everything refuses that
 * or returns no data, and both mean the end.
 */
static void read_answered(struct vfio_user_job *job, struct vfio_user_step *step)
{
	struct vfmig_user_mig_data reported;
	struct vfio_user *client = job->client;
	const char *why;
	bool was_short, precopy;

	pthread_mutex_lock(&client->wire.lock);
	was_short = client->short_read;
	precopy = vfio_user_in_precopy(client);
	pthread_mutex_unlock(&client->wire.lock);
	if (step->ask.error == -ENOMSG && !was_short) {
		job->error = -ENOMSG;
		return;
	}
	if (step->ask.error && client->plain && was_short && means_the_end(step->ask.error)) {
		job->result = 0;
	} else if (step->ask.error) {
		vfio_user_refused(job, step, "migration data");
		return;
	} else {
		why = abi_msg_get_mig_data(step->ask.reply,
					   step->ask.reply_len + step->ask.data_len,
					   (uint32_t)step->b, true, &reported);
		if (why) {
			vfio_user_fail(job, -EPROTO, "%s: %s", client->device.name, why);
			return;
		}
		job->result = reported.size;
		pthread_mutex_lock(&client->wire.lock);
		client->short_read = reported.size < step->b;
		pthread_mutex_unlock(&client->wire.lock);
	}
	if (!job->result && precopy)
		job->error = -ENOMSG;
}

static void data_read(struct vfio_user *client, struct vfmig_request *request)
{
	struct vfio_user_job *job = vfio_user_job(client, request, read_answered);
	struct vfio_user_step *step = job ? vfio_user_step(job) : NULL;
	uint32_t len =
		request->data.len < client->xfer ? (uint32_t)request->data.len : client->xfer;
	struct vfmig_user_mig_data m = {.argsz = ABI_MSG_MIG_DATA_SIZE + len, .size = len};

	if (!job)
		return;
	if (step) {
		step->b = len;
		step->ask.fixed = ABI_MSG_MIG_DATA_SIZE;
		step->ask.data = request->data.buf;
		step->ask.data_max = len;
		vfio_user_send(
			step, VFMIG_USER_MIG_DATA_READ,
			abi_msg_put_mig_data(vfio_user_fixed(step), VFIO_USER_FIXED_ROOM, &m));
	}
	vfio_user_let_go(job);
}

static void write_answered(struct vfio_user_job *job, struct vfio_user_step *step)
{
	if (step->ask.error)
		vfio_user_refused(job, step, "migration data");
}

/*
 * All pieces are sent without waiting for replies; the first refusal is the result of the request.
 */
static void data_write(struct vfio_user *client, struct vfmig_request *request)
{
	struct vfio_user_job *job = vfio_user_job(client, request, write_answered);
	size_t at = 0, len = request->data.len;
	struct vfio_user_step *step;

	if (!job)
		return;
	job->result = (ssize_t)len;
	while (at < len && (step = vfio_user_step(job))) {
		uint32_t n =
			len - at < client->write_max ? (uint32_t)(len - at) : client->write_max;
		struct vfmig_user_mig_data m = {.argsz = ABI_MSG_MIG_DATA_SIZE + n, .size = n};

		step->ask.out.body = (const uint8_t *)request->data.buf + at;
		step->ask.out.body_len = n;
		/* Some answer with what every other answer has. */
		step->ask.slack = ABI_MSG_MIG_DATA_SIZE;
		vfio_user_send(
			step, VFMIG_USER_MIG_DATA_WRITE,
			abi_msg_put_mig_data(vfio_user_fixed(step), VFIO_USER_FIXED_ROOM, &m));
		at += n;
	}
	vfio_user_let_go(job);
}

void vfio_user_data(struct vfio_user *client, struct vfmig_request *request)
{
	bool read = request->op == VFMIG_OP_DATA_READ;

	if (!request->data.len)
		request_complete(request, 0);
	else if (read)
		data_read(client, request);
	else
		data_write(client, request);
}
