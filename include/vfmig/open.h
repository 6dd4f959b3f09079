/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Opening devices by name.
 *
 *	model:copier			a software device of the library, in this process
 *	model:copier,size=64M		with options, listed by `vfmig help devices`
 *	vfio-user:/run/dev.sock		a device behind a server's socket
 *
 * and filters around it, each with its own text:
 *
 *	fault,op=reset,error=EIO
 *
 * A name is KIND:NAME or KIND:PLACE, followed by options; a filter is NAME, followed by options. Options are key=value,
 * each after a comma (so a place cannot contain a comma).
 *
 * All functions may be called from any thread.
 */
#ifndef VFMIG_OPEN_H
#define VFMIG_OPEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vfmig/device.h>
#include <vfmig/error.h>
#include <vfmig/options.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Maximum number of filters around one device. */
#define VFMIG_FILTERS_MAX 32u

/**
 * vfmig_open() - open a device by its name
 * @name: see above
 * @device: the device; the caller calls vfmig_device_close()
 *
 * May block while it connects to a server and negotiates.
 *
 * Return: 0; -EINVAL for an invalid name or option; -ENOENT for an unknown kind or model; or the error of the
 * source.
 */
int vfmig_open(const char *name, struct vfmig_device **device, struct vfmig_error *err);

/**
 * vfmig_device_add_filter() - put a filter around a device
 * @device: in: the device; out: the filter, whose vfmig_device_close() closes both
 * @filter: NAME or NAME,key=value,...
 *
 * Call it before the device is attached to a space and before any request. If it fails, *@device is unchanged.
 *
 * Return: 0; -ENOENT for an unknown filter; -EINVAL for an invalid option; or the error of the filter.
 */
int vfmig_device_add_filter(struct vfmig_device **device, const char *filter,
			    struct vfmig_error *err);

/**
 * vfmig_open_filtered() - open a device and put filters around it
 * @name: as for vfmig_open()
 * @filters: array of filters; the first becomes the innermost, the last the outermost
 * @count: number of filters; at most VFMIG_FILTERS_MAX
 * @device: the outermost filter; its vfmig_device_close() closes all
 */
int vfmig_open_filtered(const char *name, const char *const *filters, size_t count,
			struct vfmig_device **device, struct vfmig_error *err);

/**
 * vfmig_open_limited() - vfmig_open_filtered() with a time limit
 * @name: as for vfmig_open()
 * @filters: as for vfmig_open_filtered()
 * @count: number of filters
 * @timeout_ms: time limit for connecting to a server and for its negotiation; also the time limit of the device and of each
 *	filter (vfmig_device_set_timeout()). 0: the defaults. An option timeout= in @name takes precedence for
 *	the connection
 * @device: as for vfmig_open_filtered()
 *
 * Return: as vfmig_open_filtered(); -ETIMEDOUT.
 */
int vfmig_open_limited(const char *name, const char *const *filters, size_t count,
		       uint64_t timeout_ms, struct vfmig_device **device, struct vfmig_error *err);

/* The kinds of entries of vfmig_catalog_get(). */
enum vfmig_catalog_kind {
	VFMIG_CATALOG_MODEL,  /* a software device, "model:NAME" */
	VFMIG_CATALOG_SOURCE, /* a device elsewhere, "NAME:PLACE" */
	VFMIG_CATALOG_FILTER, /* goes around a device */
};

/**
 * struct vfmig_catalog_entry - an entry of the list of models, sources and filters
 * @kind: model, source or filter
 * @name: "copier" (of model:copier), "vfio-user", "fault"
 * @place: what follows a source's colon ("PATH"), else NULL
 * @summary: one line
 * @options: its options, terminated by VFMIG_OPTION_END, or NULL
 * @common: the options that all entries of its kind have, or NULL
 *
 * All of it is constant.
 */
struct vfmig_catalog_entry {
	enum vfmig_catalog_kind kind;
	const char *name;
	const char *place;
	const char *summary;
	const struct vfmig_option *options;
	const struct vfmig_option *common;
};

/**
 * vfmig_catalog_get() - list what can be opened: models, then sources, then filters
 * @index: from 0
 * @known: filled in
 *
 * Return: false after the last entry.
 */
bool vfmig_catalog_get(size_t index, struct vfmig_catalog_entry *known);

#ifdef __cplusplus
}
#endif
#endif
