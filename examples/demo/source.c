/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The source host: begins the workload, and moves memory and device while it goes on.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "examples/demo/host.h"

/* Read the file into guest memory, as much of it as fits. */
static int load_file(struct host *host, uint64_t capacity, uint64_t *size, struct vfmig_error *err)
{
	const char *name = host->options.file;
	uint8_t *to = host->guest + workload_file_offset();
	int fd = open(name, O_RDONLY | O_CLOEXEC), ret = 0;
	ssize_t n = 1;

	if (fd < 0)
		return vfmig_err(err, -errno, "%s: %s", name, strerror(errno));
	for (*size = 0; n > 0 && *size < capacity; *size += (uint64_t)n) {
		n = read(fd, to + *size, capacity - *size);
		if (n < 0) {
			ret = vfmig_err(err, -errno, "%s: %s", name, strerror(errno));
			break;
		}
	}
	if (!ret && !*size)
		ret = vfmig_err(err, -EINVAL, "%s is empty", name);
	close(fd);
	return ret;
}

static int begin(struct host *host, struct vfmig_error *err)
{
	struct workload_plan plan = {
		.guest = host->guest,
		.iova = HOST_IOVA,
		.guest_size = host->options.memory,
		.chunk = host->options.chunk,
		.ballast = true,
		.depth = 8,
	};
	struct vfmig_region window;
	struct stat st;
	uint64_t capacity;
	int ret = vfmig_device_get_region_info(host->device, CP_BAR_WINDOW, &window, err);

	if (ret)
		return ret;
	capacity = workload_file_max(plan.guest_size, window.size, plan.chunk);
	ret = load_file(host, capacity, &plan.file_size, err);
	if (ret)
		return ret;
	printf("  device    a copier with %s on board, in a process of its own\n",
	       show_bytes(window.size));
	printf("  memory    %s of the guest's, with not a page of zeros in it\n",
	       show_bytes(plan.guest_size));
	printf("  file      %s, %s", host->options.file, show_bytes(plan.file_size));
	if (!stat(host->options.file, &st) && (uint64_t)st.st_size > plan.file_size)
		printf(" of its %s: there is no room for more", show_bytes((uint64_t)st.st_size));
	printf("\n");
	fflush(stdout);
	ret = workload_start(&host->workload, host->device, &plan, true, err);
	if (ret)
		return ret;
	host->workload.driver.works_device = false;
	printf("  workload  round and round, from guest to board and back: %llu chunks a round, each\n"
	       "            copied, summed, added to a ledger, and overwritten where it was\n",
	       (unsigned long long)workload_chunks(&host->workload));
	fflush(stdout);
	return 0;
}

static int connect_to(const char *path, int *fd, struct vfmig_error *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	if (strlen(path) >= sizeof(address.sun_path))
		return vfmig_err(err, -ENAMETOOLONG, "%s: too long for a socket's name", path);
	strcpy(address.sun_path, path);
	*fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (*fd < 0 || connect(*fd, (struct sockaddr *)&address, sizeof(address)))
		return vfmig_err(err, -errno, "%s: %s", path, strerror(errno));
	return 0;
}

static int pause_user(void *context, int64_t deadline, struct vfmig_error *err)
{
	return host_pause(context, err);
}

static int resume_user(void *context, struct vfmig_error *err)
{
	return host_run(context, err);
}

static int migrate(struct host *host, int channel, struct vfmig_error *err)
{
	const struct vfmig_migration_user user = {pause_user, resume_user, host};
	const struct vfmig_events events = {show_event, &host->show};
	struct vfmig_migration_options options;
	struct vfmig_migration_result result;
	struct vfmig_migration *m;
	int ret;

	vfmig_migration_options_init(&options);
	options.downtime_ms = host->options.downtime_ms;
	/* On a slow machine the workload may always be ahead; this is a demo, and ends. */
	options.max_rounds = 8;
	options.unconverged = VFMIG_UNCONVERGED_SWITCH;
	ret = vfmig_migration_new(VFMIG_ROLE_SOURCE, &options, &m, err);
	if (ret)
		return ret;
	ret = vfmig_migration_add_device(m, "copier0", host->device, NULL, err);
	if (!ret)
		ret = vfmig_migration_add_space(m, host->space, err);
	if (!ret) {
		vfmig_migration_set_user(m, &user);
		vfmig_migration_set_events(m, &events);
		ret = vfmig_migration_run(m, channel, channel, err);
	}
	vfmig_migration_get_result(m, &result);
	if (!ret)
		show_result(&host->show, &result);
	vfmig_migration_free(m);
	return ret;
}

int host_source(struct host *host, struct vfmig_error *err)
{
	int channel = -1, ret = begin(host, err);

	if (ret)
		return ret;
	ret = host_track(host, err);
	host->pace = host->options.pace;
	host->until = HOST_ENDLESS;
	host->show.steps = &host->steps;
	host->show.chunks = workload_chunks(&host->workload);
	if (!ret)
		ret = host_run(host, err);
	if (!ret)
		poll(NULL, 0, (int)host->options.linger_ms);
	if (!ret)
		ret = connect_to(host->options.channel, &channel, err);
	if (!ret)
		ret = migrate(host, channel, err);
	if (host->thread_runs)
		host_pause(host, ret ? NULL : err);
	if (channel >= 0)
		close(channel);
	return ret ? ret : host->failed;
}
