/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The list of devices that `vfmig exec` wrote, and what a view needs of it: how to open them, and where sentences go.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "export/dev-vfio/preload.h"

static void say(void *context, const char *sentence)
{
	fprintf(stderr, "vfmig: %s\n", sentence);
}

static int open_device(void *context, unsigned n, struct vfmig_device **device,
		       struct vfmig_error *err)
{
	const struct preload_list *list = context;
	const struct preload_device *d = &list->devices[n];

	return vfmig_open_limited(d->name, d->filters, d->count, list->timeout_ms, device, err);
}

static void take_line(struct preload_list *list, char *line)
{
	unsigned n = list->config.devices;
	struct preload_device *d = n ? &list->devices[n - 1] : NULL;
	char *rest = strchr(line, ' ');

	line[strcspn(line, "\n")] = 0;
	if (!rest)
		return;
	*rest++ = 0;
	if (!strcmp(line, "first")) {
		list->config.first = (unsigned)strtoul(rest, NULL, 10);
	} else if (!strcmp(line, "timeout")) {
		list->timeout_ms = strtoull(rest, NULL, 10);
	} else if (!strcmp(line, "device") && n < DEV_VFIO_DEVICES) {
		list->devices[n].name = strdup(rest);
		if (!list->devices[n].name)
			list->error = ENOMEM;
		/* A device in another process maps what we can show it. */
		if (strncmp(rest, "model:", 6))
			list->config.by_fd |= 1u << n;
		list->config.devices++;
	} else if (!strcmp(line, "filter") && d && d->count < VFMIG_FILTERS_MAX) {
		d->filters[d->count] = strdup(rest);
		if (d->filters[d->count])
			d->count++;
		else
			list->error = ENOMEM;
	}
}

void preload_read(struct preload_list *list, FILE *file)
{
	char line[4096];

	while (fgets(line, sizeof(line), file))
		take_line(list, line);
	if (ferror(file))
		list->error = errno;
}

void preload_list(struct preload_list *list)
{
	const char *folder = getenv("VFMIG_EXEC");
	char path[4096];
	FILE *file;

	list->fd = -1;
	list->config.open = open_device;
	list->config.say = say;
	list->config.context = list;
	if (!folder)
		return;
	snprintf(path, sizeof(path), "%s/devices", folder);
	file = fopen(path, "re");
	if (!file) {
		list->error = errno;
		return;
	}
	preload_read(list, file);
	list->fd = fcntl(fileno(file), F_DUPFD_CLOEXEC, 0);
	if (list->fd < 0)
		list->error = errno;
	fclose(file);
}

/*
 * `vfmig exec` holds a FIFO open for writing. When it ends the kernel sends the signal of our choice to us, by O_ASYNC:
 * PR_SET_PDEATHSIG reaches only a child of its own, and not one that changes its user (QEMU's -run-with user=).
 */
bool preload_end_with_exec(void)
{
	const char *folder = getenv("VFMIG_EXEC");
	char path[4096], byte;
	int fd;

	snprintf(path, sizeof(path), "%s/alive", folder ? folder : "");
	fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return false;
	fcntl(fd, F_SETOWN, getpid());
	fcntl(fd, F_SETSIG, SIGKILL);
	fcntl(fd, F_SETFL, O_ASYNC | O_NONBLOCK);
	/* The end of the file is there if it ended before this; the descriptor stays open. */
	return read(fd, &byte, 1) < 0;
}
