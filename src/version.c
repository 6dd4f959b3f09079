/* SPDX-License-Identifier: BSD-3-Clause */
#include <vfmig/version.h>

#define TEXT_OF(number) #number
#define TEXT(number)	TEXT_OF(number)
#define VERSION                                                                                    \
	TEXT(VFMIG_VERSION_MAJOR) "." TEXT(VFMIG_VERSION_MINOR) "." TEXT(VFMIG_VERSION_PATCH)

/* VFMIG_PROJECT_VERSION is the version in meson.build, which names the shared library. */
_Static_assert(__builtin_strcmp(VERSION, VFMIG_PROJECT_VERSION) == 0,
	       "the versions in meson.build and <vfmig/version.h> differ");

const char *vfmig_version(void)
{
	return VERSION;
}
