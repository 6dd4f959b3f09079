/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Information on the device, its regions and interrupts; and the descriptor that a region is mapped
 * from.
 *
 * libvfio-user refuses to report it while its device is stopped, and the information does not
 * change: so the client keeps the first reply.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "source/vfio_user/priv.h"
#include "wire/memory.h"

static size_t fixed_size(enum vfmig_op op)
{
	return op == VFMIG_OP_REGION_INFO ? ABI_MSG_REGION_INFO_SIZE : 16;
}

static uint16_t command(enum vfmig_op op)
{
	switch (op) {
	case VFMIG_OP_DEVICE_INFO:
		return VFMIG_USER_DEVICE_GET_INFO;
	case VFMIG_OP_IRQ_INFO:
		return VFMIG_USER_DEVICE_GET_IRQ_INFO;
	default:
		return VFMIG_USER_DEVICE_GET_REGION_INFO;
	}
}

/* ---- what is kept; under the lock ---- */

#define KEPT_MAX 64u

static struct vfio_user_kept *find_kept(struct vfio_user *client, enum vfmig_op op, uint32_t index,
					unsigned *count)
{
	struct vfio_user_kept *kept = client->kept;

	for (*count = 0; kept && (kept->op != op || kept->index != index); kept = kept->next)
		(*count)++;
	return kept;
}

static void keep(struct vfio_user *client, const struct vfmig_request *request, size_t len)
{
	struct vfio_user_kept *kept;
	unsigned count;

	if (!client->plain || len > request->info.size)
		return;
	pthread_mutex_lock(&client->wire.lock);
	kept = find_kept(client, request->op, request->info.index, &count);
	if (!kept && count < KEPT_MAX && (kept = malloc(sizeof(*kept) + len))) {
		kept->op = request->op;
		kept->index = request->info.index;
		kept->len = len;
		memcpy(kept->bytes, request->info.buf, len);
		kept->next = client->kept;
		client->kept = kept;
	}
	pthread_mutex_unlock(&client->wire.lock);
}

static ssize_t recall(struct vfio_user *client, const struct vfmig_request *request)
{
	struct vfio_user_kept *kept;
	ssize_t ret = -ENOENT;
	unsigned count;

	pthread_mutex_lock(&client->wire.lock);
	kept = find_kept(client, request->op, request->info.index, &count);
	if (kept) {
		size_t n = kept->len < request->info.size ? kept->len : request->info.size;

		memcpy(request->info.buf, kept->bytes, n);
		ret = (ssize_t)kept->len;
		/* A buffer too small for the capabilities gets none of them. */
		if (n < kept->len && request->op == VFMIG_OP_REGION_INFO)
			((struct vfmig_region_info *)request->info.buf)->cap_offset = 0;
	}
	pthread_mutex_unlock(&client->wire.lock);
	return ret;
}

void vfio_user_kept_free(struct vfio_user *client)
{
	while (client->kept) {
		struct vfio_user_kept *kept = client->kept;

		client->kept = kept->next;
		free(kept);
	}
}

/* ---- information ---- */

/* What is wrong with an answer, or NULL; its argsz in @argsz. */
static const char *check(enum vfmig_op op, const struct vfio_user *client,
			 const struct vfio_user_step *step, uint32_t index, uint32_t *argsz)
{
	const uint8_t *reply = step->ask.reply;
	size_t len = step->ask.reply_len;
	struct vfmig_region_info region;
	struct vfmig_device_info device;
	struct vfmig_irq_info irq;
	const char *why;

	switch (op) {
	case VFMIG_OP_DEVICE_INFO:
		why = abi_msg_get_device_info(reply, len, &device);
		*argsz = client->plain ? ABI_MSG_DEVICE_INFO_SIZE : device.argsz;
		if (!why && *argsz > VFIO_USER_INFO_MAX)
			why = "the device information exceeds 64 KiB";
		return why;
	case VFMIG_OP_IRQ_INFO:
		why = abi_msg_get_irq_info(reply, len, &irq);
		*argsz = ABI_MSG_IRQ_INFO_SIZE;
		return !why && irq.index != index ? "the reply is for another index" : why;
	default:
		why = abi_msg_get_region_info(reply, len, &region);
		*argsz = region.argsz;
		if (!why && region.index != index)
			why = "the reply is for another index";
		if (!why && region.argsz > VFIO_USER_INFO_MAX)
			why = "the region information exceeds 64 KiB";
		return why;
	}
}

