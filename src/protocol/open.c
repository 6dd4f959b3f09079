/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Select the revision for a device: the newest that the device exposes, or the one that the
 * caller names.
 */
#include <errno.h>
#include <string.h>

#include "device/session.h"
#include "protocol/pfn/pfn.h"
#include "protocol/v1/v1.h"
#include "protocol/v2/v2.h"

/*
 * Newest first. A user side returns -EOPNOTSUPP for a device that does not expose its revision. v1
 * accepts any migration region without a capability that names pfn. pfn accepts regions with that
 * capability, or any region if the caller names pfn.
 */
static const struct {
	const char *name;
	int (*user)(struct vfmig_device *device, struct vfmig_session **session,
		    struct vfmig_error *err);
} drives[] = {
	{"v2", v2_user_open},
	{"v1", v1_user_open},
	{"pfn", pfn_user_open},
};

int vfmig_session_open(struct vfmig_device *device, const char *protocol,
		       struct vfmig_session **session, struct vfmig_error *err)
{
	bool known = false;
	int ret;

	for (size_t i = 0; i < sizeof(drives) / sizeof(drives[0]); i++) {
		if (protocol && strcmp(protocol, drives[i].name))
			continue;
		known = true;
		ret = drives[i].user(device, session, err);
		if (ret != -EOPNOTSUPP)
			return ret;
	}
	if (!known)
		return vfmig_err(err, -EINVAL, "unknown migration protocol '%s'", protocol);
	return vfmig_err(err, -EOPNOTSUPP, "device %s does not support %s%smigration",
			 vfmig_device_name(device), protocol ? protocol : "", protocol ? " " : "");
}
