/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A thread for operations that block: see worker.h.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "device/worker.h"

void worker_init(struct worker *worker, struct vfmig_device *device,
		 ssize_t (*work)(struct vfmig_device *device, struct vfmig_request *request))
{
	*worker = (struct worker){.fd = -1, .device = device, .work = work};
	pthread_mutex_init(&worker->lock, NULL);
	pthread_cond_init(&worker->wake, NULL);
}

/* @at: CLOCK_MONOTONIC in ns; 0: never. With the lock held. */
static void set_timer(struct worker *worker, int64_t at)
{
	struct itimerspec when = {.it_value = {at / 1000000000, at % 1000000000}};

	worker->timer = at;
	timerfd_settime(worker->fd, TFD_TIMER_ABSTIME, &when, NULL);
}

/* ---- the thread ---- */

static struct worker_job *begin(struct worker *worker)
{
	struct worker_job *job;

	pthread_mutex_lock(&worker->lock);
	while (!worker->first && !worker->ends)
		pthread_cond_wait(&worker->wake, &worker->lock);
	job = worker->first;
	pthread_mutex_unlock(&worker->lock);
	return job;
}

static void *run(void *context)
{
	struct worker *worker = context;
	struct worker_job *job;

	while ((job = begin(worker))) {
		ssize_t result = worker->work(worker->device, &job->inner.request);

		pthread_mutex_lock(&worker->lock);
		worker->first = job->next;
		pthread_mutex_unlock(&worker->lock);
		inner_answer(&job->inner, result);
		/* Threads that only poll the device look again, too. */
		pthread_mutex_lock(&worker->lock);
		set_timer(worker, 1);
		pthread_mutex_unlock(&worker->lock);
	}
	return NULL;
}

/* ---- from outside ---- */

static int64_t deadline_of(const struct worker *worker, const struct vfmig_request *request)
{
	uint64_t limit = atomic_load(&worker->device->timeout_ms);

	if (request->deadline)
		return request->deadline;
	return limit ? device_now() + (int64_t)limit * 1000000 : 0;
}

void worker_submit(struct worker *worker, struct worker_job *job)
{
	job->deadline = deadline_of(worker, &job->inner.request);
	job->next = NULL;
	inner_enter(&job->inner);
	pthread_mutex_lock(&worker->lock);
	if (worker->first)
		worker->last->next = job;
	else
		worker->first = job;
	worker->last = job;
	pthread_cond_signal(&worker->wake);
	if (job->deadline && (!worker->timer || job->deadline < worker->timer))
		set_timer(worker, job->deadline);
	pthread_mutex_unlock(&worker->lock);
}

/*
 * Returns the outer request of a job that has reached its deadline, or NULL; then *@next is the
 * next deadline.
 */
static struct vfmig_request *late(struct worker *worker, int64_t *next)
{
	struct vfmig_request *outer;
	int64_t now = device_now();

	*next = 0;
	for (struct worker_job *job = worker->first; job; job = job->next) {
		if (!job->deadline)
			continue;
		if (job->deadline > now) {
			if (!*next || job->deadline < *next)
				*next = job->deadline;
			continue;
		}
		job->deadline = 0;
		outer = inner_take(&job->inner);
		if (outer)
			return outer;
	}
	return NULL;
}

void worker_process(struct worker *worker)
{
	struct vfmig_request *outer;
	int64_t next;

	pthread_mutex_lock(&worker->lock);
	while ((outer = late(worker, &next))) {
		pthread_mutex_unlock(&worker->lock);
		request_complete_err(
			outer, -ETIMEDOUT,
			"device %s: no reply to %s within the time limit; reset the device or raise the limit",
			worker->device->name, vfmig_op_name(outer->op));
		pthread_mutex_lock(&worker->lock);
	}
	set_timer(worker, next);
	pthread_mutex_unlock(&worker->lock);
}

int worker_start(struct worker *worker, struct vfmig_error *err)
{
	static const int crashes[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGSYS};
	sigset_t all, before;
	int ret;

	worker->fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (worker->fd < 0)
		return vfmig_err(err, -errno, "device %s: cannot make a timer: %s",
				 worker->device->name, strerror(errno));
	sigfillset(&all);
	/* If what the thread calls crashes, the handlers of this process get the signal. */
	for (size_t i = 0; i < sizeof(crashes) / sizeof(crashes[0]); i++)
		sigdelset(&all, crashes[i]);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	ret = -pthread_create(&worker->thread, NULL, run, worker);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (ret)
		return vfmig_err(err, ret, "device %s: cannot make a thread: %s",
				 worker->device->name, strerror(-ret));
	worker->runs = true;
	return 0;
}

void worker_stop(struct worker *worker)
{
	if (worker->runs) {
		pthread_mutex_lock(&worker->lock);
		worker->ends = true;
		pthread_cond_signal(&worker->wake);
		pthread_mutex_unlock(&worker->lock);
		pthread_join(worker->thread, NULL);
	}
	if (worker->fd >= 0)
		close(worker->fd);
	pthread_cond_destroy(&worker->wake);
	pthread_mutex_destroy(&worker->lock);
}
