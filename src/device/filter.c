/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The base of a filter: see filter.h.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "device/filter.h"

/* ---- requests ---- */

void *filter_request(struct vfmig_device *device, struct vfmig_request *outer, size_t size,
		     void (*back)(struct inner *inner))
{
	struct inner *inner = inner_new(&device->inners, outer, size);

	if (!inner)
		return NULL;
	inner->request = *outer;
	inner->borrows = true;
	inner->back = back;
	return inner;
}

void filter_forward(struct vfmig_device *device, struct vfmig_request *outer,
		    void (*back)(struct inner *inner))
{
	struct inner *inner = filter_request(device, outer, sizeof(*inner), back);

	if (inner)
		filter_send(inner);
}

bool filter_cancel(struct vfmig_device *device, struct vfmig_request *request)
{
	return inner_cancel(&device->inners, request) || vfmig_cancel(device->inner, request);
}

/* ---- working it ---- */

int filter_fd(struct vfmig_device *device)
{
	return device->watch_fd ? device->watch_fd - 1 : vfmig_device_fd(device->inner);
}

int filter_process(struct vfmig_device *device, struct vfmig_error *err)
{
	return vfmig_device_process(device->inner, err);
}

int filter_watch(struct vfmig_device *device, int fd, struct vfmig_error *err)
{
	struct epoll_event in = {.events = EPOLLIN};
	int inner = vfmig_device_fd(device->inner), epoll = epoll_create1(EPOLL_CLOEXEC);

	device->watch_fd = epoll + 1;
	if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &in) ||
	    (inner >= 0 && epoll_ctl(epoll, EPOLL_CTL_ADD, inner, &in)))
		return vfmig_err(err, -errno, "%s: cannot poll two descriptors with epoll: %s",
				 device->name, strerror(errno));
	return 0;
}

/* ---- opening and closing ---- */

int filter_init(struct vfmig_device *device, const struct device_ops *ops,
		struct vfmig_device *inner, const char *label, struct vfmig_error *err)
{
	char name[256];
	int ret;

	snprintf(name, sizeof(name), "%s(%s)", label, inner->name);
	ret = device_init(device, ops, name, err);
	if (!ret)
		device->inner = inner;
	return ret;
}

int filter_new(struct vfmig_device **filter, size_t size, const struct device_ops *ops,
	       struct vfmig_device *inner, const char *label, struct vfmig_error *err)
{
	struct vfmig_device *device = calloc(1, size);
	int ret;

	if (!device)
		return vfmig_err(err, -ENOMEM, "no memory for filter %s", label);
	ret = filter_init(device, ops, inner, label, err);
	if (ret)
		free(device);
	else
		*filter = device;
	return ret;
}

int filter_opened(struct vfmig_device *filter, int ret, struct vfmig_device **device)
{
	if (!ret) {
		*device = filter;
		return 0;
	}
	filter->inner = NULL;
	filter->ops->close(filter);
	return ret;
}

void filter_close_inner(struct vfmig_device *device)
{
	vfmig_device_close(device->inner);
	device->inner = NULL;
	inner_list_cancel(&device->inners);
}

void filter_close(struct vfmig_device *device)
{
	filter_close_inner(device);
	if (device->watch_fd)
		close(device->watch_fd - 1);
	device_fini(device);
	free(device);
}
