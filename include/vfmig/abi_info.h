/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Constants and layouts that describe a device: kinds of devices, capabilities of their information, types of
 * regions, and interrupts of devices that are not on a PCI bus. abi.h has those that all devices share.
 *
 * A test compares them with <linux/vfio.h> and <linux/vfio_zdev.h>.
 */
#ifndef VFMIG_ABI_INFO_H
#define VFMIG_ABI_INFO_H

#include <vfmig/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The kind of a device: one of these or VFMIG_DEVICE_FLAG_PCI is set. */
#define VFMIG_DEVICE_FLAG_PLATFORM (1U << 2)
#define VFMIG_DEVICE_FLAG_AMBA	   (1U << 3)
#define VFMIG_DEVICE_FLAG_CCW	   (1U << 4) /* a subchannel of s390 */
#define VFMIG_DEVICE_FLAG_AP	   (1U << 5) /* s390's adjunct processors */
#define VFMIG_DEVICE_FLAG_FSL_MC   (1U << 6)
#define VFMIG_DEVICE_FLAG_CDX	   (1U << 8)
#define VFMIG_DEVICE_KINDS                                                                         \
	(VFMIG_DEVICE_FLAG_PCI | VFMIG_DEVICE_FLAG_PLATFORM | VFMIG_DEVICE_FLAG_AMBA |             \
	 VFMIG_DEVICE_FLAG_CCW | VFMIG_DEVICE_FLAG_AP | VFMIG_DEVICE_FLAG_FSL_MC |                 \
	 VFMIG_DEVICE_FLAG_CDX)

/* ---- capabilities of a device's information ---- */

#define VFMIG_DEVICE_CAP_ZPCI_BASE  1U
#define VFMIG_DEVICE_CAP_ZPCI_GROUP 2U
#define VFMIG_DEVICE_CAP_ZPCI_UTIL  3U
#define VFMIG_DEVICE_CAP_ZPCI_PFIP  4U

/* struct vfio_device_info_cap_zpci_base: a PCI function of s390. */
struct vfmig_zpci_base {
	struct vfmig_info_cap_header header;
	uint64_t start_dma;  /* the first address for DMA */
	uint64_t end_dma;    /* the last address for DMA */
	uint16_t pchid;	     /* of the physical channel */
	uint16_t vfn;	     /* number of the virtual function */
	uint16_t fmb_length; /* bytes of a measurement block */
	uint8_t pft;	     /* type of the function */
	uint8_t gid;	     /* of its group */
	uint32_t fh;	     /* the function's handle; from version 2 on */
};
#define VFMIG_ZPCI_BASE_V1 32U /* bytes of version 1 */
#define VFMIG_ZPCI_BASE_V2 36U

/* struct vfio_device_info_cap_zpci_group: the group of a function. */
struct vfmig_zpci_group {
	struct vfmig_info_cap_header header;
	uint64_t dasm;	   /* mask of the DMA address space */
	uint64_t msi_addr; /* address that MSIs are written to */
	uint64_t flags;	   /* VFMIG_ZPCI_REFRESH */
	uint16_t mui;	   /* update interval of the measurement block */
	uint16_t noi;	   /* maximum number of MSIs */
	uint16_t maxstbl;  /* maximum bytes of a store block */
	uint8_t version;   /* of PCI */
	uint8_t reserved;
	uint16_t imaxstbl; /* the same for interpreted instructions; from version 2 on */
};
#define VFMIG_ZPCI_GROUP_V1 39U
#define VFMIG_ZPCI_GROUP_V2 42U
#define VFMIG_ZPCI_REFRESH  1ULL /* a program may request a refresh of translations */

/* struct vfio_device_info_cap_zpci_util (EBCDIC) and struct vfio_device_info_cap_zpci_pfip: size bytes follow. */
struct vfmig_zpci_string {
	struct vfmig_info_cap_header header;
	uint32_t size;
};

