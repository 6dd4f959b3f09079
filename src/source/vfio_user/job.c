/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Jobs and their steps: from a request to questions, and from answers to its end.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "source/vfio_user/priv.h"

static struct vu_step *step_of(struct wire_ask *ask)
{
	return (struct vu_step *)((char *)ask - offsetof(struct vu_step, ask));
}

/* ---- making and freeing; under the lock ---- */

void vfio_user_step_free(struct vu *vu, struct vu_step *step)
{
	wire_close_fds(step->ask.fds, &step->ask.nfds);
	if (step->fd >= 0)
		close(step->fd);
	free(step->own);
	step->next = vu->unused_steps;
	vu->unused_steps = step;
}

static void job_free(struct vu *vu, struct vu_job *job)
{
	if (job->spare) {
		job->spare->next = vu->unused_steps;
		vu->unused_steps = job->spare;
	}
	free(job->own);
	job->next = vu->unused_jobs;
	vu->unused_jobs = job;
}

void vfio_user_jobs_free(struct vu *vu)
{
	while (vu->unused_jobs) {
		struct vu_job *job = vu->unused_jobs;

		vu->unused_jobs = job->next;
		free(job);
	}
	while (vu->unused_steps) {
		struct vu_step *step = vu->unused_steps;

		vu->unused_steps = step->next;
		free(step);
	}
}

void vfio_user_unlink(struct vu *vu, struct vu_job *job)
{
	if (job->prev)
		job->prev->next = job->next;
	else
		vu->jobs = job->next;
	if (job->next)
		job->next->prev = job->prev;
}

void vfio_user_unlink_step(struct vu_step *step)
{
	struct vu_step **at = &step->job->steps;

	while (*at != step)
		at = &(*at)->sister;
	*at = step->sister;
}

struct vu_job *vfio_user_job(struct vu *vu, struct vfmig_request *request,
			     void (*answered)(struct vu_job *job, struct vu_step *step))
{
	struct vu_job *job;

	pthread_mutex_lock(&vu->wire.lock);
	job = vu->unused_jobs;
	if (job)
		vu->unused_jobs = job->next;
	else
		job = malloc(sizeof(*job));
	if (!job) {
		pthread_mutex_unlock(&vu->wire.lock);
		request_complete_err(request, -ENOMEM, "no memory for a request");
		return NULL;
	}
	memset(job, 0, offsetof(struct vu_job, other));
	job->vu = vu;
	job->request = request;
	job->answered = answered;
	job->left = 1; /* held */
	job->checked = 1;
	job->spare = vu->unused_steps;
	if (job->spare)
		vu->unused_steps = job->spare->next;
	job->prev = NULL;
	job->next = vu->jobs;
	if (vu->jobs)
		vu->jobs->prev = job;
	vu->jobs = job;
	if (request->op == VFMIG_OP_DATA_READ || request->op == VFMIG_OP_DATA_WRITE) {
		job->ordered = true;
		job->next_ordered = NULL;
		*vu->order_last = job;
		vu->order_last = &job->next_ordered;
	}
	pthread_mutex_unlock(&vu->wire.lock);
	return job;
}

struct vu_step *vfio_user_step(struct vu_job *job)
{
	struct vu_step *step = job->spare;
	struct vu *vu = job->vu;