/* It was refused: because of the state that the device is in? */
static void state_answered(struct vfio_user_job *job, struct vfio_user_step *step)
{
	uint32_t state;

	if (!step->ask.error && !vfio_user_state(step, &state) && state < VFMIG_STATE_COUNT &&
	    state != VFMIG_STATE_RUNNING)
		vfio_user_fail(
			job, -EBUSY,
			"%s: the server rejects region information while the device is in %s; reset the device (vfmig reset) or restart the server",
			job->client->device.name, vfmig_state_name(state));
	else
		vfio_user_fail(job, -EINVAL, "%s: the server rejected %s of index %u",
			       job->client->device.name, vfmig_op_name(job->request->op),
			       job->request->info.index);
}

static void ask_state(struct vfio_user_job *job)
{
	struct vfio_user_step *step = vfio_user_step(job);

	if (!step)
		return;
	step->answered = state_answered;
	vfio_user_ask_feature(step, VFMIG_FEATURE_MIG_STATE | VFMIG_FEATURE_GET, NULL, 8);
}

static void info_answered(struct vfio_user_job *job, struct vfio_user_step *step)
{
	struct vfmig_request *request = job->request;
	size_t size = request->info.size, n = step->ask.reply_len;
	uint32_t argsz;
	const char *why;
	ssize_t kept;

	if (step->ask.error) {
		kept = job->client->plain && step->ask.error == -EINVAL
			       ? recall(job->client, request)
			       : -1;
		if (kept >= 0)
			job->result = kept;
		else if (kept == -ENOENT && job->request->op == VFMIG_OP_DEVICE_INFO &&
			 job->client->caps.minor)
			ask_state(job);
		else
			vfio_user_refused(job, step, vfmig_op_name(request->op));
		return;
	}
	why = check(request->op, job->client, step, request->info.index, &argsz);
	if (why) {
		vfio_user_fail(job, -EPROTO, "%s: %s of index %u: %s", job->client->device.name,
			       vfmig_op_name(request->op), request->info.index, why);
		return;
	}
	if (n > size)
		n = size;
	memcpy(request->info.buf, step->ask.reply, n);
	if (request->op == VFMIG_OP_DEVICE_INFO && job->client->plain)
		((struct vfmig_device_info *)request->info.buf)->flags &= ~VFMIG_DEVICE_FLAG_CAPS;
	job->result = argsz;
	/* argsz in the reply and the length that was received may differ. */
	if (argsz > n + step->ask.data_len && argsz <= size)
		vfio_user_fail(job, -EPROTO, "%s: the reply to %s is shorter than its argsz",
			       job->client->device.name, vfmig_op_name(request->op));
	else
		keep(job->client, request, argsz);
}

void vfio_user_info(struct vfio_user *client, struct vfmig_request *request)
{
	enum vfmig_op op = request->op;
	size_t fixed = fixed_size(op), size = request->info.size;
	/* A plain server has no capabilities of the device. */
	bool more = op == VFMIG_OP_REGION_INFO || (op == VFMIG_OP_DEVICE_INFO && !client->plain);
	uint32_t words[8] = {0};
	struct vfio_user_step *step;
	struct vfio_user_job *job;

	if (size < fixed) {
		request_complete_err(request, -EINVAL,
				     "%s: %s: the buffer has %zu bytes, and the reply needs %zu",
				     client->device.name, vfmig_op_name(op), size, fixed);
		return;
	}
	job = vfio_user_job(client, request, info_answered);
	step = job ? vfio_user_step(job) : NULL;

	if (!job)
		return;
	if (step) {
		if (size > VFIO_USER_INFO_MAX)
			size = VFIO_USER_INFO_MAX;
		words[0] = (uint32_t)(more ? size : fixed);
		if (op != VFMIG_OP_DEVICE_INFO)
			words[2] = request->info.index;
		memcpy(vfio_user_fixed(step), words, fixed);
		step->ask.fixed = (uint32_t)fixed;
		if (more && size > fixed) {
			step->ask.data = (uint8_t *)request->info.buf + fixed;
			step->ask.data_max = size - fixed;
		}
		vfio_user_send(step, command(op), fixed);
	}
	vfio_user_let_go(job);
}

