/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The filters that there are, as open.c has them in its table.
 */
#ifndef FILTER_FILTERS_H
#define FILTER_FILTERS_H

#include <vfmig/device.h>
#include <vfmig/options.h>

/*
 * @name: as in `--filter NAME,key=value`
 * @summary: one line
 * @options: what it takes
 * @open: put it around @inner, which is its own after a success and the caller's after a failure
 */
struct filter_kind {
	const char *name;
	const char *summary;
	const struct vfmig_option *options;
	int (*open)(struct vfmig_device *inner, const char *options, struct vfmig_device **device,
		    struct vfmig_error *err);
};

extern const struct filter_kind filter_fault;
extern const struct filter_kind filter_delay;
extern const struct filter_kind filter_trace;
extern const struct filter_kind filter_translate;
extern const struct filter_kind filter_mediate;

#endif
