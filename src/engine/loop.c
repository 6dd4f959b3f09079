/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Waiting for several events together.
 *
 * A request may be completed by another thread (a device's own, or one of a VMM's that works the
 * device). The completer sets
 * @done and then reads @sleeps; the loop sets @sleeps and then reads @done. Both with sequential
 * consistency, so one of them sees the other's write, and a completion in the loop's own thread
 * costs no system call.
 */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "device/device.h"
#include "engine/loop.h"

#define OWN_FDS 3

int loop_init(struct loop *loop, struct vfmig_error *err)
{
	memset(loop, 0, sizeof(*loop));
	loop->fds = calloc(OWN_FDS, sizeof(*loop->fds));
	if (!loop->fds)
		return vfmig_err(err, -ENOMEM, "no memory for a migration");
	loop->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (loop->wake < 0) {
		free(loop->fds);
		return vfmig_err(err, -errno, "no eventfd for a migration: raise RLIMIT_NOFILE");
	}
	return 0;
}

void loop_fini(struct loop *loop)
{
	while (atomic_load(&loop->calling))
		sched_yield();
	free(loop->devices);
	free(loop->fds);
	close(loop->wake);
}

int loop_add(struct loop *loop, struct vfmig_device *device, struct vfmig_error *err)
{
	struct vfmig_device **devices;
	struct pollfd *fds;

	for (unsigned i = 0; i < loop->count; i++)
		if (loop->devices[i] == device)
			return 0;
	devices = realloc(loop->devices, (loop->count + 1) * sizeof(*devices));
	if (devices)
		loop->devices = devices;
	fds = realloc(loop->fds, (OWN_FDS + loop->count + 1) * sizeof(*fds));
	if (fds)
		loop->fds = fds;
	if (!devices || !fds)
		return vfmig_err(err, -ENOMEM, "no memory for one more device");
	loop->devices[loop->count++] = device;
	return 0;
}

static void wake(struct loop *loop)
{
	uint64_t one = 1;
	ssize_t n = write(loop->wake, &one, sizeof(one));

	(void)n; /* it can only fail because it is written already */
}

static void op_done(struct vfmig_request *request)
{
	struct loop_request *op = request->user;
	struct loop *loop = op->loop;

	atomic_fetch_add(&loop->calling, 1);
	atomic_store(&op->done, true); /* and the op may be gone */
	if (atomic_exchange(&loop->sleeps, false))
		wake(loop);
	atomic_fetch_sub(&loop->calling, 1);
}

static void forget(struct loop_request *op)
{
	if (op->prev)
		op->prev->next = op->next;
	else
		op->loop->first = op->next;
	if (op->next)
		op->next->prev = op->prev;
	op->under_way = false;
}

void loop_request_submit(struct loop *loop, struct loop_request *op, struct vfmig_session *session,
			 struct vfmig_device *device, uint64_t limit_ms)
{
	op->loop = loop;
	op->session = session;
	op->device = device;
	op->began = device_now();
	op->err.code = 0;
	op->err.text[0] = 0;
	op->request.deadline = limit_ms ? op->began + (int64_t)limit_ms * 1000000 : 0;
	op->request.err = &op->err;
	op->request.done = op_done;
	op->request.user = op;
	op->request.result = 0;
	atomic_store(&op->done, false);
	op->prev = NULL;
	op->next = loop->first;
	if (loop->first)
		loop->first->prev = op;
	loop->first = op;
	op->under_way = true;
	request_submit(&op->request, device, session);
}

bool loop_request_over(struct loop_request *op)
{
	if (!op->under_way)
		return true;
	if (!atomic_load(&op->done))
		return false;
	forget(op);
	return true;
}

static bool taken_back(struct loop_request *op)
{
	return request_cancel(&op->request, op->device, op->session);
}

void loop_request_drop(struct loop_request *op)
{
	while (!loop_request_over(op)) {
		if (taken_back(op)) {
			op->request.result = -ECANCELED;
			atomic_store(&op->done, true);
			continue;
		}
		/* It is being done this moment, by another thread. */
		sched_yield();
	}
}

