/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The history of a device's state, as its server remembers it (src/export/vfio_user/history.c).
 */
#include <errno.h>
#include <string.h>

#include "abi/stream.h"
#include "device/device.h"

int vfmig_device_get_history(struct vfmig_device *device, struct vfmig_feature_history *history,
			     struct vfmig_error *err)
{
	int ret = vfmig_device_call_feature(device, VFMIG_FEATURE_USER_HISTORY | VFMIG_FEATURE_GET,
					    history, sizeof(*history), err);

	if (ret)
		return ret;
	history->where[sizeof(history->where) - 1] = 0;
	if (abi_section_sentence(history->where, strlen(history->where)))
		strcpy(history->where, "(an unprintable name)");
	return 0;
}

int vfmig_device_set_moved(struct vfmig_device *device, const char *where, struct vfmig_error *err)
{
	struct vfmig_feature_history history = {.past = VFMIG_HISTORY_MOVED};
	size_t len = strnlen(where, sizeof(history.where) - 1);

	memcpy(history.where, where, len);
	/* Not in the middle of a character. */
	while (len && abi_section_sentence(history.where, len))
		history.where[--len] = 0;
	return vfmig_device_call_feature(device, VFMIG_FEATURE_USER_HISTORY | VFMIG_FEATURE_SET,
					 &history, sizeof(history), err);
}

const char *vfmig_history_name(enum vfmig_history past)
{
	static const char *const names[] = {
		[VFMIG_HISTORY_UNKNOWN] = "unknown", [VFMIG_HISTORY_NEW] = "new",
		[VFMIG_HISTORY_LOADING] = "loading", [VFMIG_HISTORY_LOADED] = "loaded",
		[VFMIG_HISTORY_RAN] = "ran",	     [VFMIG_HISTORY_READ] = "read",
		[VFMIG_HISTORY_MOVED] = "moved",
	};

	return (unsigned)past < sizeof(names) / sizeof(names[0]) ? names[past] : "unknown";
}
