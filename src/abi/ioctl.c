/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The rules of argsz and size, by tables.
 */
#include "abi/ioctl.h"

static const struct abi_ioctl_kind kinds[] = {
	[ABI_IOCTL_GROUP_GET_STATUS - 100] = {8, 8, true, false},
	[VFMIG_IOCTL_DEVICE_GET_INFO - 100] = {16, 20, true, false},
	[VFMIG_IOCTL_DEVICE_GET_REGION_INFO - 100] = {32, 32, true, false},
	[VFMIG_IOCTL_DEVICE_GET_IRQ_INFO - 100] = {16, 16, true, false},
	[VFMIG_IOCTL_DEVICE_SET_IRQS - 100] = {20, 20, false, false},
	[VFMIG_IOCTL_DEVICE_FEATURE - 100] = {8, 8, true, false},
	[ABI_IOCTL_DEVICE_BIND_IOMMUFD - 100] = {16, 16, true, true},
	[ABI_IOCTL_DEVICE_ATTACH_PT - 100] = {12, 12, true, true},
	[ABI_IOCTL_DEVICE_DETACH_PT - 100] = {8, 8, false, true},
	[VFMIG_IOCTL_MIG_GET_PRECOPY_INFO - 100] = {24, 24, true, false},
};

_Static_assert(sizeof(struct abi_group_status) == 8, "packed");
_Static_assert(sizeof(struct abi_bind_iommufd) == 16, "packed");
_Static_assert(sizeof(struct abi_attach_pt) == 12, "packed");
_Static_assert(sizeof(struct vfmig_irq_set) == 20, "packed");
_Static_assert(sizeof(struct vfmig_region_info) == 32, "packed");

/* A word of a structure; buffers need not be aligned. */
static uint32_t word(const void *buf, size_t at)
{
	uint32_t value;

	__builtin_memcpy(&value, (const uint8_t *)buf + at, sizeof(value));
	return value;
}

const struct abi_ioctl_kind *abi_ioctl_find_kind(uint32_t nr)
{
	if (nr < 100 || nr - 100 >= sizeof(kinds) / sizeof(kinds[0]) || !kinds[nr - 100].min)
		return NULL;
	return &kinds[nr - 100];
}

const char *abi_ioctl_check(uint32_t nr, const void *buf, size_t len, size_t *take)
{
	const struct abi_ioctl_kind *kind = abi_ioctl_find_kind(nr);
	uint32_t argsz;

	if (!kind)
		return "there is no such ioctl with a structure";
	if (len < 8)
		return "not even argsz and flags are there";
	argsz = word(buf, 0);
	if (argsz < kind->min)
		return "argsz is below the structure's first size";
	if (kind->no_flags && word(buf, 4))
		return "flags that must be zero are not";
	*take = argsz < kind->size ? argsz : kind->size;
	return NULL;
}

const char *abi_irq_set_check(const struct vfmig_irq_set *set, size_t *data_bytes)
{
	uint32_t data = set->flags & VFMIG_IRQ_SET_DATA_TYPES;
	uint32_t action = set->flags & VFMIG_IRQ_SET_ACTION_TYPES;
	size_t each = 0;

	if (set->flags & ~(VFMIG_IRQ_SET_DATA_TYPES | VFMIG_IRQ_SET_ACTION_TYPES))
		return "SET_IRQS has unknown flags";
	if (!data || data & (data - 1))
		return "SET_IRQS has not one kind of data";
	if (!action || action & (action - 1))
		return "SET_IRQS has not one action";
	if (set->count > ABI_IRQS_MAX || set->start > UINT32_MAX - set->count)
		return "SET_IRQS names more interrupts than there can be";
	if (data == VFMIG_IRQ_SET_DATA_BOOL)
		each = 1;
	else if (data == VFMIG_IRQ_SET_DATA_EVENTFD)
		each = sizeof(int32_t);
	if (set->argsz < sizeof(*set) || set->argsz - sizeof(*set) < set->count * each)
		return "the argsz of SET_IRQS leaves no room for its data";
	*data_bytes = set->count * each;
	return NULL;
}

/* ---- iommufd ---- */

struct iommufd_kind {
	uint8_t min, size;
	uint8_t flags_at, reserved_at; /* offset of the word, 0: no such word */
	uint32_t flags;		       /* the known ones */
};

static const struct iommufd_kind iommufd[] = {
	[ABI_IOMMUFD_DESTROY - 0x80] = {8, 8, 0, 0, 0},
	[ABI_IOMMUFD_IOAS_ALLOC - 0x80] = {12, 12, 4, 0, 0},
	[ABI_IOMMUFD_IOAS_IOVA_RANGES - 0x80] = {32, 32, 0, 12, 0},
	[ABI_IOMMUFD_IOAS_MAP - 0x80] = {40, 40, 4, 12, 7},
	[ABI_IOMMUFD_IOAS_UNMAP - 0x80] = {24, 24, 0, 0, 0},
	[ABI_IOMMUFD_HWPT_ALLOC - 0x80] = {24, 48, 4, 20,
					   ABI_IOMMUFD_HWPT_NEST_PARENT |
						   ABI_IOMMUFD_HWPT_DIRTY_TRACKING},
	[ABI_IOMMUFD_GET_HW_INFO - 0x80] = {32, 40, 4, 0, 0},
	[ABI_IOMMUFD_SET_DIRTY_TRACKING - 0x80] = {16, 16, 4, 12, 1},
	[ABI_IOMMUFD_GET_DIRTY_BITMAP - 0x80] = {48, 48, 8, 12, ABI_IOMMUFD_DIRTY_NO_CLEAR},
	[ABI_IOMMUFD_IOAS_MAP_FILE - 0x80] = {40, 40, 4, 0, 7},
};

_Static_assert(sizeof(struct abi_iommufd_iova_ranges) == 32, "packed");
_Static_assert(sizeof(struct abi_iommufd_map) == 40, "packed");
_Static_assert(sizeof(struct abi_iommufd_map_file) == 40, "packed");
_Static_assert(sizeof(struct abi_iommufd_hwpt_alloc) == 48, "packed");
_Static_assert(sizeof(struct abi_iommufd_hw_info) == 40, "packed");
_Static_assert(sizeof(struct abi_iommufd_get_dirty) == 48, "packed");

static const struct iommufd_kind *iommufd_kind(uint32_t nr)
{
	if (nr < 0x80 || nr - 0x80 >= sizeof(iommufd) / sizeof(iommufd[0]) ||
	    !iommufd[nr - 0x80].min)
		return NULL;
	return &iommufd[nr - 0x80];
}

size_t abi_iommufd_known(uint32_t nr)
{
	const struct iommufd_kind *kind = iommufd_kind(nr);

	return kind ? kind->size : 0;
}

enum abi_iommufd_verdict abi_iommufd_check(uint32_t nr, const void *buf, uint32_t size,
					   bool rest_is_zero)
{
	const struct iommufd_kind *kind = iommufd_kind(nr);

	if (!kind)
		return ABI_IOMMUFD_UNKNOWN;
	if (size < kind->min)
		return ABI_IOMMUFD_TOO_SMALL;
	if (!rest_is_zero)
		return ABI_IOMMUFD_NEWER;
	if (kind->flags_at && word(buf, kind->flags_at) & ~kind->flags)
		return ABI_IOMMUFD_WRONG;
	if (kind->reserved_at && word(buf, kind->reserved_at))
		return ABI_IOMMUFD_WRONG;
	return ABI_IOMMUFD_FINE;
}
