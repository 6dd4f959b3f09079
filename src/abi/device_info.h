/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * VFIO_DEVICE_GET_INFO with its chain of capabilities, as bytes. Conventions as in feature.h.
 */
#ifndef ABI_DEVICE_INFO_H
#define ABI_DEVICE_INFO_H

#include <vfmig/abi_info.h>

#include "abi/caps.h"

/* The original structure: the least argsz, and all that vfio-user's has. */
#define ABI_DEVICE_INFO_MIN 16U

/* A capability to write: bytes are behind its header. */
struct abi_cap_said {
	uint16_t id, version;
	const void *bytes;
	size_t size;
};

/*
 * Write the answer into buf, which has cap bytes; the user claims argsz bytes. The answer is the
 * fixed part, cut to argsz, and the chain if it all fits; if it does not, flag and size report it.
 * argsz, cap_offset and the flag CAPS of *i are ignored. Returns the size of the whole answer; 0
 * if argsz is below ABI_DEVICE_INFO_MIN, there are more capabilities than ABI_CAPS_MAX, or cap is
 * too small.
 */
size_t abi_device_info_put(void *buf, size_t cap, uint32_t argsz, const struct vfmig_device_info *i,
			   const struct abi_cap_said *caps, size_t cap_count);

/*
 * Read such an answer of len bytes. Refuses chains that leave it, lie in the fixed part, overlap,
 * loop or do not end, capabilities given twice or cut short, and strings longer than allowed.
 * Unknown ones are listed.
 */
const char *abi_device_info_get(const void *buf, size_t len, struct vfmig_device_details *about);

#endif
