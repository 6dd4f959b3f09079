/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The mediator's thread, and what waits for it.
 *
 * A mediator may wait, and submitting must not: so what it has to see goes through a thread, one request after the
 * other. The thread works on a copy, with buffers of its own, so that a request can be taken back at any
 * time, even while a mediator hangs over it: what comes of the copy then is nobody's any more.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "abi/feature.h"
#include "filter/mediate/mediate.h"

/* A feature's payload, where it is not a list or a bitmap, is a few words. */
#define PAYLOAD_MAX 4096u

/*
 * @outer: who asked, or NULL when it was taken back; under the filter's lock
 * @copy: the request with @data, @more and @map in the place of what the outer one points to
 * @data: a region's bytes, or a feature's payload
 * @more: the ranges or the bitmap that the payload points to
 */
struct mediate_job {
	struct mediate_job *next;
	struct vfmig_request *outer;
	struct vfmig_request copy;
	struct vfmig_error err;
	struct vfmig_map map;
	void *data, *more;
	size_t more_size;
};

static void free_job(struct mediate_job *job)
{
	if (!job)
		return;
	free(job->data);
	free(job->more);
	free(job);
}

/* ---- copies ---- */

static uint32_t feature_of(const struct vfmig_request *request)
{
	return request->op == VFMIG_OP_FEATURE ? request->feature.flags & ~VFMIG_FEATURE_MASK : 0;
}

static bool is(const struct vfmig_request *request, uint32_t op, uint32_t index, size_t size)
{
	return request->op == VFMIG_OP_FEATURE && feature_of(request) == op &&
	       (request->feature.flags & VFMIG_FEATURE_MASK) == index &&
	       request->feature.size >= size;
}

static bool is_start(const struct vfmig_request *request)
{
	return is(request, VFMIG_FEATURE_SET, VFMIG_FEATURE_DMA_LOGGING_START,
		  sizeof(struct vfmig_feature_dma_logging_control));
}

static bool is_report(const struct vfmig_request *request)
{
	return is(request, VFMIG_FEATURE_GET, VFMIG_FEATURE_DMA_LOGGING_REPORT,
		  sizeof(struct vfmig_feature_dma_logging_report));
}

static int copy_bytes(void **to, const void *from, size_t size)
{
	*to = malloc(size ? size : 1);
	if (!*to)
		return -ENOMEM;
	if (from && size)
		memcpy(*to, from, size);
	return 0;
}

/* The list that a START points to, and room for the bitmap of a REPORT. What is wrong with them is found later. */
static int copy_list(struct mediate_job *job)
{
	struct vfmig_feature_dma_logging_control *control = job->data;
	struct vfmig_feature_dma_logging_report *report = job->data;
	int ret = 0;

	if (is_start(&job->copy)) {
		const void *ranges = (const void *)(uintptr_t)control->ranges;

		if (!ranges || control->num_ranges > ABI_LOGGING_RANGES_MAX)
			return 0;
		ret = copy_bytes(&job->more, ranges,
				 control->num_ranges * sizeof(struct vfmig_dma_logging_range));
		control->ranges = (uintptr_t)job->more;
	} else if (is_report(&job->copy) && report->bitmap) {
		job->more_size = (size_t)abi_bitmap_bytes(report->length, report->page_size);
		if (job->more_size > ABI_BITMAP_BYTES_MAX)
			job->more_size = 0;
		job->more = calloc(1, job->more_size + 8);
		report->bitmap = (uintptr_t)job->more;
		job->copy.feature.runs = NULL;
		ret = job->more ? 0 : -ENOMEM;
	}
	return ret;
}

static int copy_in(struct mediate_job *job)
{
	struct vfmig_request *copy = &job->copy;
	const struct vfmig_request *outer = job->outer;
	int ret = 0;

	*copy = *outer;
	copy->err = &job->err;
	switch (copy->op) {
	case VFMIG_OP_REGION_READ:
	case VFMIG_OP_REGION_WRITE:
		ret = copy_bytes(&job->data,
				 copy->op == VFMIG_OP_REGION_WRITE ? outer->region.buf : NULL,
				 copy->region.len);
		copy->region.buf = job->data;
		return ret;
	case VFMIG_OP_SPACE_MAP:
	case VFMIG_OP_SPACE_UNMAP:
		job->map = *outer->map;
		copy->map = &job->map;
		return 0;
	case VFMIG_OP_FEATURE:
		if (copy->feature.size > PAYLOAD_MAX)
			return -E2BIG;
		ret = copy_bytes(&job->data, outer->feature.data, copy->feature.size);
		copy->feature.data = job->data;
		return ret ? ret : copy_list(job);
	default:
		return 0;
	}
}

static void add_bits(uint64_t *to, const uint64_t *from, size_t bytes)
{
	for (size_t i = 0; i < bytes / 8; i++)
		to[i] |= from[i];
}

