/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The history of a device's state, as a feature of the vfio-user extension. Not in Linux; see docs/vfio-user.md.
 */
#ifndef VFMIG_ABI_HISTORY_H
#define VFMIG_ABI_HISTORY_H

#include <vfmig/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a server remembers of its device's state. GET, SET: struct vfmig_feature_history. */
#define VFMIG_FEATURE_USER_HISTORY 0x7f03U

/*
 * Where the state that a device holds has come from, and where it may have gone since.
 *
 * UNKNOWN: the server has not seen it
 * NEW: the device's own, since it was made or reset
 * LOADING: a part of another device's: RESUMING was entered, and not left for STOP
 * LOADED: another device's, complete. It has not run here since
 * RAN: the device's own: it was loaded, read or moved, and has run here since
 * READ: all of it was read, so a copy may run elsewhere. It has not run here since
 * MOVED: it was moved away and runs elsewhere: the client that moved it said so
 */
enum vfmig_history {
	VFMIG_HISTORY_UNKNOWN = 0,
	VFMIG_HISTORY_NEW = 1,
	VFMIG_HISTORY_LOADING = 2,
	VFMIG_HISTORY_LOADED = 3,
	VFMIG_HISTORY_RAN = 4,
	VFMIG_HISTORY_READ = 5,
	VFMIG_HISTORY_MOVED = 6,
};

/* SET takes MOVED only, and ignores since. */
struct vfmig_feature_history {
	uint32_t past; /* enum vfmig_history */
	uint32_t reserved;
	uint64_t since;	 /* seconds since 1970, UTC */
	char where[240]; /* MOVED: the place, as text with its terminating 0 */
};

#ifdef __cplusplus
}
#endif
#endif
