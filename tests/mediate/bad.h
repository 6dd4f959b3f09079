/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The mediators of bad.c, of which a test gets the paths as its arguments.
 */
#ifndef TESTS_MEDIATE_BAD_H
#define TESTS_MEDIATE_BAD_H

#include <stdio.h>
#include <string.h>

#include <vfmig/open.h>

#include "tests/lib/check.h"

static char **bad_paths;

static inline const char *bad_path(const char *what)
{
	char end[64];

	snprintf(end, sizeof(end), "/bad-%s.so", what);
	for (char **path = bad_paths; *path; path++)
		if (strlen(*path) > strlen(end) &&
		    !strcmp(*path + strlen(*path) - strlen(end), end))
			return *path;
	CHECKF(false, "there is no mediator %s", what);
	return NULL;
}

static inline struct vfmig_device *unmediated(void)
{
	struct vfmig_error err = {0};
	struct vfmig_device *device;

	CHECKF(!vfmig_open("model:copier,size=64K,migration=off,logging=off", &device, &err), "%s",
	       err.text);
	return device;
}

#endif
