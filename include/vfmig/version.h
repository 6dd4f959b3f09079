/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The version of the headers (macros) and of the library (function). docs/abi.md lists what a version promises.
 */
#ifndef VFMIG_VERSION_H
#define VFMIG_VERSION_H

#ifdef __cplusplus
extern "C" {
#endif

/* The version of these headers. */
#define VFMIG_VERSION_MAJOR 0
#define VFMIG_VERSION_MINOR 1
#define VFMIG_VERSION_PATCH 0

/* VFMIG_VERSION_AT_LEAST(1, 2, 0): whether these headers are of this version or later; also for #if. */
#define VFMIG_VERSION_AT_LEAST(major, minor, patch)                                                \
	(VFMIG_VERSION_MAJOR > (major) ||                                                          \
	 (VFMIG_VERSION_MAJOR == (major) &&                                                        \
	  (VFMIG_VERSION_MINOR > (minor) ||                                                        \
	   (VFMIG_VERSION_MINOR == (minor) && VFMIG_VERSION_PATCH >= (patch)))))

/**
 * vfmig_version() - the version of the library that was linked or loaded, which may be later than the headers
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
