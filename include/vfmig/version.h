/* SPDX-License-Identifier: BSD-3-Clause */
/* Which vfmig is this: the one that was linked, not the one whose header was read. */
#ifndef VFMIG_VERSION_H
#define VFMIG_VERSION_H

#ifdef __cplusplus
extern "C" {
#endif

/**
 * vfmig_version - the version of the library in use
 *
 * Returns "MAJOR.MINOR.PATCH" of the library that was linked or loaded: a constant string, the
 * caller does not free it. Any thread may call it at any time; it cannot fail.
 */
const char *vfmig_version(void);

#ifdef __cplusplus
}
#endif

#endif
