/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The guest: its memory, which the device's server shares by descriptor, and the trackers of writes
 * to it.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <vfmig/open.h>

#include "examples/demo/host.h"

static int open_memory(struct host *host, struct vfmig_error *err)
{
	uint64_t size = host->options.memory;

	host->guest_fd = memfd_create("guest", MFD_CLOEXEC);
	if (host->guest_fd < 0 || ftruncate(host->guest_fd, (off_t)size))
		return vfmig_err(err, -errno, "guest memory of %llu bytes: %s",
				 (unsigned long long)size, strerror(errno));
	host->guest = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, host->guest_fd, 0);
	if (host->guest == MAP_FAILED) {
		host->guest = NULL;
		return vfmig_err(err, -errno, "guest memory of %llu bytes: %s",
				 (unsigned long long)size, strerror(errno));
	}
	return 0;
}

int host_open(struct host *host, struct vfmig_error *err)
{
	struct vfmig_map map = {
		.iova = HOST_IOVA,
		.size = host->options.memory,
		.prot = VFMIG_PROT_READ | VFMIG_PROT_WRITE,
		.kind = VFMIG_MAP_MEMORY,
	};
	char name[256];
	int ret = open_memory(host, err);

	if (ret)
		return ret;
	map.ptr = host->guest;
	map.fd = host->guest_fd;
	host->space = vfmig_space_new();
	if (!host->space)
		return vfmig_err(err, -ENOMEM, "no memory for an address space");
	snprintf(name, sizeof(name), "vfio-user:%s", host->options.server);
	ret = vfmig_open(name, &host->device, err);
	if (!ret)
		ret = vfmig_space_map(host->space, &map, err);
	if (!ret)
		ret = vfmig_space_attach(host->space, host->device, err);
	if (!ret)
		ret = vfmig_device_start(host->device, err);
	return ret;
}

/* The workload's CPU writes all lie in front of the file: its own state, the rings, the addends. */
static int collect_known(void *context, uint64_t iova, uint64_t size, struct vfmig_dirty *into,
			 struct vfmig_error *err)
{
	vfmig_dirty_mark(into, HOST_IOVA, workload_file_offset());
	return 0;
}

static const struct vfmig_tracker known_writes = {
	.name = "what the workload is known to write",
	.read_clear = collect_known,
};

static const char *const told_by[] = {
	[HOST_TRACKER_PAGEMAP] = "the kernel (userfaultfd, PAGEMAP_SCAN)",
	[HOST_TRACKER_FAULTS] = "the kernel (userfaultfd, a fault for each page)",
	[HOST_TRACKER_KNOWN] = "what is known of the workload",
};

static enum vfmig_cpu_tracker_kind kind_of(enum host_tracker tracker)
{
	switch (tracker) {
	case HOST_TRACKER_PAGEMAP:
		return VFMIG_CPU_TRACKER_PAGEMAP;
	case HOST_TRACKER_FAULTS:
		return VFMIG_CPU_TRACKER_FAULTS;
	default:
		return VFMIG_CPU_TRACKER_ANY;
	}
}

int host_track(struct host *host, struct vfmig_error *err)
{
	enum host_tracker want = (enum host_tracker)host->options.tracker, have = want;
	const struct vfmig_tracker *tracker = &known_writes;
	int ret = 0;

	if (want != HOST_TRACKER_KNOWN)
		ret = vfmig_cpu_tracker_new(kind_of(want), &host->tracker, err);
	if (ret && want != HOST_TRACKER_ANY)
		return ret;
	if (host->tracker) {
		tracker = vfmig_cpu_tracker_get_tracker(host->tracker);
		have = vfmig_cpu_tracker_get_kind(host->tracker) == VFMIG_CPU_TRACKER_PAGEMAP
			       ? HOST_TRACKER_PAGEMAP
			       : HOST_TRACKER_FAULTS;
	} else {
		have = HOST_TRACKER_KNOWN;
	}
	printf("  tracking  what the device wrote: its own log; what the CPU wrote: %s\n",
	       told_by[have]);
	if (ret)
		printf("            (the kernel does not: %s)\n", err->text);
	printf("\n");
	fflush(stdout);
	ret = vfmig_space_add_tracker(host->space, tracker, err);
	host->known_writes = !ret && have == HOST_TRACKER_KNOWN;
	return ret;
}

void host_close(struct host *host)
{
	workload_stop(&host->workload);
	if (host->known_writes)
		vfmig_space_remove_tracker(host->space, &known_writes);
	if (host->tracker)
		vfmig_space_remove_tracker(host->space,
					   vfmig_cpu_tracker_get_tracker(host->tracker));
	if (host->device)
		vfmig_device_stop(host->device);
	if (host->space)
		vfmig_space_free(host->space);
	vfmig_device_close(host->device);
	vfmig_cpu_tracker_free(host->tracker);
	if (host->guest)
		munmap(host->guest, host->options.memory);
	if (host->guest_fd >= 0)
		close(host->guest_fd);
}
