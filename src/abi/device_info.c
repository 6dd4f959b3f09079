/* SPDX-License-Identifier: BSD-3-Clause */
/* A device's information with its capabilities: see device_info.h. */
#include "abi/device_info.h"
#include "abi/le.h"

_Static_assert(sizeof(struct vfmig_device_info) == 24, "packed");
_Static_assert(offsetof(struct vfmig_zpci_base, fh) == VFMIG_ZPCI_BASE_V1, "packed");
_Static_assert(offsetof(struct vfmig_zpci_group, reserved) == VFMIG_ZPCI_GROUP_V1, "packed");

#define STRING_HEADER 12U
#define CAP_OFFSET    16U /* the fixed part's field for the offset of the first one */
#define FIXED	      20U /* the least size of a fixed part with that field */

size_t abi_device_info_put(void *buf, size_t cap, uint32_t argsz, const struct vfmig_device_info *i,
			   const struct abi_cap_said *caps, size_t cap_count)
{
	struct vfmig_device_info info = *i;
	size_t need = sizeof(info), at = need, link = CAP_OFFSET;
	size_t fixed = argsz < sizeof(info) ? argsz : sizeof(info);

	if (argsz < ABI_DEVICE_INFO_MIN || cap_count > ABI_CAPS_MAX)
		return 0;
	for (size_t n = 0; n < cap_count; n++) {
		if (caps[n].size > UINT16_MAX)
			return 0;
		need = (need + ABI_CAP_HEADER + caps[n].size + 7) / 8 * 8;
	}
	info.argsz = (uint32_t)need;
	info.flags &= ~VFMIG_DEVICE_FLAG_CAPS;
	info.flags |= cap_count ? VFMIG_DEVICE_FLAG_CAPS : 0;
	info.cap_offset = 0;
	info.pad = 0;
	if (cap < (argsz < need ? fixed : need))
		return 0;
	memcpy(buf, &info, fixed);
	for (size_t n = 0; argsz >= need && n < cap_count; n++) {
		uint8_t *to = abi_caps_put(buf, &at, &link, caps[n].id, caps[n].version,
					   ABI_CAP_HEADER + caps[n].size);

		if (caps[n].size)
			memcpy(to + ABI_CAP_HEADER, caps[n].bytes, caps[n].size);
	}
	return need;
}

/* ---- reading ---- */

static const char *get_base(struct vfmig_device_details *about, uint32_t version,
			    const uint8_t *cap, size_t capacity, size_t *size)
{
	if (about->has_base)
		return "device info: two zPCI functions";
	*size = version == 1 ? VFMIG_ZPCI_BASE_V1 : VFMIG_ZPCI_BASE_V2;
	if (capacity < *size)
		return "device info: a capability leaves the answer";
	abi_unpack(cap, capacity, "22488222", &about->base);
	about->base.pft = cap[30];
	about->base.gid = cap[31];
	about->base.fh = version == 1 ? 0 : abi_get32(cap + VFMIG_ZPCI_BASE_V1);
	about->has_base = true;
	return NULL;
}

static const char *get_group(struct vfmig_device_details *about, uint32_t version,
			     const uint8_t *cap, size_t capacity, size_t *size)
{
	if (about->has_group)
		return "device info: two zPCI groups";
	*size = version == 1 ? VFMIG_ZPCI_GROUP_V1 : VFMIG_ZPCI_GROUP_V2;
	if (capacity < *size)
		return "device info: a capability leaves the answer";
	abi_unpack(cap, capacity, "224888222", &about->group);
	about->group.version = cap[38];
	about->group.imaxstbl = version == 1 ? 0 : abi_get16(cap + 40);
	about->has_group = true;
	return NULL;
}

static const char *get_string(bool *has, uint32_t *bytes, uint8_t *to, const uint8_t *cap,
			      size_t capacity, size_t *size)
{
	if (*has)
		return "device info: two zPCI strings of one kind";
	if (capacity < STRING_HEADER)
		return "device info: a capability leaves the answer";
	*bytes = abi_get32(cap + ABI_CAP_HEADER);
	if (*bytes > VFMIG_ZPCI_STRING_MAX)
		return "device info: a zPCI string of more than 256 bytes";
	if (capacity - STRING_HEADER < *bytes)
		return "device info: a zPCI string leaves the answer";
	memcpy(to, cap + STRING_HEADER, *bytes);
	*size = STRING_HEADER + *bytes;
	*has = true;
	return NULL;
}

static const char *get_cap(void *context, uint32_t id, uint32_t version, const uint8_t *cap,
			   size_t capacity, size_t *size)
{
	struct vfmig_device_details *about = context;

	/* Of another version it is another capability. */
	if (version == 1 || version == 2) {
		if (id == VFMIG_DEVICE_CAP_ZPCI_BASE)
			return get_base(about, version, cap, capacity, size);
		if (id == VFMIG_DEVICE_CAP_ZPCI_GROUP)
			return get_group(about, version, cap, capacity, size);
	}
	if (version == 1 && id == VFMIG_DEVICE_CAP_ZPCI_UTIL)
		return get_string(&about->has_util, &about->util_size, about->util, cap, capacity,
				  size);
	if (version == 1 && id == VFMIG_DEVICE_CAP_ZPCI_PFIP)
		return get_string(&about->has_pfip, &about->pfip_size, about->pfip, cap, capacity,
				  size);
	about->unknown[about->unknown_count++] = (uint16_t)id;
	return NULL;
}

const char *abi_device_info_get(const void *buf, size_t len, struct vfmig_device_details *about)
{
	static const struct abi_caps_words words = {
		"device info: more than 16 capabilities",
		"device info: a capability lies inside the fixed part",
		"device info: a capability leaves the answer",
		"device info: capabilities overlap, or the chain loops",
	};
	const uint8_t *bytes = buf;
	uint32_t first = 0;

	memset(about, 0, sizeof(*about));
	if (len < ABI_DEVICE_INFO_MIN)
		return "a device's information needs 16 bytes";
	about->flags = abi_get32(bytes + 4);
	about->num_regions = abi_get32(bytes + 8);
	about->num_irqs = abi_get32(bytes + 12);
	if ((about->flags & VFMIG_DEVICE_FLAG_CAPS) && len >= FIXED)
		first = abi_get32(bytes + CAP_OFFSET);
	/* Older kernels' fixed part ends at cap_offset. */
	return abi_caps_walk(buf, len, FIXED, first, &words, get_cap, about);
}
