/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Working a device.
 *
 * Several threads may wait for one device. One of them, the leader, polls its fd and processes what is
 * there, for itself and the others; these sleep until it has. When what the leader waited for is there, it
 * leaves, and one of the others leads. So a lone thread that reads a register sends, polls and receives
 * with no other thread woken, and a thread of the library's own is just one more that waits, for the end.
 *
 * A thread that changes what a waiter looks at calls vfmig_device_wake(); a call does so when its request is completed
 * by another thread. A waiter counts itself and then looks once more; the other thread makes its change and then looks
 * at the count. Both do it with sequential consistency, so one of them sees the other.
 *
 * A filter that passes fd and process through shares the work of the device inside.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "device/filter.h"
#include "device/work.h"

static struct vfmig_device *worked(struct vfmig_device *device)
{
	while (device->inner && device->ops->fd == filter_fd &&
	       device->ops->process == filter_process)
		device = device->inner;
	return device;
}

int work_init(struct vfmig_device *device, struct vfmig_error *err)
{
	pthread_condattr_t attr;

	device->work_wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (device->work_wake < 0)
		return vfmig_err(err, -errno, "no eventfd for device %s: raise RLIMIT_NOFILE",
				 device->name);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_mutex_init(&device->work_lock, NULL);
	pthread_cond_init(&device->work_cond, &attr);
	pthread_condattr_destroy(&attr);
	return 0;
}

void work_fini(struct vfmig_device *device)
{
	pthread_cond_destroy(&device->work_cond);
	pthread_mutex_destroy(&device->work_lock);
	close(device->work_wake);
}

/* Have the leader look up from its poll. */
static void wake(struct vfmig_device *device)
{
	uint64_t one = 1;
	ssize_t n = write(device->work_wake, &one, sizeof(one));

	(void)n; /* it can only fail because the leader is kicked already */
}

void vfmig_device_wake(struct vfmig_device *device)
{
	device = worked(device);
	/* The leader looks after it has processed. Only if it polls this moment it must be woken. */
	if (atomic_load(&device->work_polls))
		wake(device);
	if (atomic_load(&device->work_waiting)) {
		pthread_mutex_lock(&device->work_lock);
		pthread_cond_broadcast(&device->work_cond);
		pthread_mutex_unlock(&device->work_lock);
	}
}

static int timeout_ms(int64_t deadline)
{
	int64_t left;

	if (!deadline)
		return -1;
	left = deadline - device_now();
	if (left <= 0)
		return 0;
	left = (left + 999999) / 1000000;
	return left > 60000 ? 60000 : (int)left;
}

static void sleep_until(struct vfmig_device *device, int64_t deadline)
{
	struct timespec ts = {.tv_sec = deadline / 1000000000, .tv_nsec = deadline % 1000000000};

	if (deadline)
		pthread_cond_timedwait(&device->work_cond, &device->work_lock, &ts);
	else
		pthread_cond_wait(&device->work_cond, &device->work_lock);
}

/* The leader's part: wait for the device and process its events. 0 or the device's failure. */
static int lead(struct vfmig_device *device, bool (*ready)(void *), void *context, int64_t deadline)
{
	struct pollfd fds[2] = {
		{.fd = device->work_wake, .events = POLLIN},
		{.fd = device->ops->fd(device), .events = POLLIN},
	};
	uint64_t count;
	ssize_t n;

	if (device->ops->poll) {
		atomic_store(&device->work_polls, true);
		device->ops->poll(device, ready(context) ? 0 : timeout_ms(deadline));
		atomic_store(&device->work_polls, false);
		return device->ops->process(device, NULL);
	}
	atomic_store(&device->work_polls, true);
	if (!ready(context))
		poll(fds, 2, timeout_ms(deadline));
	atomic_store(&device->work_polls, false);
	if (fds[0].revents) {
		n = read(device->work_wake, &count, sizeof(count));
		(void)n;
	}
	return fds[1].revents ? device->ops->process(device, NULL) : 0;
}

