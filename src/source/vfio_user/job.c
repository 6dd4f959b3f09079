/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Jobs and their steps: from a request to questions, and from answers to its end.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "source/vfio_user/priv.h"

static struct vfio_user_step *step_of(struct wire_ask *ask)
{
	return (struct vfio_user_step *)((char *)ask - offsetof(struct vfio_user_step, ask));
}

/* ---- making and freeing; under the lock ---- */

void vfio_user_step_free(struct vfio_user *client, struct vfio_user_step *step)
{
	wire_close_fds(step->ask.fds, &step->ask.nfds);
	if (step->fd >= 0)
		close(step->fd);
	free(step->own);
	step->next = client->unused_steps;
	client->unused_steps = step;
}

static void job_free(struct vfio_user *client, struct vfio_user_job *job)
{
	if (job->spare) {
		job->spare->next = client->unused_steps;
		client->unused_steps = job->spare;
	}
	free(job->own);
	job->next = client->unused_jobs;
	client->unused_jobs = job;
}

void vfio_user_jobs_free(struct vfio_user *client)
{
	while (client->unused_jobs) {
		struct vfio_user_job *job = client->unused_jobs;

		client->unused_jobs = job->next;
		free(job);
	}
	while (client->unused_steps) {
		struct vfio_user_step *step = client->unused_steps;

		client->unused_steps = step->next;
		free(step);
	}
}

void vfio_user_unlink(struct vfio_user *client, struct vfio_user_job *job)
{
	if (job->prev)
		job->prev->next = job->next;
	else
		client->jobs = job->next;
	if (job->next)
		job->next->prev = job->prev;
}

void vfio_user_unlink_step(struct vfio_user_step *step)
{
	struct vfio_user_step **at = &step->job->steps;

	while (*at != step)
		at = &(*at)->sister;
	*at = step->sister;
}

struct vfio_user_job *vfio_user_job(struct vfio_user *client, struct vfmig_request *request,
				    void (*answered)(struct vfio_user_job *job,
						     struct vfio_user_step *step))
{
	struct vfio_user_job *job;

	pthread_mutex_lock(&client->wire.lock);
	job = client->unused_jobs;
	if (job)
		client->unused_jobs = job->next;
	else
		job = malloc(sizeof(*job));
	if (!job) {
		pthread_mutex_unlock(&client->wire.lock);
		request_complete_err(request, -ENOMEM, "no memory for a request");
		return NULL;
	}
	memset(job, 0, offsetof(struct vfio_user_job, other));
	job->client = client;
	job->request = request;
	job->answered = answered;
	job->left = 1; /* held */
	job->checked = 1;
	job->spare = client->unused_steps;
	if (job->spare)
		client->unused_steps = job->spare->next;
	job->prev = NULL;
	job->next = client->jobs;
	if (client->jobs)
		client->jobs->prev = job;
	client->jobs = job;
	if (request->op == VFMIG_OP_DATA_READ || request->op == VFMIG_OP_DATA_WRITE) {
		job->ordered = true;
		job->next_ordered = NULL;
		*client->order_last = job;
		client->order_last = &job->next_ordered;
	}
	pthread_mutex_unlock(&client->wire.lock);
	return job;
}

struct vfio_user_step *vfio_user_step(struct vfio_user_job *job)
{
	struct vfio_user_step *step = job->spare;
	struct vfio_user *client = job->client;

	if (!step) {
		pthread_mutex_lock(&client->wire.lock);
		step = client->unused_steps;
		if (step)
			client->unused_steps = step->next;
		pthread_mutex_unlock(&client->wire.lock);
	}
	job->spare = NULL;
	if (!step)
		step = malloc(sizeof(*step));
	if (!step) {
		vfio_user_fail(job, -ENOMEM, "no memory for a message");
		return NULL;
	}
	memset(step, 0, sizeof(*step));
	step->job = job;
	step->fd = -1;
	return step;
}

void vfio_user_drop(struct vfio_user_step *step)
{
	struct vfio_user *client = step->job->client;

	pthread_mutex_lock(&client->wire.lock);
	vfio_user_step_free(client, step);
	pthread_mutex_unlock(&client->wire.lock);
}

/* ---- sending ---- */