int loop_request_err(const struct loop_request *op, int code, struct vfmig_error *err)
{
	if (op->err.text[0])
		return vfmig_err(err, code, "%s", op->err.text);
	return vfmig_err(err, code, "it failed with %s", strerrorname_np(-code));
}

static void expire(struct loop_request *op)
{
	if (!taken_back(op))
		return;
	op->request.result = vfmig_err(&op->err, -ETIMEDOUT,
				       "%s was not done after %lld ms: the device hangs, or the "
				       "time limit (request-timeout) is too short",
				       vfmig_op_name(op->request.op),
				       (long long)((device_now() - op->began) / 1000000));
	atomic_store(&op->done, true);
}

static int64_t sooner(int64_t a, int64_t b)
{
	return !a ? b : !b ? a : a < b ? a : b;
}

/* Is there an operation that is over and was not looked at? Also: by when must one be taken back? */
static bool something_over(struct loop *loop, int64_t *until)
{
	struct loop_request *op;

	for (op = loop->first; op; op = op->next) {
		if (atomic_load(&op->done))
			return true;
		*until = sooner(*until, op->request.deadline);
	}
	return false;
}

static void poll_until(struct loop *loop, nfds_t n, int64_t until)
{
	struct timespec ts = {0};
	int64_t left = until ? until - device_now() : 0;

	if (left > 0) {
		ts.tv_sec = left / 1000000000;
		ts.tv_nsec = left % 1000000000;
	}
	if (ppoll(loop->fds, n, until ? &ts : NULL, NULL) < 0)
		for (nfds_t i = 0; i < n; i++)
			loop->fds[i].revents = 0;
}

/*
 * A lost device has failed its requests; its descriptor stays readable and would wake the loop
 * without end.
 */
static void work(struct loop *loop, unsigned i)
{
	if (!loop->fds[OWN_FDS + i].revents || !vfmig_device_process(loop->devices[i], NULL))
		return;
	loop->count--;
	memmove(loop->devices + i, loop->devices + i + 1,
		(loop->count - i) * sizeof(*loop->devices));
}

int loop_turn(struct loop *loop, struct loop_ports *ports, int64_t until)
{
	struct pollfd *fds = loop->fds;
	unsigned i, count = loop->count;
	struct loop_request *op;
	uint64_t times;

	fds[0] = (struct pollfd){.fd = loop->wake, .events = POLLIN};
	fds[1] = (struct pollfd){.fd = ports ? ports->in : -1, .events = POLLIN};
	fds[2] = (struct pollfd){.fd = ports ? ports->out : -1, .events = POLLOUT};
	for (i = 0; i < count; i++)
		fds[OWN_FDS + i] =
			(struct pollfd){.fd = vfmig_device_fd(loop->devices[i]), .events = POLLIN};
	atomic_store(&loop->sleeps, true);
	if (something_over(loop, &until) || (!loop->deaf && atomic_load(&loop->cancelled)))
		until = 1; /* long past */
	poll_until(loop, OWN_FDS + count, until);
	atomic_store(&loop->sleeps, false);
	if (fds[0].revents && read(loop->wake, &times, sizeof(times)) < 0)
		fds[0].revents = 0; /* another turn has seen it */
	if (ports) {
		ports->readable = fds[1].revents;
		ports->writable = fds[2].revents;
	}
	/* From the end, as one that is lost is taken out. */
	for (i = count; i-- > 0;)
		work(loop, i);
	for (op = loop->first; op; op = op->next)
		if (op->request.deadline && !atomic_load(&op->done) &&
		    device_now() >= op->request.deadline)
			expire(op);
	return !loop->deaf && atomic_load(&loop->cancelled) ? -ECANCELED : 0;
}

void loop_cancel(struct loop *loop)
{
	atomic_store(&loop->cancelled, true);
	wake(loop);
}