/* ---- the descriptor of a region ---- */

/* Each part that may be mapped must be in the file, and the file must be memory. */
static void check_fd(struct vfio_user_job *job, struct vfio_user_step *step,
		     const struct vfmig_region_info *info, const uint8_t *whole, size_t len)
{
	struct vfmig_sparse_mmap_area *areas = calloc(ABI_MSG_AREAS_MAX, sizeof(*areas));
	bool write = info->flags & VFMIG_REGION_FLAG_WRITE;
	struct abi_msg_region_caps caps;
	struct vfmig_error err = {0};
	const char *why = NULL;
	uint64_t page;
	int ret = 0;

	if (!areas) {
		vfio_user_fail(job, -ENOMEM, "no memory for a region's areas");
		return;
	}
	why = abi_msg_get_region_caps(whole, len, info, areas, ABI_MSG_AREAS_MAX, &caps);
	if (why)
		ret = vfmig_err(&err, -EPROTO, "%s", why);
	else if (!caps.has_sparse) {
		areas[0].size = info->size;
		caps.nr_areas = 1;
	}
	for (uint32_t i = 0; !ret && i < caps.nr_areas; i++) {
		if (info->offset > INT64_MAX - areas[i].offset ||
		    areas[i].size > INT64_MAX - areas[i].offset - info->offset)
			ret = vfmig_err(&err, -EPROTO, "an area exceeds the largest file");
		else
			ret = wire_memory_check(step->ask.fds[0], info->offset + areas[i].offset,
						areas[i].size, write, false, &page, &err);
	}
	free(areas);
	if (ret) {
		vfio_user_fail(job, ret, "%s: mmap of region %u: %s", job->client->device.name,
			       info->index, err.text);
		return;
	}
	job->request->region_fd.fd = step->ask.fds[0];
	job->request->region_fd.file_offset = info->offset;
	step->ask.nfds = 0;
}

static void region_fd_answered(struct vfio_user_job *job, struct vfio_user_step *step)
{
	uint32_t index = job->request->region_fd.index;
	struct vfmig_region_info info;
	const char *why;

	if (step->ask.error) {
		vfio_user_refused(job, step, "region-fd");
		return;
	}
	why = abi_msg_get_region_info(step->ask.reply, step->ask.reply_len, &info);
	if (!why && info.index != index)
		why = "the reply is for another region";
	if (why) {
		vfio_user_fail(job, -EPROTO, "%s: region %u: %s", job->client->device.name, index,
			       why);
		return;
	}
	if (!(info.flags & VFMIG_REGION_FLAG_MMAP) || step->ask.nfds != 1) {
		vfio_user_fail(
			job, -ENODEV,
			"%s: region %u cannot be mapped: the server sent %u descriptors, not one",
			job->client->device.name, index, step->ask.nfds);
		return;
	}
	/* The decoder expects the fixed part in front of the body. */
	memcpy(step->own, step->ask.reply, ABI_MSG_REGION_INFO_SIZE);
	check_fd(job, step, &info, step->own, ABI_MSG_REGION_INFO_SIZE + step->ask.data_len);
}

void vfio_user_region_fd(struct vfio_user *client, struct vfmig_request *request)
{
	struct vfio_user_job *job = vfio_user_job(client, request, region_fd_answered);
	struct vfio_user_step *step = job ? vfio_user_step(job) : NULL;

	if (!job)
		return;
	if (step)
		step->own = malloc(VFIO_USER_INFO_MAX);
	if (step && step->own) {
		size_t n = abi_msg_put_region_info_request(vfio_user_fixed(step),
							   VFIO_USER_FIXED_ROOM, VFIO_USER_INFO_MAX,
							   request->region_fd.index);

		step->ask.fixed = ABI_MSG_REGION_INFO_SIZE;
		step->ask.data = (uint8_t *)step->own + ABI_MSG_REGION_INFO_SIZE;
		step->ask.data_max = VFIO_USER_INFO_MAX - ABI_MSG_REGION_INFO_SIZE;
		vfio_user_send(step, VFMIG_USER_DEVICE_GET_REGION_INFO, n);
	} else if (step) {
		vfio_user_fail(job, -ENOMEM, "no memory for region %u", request->region_fd.index);
		vfio_user_drop(step);
	}
	vfio_user_let_go(job);
}
