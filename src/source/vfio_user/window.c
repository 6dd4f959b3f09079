/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The window: migration data goes through memory that is shared with the server, and messages say where it is.
 *
 * What is there is never looked at here. Whoever uses it copies it first, and sums the copy.
 */
#include <errno.h>

#include "source/vfio_user/priv.h"

/* ---- giving one ---- */

static void window_answered(struct vfio_user_job *job, struct vfio_user_step *step)
{
	struct vfio_user *client = job->client;

	if (step->ask.error) {
		vfio_user_refused(job, step, "a window");
		return;
	}
	pthread_mutex_lock(&client->wire.lock);
	client->window = job->request->window.size;
	pthread_mutex_unlock(&client->wire.lock);
}

void vfio_user_window(struct vfio_user *client, struct vfmig_request *request)
{
	struct vfmig_user_window w = {.argsz = ABI_MSG_WINDOW_SIZE, .size = request->window.size};
	struct vfio_user_step *step;
	struct vfio_user_job *job;

	if (client->caps.vfmig < 2 || !client->caps.max_msg_fds) {
		request_complete_err(request, -EOPNOTSUPP,
				     "%s: the server does not know of windows",
				     client->device.name);
		return;
	}
	/* Until the answer there is none that could be used. */
	pthread_mutex_lock(&client->wire.lock);
	client->window = 0;
	pthread_mutex_unlock(&client->wire.lock);
	job = vfio_user_job(client, request, window_answered);
	if (!job)
		return;
	step = vfio_user_step(job);
	if (step) {
		step->ask.out.fds = &request->window.fd;
		step->ask.out.nfds = w.size != 0;
		vfio_user_send(step, VFMIG_USER_WINDOW,
			       abi_msg_put_window(vfio_user_fixed(step), VFIO_USER_FIXED_ROOM, &w));
	}
	vfio_user_let_go(job);
}

/* ---- using it ---- */

static void read_answered(struct vfio_user_job *job, struct vfio_user_step *step)
{
	struct vfmig_user_window_piece reported;
	struct vfio_user *client = job->client;
	const char *why;
	uint64_t window;
	bool precopy;

	if (step->ask.error) {
		vfio_user_refused(job, step, "migration data");
		return;
	}
	pthread_mutex_lock(&client->wire.lock);
	precopy = vfio_user_in_precopy(client);
	window = client->window;
	pthread_mutex_unlock(&client->wire.lock);
	why = abi_msg_get_window_piece(step->ask.reply, step->ask.reply_len, window, &reported);
	if (!why && (reported.offset != step->a || reported.size > step->b))
		why = "the answer is about another piece";
	if (why) {
		vfio_user_fail(job, -EPROTO, "%s: %s", client->device.name, why);
		return;
	}
	job->request->data.window->sum = reported.sum;
	job->result = reported.size;
	if (!job->result && precopy)
		job->error = -ENOMSG;
}

static void write_answered(struct vfio_user_job *job, struct vfio_user_step *step)
{
	if (step->ask.error)
		vfio_user_refused(job, step, "migration data");
}

/* One piece, in one message. */
static void move(struct vfio_user *client, struct vfmig_request *request, uint16_t cmd,
		 uint32_t len, uint64_t sum,
		 void (*answered)(struct vfio_user_job *job, struct vfio_user_step *step))
{
	struct vfmig_user_window_piece p = {
		.argsz = ABI_MSG_WINDOW_PIECE_SIZE,
		.size = len,
		.offset = request->data.window->offset,
		.sum = sum,
	};
	struct vfio_user_step *step;
	struct vfio_user_job *job;
	uint64_t window;

	pthread_mutex_lock(&client->wire.lock);
	window = client->window;
	pthread_mutex_unlock(&client->wire.lock);
	if (p.offset > window || len > window - p.offset) {
		request_complete_err(request, -EINVAL,
				     "%s: %u bytes at 0x%llx leave the window, which has %llu",
				     client->device.name, len, (unsigned long long)p.offset,
				     (unsigned long long)window);
		return;
	}
	job = vfio_user_job(client, request, answered);
	if (!job)
		return;
	job->result = len;
	step = vfio_user_step(job);
	if (step) {
		step->a = p.offset;
		step->b = len;
		step->ask.fixed = cmd == VFMIG_USER_WINDOW_READ ? ABI_MSG_WINDOW_PIECE_SIZE : 0;
		vfio_user_send(
			step, cmd,
			abi_msg_put_window_piece(vfio_user_fixed(step), VFIO_USER_FIXED_ROOM, &p));
	}
	vfio_user_let_go(job);
}

void vfio_user_window_read(struct vfio_user *client, struct vfmig_request *request)
{
	size_t len = request->data.len < ABI_MSG_WINDOW_PIECE_MAX ? request->data.len
								  : ABI_MSG_WINDOW_PIECE_MAX;

	move(client, request, VFMIG_USER_WINDOW_READ, (uint32_t)len, 0, read_answered);
}

void vfio_user_window_write(struct vfio_user *client, struct vfmig_request *request)
{
	/* The sum is of all of it, so that it goes in one piece or not at all. */
	if (request->data.len > ABI_MSG_WINDOW_PIECE_MAX) {
		request_complete_err(request, -EINVAL,
				     "%s: a piece in a window is larger than 1 MiB",
				     client->device.name);
		return;
	}
	move(client, request, VFMIG_USER_WINDOW_WRITE, (uint32_t)request->data.len,
	     request->data.window->sum, write_answered);
}
