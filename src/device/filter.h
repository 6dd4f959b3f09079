/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The base of a filter: a device around a device, which passes everything through until told otherwise.
 *
 * A filter overrides submit() and leaves the rest: fd, process, cancel and close go to the device inside.
 * One that wants to see a completion forwards a request of its own (filter_forward()) and completes the
 * outer one when the inner one is done; cancel then finds the inner one by itself.
 */
#ifndef DEVICE_FILTER_H
#define DEVICE_FILTER_H

#include "device/device.h"

/*
 * The callbacks of the four that a filter does not override; each filter has a table of its own, with a submit of its own.
 * A filter with more than its struct to free overrides close, and ends with filter_close().
 */
bool filter_cancel(struct vfmig_device *device, struct vfmig_request *request);
int filter_fd(struct vfmig_device *device);
int filter_process(struct vfmig_device *device, struct vfmig_error *err);
void filter_close(struct vfmig_device *device);

/**
 * filter_init() - device_init() for a filter
 * @device: the first member of the filter's own, malloc()ed, structure
 * @ops: its table
 * @inner: what it is around; owned by the filter from now on, closed by filter_close()
 * @label: goes in front of the inner name: "label(inner)"
 */
int filter_init(struct vfmig_device *device, const struct device_ops *ops,
		struct vfmig_device *inner, const char *label, struct vfmig_error *err);

/**
 * filter_forward() - hand a copy of a request to the device inside
 * @device: the filter
 * @outer: the request that it was given; held until the copy is done
 * @back: called when the copy is done, with both; it completes the outer one (with request_complete()) from
 *	what the inner one brought. NULL just passes the result on
 * @change: called on the copy before it is submitted; NULL for none
 * @context: their argument
 *
 * All that the request points to is the outer's: buffers are not copied. Results that are in the request
 * itself (region_fd, precopy, state, data_size) are copied out before @back.
 */
void filter_forward(struct vfmig_device *device, struct vfmig_request *outer,
		    void (*change)(void *context, struct vfmig_request *copy),
		    void (*back)(void *context, struct vfmig_request *outer, ssize_t result),
		    void *context);

#endif
