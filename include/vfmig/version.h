/* SPDX-License-Identifier: BSD-3-Clause */
/* The version of the library. */
#ifndef VFMIG_VERSION_H
#define VFMIG_VERSION_H

#ifdef __cplusplus
extern "C" {
#endif

/**
 * vfmig_version() - the version of the library that was linked or loaded, not that of the header
 *
 * May be called from any thread at any time; cannot fail.
 *
 * Return: "MAJOR.MINOR.PATCH", a constant.
 */
const char *vfmig_version(void);

#ifdef __cplusplus
}
#endif

#endif
