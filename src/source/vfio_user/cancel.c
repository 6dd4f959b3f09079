/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Jobs that wait for another device, and jobs that are taken back.
 */
#include <errno.h>
#include <unistd.h>

#include "source/vfio_user/priv.h"

/* ---- asking another device ---- */

static void other_done(struct vfmig_request *other)
{
	struct vu_job *job = other->user;
	struct vu *vu = job->vu;

	pthread_mutex_lock(&vu->wire.lock);
	job->other_device = NULL;
	if (!job->request) {
		if (other->op == VFMIG_OP_REGION_FD && other->result >= 0)
			close(other->region_fd.fd);
		if (!--job->left)
			vfio_user_finish(vu, job);
		pthread_mutex_unlock(&vu->wire.lock);
		return;
	}
	job->checked++;
	pthread_mutex_unlock(&vu->wire.lock);
	job->other_back(job);
	vfio_user_let_go(job);
}

void vfio_user_ask_other(struct vu_job *job, struct vfmig_device *device,
			 void (*back)(struct vu_job *job))
{
	job->other.user = job;
	job->other.done = other_done;
	job->other_back = back;
	pthread_mutex_lock(&job->vu->wire.lock);
	job->left++;
	job->other_device = device;
	pthread_mutex_unlock(&job->vu->wire.lock);
	vfmig_submit(device, &job->other);
}

/* ---- taking back ---- */

static void take_out(struct vu *vu, struct vu_step *step)
{
	struct vu_step **at = &vu->waiting;

	while (*at && *at != step)
		at = &(*at)->next;
	if (!*at)
		return;
	*at = step->next;
	if (!*at)
		vu->waiting_last = at;
	step->job->left--;
	vfio_user_unlink_step(step);
	vfio_user_step_free(vu, step);
}

static void abandon(struct vu *vu, struct vu_step *step)
{
	if (!step->ask.pending) {
		take_out(vu, step);
		return;
	}
	if (!wire_abandon(&vu->wire, &step->ask))
		return;
	vu->under_way--;
	vu->under_way_bytes -= step->bytes;
	step->job->left--;
	vfio_user_unlink_step(step);
	vfio_user_step_free(vu, step);
}

bool vfio_user_cancel(struct vfmig_device *device, struct vfmig_request *request)
{
	struct vu *vu = (struct vu *)device;
	struct vu_step *step, *next;
	struct vfmig_device *other;
	struct vu_job *job;
	bool taken;

	pthread_mutex_lock(&vu->wire.lock);
	if (vu->detaching == request) {
		vu->detaching = NULL;
		pthread_mutex_unlock(&vu->wire.lock);
		return true;
	}
	for (;;) {
		for (job = vu->jobs; job && job->request != request; job = job->next)
			;
		if (!job) {
			pthread_mutex_unlock(&vu->wire.lock);
			return false;
		}
		if (!job->checked)
			break;
		/* Somebody is using the request this moment, and not for long. */
		pthread_cond_wait(&vu->looked, &vu->wire.lock);
	}
	vfio_user_unlink(vu, job);
	job->request = NULL;
	job->left++;
	for (step = job->steps; step; step = next) {
		next = step->sister;
		abandon(vu, step);
	}
	other = job->other_device;
	if (other) {
		pthread_mutex_unlock(&vu->wire.lock);
		taken = vfmig_cancel(other, &job->other);
		pthread_mutex_lock(&vu->wire.lock);
		if (taken)
			job->left--;
	}
	if (!--job->left)
		vfio_user_finish(vu, job);
	pthread_mutex_unlock(&vu->wire.lock);
	vfio_user_look(vu);
	return true;
}
