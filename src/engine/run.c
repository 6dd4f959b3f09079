/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Both ends in one process: a socket pair, and a thread for the destination.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine/migration.h"

int vfmig_migration_run(struct vfmig_migration *m, int in_fd, int out_fd, struct vfmig_error *err)
{
	int ret = vfmig_migration_set_channel(m, in_fd, out_fd, err);

	return ret ? ret : (int)vfmig_migration_step(m, VFMIG_STEP_RUN, 0, err);
}

/* ---- both ends in one process ---- */

struct far {
	struct vfmig_migration *m;
	int fd, ret;
	struct vfmig_error err;
};

static void *run_far(void *context)
{
	struct far *far = context;

	far->ret = vfmig_migration_run(far->m, far->fd, far->fd, &far->err);
	/* End a wait of the source. */
	shutdown(far->fd, SHUT_RDWR);
	return NULL;
}

static int start(pthread_t *thread, struct far *far)
{
	sigset_t all, before;
	int ret;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	ret = -pthread_create(thread, NULL, run_far, far);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return ret;
}

int vfmig_migration_run_local(struct vfmig_migration *source, struct vfmig_migration *destination,
			      struct vfmig_error *err)
{
	struct far far = {.m = destination};
	pthread_t thread;
	int fds[2], ret;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
		return vfmig_err(err, -errno, "no socket pair for a migration: %s",
				 strerror(errno));
	far.fd = fds[1];
	ret = start(&thread, &far);
	if (ret) {
		vfmig_err(err, ret, "no thread for the destination: %s", strerror(-ret));
	} else {
		ret = vfmig_migration_run(source, fds[0], fds[0], err);
		shutdown(fds[0], SHUT_RDWR);
		pthread_join(thread, NULL);
		if (!ret && far.ret)
			ret = vfmig_err(err, far.ret, "%s", far.err.text);
	}
	close(fds[0]);
	close(fds[1]);
	return ret;
}
