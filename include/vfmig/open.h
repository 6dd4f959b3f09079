/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Opening: from a name to a device.
 *
 *	model:copier			a software device of the library's, in this process
 *	model:copier,size=64M		with options, as `vfmig help devices` lists them
 *	vfio-user:/run/dev.sock		a device behind a server's socket
 *
 * and filters around it, each a text of its own:
 *
 *	fault,op=reset,error=EIO
 *
 * A name is KIND:NAME or KIND:PLACE, then options; a filter is NAME, then options. Options are key=value,
 * each with a comma before it (so a place may not have one in it).
 *
 * Everything here may be called from any thread.
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

/* Filters around one device, at the most. */
#define VFMIG_FILTERS_MAX 32u

/**
 * vfmig_open() - open a device by its name
 * @name: see above
 * @device: the device; vfmig_device_close() it
 *
 * May wait: a socket is connected and its server asked who it is.
 *
 * Return: 0; -EINVAL for a name that is none, or a wrong option; -ENOENT for a model or kind that there is
 * not; or what the source said.
 */
int vfmig_open(const char *name, struct vfmig_device **device, struct vfmig_error *err);

/**
 * vfmig_add_filter() - put a filter around a device
 * @device: in: what it goes around; out: the filter, whose vfmig_device_close() closes both
 * @filter: NAME or NAME,key=value,…
 *
 * Before the device is attached to a space, and before anything is asked of it. After a failure *@device
 * is as it was.
 *
 * Return: 0; -ENOENT for a filter that there is not; -EINVAL for a wrong option; or what the filter said.
 */
int vfmig_add_filter(struct vfmig_device **device, const char *filter, struct vfmig_error *err);

/**
 * vfmig_open_filtered() - both in one
 * @name: as for vfmig_open()
 * @filters: the first is put on first, so the last is the outermost
 * @count: of them; at most VFMIG_FILTERS_MAX
 * @device: the outermost; vfmig_device_close() closes all
 */
int vfmig_open_filtered(const char *name, const char *const *filters, size_t count,
			struct vfmig_device **device, struct vfmig_error *err);

/**
 * vfmig_open_limited() - vfmig_open_filtered() with a time limit
 * @timeout_ms: how long it may take until the server behind a socket has introduced itself, connecting included;
 *	also the time limit of the device and of each filter (vfmig_device_set_timeout()). 0 leaves the presets. An
 *	option timeout= in @name goes before it when the server is met
 *
 * Return: as vfmig_open_filtered(); -ETIMEDOUT.
 */
int vfmig_open_limited(const char *name, const char *const *filters, size_t count,
		       uint64_t timeout_ms, struct vfmig_device **device, struct vfmig_error *err);

enum vfmig_known_kind {
	VFMIG_KNOWN_MODEL,
	VFMIG_KNOWN_SOURCE,
	VFMIG_KNOWN_FILTER,
};

/**
 * struct vfmig_known - something that can be opened by name
 * @kind: what it is
 * @name: what it is called: "copier" (model:copier), "vfio-user", "fault"
 * @place: what stands behind a source's colon ("PATH"), else NULL
 * @summary: one line
 * @options: what it takes, closed by VFMIG_OPTION_END, or NULL
 * @common: what all of its kind take besides, or NULL
 *
 * All of it is constant.
 */
struct vfmig_known {
	enum vfmig_known_kind kind;
	const char *name;
	const char *place;
	const char *summary;
	const struct vfmig_option *options;
	const struct vfmig_option *common;
};

/**
 * vfmig_list() - go through what can be opened: models, then sources, then filters
 * @index: from 0
 * @known: filled in
 *
 * Return: false after the last.
 */
bool vfmig_list(size_t index, struct vfmig_known *known);

#ifdef __cplusplus
}
#endif
#endif