/* A server that has no socket of its own for DMA by message takes a command for the answer to it. */
static unsigned window(const struct vfio_user *client)
{
	bool collides = client->plain && client->by_message && client->wire.ends[WIRE_TWIN].fd < 0;

	return collides ? 1 : VFIO_USER_WINDOW;
}

static bool has_room(const struct vfio_user *client, const struct vfio_user_step *step)
{
	if (!client->under_way)
		return true;
	return client->under_way < window(client) &&
	       client->under_way_bytes + step->bytes <= VFIO_USER_WINDOW_BYTES;
}

static void answered(struct vfio_user *client, struct vfio_user_step *step)
{
	step->next = NULL;
	*client->answers_last = step;
	client->answers_last = &step->next;
}

/* Returns false if the window has no space for the message now. */
static bool send_now(struct vfio_user *client, struct vfio_user_step *step)
{
	int ret;

	if (!has_room(client, step))
		return false;
	/* Before it is asked: if the connection ends over it, the answer is here before we are back. */
	step->in_window = true;
	client->under_way++;
	client->under_way_bytes += step->bytes;
	ret = wire_send_command(&client->wire, WIRE_MAIN, step->ask.cmd, &step->ask);
	if (!ret)
		return true;
	step->in_window = false;
	client->under_way--;
	client->under_way_bytes -= step->bytes;
	if (ret == -EBUSY)
		return false;
	step->ask.error = client->wire.lost ? client->wire.lost : ret;
	answered(client, step);
	return true;
}

static void pump(struct vfio_user *client)
{
	struct vfio_user_step *step;

	while ((step = client->waiting)) {
		/* Out of the list first, for the answer may put it into another. */
		client->waiting = step->next;
		if (!client->waiting)
			client->waiting_last = &client->waiting;
		if (send_now(client, step))
			continue;
		if (!client->waiting)
			client->waiting_last = &step->next;
		step->next = client->waiting;
		client->waiting = step;
		return;
	}
}

static void fill(struct vfio_user_step *step, uint16_t cmd, size_t fixed)
{
	step->ask.cmd = cmd;
	step->ask.out.head_len = ABI_MSG_HEADER_SIZE + fixed;
	/* The larger of the two directions. */
	step->bytes = step->ask.out.body_len > step->ask.data_max ? step->ask.out.body_len
								  : step->ask.data_max;
}

/* Under the lock. */
static void send_step(struct vfio_user *client, struct vfio_user_step *step)
{
	struct vfio_user_job *job = step->job;

	if (!job->request) {
		/* Cancelled meanwhile: send no more for it. */
		vfio_user_step_free(client, step);
		return;
	}
	step->sister = job->steps;
	job->steps = step;
	job->left++;
	if (client->waiting || !send_now(client, step)) {
		step->next = NULL;
		*client->waiting_last = step;
		client->waiting_last = &step->next;
	}
}

void vfio_user_send(struct vfio_user_step *step, uint16_t cmd, size_t fixed)
{
	struct vfio_user *client = step->job->client;

	fill(step, cmd, fixed);
	pthread_mutex_lock(&client->wire.lock);
	send_step(client, step);
	pthread_mutex_unlock(&client->wire.lock);
}

/* ---- failing ---- */

void vfio_user_fail(struct vfio_user_job *job, int code, const char *fmt, ...)
{
	va_list ap;

	if (job->error)
		return;
	job->error = code;
	va_start(ap, fmt);
	vfmig_verr(job->request->err, code, fmt, ap);
	va_end(ap);
}

void vfio_user_refused(struct vfio_user_job *job, const struct vfio_user_step *step,
		       const char *what)
{
	struct vfio_user *client = job->client;
	bool lost;

	/* The first error of a connection is kept. */
	pthread_mutex_lock(&client->wire.lock);
	lost = client->wire.lost;
	pthread_mutex_unlock(&client->wire.lock);
	if (lost)
		vfio_user_fail(job, step->ask.error, "%s: %s: %s", client->device.name, what,
			       client->wire.why.text);
	else
		vfio_user_fail(job, step->ask.error, "%s: the server rejected %s: %s",
			       client->device.name, what, strerror(-step->ask.error));
}

