/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The history of a device's state, a feature of the vfio-user extension. Not in Linux; see docs/vfio-user.md.
 */
#ifndef VFMIG_ABI_HISTORY_H
#define VFMIG_ABI_HISTORY_H

#include <vfmig/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The history that a server keeps of its device's state. GET, SET: struct vfmig_feature_history. */
#define VFMIG_FEATURE_USER_HISTORY 0x7f03U

/* Where the state of a device came from, and where a copy of it may be. */
enum vfmig_history {
	/* the server has not seen it */
	VFMIG_HISTORY_UNKNOWN = 0,
	/* the device's own since it was created or reset */
	VFMIG_HISTORY_NEW = 1,
	/* a part of another device's state: RESUMING was entered and not left for STOP */
	VFMIG_HISTORY_LOADING = 2,
	/* the complete state of another device; it has not run here since it was loaded */
	VFMIG_HISTORY_LOADED = 3,
	/* the device's own: it has run here since it was loaded, read or moved */
	VFMIG_HISTORY_RAN = 4,
	/* all of it was read, so a copy may run elsewhere; it has not run here since */
	VFMIG_HISTORY_READ = 5,
	/* it runs elsewhere: the client that moved it has set this */
	VFMIG_HISTORY_MOVED = 6,
};

/* SET accepts MOVED only, and ignores since. */
struct vfmig_feature_history {
	uint32_t past;	   /* enum vfmig_history */
	uint32_t reserved; /* 0 */
	uint64_t since;	   /* seconds since 1970, UTC */
	char where[240];   /* MOVED: the place, as text with a terminating NUL */
};

#ifdef __cplusplus
}
#endif
#endif