int vfmig_device_wait(struct vfmig_device *device, bool (*ready)(void *context), void *context,
		      int64_t deadline)
{
	bool waited = false; /* only then is it worth looking at the clock */
	int ret = 0;

	device = worked(device);
	if (ready(context))
		return 0;
	pthread_mutex_lock(&device->work_lock);
	for (;;) {
		atomic_fetch_add(&device->work_waiting, 1);
		if (ready(context) || ret || (waited && deadline && device_now() >= deadline))
			break;
		waited = true;
		if (device->work_led) {
			sleep_until(device, deadline);
			atomic_fetch_sub(&device->work_waiting, 1);
			continue;
		}
		device->work_led = true;
		atomic_fetch_sub(&device->work_waiting, 1);
		pthread_mutex_unlock(&device->work_lock);
		ret = lead(device, ready, context, deadline);
		pthread_mutex_lock(&device->work_lock);
		device->work_led = false;
		if (atomic_load(&device->work_waiting))
			pthread_cond_broadcast(&device->work_cond);
	}
	atomic_fetch_sub(&device->work_waiting, 1);
	pthread_mutex_unlock(&device->work_lock);
	if (ready(context))
		return 0;
	return ret ? ret : -ETIMEDOUT;
}

bool device_is_idle(struct vfmig_device *device)
{
	device = worked(device);
	return device->ops->is_idle && device->ops->is_idle(device);
}

int vfmig_device_fd(struct vfmig_device *device)
{
	return device->ops->fd(device);
}

int vfmig_device_process(struct vfmig_device *device, struct vfmig_error *err)
{
	struct vfmig_device *worker = worked(device);
	int ret = 0;

	pthread_mutex_lock(&worker->work_lock);
	if (worker->work_led) {
		/* Another thread works the device: no work is left undone. */
		pthread_mutex_unlock(&worker->work_lock);
		return 0;
	}
	worker->work_led = true;
	pthread_mutex_unlock(&worker->work_lock);
	ret = worker->ops->process(worker, err);
	pthread_mutex_lock(&worker->work_lock);
	worker->work_led = false;
	if (atomic_load(&worker->work_waiting))
		pthread_cond_broadcast(&worker->work_cond);
	pthread_mutex_unlock(&worker->work_lock);
	return ret;
}

/* ---- a thread that waits for its own end, and works the device meanwhile ---- */

static bool ends(void *context)
{
	struct vfmig_device *device = context;

	return atomic_load(&device->work_thread_ends);
}

static void *work(void *context)
{
	struct vfmig_device *device = context;

	/* A device that is lost has failed its requests; there is nothing left to work. */
	vfmig_device_wait(device, ends, device, 0);
	return NULL;
}

int vfmig_device_start(struct vfmig_device *device, struct vfmig_error *err)
{
	sigset_t all, before;
	int ret;

	if (device->work_thread_runs)
		return vfmig_err(err, -EALREADY, "device %s already has a thread", device->name);
	atomic_store(&device->work_thread_ends, false);
	sigfillset(&all);
	sigdelset(&all, SIGBUS); /* of its own access to memory that a client cut off */
	pthread_sigmask(SIG_SETMASK, &all, &before);
	ret = -pthread_create(&device->work_thread, NULL, work, device);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (ret)
		return vfmig_err(err, ret, "no thread for device %s: %s", device->name,
				 strerror(-ret));
	device->work_thread_runs = true;
	return 0;
}

void vfmig_device_stop(struct vfmig_device *device)
{
	struct vfmig_device *worker = worked(device);

	if (!device->work_thread_runs)
		return;
	atomic_store(&device->work_thread_ends, true);
	wake(worker);
	pthread_mutex_lock(&worker->work_lock);
	pthread_cond_broadcast(&worker->work_cond);
	pthread_mutex_unlock(&worker->work_lock);
	pthread_join(device->work_thread, NULL);
	device->work_thread_runs = false;
}
