/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tracking by faults, for kernels that do not record writes themselves.
 *
 * A thread that writes to a protected page stops until the tracker's thread has recorded the page
 * and removed the protection. A collection takes the records and protects the pages again. The two
 * must not interleave: if a page was recorded, then taken while still protected, and only then
 * unprotected, the next write to it would not be recorded. So each is one step under a lock.
 *
 * Anonymous memory that was never touched has no page to protect before Linux 6.4; reading it once
 * maps the page of zeros, which can be protected.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "engine/tracker/uffd.h"
#include "engine/vma.h"

#define AT_ONCE	  64
#define PAGE	  ((uint64_t)VFMIG_PAGE_SIZE)
#define READ_ONCE (64ull << 20)

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#endif

/* ---- memory that was never touched ---- */

/* Have every page of [start, end) mapped, by reading. */
static int touch(uint64_t start, uint64_t end, struct vfmig_error *err)
{
	while (start < end) {
		uint64_t len = end - start < READ_ONCE ? end - start : READ_ONCE;

		if (madvise((void *)(uintptr_t)start, len, MADV_POPULATE_READ) < 0 &&
		    errno != EINTR && errno != EAGAIN)
			return vfmig_err(err, -errno, "memory at 0x%llx cannot be mapped: %s",
					 (unsigned long long)start, strerror(errno));
		start += len;
	}
	return 0;
}

struct toucher {
	const struct vfmig_cpu_tracker *t;
	struct vfmig_error *err;
};

/* Only small anonymous pages: those of a file, and huge ones, would be allocated, and have no need of it. */
static int touch_anonymous(void *context, const struct engine_vma *vma)
{
	const struct toucher *k = context;
	int ret = 0;

	if (!vma->anonymous || vma->page > PAGE)
		return 0;
	for (size_t i = 0; i < k->t->count && !ret; i++) {
		uint64_t start = (uintptr_t)k->t->ranges[i].ptr;
		uint64_t end = start + k->t->ranges[i].size;

		ret = touch(start > vma->start ? start : vma->start,
			    end < vma->end ? end : vma->end, k->err);
	}
	return ret;
}

/* ---- the thread ---- */

/* The range that has an address in one of its pages. */
static const struct tracker_watched *range_of(const struct vfmig_cpu_tracker *t, uint64_t address)
{
	uint64_t start, end;

	for (size_t i = 0; i < t->count; i++) {
		tracker_watched_pages(&t->ranges[i], &start, &end);
		if (address >= start && address < end)
			return &t->ranges[i];
	}
	return NULL;
}

/*
 * The page cannot be unprotected: the thread that waits for it continues, and its writes are not
 * recorded.
 */
static void let_all_go(struct vfmig_cpu_tracker *t)
{
	t->lost = true;
	for (size_t i = 0; i < t->count; i++)
		tracker_uffd_leave(t->uffd, &t->ranges[i]);
}

static void note(struct vfmig_cpu_tracker *t, uint64_t address)
{
	const struct tracker_watched *range;
	uint64_t start;

	pthread_mutex_lock(&t->lock);
	range = range_of(t, address);
	if (range) {
		start = address & ~(range->page - 1);
		tracker_watched_mark(t, start, start + range->page, t->noted);
	}
	if (!range || tracker_uffd_protect(t->uffd, start, start + range->page, false))
		let_all_go(t);
	pthread_mutex_unlock(&t->lock);
}

static void *serve(void *context)
{
	struct vfmig_cpu_tracker *t = context;
	struct uffd_msg messages[AT_ONCE];
	struct pollfd fds[2] = {{.fd = t->uffd, .events = POLLIN},
				{.fd = t->stop, .events = POLLIN}};
	ssize_t n;

	for (;;) {
		poll(fds, 2, -1);
		if (fds[1].revents)
			return NULL;
		n = read(t->uffd, messages, sizeof(messages));
		for (ssize_t i = 0; i < n / (ssize_t)sizeof(messages[0]); i++)
			if (messages[i].event == UFFD_EVENT_PAGEFAULT)
				note(t, messages[i].arg.pagefault.address);
	}
}

