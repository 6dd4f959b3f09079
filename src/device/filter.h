/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The base of a filter: a device around another device, which passes on all requests unless the filter does otherwise.
 *
 * A filter overrides submit() and may leave the other operations out: fd, process and cancel go to
 * the device inside. To pass a request on, it submits the request to the device inside. To see the
 * answer, or to change the request, it makes an inner request (filter_request()), sends that
 * (filter_send()), and ends it when it is answered (inner_end()).
 */
#ifndef DEVICE_FILTER_H
#define DEVICE_FILTER_H

#include "device/inner.h"
#include "device/device.h"

/*
 * What a filter's table has for operations that it does not override. A filter that overrides one of these calls
 * the function below from it.
 */
bool filter_cancel(struct vfmig_device *device, struct vfmig_request *request);
int filter_fd(struct vfmig_device *device);
int filter_process(struct vfmig_device *device, struct vfmig_error *err);
void filter_close(struct vfmig_device *device);

/**
 * filter_init() - device_init() for a filter
 * @device: the first member of the filter's own structure, which filter_close() frees
 * @ops: its table
 * @inner: the device inside, which is the filter's from now on
 * @label: the filter's name is "label(inner)"
 */
int filter_init(struct vfmig_device *device, const struct device_ops *ops,
		struct vfmig_device *inner, const char *label, struct vfmig_error *err);

/**
 * filter_new() - allocate a filter, and filter_init() it
 * @filter: set to it; all behind its struct vfmig_device is zero
 * @size: of the filter's structure, which begins with struct vfmig_device
 * @ops: its table; close() must be able to close what is not opened completely
 *
 * Return: 0; filter_opened() must follow. Else a negative errno.
 */
int filter_new(struct vfmig_device **filter, size_t size, const struct device_ops *ops,
	       struct vfmig_device *inner, const char *label, struct vfmig_error *err);

/**
 * filter_opened() - the end of a filter's open
 * @ret: 0; else the filter failed to open, and is closed. The device inside stays the caller's then
 *
 * Return: @ret.
 */
int filter_opened(struct vfmig_device *filter, int ret, struct vfmig_device **device);

/**
 * filter_watch() - have process() also called when a descriptor of the filter's own is readable
 *
 * @fd stays the filter's. The filter's table has filter_fd(), and a process() of its own, which calls filter_process().
 */
int filter_watch(struct vfmig_device *device, int fd, struct vfmig_error *err);

/**
 * filter_close_inner() - close the device inside, and complete what the filter has parked with -ECANCELED
 *
 * Its answers to what it still has come through the filter. So a filter's close() calls this first, then frees what
 * is its own, and ends with filter_close().
 */
void filter_close_inner(struct vfmig_device *device);

/**
 * filter_request() - an inner request that is a copy of @outer
 * @device: the filter
 * @size: of the structure that it is allocated in, which begins with struct inner
 * @back: called with its answer
 *
 * It points to the buffers of @outer. Change it as needed, then filter_send() it. Return: NULL if there is no memory:
 * @outer is completed then.
 */
void *filter_request(struct vfmig_device *device, struct vfmig_request *outer, size_t size,
		     void (*back)(struct inner *inner));

/** filter_of() - the filter of an inner request */
static inline struct vfmig_device *filter_of(const struct inner *inner)
{
	return (struct vfmig_device *)((char *)inner->list - offsetof(struct vfmig_device, inners));
}

/** filter_send() - submit it to the device inside; @back is called, now or later */
static inline void filter_send(struct inner *inner)
{
	inner_send(inner, filter_of(inner)->inner);
}

/** filter_forward() - the most common case: send a copy of a request to the device inside */
void filter_forward(struct vfmig_device *device, struct vfmig_request *outer,
		    void (*back)(struct inner *inner));

#endif
