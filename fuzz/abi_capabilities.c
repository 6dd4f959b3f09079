/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Chains of capabilities: of a device, a region, a container. The first byte picks which. What is taken stays within
 * its bounds; what a device said can be said again, and is then read as the same.
 */
#include "abi/device_info.h"
#include "abi/le.h"
#include "abi/type1.h"
#include "abi/vfio_user.h"
#include "fuzz/property.h"

static void device(const uint8_t *data, size_t size)
{
	static struct vfmig_device_details about, again;
	static uint8_t buf[8192], base[28], group[34], util[4 + VFMIG_ZPCI_STRING_MAX];
	struct abi_cap_said caps[3];
	struct vfmig_device_info info = {0};
	size_t n = 0, len;

	if (abi_device_info_get(data, size, &about))
		return;
	HOLDS(about.unknown_count <= VFMIG_UNKNOWN_CAPS);
	HOLDS(about.util_size <= VFMIG_ZPCI_STRING_MAX && about.pfip_size <= VFMIG_ZPCI_STRING_MAX);
	/* Byte by byte as in memory, which is the wire's order here. */
	memcpy(base, (uint8_t *)&about.base + 8, sizeof(base));
	memcpy(group, (uint8_t *)&about.group + 8, sizeof(group));
	abi_put32(util, about.util_size);
	memcpy(util + 4, about.util, about.util_size);
	if (about.has_base)
		caps[n++] = (struct abi_cap_said){VFMIG_DEVICE_CAP_ZPCI_BASE, 2, base, 28};
	if (about.has_group)
		caps[n++] = (struct abi_cap_said){VFMIG_DEVICE_CAP_ZPCI_GROUP, 2, group, 34};
	if (about.has_util)
		caps[n++] = (struct abi_cap_said){VFMIG_DEVICE_CAP_ZPCI_UTIL, 1, util,
						  4 + about.util_size};
	info.flags = about.flags;
	info.num_regions = about.num_regions;
	info.num_irqs = about.num_irqs;
	len = abi_device_info_put(buf, sizeof(buf), sizeof(buf), &info, caps, n);
	HOLDS(len >= sizeof(info));
	HOLDS(!abi_device_info_get(buf, len, &again));
	HOLDS(again.has_base == about.has_base && again.has_group == about.has_group &&
	      again.has_util == about.has_util && again.util_size == about.util_size);
	HOLDS(again.base.fh == about.base.fh && again.base.gid == about.base.gid);
	HOLDS(again.group.noi == about.group.noi && again.group.imaxstbl == about.group.imaxstbl);
	HOLDS(!memcmp(again.util, about.util, about.util_size));
}

static void region(const uint8_t *data, size_t size)
{
	static struct vfmig_sparse_mmap_area areas[ABI_MSG_AREAS_MAX];
	struct abi_msg_region_caps caps;
	struct vfmig_region_info info;

	if (abi_msg_get_region_info(data, size, &info) ||
	    abi_msg_get_region_caps(data, size, &info, areas, ABI_MSG_AREAS_MAX, &caps))
		return;
	HOLDS(caps.unknown_count <= ABI_CAPS_MAX && caps.nr_areas <= ABI_MSG_AREAS_MAX);
	for (uint32_t i = 0; i < caps.nr_areas; i++)
		HOLDS(areas[i].size && areas[i].offset <= info.size &&
		      areas[i].size <= info.size - areas[i].offset);
}

static void container(const uint8_t *data, size_t size)
{
	static struct vfmig_type1_iova_range ranges[ABI_TYPE1_RANGES_MAX];
	struct abi_type1_says says = {.ranges = ranges};

	if (abi_type1_get_info(data, size, &says, ABI_TYPE1_RANGES_MAX))
		return;
	HOLDS(says.range_count <= ABI_TYPE1_RANGES_MAX);
	for (uint32_t i = 0; i < says.range_count; i++)
		HOLDS(ranges[i].start <= ranges[i].end);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	if (data[0] % 3 == 0)
		device(data + 1, size - 1);
	else if (data[0] % 3 == 1)
		region(data + 1, size - 1);
	else
		container(data + 1, size - 1);
	return 0;
}
