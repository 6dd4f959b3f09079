/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A host: the process that has the guest's memory, a device behind a socket, and something that makes the
 * device work. A small VMM, so to speak, with a thread for its one vCPU, which runs the workload.
 */
#ifndef EXAMPLES_DEMO_HOST_H
#define EXAMPLES_DEMO_HOST_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <vfmig/device.h>
#include <vfmig/migration.h>
#include <vfmig/space.h>
#include <vfmig/tracker.h>

#include "examples/demo/show.h"
#include "examples/demo/workload.h"

/* Where guest memory is for devices. Not at 0, so that a forgotten base shows. */
#define HOST_IOVA 0x40000000ull

/* The workload ends only when it is stopped. */
#define HOST_ENDLESS UINT64_MAX

/*
 * @file: the file that the workload works on; not an option, since its name may have a comma
 * @server: the device's socket
 * @channel: the socket between the hosts
 * @memory: bytes of guest memory
 * @chunk: bytes that one descriptor of the workload moves
 * @pace: bytes of the file per second that the workload moves; 0 means no limit
 * @downtime_ms: the limit for the engine
 * @linger_ms: how long the source works before it migrates
 * @tracker: the tracker of the CPU's writes: an enum host_tracker
 * @terminal: draw bars
 */
struct host_options {
	const char *file;
	const char *server;
	const char *channel;
	uint64_t memory;
	uint64_t chunk;
	uint64_t pace;
	uint64_t downtime_ms;
	uint64_t linger_ms;
	uint64_t tracker;
	bool terminal;
};

/* The kernel, in the better way that there is, or in one of the two; or what is known of the workload. */
enum host_tracker {
	HOST_TRACKER_ANY,
	HOST_TRACKER_PAGEMAP,
	HOST_TRACKER_FAULTS,
	HOST_TRACKER_KNOWN
};

/*
 * @workload: valid from workload_start() or workload_adopt() on
 * @thread: the vCPU; @stop makes it end, @until is the step before which it ends without @stop
 * @steps: its progress, for other threads to read
 * @arrived: destination: its progress on arrival
 * @error: the reason if it ended unexpectedly
 */
struct host {
	struct host_options options;
	struct vfmig_device *device;
	struct vfmig_space *space;
	uint8_t *guest;
	int guest_fd;
	struct vfmig_cpu_tracker *tracker;
	bool known_writes;

	struct workload workload;
	pthread_t thread;
	bool thread_runs;
	atomic_bool stop;
	uint64_t pace;
	uint64_t until;
	_Atomic uint64_t steps;
	uint64_t arrived;
	struct vfmig_error error;
	int failed;

	struct show show;
};

/* guest.c */

/* Memory, a space with it, the device attached to that. host_close() in any case. */
int host_open(struct host *host, struct vfmig_error *err);
void host_close(struct host *host);
/* Have the CPU's writes tracked. */
int host_track(struct host *host, struct vfmig_error *err);

/* vcpu.c */

/* Have the thread do the workload's steps, at @host->pace, until host_pause() or step @host->until. */
int host_run(struct host *host, struct vfmig_error *err);
/* Stop it between two turns, whatever the device is doing. Returns what went wrong with the workload. */
int host_pause(struct host *host, struct vfmig_error *err);
/* Wait until it has come to @host->until. */
int host_join(struct host *host, struct vfmig_error *err);

/* source.c, destination.c: 0 or a negative errno */

int host_source(struct host *host, struct vfmig_error *err);
int host_destination(struct host *host, struct vfmig_error *err);

#endif
