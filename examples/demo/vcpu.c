/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The vCPU: a thread that does the workload's steps, and can be stopped between any two turns.
 */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "examples/demo/host.h"

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ll + t.tv_nsec;
}

/* How many steps may have been begun by now. */
static uint64_t allowed(const struct host *host, uint64_t first, int64_t since)
{
	uint64_t steps;

	if (!host->pace)
		return host->until;
	steps = first + (uint64_t)((double)(now_ns() - since) / 1e9 * (double)host->pace /
				   (double)workload_chunk_size(&host->workload));
	return steps < host->until ? steps : host->until;
}

static int work(struct host *host)
{
	uint64_t first = workload_steps(&host->workload);
	int64_t since = now_ns();
	int ret = 0;

	while (!ret && !atomic_load(&host->stop)) {
		uint64_t limit = allowed(host, first, since);

		/*
		 * The last steps: no stop will come and no descriptors follow them, so wait for
		 * their completion.
		 */
		if (limit == host->until && limit != HOST_ENDLESS)
			ret = workload_run(&host->workload, limit, 5000, &host->error);
		else
			ret = workload_turn(&host->workload, limit, &host->error);
		if (ret > 0)
			ret = 0;
		atomic_store(&host->steps, workload_steps(&host->workload));
		if (workload_steps(&host->workload) >= host->until)
			break;
		if (!ret)
			ret = workload_wait(&host->workload, 2, &host->error);
	}
	return ret;
}

static void *vcpu(void *context)
{
	struct host *host = context;

	host->failed = work(host);
	return NULL;
}

int host_run(struct host *host, struct vfmig_error *err)
{
	int ret;

	atomic_store(&host->stop, false);
	ret = pthread_create(&host->thread, NULL, vcpu, host);
	if (ret)
		return vfmig_err(err, -ret, "no thread for the workload: %s", strerror(ret));
	host->thread_runs = true;
	return 0;
}

int host_join(struct host *host, struct vfmig_error *err)
{
	if (host->thread_runs)
		pthread_join(host->thread, NULL);
	host->thread_runs = false;
	return host->failed ? vfmig_err(err, host->failed, "the workload: %s", host->error.text)
			    : 0;
}

int host_pause(struct host *host, struct vfmig_error *err)
{
	atomic_store(&host->stop, true);
	cp_wake(&host->workload.driver);
	return host_join(host, err);
}
