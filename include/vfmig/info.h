/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a device says of itself, decoded and by name: kind, capabilities, regions, interrupts, and the IOMMU that it is
 * behind. `vfmig info` shows all of it.
 *
 * A device's answers are a stranger's: chains of capabilities that loop, overlap, leave the answer or do not end are
 * refused (-EPROTO, with a sentence); what is unknown is passed over, and listed by number.
 *
 * The names are static; those functions may be called from any thread.
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
 * vfmig_device_get_details() - what a device is, capabilities included
 *
 * Return: 0; -EPROTO for an answer that is refused; -E2BIG for one over 64 KiB; or what the device said.
 */
int vfmig_device_get_details(struct vfmig_device *device, struct vfmig_device_details *about,
			     struct vfmig_error *err);

/**
 * vfmig_ebcdic_text() - EBCDIC as text
 * @bytes: letters, digits, blanks and the usual signs; everything else becomes '?'
 * @len: how many
 * @out: receives at most @size - 1 characters and a NUL; trailing blanks and zeros are left out
 * @size: at least 1
 *
 * Return: @out.
 */
char *vfmig_ebcdic_text(const uint8_t *bytes, size_t len, char *out, size_t size);

/** vfmig_device_flag_name() - of bit @bit of a device's flags ("reset", "PCI", "CCW"); NULL for none */
const char *vfmig_device_flag_name(unsigned bit);

/** vfmig_region_name() - of the region at @index, in devices with @flags ("BAR0"); NULL if its index says nothing */
const char *vfmig_region_name(uint32_t flags, uint32_t index);

/** vfmig_irq_name() - of the interrupt at @index, in devices with @flags ("MSI-X", "CRW"); NULL as above */
const char *vfmig_irq_name(uint32_t flags, uint32_t index);

/**
 * vfmig_region_type_name() - what a type and subtype stand for ("CCW SCHIB")
 *
 * Return: the name; for a PCI vendor's type with a subtype that is unknown here "PCI vendor", else NULL.
 */
const char *vfmig_region_type_name(uint32_t type, uint32_t subtype);

/* ---- the IOMMU ---- */

#define VFMIG_IOVA_RANGES_MAX 512u

/**
 * struct vfmig_iommu_details - VFIO_IOMMU_GET_INFO of a type1 container, decoded
 * @pgsizes: bitmap of the sizes of page that can be mapped
 * @has_migration: whether written pages are logged: in pages of the sizes in the bitmap @dirty_pgsizes, and at most
 *	@dirty_bitmap_max bytes of bitmap at a time
 * @has_dma_avail: whether it says how many maps can still be made: @dma_avail
 * @range_count: what may be mapped; 0: it does not say
 * @range: first and last address of each
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
 * vfmig_iommu_get_details() - decode what VFIO_IOMMU_GET_INFO (vfmig_type1_get_info(), say) has written
 * @buf: the answer
 * @len: its bytes
 *
 * Return: 0, or -EPROTO if it is refused.
 */
int vfmig_iommu_get_details(const void *buf, size_t len, struct vfmig_iommu_details *about,
			    struct vfmig_error *err);

#ifdef __cplusplus
}
#endif
#endif