	if (!step) {
		pthread_mutex_lock(&vu->wire.lock);
		step = vu->unused_steps;
		if (step)
			vu->unused_steps = step->next;
		pthread_mutex_unlock(&vu->wire.lock);
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

void vfio_user_drop(struct vu_step *step)
{
	struct vu *vu = step->job->vu;

	pthread_mutex_lock(&vu->wire.lock);
	vfio_user_step_free(vu, step);
	pthread_mutex_unlock(&vu->wire.lock);
}

/* ---- sending ---- */

/* A server that has no socket of its own for DMA by message takes a command for the answer to it. */
static unsigned window(const struct vu *vu)
{
	bool collides = vu->plain && vu->by_message && vu->wire.ends[WIRE_TWIN].fd < 0;

	return collides ? 1 : VU_WINDOW;
}

static bool has_room(const struct vu *vu, const struct vu_step *step)
{
	if (!vu->under_way)
		return true;
	return vu->under_way < window(vu) && vu->under_way_bytes + step->bytes <= VU_WINDOW_BYTES;
}

static void answered(struct vu *vu, struct vu_step *step)
{
	step->next = NULL;
	*vu->answers_last = step;
	vu->answers_last = &step->next;
}

/* False: there is no room for it now. */
static bool send_now(struct vu *vu, struct vu_step *step)
{
	int ret;

	if (!has_room(vu, step))
		return false;
	/* Before it is asked: if the connection ends over it, the answer is here before we are back. */
	step->in_window = true;
	vu->under_way++;
	vu->under_way_bytes += step->bytes;
	ret = wire_send_command(&vu->wire, WIRE_MAIN, step->ask.cmd, &step->ask);
	if (!ret)
		return true;
	step->in_window = false;
	vu->under_way--;
	vu->under_way_bytes -= step->bytes;
	if (ret == -EBUSY)
		return false;
	step->ask.error = vu->wire.lost ? vu->wire.lost : ret;
	answered(vu, step);
	return true;
}

static void pump(struct vu *vu)
{
	struct vu_step *step;

	while ((step = vu->waiting)) {
		/* Out of the list first, for the answer may put it into another. */
		vu->waiting = step->next;
		if (!vu->waiting)
			vu->waiting_last = &vu->waiting;
		if (send_now(vu, step))
			continue;
		if (!vu->waiting)
			vu->waiting_last = &step->next;
		step->next = vu->waiting;
		vu->waiting = step;
		return;
	}
}

static void fill(struct vu_step *step, uint16_t cmd, size_t fixed)
{
	step->ask.cmd = cmd;
	step->ask.out.head_len = ABI_MSG_HEADER_SIZE + fixed;
	/* Whichever way is the larger. */
	step->bytes = step->ask.out.body_len > step->ask.data_max ? step->ask.out.body_len
								  : step->ask.data_max;
}

/* Under the lock. */
static void send_step(struct vu *vu, struct vu_step *step)
{
	struct vu_job *job = step->job;

	if (!job->request) {
		/* Cancelled meanwhile: nothing more is asked for it. */
		vfio_user_step_free(vu, step);
		return;
	}
	step->sister = job->steps;
	job->steps = step;
	job->left++;
	if (vu->waiting || !send_now(vu, step)) {
		step->next = NULL;
		*vu->waiting_last = step;
		vu->waiting_last = &step->next;
	}
}

void vfio_user_send(struct vu_step *step, uint16_t cmd, size_t fixed)
{
	struct vu *vu = step->job->vu;

	fill(step, cmd, fixed);
	pthread_mutex_lock(&vu->wire.lock);
	send_step(vu, step);
	pthread_mutex_unlock(&vu->wire.lock);
}

/* ---- failing ---- */

void vfio_user_fail(struct vu_job *job, int code, const char *fmt, ...)
{
	va_list ap;

	if (job->error)
		return;
	job->error = code;
	va_start(ap, fmt);
	vfmig_verr(job->request->err, code, fmt, ap);
	va_end(ap);
}

void vfio_user_refused(struct vu_job *job, const struct vu_step *step, const char *what)
{
	struct vu *vu = job->vu;
	bool lost;

	/* What is said of the connection's end is said once, and stays. */
	pthread_mutex_lock(&vu->wire.lock);
	lost = vu->wire.lost;
	pthread_mutex_unlock(&vu->wire.lock);
	if (lost)
		vfio_user_fail(job, step->ask.error, "%s: %s: %s", vu->device.name, what,
			       vu->wire.why.text);
	else
		vfio_user_fail(job, step->ask.error, "%s: the server refuses %s: %s",
			       vu->device.name, what, strerror(-step->ask.error));
}

/* ---- the end of a job ---- */

/* Those at the head of the order that are finished. Under the lock. */
static struct vu_job *next_in_order(struct vu *vu)
{
	struct vu_job *job = vu->order;

	if (!job || !job->finished)
		return NULL;
	vu->order = job->next_ordered;
	if (!vu->order)
		vu->order_last = &vu->order;
	return job;
}

/* Under the lock, which is let go for the callback. */
static void complete(struct vu *vu, struct vu_job *job)
{
	struct vfmig_request *request = job->request;
	ssize_t result = job->error ? job->error : job->result;

	if (request)
		vfio_user_unlink(vu, job);
	job_free(vu, job);
	if (!request)
		return;
	pthread_mutex_unlock(&vu->wire.lock);
	request_complete(request, result);
	pthread_mutex_lock(&vu->wire.lock);
}

/* No step is left. Under the lock. Those that are done in order are left to who looks at answers. */
void vfio_user_finish(struct vu *vu, struct vu_job *job)
{
	job->finished = true;
	if (!job->ordered)
		complete(vu, job);
}

static void let_go(struct vu *vu, struct vu_job *job)
{
	job->checked--;
	pthread_cond_broadcast(&vu->looked);
	if (--job->left)
		return;
	if (job->ends && job->request && !job->error) {
		void (*ends)(struct vu_job *) = job->ends;

		job->ends = NULL;
		job->left = 1;
		job->checked++;
		pthread_mutex_unlock(&vu->wire.lock);
		ends(job);
		pthread_mutex_lock(&vu->wire.lock);
		let_go(vu, job);
		return;
	}
	vfio_user_finish(vu, job);
}

/* ---- answers ---- */

void vfio_user_answer(struct vu *vu, struct wire_ask *ask)
{
	struct vu_step *step = step_of(ask);

	if (step->in_window) {
		vu->under_way--;
		vu->under_way_bytes -= step->bytes;
		step->in_window = false;
	}
	answered(vu, step);
}

static void look_at(struct vu *vu, struct vu_step *step)
{
	struct vu_job *job = step->job;

	vfio_user_unlink_step(step);
	if (!job->request) {
		/* Cancelled. */
		vfio_user_step_free(vu, step);
		if (!--job->left)
			vfio_user_finish(vu, job);
		return;
	}
	job->checked++;
	if (job->quick && !step->ask.error) {
		job->answered(job, step);
	} else {
		pthread_mutex_unlock(&vu->wire.lock);
		(step->answered ? step->answered : job->answered)(job, step);
		pthread_mutex_lock(&vu->wire.lock);
	}
	vfio_user_step_free(vu, step);
	let_go(vu, job);
}

void vfio_user_look_locked(struct vu *vu)
{
	struct vu_step *step;
	struct vu_job *job;

	if (vu->looking)
		return;
	vu->looking = true;
	for (;;) {
		job = next_in_order(vu);
		if (job) {
			complete(vu, job);
			continue;
		}
		pump(vu);
		step = vu->answers;
		if (!step)
			break;
		vu->answers = step->next;
		if (!vu->answers)
			vu->answers_last = &vu->answers;
		look_at(vu, step);
	}
	vu->looking = false;
}

void vfio_user_look(struct vu *vu)
{
	pthread_mutex_lock(&vu->wire.lock);
	vfio_user_look_locked(vu);
	pthread_mutex_unlock(&vu->wire.lock);
}

void vfio_user_let_go(struct vu_job *job)
{
	struct vu *vu = job->vu;

	pthread_mutex_lock(&vu->wire.lock);
	let_go(vu, job);
	vfio_user_look_locked(vu);
	pthread_mutex_unlock(&vu->wire.lock);
}

void vfio_user_send_last(struct vu_step *step, uint16_t cmd, size_t fixed)
{
	struct vu_job *job = step->job;
	struct vu *vu = job->vu;

	fill(step, cmd, fixed);
	pthread_mutex_lock(&vu->wire.lock);
	send_step(vu, step);
	let_go(vu, job);
	vfio_user_look_locked(vu);
	pthread_mutex_unlock(&vu->wire.lock);
}