static int start_thread(struct vfmig_cpu_tracker *t, struct vfmig_error *err)
{
	sigset_t all, before;
	int ret;

	t->stop = eventfd(0, EFD_CLOEXEC);
	if (t->stop < 0)
		return vfmig_err(err, -errno, "no eventfd for a tracker");
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	ret = -pthread_create(&t->thread, NULL, serve, t);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (!ret)
		return 0;
	close(t->stop);
	t->stop = -1;
	return vfmig_err(err, ret, "no thread for a tracker: %s", strerror(-ret));
}

/* ---- start, collect, stop ---- */

int tracker_faults_start(struct vfmig_cpu_tracker *t, struct vfmig_error *err)
{
	struct toucher k = {.t = t, .err = err};
	int ret = dirty_create(&t->noted, NULL);

	t->lost = false;
	if (ret)
		return vfmig_err(err, ret, "no memory for a tracker");
	t->uffd = tracker_uffd_open(TRACKER_UFFD_WP_FAULTS | TRACKER_UFFD_WP_SHARED, true, err);
	ret = t->uffd < 0 ? t->uffd : start_thread(t, err);
	if (!ret && t->count)
		ret = engine_vmas_each(touch_anonymous, &k, err);
	for (size_t i = 0; i < t->count && !ret; i++)
		ret = tracker_uffd_watch(t->uffd, &t->ranges[i], err);
	if (ret)
		tracker_faults_stop(t);
	return ret;
}

struct taker {
	struct vfmig_cpu_tracker *t;
	struct vfmig_dirty *into;
	int ret;
};

/* Protect the page again in all of its mappings, since the write may have used any of them. */
static int take(void *context, uint64_t iova, uint64_t size)
{
	struct taker *k = context;
	struct tracker_watched part;
	uint64_t start, end;

	for (size_t i = 0; i < k->t->count && !k->ret; i++) {
		if (!tracker_watched_part(&k->t->ranges[i], iova, size, &part))
			continue;
		tracker_watched_pages(&part, &start, &end);
		k->ret = tracker_uffd_protect(k->t->uffd, start, end, true);
	}
	if (!k->ret)
		vfmig_dirty_mark(k->into, iova, size);
	return k->ret;
}

int tracker_faults_read_clear(struct vfmig_cpu_tracker *t, uint64_t iova, uint64_t size,
			      struct vfmig_dirty *into, struct vfmig_error *err)
{
	struct taker k = {.t = t, .into = into};
	bool lost;

	pthread_mutex_lock(&t->lock);
	if (!t->lost)
		dirty_read_clear(t->noted, iova, size, take, &k);
	lost = t->lost;
	pthread_mutex_unlock(&t->lock);
	if (lost)
		return vfmig_err(err, -EIO, "a page could not be let go after it was written");
	if (k.ret)
		return vfmig_err(err, k.ret, "memory cannot be write-protected again: %s",
				 strerror(-k.ret));
	return 0;
}

void tracker_faults_stop(struct vfmig_cpu_tracker *t)
{
	uint64_t one = 1;

	/*
	 * Unregister the memory first, which wakes the threads that wait on a fault; then the
	 * thread may end.
	 */
	for (size_t i = 0; t->uffd >= 0 && i < t->count; i++)
		tracker_uffd_leave(t->uffd, &t->ranges[i]);
	if (t->stop >= 0) {
		if (write(t->stop, &one, sizeof(one)) == sizeof(one))
			pthread_join(t->thread, NULL);
		close(t->stop);
	}
	if (t->uffd >= 0)
		close(t->uffd);
	dirty_free(t->noted);
	t->uffd = t->stop = -1;
	t->noted = NULL;
}