/* What the copy brought, for the one who asked. With the lock held. */
static void copy_out(const struct mediate_job *job, ssize_t result)
{
	struct vfmig_request *outer = job->outer;

	if (result < 0) {
		if (outer->err)
			*outer->err = job->err;
		return;
	}
	switch (outer->op) {
	case VFMIG_OP_REGION_READ:
		memcpy(outer->region.buf, job->data, outer->region.len);
		return;
	case VFMIG_OP_REGION_FD:
		outer->region_fd = job->copy.region_fd;
		return;
	case VFMIG_OP_FEATURE:
		if (is_start(outer)) {
			struct vfmig_feature_dma_logging_control *control = outer->feature.data;

			control->page_size =
				((struct vfmig_feature_dma_logging_control *)job->data)->page_size;
		} else if (is_report(outer)) {
			const struct vfmig_feature_dma_logging_report *report = outer->feature.data;

			add_bits((uint64_t *)(uintptr_t)report->bitmap, job->more, job->more_size);
		}
		return;
	default:
		return;
	}
}

/* ---- the thread ---- */

static struct mediate_job *next_job(struct mediate *m)
{
	struct mediate_job *job;

	pthread_mutex_lock(&m->lock);
	while (!m->first && !m->ends)
		pthread_cond_wait(&m->wake, &m->lock);
	job = m->first;
	if (job) {
		m->first = job->next;
		m->job = job;
	}
	pthread_mutex_unlock(&m->lock);
	return job;
}

/* A descriptor that nobody waits for any more. */
static void drop_fd(const struct mediate_job *job, ssize_t result)
{
	if (job->copy.op == VFMIG_OP_REGION_FD && result >= 0 && job->copy.region_fd.fd >= 0)
		close(job->copy.region_fd.fd);
}

static void *work(void *context)
{
	struct mediate *m = context;
	struct mediate_job *job;
	uint64_t one = 1;

	while ((job = next_job(m))) {
		ssize_t result = mediate_work(m, &job->copy), n;
		struct vfmig_request *outer;

		pthread_mutex_lock(&m->lock);
		m->job = NULL;
		outer = job->outer;
		if (outer)
			copy_out(job, result);
		pthread_mutex_unlock(&m->lock);
		if (!outer)
			drop_fd(job, result);
		free_job(job);
		if (outer)
			request_complete(outer, result);
		n = write(m->event, &one, sizeof(one));
		(void)n; /* it can only fail because it is readable already */
	}
	return NULL;
}

/* ---- from outside ---- */

void mediate_put(struct mediate *m, struct vfmig_request *request)
{
	struct mediate_job *job = calloc(1, sizeof(*job));
	int ret = job ? 0 : -ENOMEM;

	if (job) {
		job->outer = request;
		ret = copy_in(job);
	}
	if (ret) {
		free_job(job);
		request_complete_err(request, ret, "%s: no memory for a request", m->device.name);
		return;
	}
	pthread_mutex_lock(&m->lock);
	if (m->first)
		m->last->next = job;
	else
		m->first = job;
	m->last = job;
	pthread_cond_signal(&m->wake);
	pthread_mutex_unlock(&m->lock);
}

bool mediate_take_back(struct mediate *m, struct vfmig_request *request)
{
	struct mediate_job *job;

	pthread_mutex_lock(&m->lock);
	for (job = m->first; job && job->outer != request; job = job->next)
		;
	if (!job && m->job && m->job->outer == request)
		job = m->job;
	/* It is done all the same, as an address space that is told of half its maps would be worse. */
	if (job)
		job->outer = NULL;
	pthread_mutex_unlock(&m->lock);
	return job;
}

int mediate_start(struct mediate *m, struct vfmig_error *err)
{
	static const int crashes[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGSYS};
	struct epoll_event in = {.events = EPOLLIN};
	int fd = vfmig_device_fd(m->device.inner), ret;
	sigset_t all, before;

	m->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	m->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (m->event < 0 || m->epoll < 0 || epoll_ctl(m->epoll, EPOLL_CTL_ADD, m->event, &in) ||
	    (fd >= 0 && epoll_ctl(m->epoll, EPOLL_CTL_ADD, fd, &in)))
		return vfmig_err(err, -errno, "no descriptor to poll for a mediator: %s",
				 strerror(errno));
	sigfillset(&all);
	/* If a mediator crashes, whoever handles crashes in this process is to hear of it. */
	for (size_t i = 0; i < sizeof(crashes) / sizeof(crashes[0]); i++)
		sigdelset(&all, crashes[i]);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	ret = -pthread_create(&m->thread, NULL, work, m);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (ret)
		return vfmig_err(err, ret, "no thread for a mediator: %s", strerror(-ret));
	m->runs = true;
	return 0;
}

void mediate_end(struct mediate *m)
{
	if (m->runs) {
		pthread_mutex_lock(&m->lock);
		m->ends = true;
		pthread_cond_signal(&m->wake);
		pthread_mutex_unlock(&m->lock);
		pthread_join(m->thread, NULL);
		m->runs = false;
	}
	if (m->epoll >= 0)
		close(m->epoll);
	if (m->event >= 0)
		close(m->event);
	m->epoll = m->event = -1;
}
