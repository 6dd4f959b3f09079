/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the files of the server need of its loop: waking it, its timer, and whether it accepts clients.
 */
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "export/vfio_user/server.h"

void export_wake(struct vfmig_export *server)
{
	uint64_t one = 1;
	ssize_t n = write(server->wake, &one, sizeof(one));

	(void)n; /* it can only be awake already */
}

void export_poll_listen(struct vfmig_export *server, bool on)
{
	struct epoll_event event = {.events = on ? EPOLLIN : 0, .data.u32 = EXPORT_POLL_LISTEN};

	if (server->listen_fd >= 0)
		epoll_ctl(server->epoll, EPOLL_CTL_MOD, server->listen_fd, &event);
}

void export_set_timer(struct vfmig_export *server, uint64_t msec)
{
	const struct timespec time = {.tv_sec = (time_t)(msec / 1000),
				      .tv_nsec = (long)(msec % 1000) * 1000000};
	const struct itimerspec when = {.it_interval = time, .it_value = time};

	timerfd_settime(server->timer, 0, &when, NULL);
}

/* The pause after a failed accept(): the connection stays in the backlog, and epoll would report it again and again. */
#define ACCEPT_AGAIN_MS 100

void export_accept_later(struct vfmig_export *server)
{
	export_poll_listen(server, false);
	export_set_timer(server, ACCEPT_AGAIN_MS);
}

void export_accept_again(struct vfmig_export *server)
{
	export_set_timer(server, 0);
	export_poll_listen(server, true);
}