/* ---- the information, decoded ---- */

#define VFMIG_ZPCI_STRING_MAX 256u /* maximum bytes of a utility string or a path */
#define VFMIG_UNKNOWN_CAPS    16u  /* maximum length of a chain */

/**
 * struct vfmig_device_details - VFIO_DEVICE_GET_INFO, decoded
 * @flags: VFMIG_DEVICE_FLAG_*; CAPS as the device set it
 * @num_regions: highest region index + 1
 * @num_irqs: highest interrupt index + 1
 * @has_base: whether @base is valid
 * @has_group: whether @group is valid
 * @has_util: whether @util is valid
 * @has_pfip: whether @pfip is valid
 * @base: the function; its header has the version, and version 1 has no fh (0)
 * @group: the group; its header has the version, and version 1 has no imaxstbl (0)
 * @util_size: of @util, in bytes
 * @pfip_size: of @pfip, in bytes
 * @util: utility string, in EBCDIC
 * @pfip: function path
 * @unknown_count: number of capabilities of an unknown id or version
 * @unknown: their ids
 */
struct vfmig_device_details {
	uint32_t flags, num_regions, num_irqs;
	bool has_base, has_group, has_util, has_pfip;
	struct vfmig_zpci_base base;
	struct vfmig_zpci_group group;
	uint32_t util_size, pfip_size;
	uint8_t util[VFMIG_ZPCI_STRING_MAX], pfip[VFMIG_ZPCI_STRING_MAX];
	uint32_t unknown_count;
	uint16_t unknown[VFMIG_UNKNOWN_CAPS];
};

/* ---- types of regions ---- */

/* With this bit set, the lower half of the type is a PCI vendor, which defines the subtypes. */
#define VFMIG_REGION_TYPE_PCI_VENDOR	  (1U << 31)
#define VFMIG_REGION_TYPE_PCI_VENDOR_MASK 0xffffU

#define VFMIG_PCI_VENDOR_IBM	0x1014U
#define VFMIG_PCI_VENDOR_NVIDIA 0x10deU
#define VFMIG_PCI_VENDOR_INTEL	0x8086U

#define VFMIG_REGION_SUBTYPE_INTEL_IGD_OPREGION 1U
#define VFMIG_REGION_SUBTYPE_INTEL_IGD_HOST_CFG 2U
#define VFMIG_REGION_SUBTYPE_INTEL_IGD_LPC_CFG	3U
#define VFMIG_REGION_SUBTYPE_NVIDIA_NVLINK2_RAM 1U
#define VFMIG_REGION_SUBTYPE_IBM_NVLINK2_ATSD	1U

#define VFMIG_REGION_TYPE_GFX	      1U
#define VFMIG_REGION_SUBTYPE_GFX_EDID 1U

#define VFMIG_REGION_TYPE_CCW		   2U
#define VFMIG_REGION_SUBTYPE_CCW_ASYNC_CMD 1U
#define VFMIG_REGION_SUBTYPE_CCW_SCHIB	   2U
#define VFMIG_REGION_SUBTYPE_CCW_CRW	   3U

/* Type 3, of migration, is in abi_region.h. */

/* ---- indexes of regions and interrupts of devices that are not PCI devices ---- */

#define VFMIG_CCW_REGION_CONFIG 0U /* the I/O region */

/* Interrupt indexes of a subchannel: VFIO_CCW_IO_IRQ_INDEX and so on. */
enum vfmig_ccw_irq {
	VFMIG_CCW_IRQ_IO = 0,  /* an I/O operation has completed */
	VFMIG_CCW_IRQ_CRW = 1, /* a channel report word is pending */
	VFMIG_CCW_IRQ_REQ = 2, /* the host requests the device back */
};
#define VFMIG_CCW_IRQ_COUNT 3

#define VFMIG_AP_IRQ_REQ 0U

#ifdef __cplusplus
}
#endif
#endif
