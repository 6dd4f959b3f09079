/* SPDX-License-Identifier: BSD-3-Clause */
/* The version is written down once, in the root meson.build, and handed over by it. */
#include <vfmig/version.h>

const char *vfmig_version(void)
{
	return VFMIG_PROJECT_VERSION;
}
