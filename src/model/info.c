/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A device's description: its kind, its capabilities, and regions in addition to those of a PCI
 * device or instead of them.
 *
 * A model without a description is a PCI device, and all answers here are constants.
 */
#include <errno.h>
#include <string.h>

#include "model/kit.h"

#define CAP_BYTES_MAX 4096u

static const char *bad(const struct vfmig_model_info *info)
{
	bool pci = info->kind == VFMIG_DEVICE_FLAG_PCI;

	if (!info->kind || info->kind & (info->kind - 1) || info->kind & ~VFMIG_DEVICE_KINDS)
		return "it must be of one kind";
	if (info->cap_count > ABI_CAPS_MAX)
		return "it has more than 16 capabilities";
	for (size_t i = 0; i < info->cap_count; i++)
		if (info->caps[i].size > CAP_BYTES_MAX)
			return "a capability has more than 4096 bytes";
	if (info->region_count > VFMIG_MODEL_REGIONS_MAX)
		return "it has more than 32 regions of its own";
	for (uint32_t i = 0; i < info->region_count; i++)
		if (info->regions[i].size > KIT_BLOCK_MAX ||
		    info->regions[i].flags & ~(VFMIG_REGION_FLAG_READ | VFMIG_REGION_FLAG_WRITE))
			return "a region of its own is too large, or to be more than read and written";
	if (info->irq_count > VFMIG_MODEL_IRQS_MAX || (pci && info->irq_count))
		return "it has more than 16 interrupt indexes, or a PCI device other than the five";
	if (!pci && info->msix_mappable)
		return "only PCI devices have MSI-X";
	return NULL;
}

int kit_info_open(struct vfmig_kit *kit, struct vfmig_error *err)
{
	static const struct vfmig_model_info plain = {.kind = VFMIG_DEVICE_FLAG_PCI};
	const char *why;

	kit->info = kit->model->info ? kit->model->info(kit->self) : &plain;
	why = kit->info ? bad(kit->info) : "it does not say";
	if (why)
		return vfmig_err(err, -EINVAL, "what it is: %s", why);
	kit->is_pci = kit->info->kind == VFMIG_DEVICE_FLAG_PCI;
	kit->own_regions = kit->is_pci ? VFMIG_PCI_REGION_COUNT : 0;
	kit->region_count = kit->own_regions + kit->info->region_count;
	for (size_t i = 0; i < kit->info->cap_count; i++) {
		const struct vfmig_info_cap *cap = &kit->info->caps[i];

		kit->caps[i] = (struct abi_cap_said){cap->id, cap->version, cap->bytes, cap->size};
	}
	return 0;
}

const struct vfmig_model_region *kit_own_region(const struct vfmig_kit *kit, uint32_t index)
{
	if (index < kit->own_regions || index >= kit->region_count)
		return NULL;
	return &kit->info->regions[index - kit->own_regions];
}

ssize_t kit_device_info(struct vfmig_kit *kit, struct vfmig_request *request)
{
	struct vfmig_device_info info = {
		.flags = kit->info->kind | VFMIG_DEVICE_FLAG_RESET,
		.num_regions = expose_regions(&kit->show, kit->region_count),
		.num_irqs = kit->is_pci ? VFMIG_PCI_IRQ_COUNT : kit->info->irq_count,
	};
	size_t size = request->info.size < UINT32_MAX ? request->info.size : UINT32_MAX;
	size_t need = abi_device_info_put(request->info.buf, size, (uint32_t)size, &info, kit->caps,
					  kit->info->cap_count);

	if (!need)
		return vfmig_err(request->err, -EINVAL,
				 "%s: device-info with room for %zu bytes: it takes %u",
				 kit->device.name, request->info.size, ABI_DEVICE_INFO_MIN);
	return (ssize_t)need;
}
