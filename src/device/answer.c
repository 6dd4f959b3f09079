/* SPDX-License-Identifier: BSD-3-Clause */
/* Answers by the rule of argsz: see answer.h. */
#include <errno.h>
#include <string.h>

#include "device/answer.h"

ssize_t answer_region(struct vfmig_request *request, const struct vfmig_region_info *info,
		      const struct abi_msg_region_caps *caps)
{
	size_t size = request->info.size < UINT32_MAX ? request->info.size : UINT32_MAX;
	struct vfmig_region_info reported;

	if (size < sizeof(reported))
		return vfmig_err(request->err, -EINVAL,
				 "region-info: the buffer has %zu bytes, and the reply needs %zu",
				 size, sizeof(reported));
	if (!abi_msg_put_region_info(request->info.buf, size, (uint32_t)size, info, caps))
		return vfmig_err(request->err, -EIO,
				 "region %u has more areas than a capability can list",
				 info->index);
	memcpy(&reported, request->info.buf, sizeof(reported));
	return reported.argsz;
}

ssize_t answer_no_region(struct vfmig_request *request)
{
	const struct vfmig_region_info none = {.index = request->info.index};

	return answer_region(request, &none, NULL);
}
