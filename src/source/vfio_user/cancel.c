/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Jobs that wait for another device, and jobs that are taken back.
 */
#include <errno.h>
#include <unistd.h>

#include "source/vfio_user/priv.h"

/* ---- asking another device ---- */

static void other_done(struct inner *other)
{
	struct vfio_user_job *job =
		(struct vfio_user_job *)((char *)other - offsetof(struct vfio_user_job, other));
	const struct vfmig_request *answer = &other->request;
	struct vfio_user *client = job->client;

	pthread_mutex_lock(&client->wire.lock);
	job->asks_other = false;
	if (!job->request) {
		if (answer->op == VFMIG_OP_REGION_FD && answer->result >= 0)
			close(answer->region_fd.fd);
		if (!--job->left)
			vfio_user_finish(client, job);
		pthread_mutex_unlock(&client->wire.lock);
		return;
	}
	job->checked++;
	pthread_mutex_unlock(&client->wire.lock);
	job->other_back(job);
	vfio_user_let_go(job);
}

void vfio_user_ask_other(struct vfio_user_job *job, struct vfmig_device *device,
			 void (*back)(struct vfio_user_job *job))
{
	job->other.back = other_done;
	job->other_back = back;
	pthread_mutex_lock(&job->client->wire.lock);
	job->left++;
	job->asks_other = true;
	pthread_mutex_unlock(&job->client->wire.lock);
	inner_send(&job->other, device);
}

/* ---- taking back ---- */

static void take_out(struct vfio_user *client, struct vfio_user_step *step)
{
	struct vfio_user_step **at = &client->waiting;

	while (*at && *at != step)
		at = &(*at)->next;
	if (!*at)
		return;
	*at = step->next;
	if (!*at)
		client->waiting_last = at;
	step->job->left--;
	vfio_user_unlink_step(step);
	vfio_user_step_free(client, step);
}

static void abandon(struct vfio_user *client, struct vfio_user_step *step)
{
	if (!step->ask.pending) {
		take_out(client, step);
		return;
	}
	if (!wire_abandon(&client->wire, &step->ask))
		return;
	client->under_way--;
	client->under_way_bytes -= step->bytes;
	step->job->left--;
	vfio_user_unlink_step(step);
	vfio_user_step_free(client, step);
}

bool vfio_user_cancel(struct vfmig_device *device, struct vfmig_request *request)
{
	struct vfio_user *client = (struct vfio_user *)device;
	struct vfio_user_step *step, *next;
	struct vfio_user_job *job;

	pthread_mutex_lock(&client->wire.lock);
	if (client->detaching == request) {
		client->detaching = NULL;
		pthread_mutex_unlock(&client->wire.lock);
		return true;
	}
	for (;;) {
		for (job = client->jobs; job && job->request != request; job = job->next)
			;
		if (!job) {
			pthread_mutex_unlock(&client->wire.lock);
			return false;
		}
		if (!job->checked)
			break;
		/* Another thread uses the request at this moment, for a short time. */
		pthread_cond_wait(&client->looked, &client->wire.lock);
	}
	vfio_user_unlink(client, job);
	job->request = NULL;
	job->left++;
	for (step = job->steps; step; step = next) {
		next = step->sister;
		abandon(client, step);
	}
	if (job->asks_other && inner_join(&job->other)) {
		pthread_mutex_unlock(&client->wire.lock);
		inner_recall(&job->other);
		pthread_mutex_lock(&client->wire.lock);
	}
	if (!--job->left)
		vfio_user_finish(client, job);
	pthread_mutex_unlock(&client->wire.lock);
	vfio_user_look(client);
	return true;
}