/* ---- the end of a job ---- */

/* Those at the head of the order that are finished. Under the lock. */
static struct vfio_user_job *next_in_order(struct vfio_user *client)
{
	struct vfio_user_job *job = client->order;

	if (!job || !job->finished)
		return NULL;
	client->order = job->next_ordered;
	if (!client->order)
		client->order_last = &client->order;
	return job;
}

/* Under the lock, which is let go for the callback. */
static void complete(struct vfio_user *client, struct vfio_user_job *job)
{
	struct vfmig_request *request = job->request;
	ssize_t result = job->error ? job->error : job->result;

	if (request)
		vfio_user_unlink(client, job);
	job_free(client, job);
	if (!request)
		return;
	pthread_mutex_unlock(&client->wire.lock);
	request_complete(request, result);
	pthread_mutex_lock(&client->wire.lock);
}

/*
 * No step is left. Called with the lock held. A thread that processes answers completes the ordered
 * jobs.
 */
void vfio_user_finish(struct vfio_user *client, struct vfio_user_job *job)
{
	job->finished = true;
	if (!job->ordered)
		complete(client, job);
}

static void let_go(struct vfio_user *client, struct vfio_user_job *job)
{
	job->checked--;
	pthread_cond_broadcast(&client->looked);
	if (--job->left)
		return;
	if (job->ends && job->request && !job->error) {
		void (*ends)(struct vfio_user_job *) = job->ends;

		job->ends = NULL;
		job->left = 1;
		job->checked++;
		pthread_mutex_unlock(&client->wire.lock);
		ends(job);
		pthread_mutex_lock(&client->wire.lock);
		let_go(client, job);
		return;
	}
	vfio_user_finish(client, job);
}

/* ---- answers ---- */

void vfio_user_answer(struct vfio_user *client, struct wire_ask *ask)
{
	struct vfio_user_step *step = step_of(ask);

	if (step->in_window) {
		client->under_way--;
		client->under_way_bytes -= step->bytes;
		step->in_window = false;
	}
	answered(client, step);
}

static void look_at(struct vfio_user *client, struct vfio_user_step *step)
{
	struct vfio_user_job *job = step->job;

	vfio_user_unlink_step(step);
	if (!job->request) {
		/* Cancelled. */
		vfio_user_step_free(client, step);
		if (!--job->left)
			vfio_user_finish(client, job);
		return;
	}
	job->checked++;
	if (job->quick && !step->ask.error) {
		job->answered(job, step);
	} else {
		pthread_mutex_unlock(&client->wire.lock);
		(step->answered ? step->answered : job->answered)(job, step);
		pthread_mutex_lock(&client->wire.lock);
	}
	vfio_user_step_free(client, step);
	let_go(client, job);
}

void vfio_user_look_locked(struct vfio_user *client)
{
	struct vfio_user_step *step;
	struct vfio_user_job *job;

	if (client->looking)
		return;
	client->looking = true;
	for (;;) {
		job = next_in_order(client);
		if (job) {
			complete(client, job);
			continue;
		}
		pump(client);
		step = client->answers;
		if (!step)
			break;
		client->answers = step->next;
		if (!client->answers)
			client->answers_last = &client->answers;
		look_at(client, step);
	}
	client->looking = false;
}

void vfio_user_look(struct vfio_user *client)
{
	pthread_mutex_lock(&client->wire.lock);
	vfio_user_look_locked(client);
	pthread_mutex_unlock(&client->wire.lock);
}

void vfio_user_let_go(struct vfio_user_job *job)
{
	struct vfio_user *client = job->client;

	pthread_mutex_lock(&client->wire.lock);
	let_go(client, job);
	vfio_user_look_locked(client);
	pthread_mutex_unlock(&client->wire.lock);
}

void vfio_user_send_last(struct vfio_user_step *step, uint16_t cmd, size_t fixed)
{
	struct vfio_user_job *job = step->job;
	struct vfio_user *client = job->client;

	fill(step, cmd, fixed);
	pthread_mutex_lock(&client->wire.lock);
	send_step(client, step);
	let_go(client, job);
	vfio_user_look_locked(client);
	pthread_mutex_unlock(&client->wire.lock);
}
