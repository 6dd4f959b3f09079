/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The information of a device, decoded and by name: kind, capabilities, regions, interrupts, and the IOMMU that the
 * device is behind. `vfmig info` prints all of it.
 *
 * The answers of a device are untrusted. Chains of capabilities that loop, overlap, leave the answer or do not end
 * fail with -EPROTO and a sentence. Unknown capabilities are skipped, and their ids are listed.
 *
 * The names are static. Functions that return names may be called from any thread.
 */
#ifndef VFMIG_INFO_H
#define VFMIG_INFO_H

#include <stdbool.h>

#include <vfmig/abi_info.h>
#include <vfmig/abi_type1.h>
#include <vfmig/device.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * vfmig_device_get_details() - get the information of a device with its capabilities, decoded
 *
 * Return: 0; -EPROTO for an invalid answer; -E2BIG for an answer over 64 KiB; or the error of the device.
 */
int vfmig_device_get_details(struct vfmig_device *device, struct vfmig_device_details *details,
			     struct vfmig_error *err);

/**
 * vfmig_ebcdic_text() - convert EBCDIC to ASCII
 * @bytes: letters, digits, blanks and common punctuation; other bytes become '?'
 * @len: number of bytes
 * @out: receives at most @size - 1 characters and a NUL; trailing blanks and zeros are removed
 * @size: of @out, in bytes; at least 1
 *
 * Return: @out.
 */
char *vfmig_ebcdic_text(const uint8_t *bytes, size_t len, char *out, size_t size);

/**
 * vfmig_device_flag_name() - the name of bit @bit of a device's flags ("reset", "PCI", "CCW"); NULL if it is unknown
 */
const char *vfmig_device_flag_name(unsigned bit);

/**
 * vfmig_region_name() - the name of the region at @index of a device with @flags ("BAR0"); NULL if it has none
 */
const char *vfmig_region_name(uint32_t flags, uint32_t index);

/**
 * vfmig_irq_name() - the name of the interrupt at @index of a device with @flags ("MSI-X", "CRW"); NULL if it has none
 */
const char *vfmig_irq_name(uint32_t flags, uint32_t index);

/**
 * vfmig_region_type_name() - the name of a type and subtype of region ("CCW SCHIB")
 *
 * Return: the name; "PCI vendor" for an unknown subtype of a PCI vendor's type; NULL for another unknown type.
 */
const char *vfmig_region_type_name(uint32_t type, uint32_t subtype);

/* ---- the IOMMU ---- */

#define VFMIG_IOVA_RANGES_MAX 512u

/**
 * struct vfmig_iommu_details - VFIO_IOMMU_GET_INFO of a type1 container, decoded
 * @pgsizes: bitmap of the page sizes that can be mapped
 * @has_migration: whether the container logs dirty pages; @dirty_pgsizes and @dirty_bitmap_max are valid then
 * @has_dma_avail: whether @dma_avail is valid
 * @dirty_pgsizes: bitmap of the page sizes of the dirty bitmap
 * @dirty_bitmap_max: maximum size of a dirty bitmap, in bytes
 * @dma_avail: number of maps that can still be made
 * @range_count: number of ranges that can be mapped; 0 if the container does not report them
 * @range: first and last address of each range
 */
struct vfmig_iommu_details {
	uint64_t pgsizes;
	bool has_migration, has_dma_avail;
	uint64_t dirty_pgsizes, dirty_bitmap_max;
	uint32_t dma_avail;
	uint32_t range_count;
	struct vfmig_type1_iova_range range[VFMIG_IOVA_RANGES_MAX];
};

/**
 * vfmig_iommu_get_details() - decode the answer of VFIO_IOMMU_GET_INFO, such as that of vfmig_type1_get_info()
 * @buf: the answer
 * @len: of the answer, in bytes
 *
 * Return: 0; -EPROTO if the answer is invalid.
 */
int vfmig_iommu_get_details(const void *buf, size_t len, struct vfmig_iommu_details *details,
			    struct vfmig_error *err);

#ifdef __cplusplus
}
#endif
#endif
