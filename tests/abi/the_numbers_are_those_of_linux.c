/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * abi.h says what the <linux/vfio.h> of this machine says: each number and each place in each
 * structure that both have. Most of it is settled by the compiler; what a header of this age does
 * not have yet is left out by its own macros.
 *
 * Rules: V2-52, DMA-08, INFO-01, INFO-02, INFO-03, INFO-04, INFO-05, INFO-06.
 */
#include <vfmig/abi_info.h>
#include <vfmig/abi_region.h>
#include <vfmig/abi_type1.h>

#include <linux/ioctl.h>
#include <linux/vfio.h>
#include <linux/vfio_zdev.h>

#include "tests/lib/check.h"

#define SAME(ours, theirs)                                                                         \
	_Static_assert((unsigned long long)(ours) == (unsigned long long)(theirs), #ours)
#define SIZE(ours, theirs) SAME(sizeof(struct ours), sizeof(struct theirs))
#define MEMBER_AS(ours, our_member, theirs, their_member)                                          \
	SAME(offsetof(struct ours, our_member), offsetof(struct theirs, their_member));            \
	SAME(sizeof(((struct ours *)0)->our_member), sizeof(((struct theirs *)0)->their_member))
#define MEMBER(ours, theirs, member) MEMBER_AS(ours, member, theirs, member)
#define IOCTL(ours, theirs)	     SAME(_IO(VFIO_TYPE, ours), theirs)

/* States: 6.1's header ends at RUNNING_P2P. */
SAME(VFMIG_STATE_ERROR, VFIO_DEVICE_STATE_ERROR);
SAME(VFMIG_STATE_STOP, VFIO_DEVICE_STATE_STOP);
SAME(VFMIG_STATE_RUNNING, VFIO_DEVICE_STATE_RUNNING);
SAME(VFMIG_STATE_STOP_COPY, VFIO_DEVICE_STATE_STOP_COPY);
SAME(VFMIG_STATE_RESUMING, VFIO_DEVICE_STATE_RESUMING);
SAME(VFMIG_STATE_RUNNING_P2P, VFIO_DEVICE_STATE_RUNNING_P2P);
SAME(VFMIG_MIGRATION_STOP_COPY, VFIO_MIGRATION_STOP_COPY);
SAME(VFMIG_MIGRATION_P2P, VFIO_MIGRATION_P2P);
#ifdef VFIO_MIGRATION_PRE_COPY
SAME(VFMIG_STATE_PRE_COPY, VFIO_DEVICE_STATE_PRE_COPY);
SAME(VFMIG_STATE_PRE_COPY_P2P, VFIO_DEVICE_STATE_PRE_COPY_P2P);
SAME(VFMIG_MIGRATION_PRE_COPY, VFIO_MIGRATION_PRE_COPY);
SIZE(vfmig_precopy_info, vfio_precopy_info);
MEMBER(vfmig_precopy_info, vfio_precopy_info, argsz);
MEMBER(vfmig_precopy_info, vfio_precopy_info, flags);
MEMBER(vfmig_precopy_info, vfio_precopy_info, initial_bytes);
MEMBER(vfmig_precopy_info, vfio_precopy_info, dirty_bytes);
IOCTL(VFMIG_IOCTL_MIG_GET_PRECOPY_INFO, VFIO_MIG_GET_PRECOPY_INFO);
#endif
#ifdef VFIO_PRECOPY_INFO_REINIT
SAME(VFMIG_PRECOPY_INFO_REINIT, VFIO_PRECOPY_INFO_REINIT);
SAME(VFMIG_FEATURE_MIG_PRECOPY_INFO_V2, VFIO_DEVICE_FEATURE_MIG_PRECOPY_INFOv2);
#endif

/* What devices say of themselves. */
SAME(VFMIG_DEVICE_FLAG_RESET, VFIO_DEVICE_FLAGS_RESET);
SAME(VFMIG_DEVICE_FLAG_PCI, VFIO_DEVICE_FLAGS_PCI);
SAME(VFMIG_DEVICE_FLAG_PLATFORM, VFIO_DEVICE_FLAGS_PLATFORM);
SAME(VFMIG_DEVICE_FLAG_AMBA, VFIO_DEVICE_FLAGS_AMBA);
SAME(VFMIG_DEVICE_FLAG_CCW, VFIO_DEVICE_FLAGS_CCW);
SAME(VFMIG_DEVICE_FLAG_AP, VFIO_DEVICE_FLAGS_AP);
SAME(VFMIG_DEVICE_FLAG_FSL_MC, VFIO_DEVICE_FLAGS_FSL_MC);
SAME(VFMIG_DEVICE_FLAG_CAPS, VFIO_DEVICE_FLAGS_CAPS);
#ifdef VFIO_DEVICE_FLAGS_CDX
SAME(VFMIG_DEVICE_FLAG_CDX, VFIO_DEVICE_FLAGS_CDX);
#endif
SAME(VFMIG_DEVICE_CAP_ZPCI_BASE, VFIO_DEVICE_INFO_CAP_ZPCI_BASE);
SAME(VFMIG_DEVICE_CAP_ZPCI_GROUP, VFIO_DEVICE_INFO_CAP_ZPCI_GROUP);
SAME(VFMIG_DEVICE_CAP_ZPCI_UTIL, VFIO_DEVICE_INFO_CAP_ZPCI_UTIL);
SAME(VFMIG_DEVICE_CAP_ZPCI_PFIP, VFIO_DEVICE_INFO_CAP_ZPCI_PFIP);
SIZE(vfmig_zpci_base, vfio_device_info_cap_zpci_base);
MEMBER(vfmig_zpci_base, vfio_device_info_cap_zpci_base, start_dma);
MEMBER(vfmig_zpci_base, vfio_device_info_cap_zpci_base, end_dma);
MEMBER(vfmig_zpci_base, vfio_device_info_cap_zpci_base, pchid);
MEMBER(vfmig_zpci_base, vfio_device_info_cap_zpci_base, vfn);
MEMBER(vfmig_zpci_base, vfio_device_info_cap_zpci_base, fmb_length);
MEMBER(vfmig_zpci_base, vfio_device_info_cap_zpci_base, pft);
MEMBER(vfmig_zpci_base, vfio_device_info_cap_zpci_base, gid);
MEMBER(vfmig_zpci_base, vfio_device_info_cap_zpci_base, fh);
SIZE(vfmig_zpci_group, vfio_device_info_cap_zpci_group);
MEMBER(vfmig_zpci_group, vfio_device_info_cap_zpci_group, dasm);
MEMBER(vfmig_zpci_group, vfio_device_info_cap_zpci_group, msi_addr);
MEMBER(vfmig_zpci_group, vfio_device_info_cap_zpci_group, flags);
MEMBER(vfmig_zpci_group, vfio_device_info_cap_zpci_group, mui);
MEMBER(vfmig_zpci_group, vfio_device_info_cap_zpci_group, noi);
MEMBER(vfmig_zpci_group, vfio_device_info_cap_zpci_group, maxstbl);
MEMBER(vfmig_zpci_group, vfio_device_info_cap_zpci_group, version);
MEMBER(vfmig_zpci_group, vfio_device_info_cap_zpci_group, imaxstbl);
SAME(VFMIG_ZPCI_REFRESH, VFIO_DEVICE_INFO_ZPCI_FLAG_REFRESH);
SIZE(vfmig_zpci_string, vfio_device_info_cap_zpci_util);
MEMBER(vfmig_zpci_string, vfio_device_info_cap_zpci_util, size);
SAME(sizeof(struct vfmig_zpci_string), offsetof(struct vfio_device_info_cap_zpci_pfip, pfip));
SAME(VFMIG_REGION_TYPE_PCI_VENDOR, (unsigned int)VFIO_REGION_TYPE_PCI_VENDOR_TYPE);
SAME(VFMIG_REGION_TYPE_PCI_VENDOR_MASK, VFIO_REGION_TYPE_PCI_VENDOR_MASK);
SAME(VFMIG_REGION_SUBTYPE_INTEL_IGD_OPREGION, VFIO_REGION_SUBTYPE_INTEL_IGD_OPREGION);
SAME(VFMIG_REGION_SUBTYPE_INTEL_IGD_HOST_CFG, VFIO_REGION_SUBTYPE_INTEL_IGD_HOST_CFG);
SAME(VFMIG_REGION_SUBTYPE_INTEL_IGD_LPC_CFG, VFIO_REGION_SUBTYPE_INTEL_IGD_LPC_CFG);
SAME(VFMIG_REGION_SUBTYPE_NVIDIA_NVLINK2_RAM, VFIO_REGION_SUBTYPE_NVIDIA_NVLINK2_RAM);
SAME(VFMIG_REGION_SUBTYPE_IBM_NVLINK2_ATSD, VFIO_REGION_SUBTYPE_IBM_NVLINK2_ATSD);
SAME(VFMIG_REGION_TYPE_GFX, VFIO_REGION_TYPE_GFX);
SAME(VFMIG_REGION_SUBTYPE_GFX_EDID, VFIO_REGION_SUBTYPE_GFX_EDID);
SAME(VFMIG_REGION_TYPE_CCW, VFIO_REGION_TYPE_CCW);
SAME(VFMIG_REGION_SUBTYPE_CCW_ASYNC_CMD, VFIO_REGION_SUBTYPE_CCW_ASYNC_CMD);
SAME(VFMIG_REGION_SUBTYPE_CCW_SCHIB, VFIO_REGION_SUBTYPE_CCW_SCHIB);
SAME(VFMIG_REGION_SUBTYPE_CCW_CRW, VFIO_REGION_SUBTYPE_CCW_CRW);
SAME(VFMIG_CCW_REGION_CONFIG, VFIO_CCW_CONFIG_REGION_INDEX);
SAME(VFMIG_CCW_IRQ_IO, VFIO_CCW_IO_IRQ_INDEX);
SAME(VFMIG_CCW_IRQ_CRW, VFIO_CCW_CRW_IRQ_INDEX);
SAME(VFMIG_CCW_IRQ_REQ, VFIO_CCW_REQ_IRQ_INDEX);
SAME(VFMIG_CCW_IRQ_COUNT, VFIO_CCW_NUM_IRQS);

/* Features. */
SAME(VFMIG_FEATURE_MASK, VFIO_DEVICE_FEATURE_MASK);
SAME(VFMIG_FEATURE_GET, VFIO_DEVICE_FEATURE_GET);
SAME(VFMIG_FEATURE_SET, VFIO_DEVICE_FEATURE_SET);
SAME(VFMIG_FEATURE_PROBE, VFIO_DEVICE_FEATURE_PROBE);
SAME(VFMIG_FEATURE_PCI_VF_TOKEN, VFIO_DEVICE_FEATURE_PCI_VF_TOKEN);
SAME(VFMIG_FEATURE_MIGRATION, VFIO_DEVICE_FEATURE_MIGRATION);
SAME(VFMIG_FEATURE_MIG_STATE, VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE);
SAME(VFMIG_FEATURE_LOW_POWER_ENTRY, VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY);
SAME(VFMIG_FEATURE_LOW_POWER_ENTRY_WAKE, VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY_WITH_WAKEUP);
SAME(VFMIG_FEATURE_LOW_POWER_EXIT, VFIO_DEVICE_FEATURE_LOW_POWER_EXIT);
SAME(VFMIG_FEATURE_DMA_LOGGING_START, VFIO_DEVICE_FEATURE_DMA_LOGGING_START);
SAME(VFMIG_FEATURE_DMA_LOGGING_STOP, VFIO_DEVICE_FEATURE_DMA_LOGGING_STOP);
SAME(VFMIG_FEATURE_DMA_LOGGING_REPORT, VFIO_DEVICE_FEATURE_DMA_LOGGING_REPORT);
#ifdef VFIO_DEVICE_FEATURE_MIG_DATA_SIZE
SAME(VFMIG_FEATURE_MIG_DATA_SIZE, VFIO_DEVICE_FEATURE_MIG_DATA_SIZE);
SIZE(vfmig_feature_mig_data_size, vfio_device_feature_mig_data_size);
#endif
#ifdef VFIO_DEVICE_FEATURE_BUS_MASTER
SAME(VFMIG_FEATURE_BUS_MASTER, VFIO_DEVICE_FEATURE_BUS_MASTER);
SAME(VFMIG_BUS_MASTER_SET, VFIO_DEVICE_FEATURE_SET_MASTER);
SAME(VFMIG_BUS_MASTER_CLEAR, VFIO_DEVICE_FEATURE_CLEAR_MASTER);
#endif
#ifdef VFIO_DEVICE_FEATURE_DMA_BUF
SAME(VFMIG_FEATURE_DMA_BUF, VFIO_DEVICE_FEATURE_DMA_BUF);
SIZE(vfmig_feature_dma_buf, vfio_device_feature_dma_buf);
#endif
SIZE(vfmig_device_feature, vfio_device_feature);
MEMBER(vfmig_device_feature, vfio_device_feature, argsz);
MEMBER(vfmig_device_feature, vfio_device_feature, flags);
SIZE(vfmig_feature_migration, vfio_device_feature_migration);
SIZE(vfmig_feature_mig_state, vfio_device_feature_mig_state);
MEMBER(vfmig_feature_mig_state, vfio_device_feature_mig_state, device_state);
MEMBER(vfmig_feature_mig_state, vfio_device_feature_mig_state, data_fd);
SIZE(vfmig_feature_low_power_wake, vfio_device_low_power_entry_with_wakeup);
MEMBER(vfmig_feature_low_power_wake, vfio_device_low_power_entry_with_wakeup, wakeup_eventfd);
MEMBER(vfmig_feature_low_power_wake, vfio_device_low_power_entry_with_wakeup, reserved);
SIZE(vfmig_dma_logging_range, vfio_device_feature_dma_logging_range);
MEMBER(vfmig_dma_logging_range, vfio_device_feature_dma_logging_range, iova);
MEMBER(vfmig_dma_logging_range, vfio_device_feature_dma_logging_range, length);
SIZE(vfmig_feature_dma_logging_control, vfio_device_feature_dma_logging_control);
MEMBER(vfmig_feature_dma_logging_control, vfio_device_feature_dma_logging_control, page_size);
MEMBER(vfmig_feature_dma_logging_control, vfio_device_feature_dma_logging_control, num_ranges);
MEMBER(vfmig_feature_dma_logging_control, vfio_device_feature_dma_logging_control, ranges);
SIZE(vfmig_feature_dma_logging_report, vfio_device_feature_dma_logging_report);
MEMBER(vfmig_feature_dma_logging_report, vfio_device_feature_dma_logging_report, iova);
MEMBER(vfmig_feature_dma_logging_report, vfio_device_feature_dma_logging_report, length);
MEMBER(vfmig_feature_dma_logging_report, vfio_device_feature_dma_logging_report, page_size);
MEMBER(vfmig_feature_dma_logging_report, vfio_device_feature_dma_logging_report, bitmap);

/* Device, regions, interrupts. The device's info grew at its end since 6.1. */
MEMBER(vfmig_device_info, vfio_device_info, argsz);
MEMBER(vfmig_device_info, vfio_device_info, flags);
MEMBER(vfmig_device_info, vfio_device_info, num_regions);
MEMBER(vfmig_device_info, vfio_device_info, num_irqs);
MEMBER(vfmig_device_info, vfio_device_info, cap_offset);
_Static_assert(sizeof(struct vfmig_device_info) >= sizeof(struct vfio_device_info), "info");
SIZE(vfmig_region_info, vfio_region_info);
MEMBER(vfmig_region_info, vfio_region_info, argsz);
MEMBER(vfmig_region_info, vfio_region_info, flags);
MEMBER(vfmig_region_info, vfio_region_info, index);
MEMBER(vfmig_region_info, vfio_region_info, cap_offset);
MEMBER(vfmig_region_info, vfio_region_info, size);
MEMBER(vfmig_region_info, vfio_region_info, offset);
SAME(VFMIG_REGION_FLAG_READ, VFIO_REGION_INFO_FLAG_READ);
SAME(VFMIG_REGION_FLAG_WRITE, VFIO_REGION_INFO_FLAG_WRITE);
SAME(VFMIG_REGION_FLAG_MMAP, VFIO_REGION_INFO_FLAG_MMAP);
SAME(VFMIG_REGION_FLAG_CAPS, VFIO_REGION_INFO_FLAG_CAPS);
SIZE(vfmig_info_cap_header, vfio_info_cap_header);
MEMBER(vfmig_info_cap_header, vfio_info_cap_header, id);
MEMBER(vfmig_info_cap_header, vfio_info_cap_header, version);
MEMBER(vfmig_info_cap_header, vfio_info_cap_header, next);
SAME(VFMIG_REGION_CAP_SPARSE_MMAP, VFIO_REGION_INFO_CAP_SPARSE_MMAP);
SAME(VFMIG_REGION_CAP_TYPE, VFIO_REGION_INFO_CAP_TYPE);
SAME(VFMIG_REGION_CAP_MSIX_MAPPABLE, VFIO_REGION_INFO_CAP_MSIX_MAPPABLE);
SIZE(vfmig_sparse_mmap_area, vfio_region_sparse_mmap_area);
MEMBER(vfmig_sparse_mmap_area, vfio_region_sparse_mmap_area, offset);
MEMBER(vfmig_sparse_mmap_area, vfio_region_sparse_mmap_area, size);
SIZE(vfmig_region_cap_sparse_mmap, vfio_region_info_cap_sparse_mmap);
MEMBER(vfmig_region_cap_sparse_mmap, vfio_region_info_cap_sparse_mmap, nr_areas);
SIZE(vfmig_region_cap_type, vfio_region_info_cap_type);
MEMBER(vfmig_region_cap_type, vfio_region_info_cap_type, type);
MEMBER(vfmig_region_cap_type, vfio_region_info_cap_type, subtype);
#ifdef VFIO_REGION_TYPE_MIGRATION_DEPRECATED
SAME(VFMIG_REGION_TYPE_MIGRATION, VFIO_REGION_TYPE_MIGRATION_DEPRECATED);
SAME(VFMIG_REGION_SUBTYPE_MIGRATION, VFIO_REGION_SUBTYPE_MIGRATION_DEPRECATED);
#endif
SIZE(vfmig_irq_info, vfio_irq_info);
MEMBER(vfmig_irq_info, vfio_irq_info, argsz);
MEMBER(vfmig_irq_info, vfio_irq_info, flags);
MEMBER(vfmig_irq_info, vfio_irq_info, index);
MEMBER(vfmig_irq_info, vfio_irq_info, count);
SAME(VFMIG_IRQ_INFO_EVENTFD, VFIO_IRQ_INFO_EVENTFD);
SAME(VFMIG_IRQ_INFO_MASKABLE, VFIO_IRQ_INFO_MASKABLE);
SAME(VFMIG_IRQ_INFO_AUTOMASKED, VFIO_IRQ_INFO_AUTOMASKED);
SAME(VFMIG_IRQ_INFO_NORESIZE, VFIO_IRQ_INFO_NORESIZE);
SIZE(vfmig_irq_set, vfio_irq_set);
MEMBER(vfmig_irq_set, vfio_irq_set, argsz);
MEMBER(vfmig_irq_set, vfio_irq_set, flags);
MEMBER(vfmig_irq_set, vfio_irq_set, index);
MEMBER(vfmig_irq_set, vfio_irq_set, start);
MEMBER(vfmig_irq_set, vfio_irq_set, count);
SAME(VFMIG_IRQ_SET_DATA_NONE, VFIO_IRQ_SET_DATA_NONE);
SAME(VFMIG_IRQ_SET_DATA_BOOL, VFIO_IRQ_SET_DATA_BOOL);
SAME(VFMIG_IRQ_SET_DATA_EVENTFD, VFIO_IRQ_SET_DATA_EVENTFD);
SAME(VFMIG_IRQ_SET_ACTION_MASK, VFIO_IRQ_SET_ACTION_MASK);
SAME(VFMIG_IRQ_SET_ACTION_UNMASK, VFIO_IRQ_SET_ACTION_UNMASK);
SAME(VFMIG_IRQ_SET_ACTION_TRIGGER, VFIO_IRQ_SET_ACTION_TRIGGER);
SAME(VFMIG_IRQ_SET_DATA_TYPES, VFIO_IRQ_SET_DATA_TYPE_MASK);
SAME(VFMIG_IRQ_SET_ACTION_TYPES, VFIO_IRQ_SET_ACTION_TYPE_MASK);
SAME(VFMIG_PCI_REGION_BAR0, VFIO_PCI_BAR0_REGION_INDEX);
SAME(VFMIG_PCI_REGION_BAR5, VFIO_PCI_BAR5_REGION_INDEX);
SAME(VFMIG_PCI_REGION_ROM, VFIO_PCI_ROM_REGION_INDEX);
SAME(VFMIG_PCI_REGION_CONFIG, VFIO_PCI_CONFIG_REGION_INDEX);
SAME(VFMIG_PCI_REGION_VGA, VFIO_PCI_VGA_REGION_INDEX);
SAME(VFMIG_PCI_REGION_COUNT, VFIO_PCI_NUM_REGIONS);
SAME(VFMIG_PCI_IRQ_INTX, VFIO_PCI_INTX_IRQ_INDEX);
SAME(VFMIG_PCI_IRQ_MSI, VFIO_PCI_MSI_IRQ_INDEX);
SAME(VFMIG_PCI_IRQ_MSIX, VFIO_PCI_MSIX_IRQ_INDEX);
SAME(VFMIG_PCI_IRQ_ERR, VFIO_PCI_ERR_IRQ_INDEX);
SAME(VFMIG_PCI_IRQ_REQ, VFIO_PCI_REQ_IRQ_INDEX);
SAME(VFMIG_PCI_IRQ_COUNT, VFIO_PCI_NUM_IRQS);
IOCTL(VFMIG_IOCTL_DEVICE_GET_INFO, VFIO_DEVICE_GET_INFO);
IOCTL(VFMIG_IOCTL_DEVICE_GET_REGION_INFO, VFIO_DEVICE_GET_REGION_INFO);
IOCTL(VFMIG_IOCTL_DEVICE_GET_IRQ_INFO, VFIO_DEVICE_GET_IRQ_INFO);
IOCTL(VFMIG_IOCTL_DEVICE_SET_IRQS, VFIO_DEVICE_SET_IRQS);
IOCTL(VFMIG_IOCTL_DEVICE_RESET, VFIO_DEVICE_RESET);
IOCTL(VFMIG_IOCTL_DEVICE_FEATURE, VFIO_DEVICE_FEATURE);

/* Type1 containers. What 6.1 has no name for, later headers do not either, but for a padding. */
IOCTL(VFMIG_IOCTL_GET_API_VERSION, VFIO_GET_API_VERSION);
IOCTL(VFMIG_IOCTL_CHECK_EXTENSION, VFIO_CHECK_EXTENSION);
IOCTL(VFMIG_IOCTL_SET_IOMMU, VFIO_SET_IOMMU);
IOCTL(VFMIG_IOCTL_IOMMU_GET_INFO, VFIO_IOMMU_GET_INFO);
IOCTL(VFMIG_IOCTL_IOMMU_MAP_DMA, VFIO_IOMMU_MAP_DMA);
IOCTL(VFMIG_IOCTL_IOMMU_UNMAP_DMA, VFIO_IOMMU_UNMAP_DMA);
IOCTL(VFMIG_IOCTL_IOMMU_DIRTY_PAGES, VFIO_IOMMU_DIRTY_PAGES);
SAME(VFMIG_EXTENSION_TYPE1, VFIO_TYPE1_IOMMU);
SAME(VFMIG_EXTENSION_TYPE1V2, VFIO_TYPE1v2_IOMMU);
SAME(VFMIG_EXTENSION_CC_IOMMU, VFIO_DMA_CC_IOMMU);
SAME(VFMIG_EXTENSION_NESTING, 6);
SAME(VFMIG_EXTENSION_NOIOMMU, VFIO_NOIOMMU_IOMMU);
SAME(VFMIG_EXTENSION_UNMAP_ALL, VFIO_UNMAP_ALL);
SAME(VFMIG_EXTENSION_UPDATE_VADDR, VFIO_UPDATE_VADDR);
SIZE(vfmig_type1_info, vfio_iommu_type1_info);
MEMBER(vfmig_type1_info, vfio_iommu_type1_info, argsz);
MEMBER(vfmig_type1_info, vfio_iommu_type1_info, flags);
MEMBER(vfmig_type1_info, vfio_iommu_type1_info, iova_pgsizes);
MEMBER(vfmig_type1_info, vfio_iommu_type1_info, cap_offset);
SAME(VFMIG_TYPE1_INFO_MIN, offsetof(struct vfio_iommu_type1_info, cap_offset));
SAME(VFMIG_TYPE1_INFO_PGSIZES, VFIO_IOMMU_INFO_PGSIZES);
SAME(VFMIG_TYPE1_INFO_CAPS, VFIO_IOMMU_INFO_CAPS);
SAME(VFMIG_TYPE1_CAP_IOVA_RANGE, VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE);
SAME(VFMIG_TYPE1_CAP_MIGRATION, VFIO_IOMMU_TYPE1_INFO_CAP_MIGRATION);
SAME(VFMIG_TYPE1_CAP_DMA_AVAIL, VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL);
SIZE(vfmig_type1_iova_range, vfio_iova_range);
MEMBER(vfmig_type1_iova_range, vfio_iova_range, start);
MEMBER(vfmig_type1_iova_range, vfio_iova_range, end);
SIZE(vfmig_type1_cap_iova_range, vfio_iommu_type1_info_cap_iova_range);
MEMBER(vfmig_type1_cap_iova_range, vfio_iommu_type1_info_cap_iova_range, nr_iovas);
SIZE(vfmig_type1_cap_migration, vfio_iommu_type1_info_cap_migration);
MEMBER(vfmig_type1_cap_migration, vfio_iommu_type1_info_cap_migration, flags);
MEMBER(vfmig_type1_cap_migration, vfio_iommu_type1_info_cap_migration, pgsize_bitmap);
MEMBER(vfmig_type1_cap_migration, vfio_iommu_type1_info_cap_migration, max_dirty_bitmap_size);
SIZE(vfmig_type1_cap_dma_avail, vfio_iommu_type1_info_dma_avail);
MEMBER(vfmig_type1_cap_dma_avail, vfio_iommu_type1_info_dma_avail, avail);
SIZE(vfmig_type1_dma_map, vfio_iommu_type1_dma_map);
MEMBER(vfmig_type1_dma_map, vfio_iommu_type1_dma_map, argsz);
MEMBER(vfmig_type1_dma_map, vfio_iommu_type1_dma_map, flags);
MEMBER(vfmig_type1_dma_map, vfio_iommu_type1_dma_map, vaddr);
MEMBER(vfmig_type1_dma_map, vfio_iommu_type1_dma_map, iova);
MEMBER(vfmig_type1_dma_map, vfio_iommu_type1_dma_map, size);
SAME(VFMIG_DMA_MAP_READ, VFIO_DMA_MAP_FLAG_READ);
SAME(VFMIG_DMA_MAP_WRITE, VFIO_DMA_MAP_FLAG_WRITE);
SAME(VFMIG_DMA_MAP_VADDR, VFIO_DMA_MAP_FLAG_VADDR);
SAME(VFMIG_DMA_UNMAP_VADDR, VFIO_DMA_UNMAP_FLAG_VADDR);
SIZE(vfmig_type1_dma_unmap, vfio_iommu_type1_dma_unmap);
MEMBER(vfmig_type1_dma_unmap, vfio_iommu_type1_dma_unmap, argsz);
MEMBER(vfmig_type1_dma_unmap, vfio_iommu_type1_dma_unmap, flags);
MEMBER(vfmig_type1_dma_unmap, vfio_iommu_type1_dma_unmap, iova);
MEMBER(vfmig_type1_dma_unmap, vfio_iommu_type1_dma_unmap, size);
SIZE(vfmig_type1_dirty_pages, vfio_iommu_type1_dirty_bitmap);
MEMBER(vfmig_type1_dirty_pages, vfio_iommu_type1_dirty_bitmap, argsz);
MEMBER(vfmig_type1_dirty_pages, vfio_iommu_type1_dirty_bitmap, flags);
SAME(VFMIG_TYPE1_DIRTY_START, VFIO_IOMMU_DIRTY_PAGES_FLAG_START);
SAME(VFMIG_TYPE1_DIRTY_STOP, VFIO_IOMMU_DIRTY_PAGES_FLAG_STOP);
SAME(VFMIG_TYPE1_DIRTY_GET_BITMAP, VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP);
SIZE(vfmig_type1_dirty_get, vfio_iommu_type1_dirty_bitmap_get);
MEMBER(vfmig_type1_dirty_get, vfio_iommu_type1_dirty_bitmap_get, iova);
MEMBER(vfmig_type1_dirty_get, vfio_iommu_type1_dirty_bitmap_get, size);
MEMBER(vfmig_type1_dirty_get, vfio_iommu_type1_dirty_bitmap_get, bitmap);
#if UINTPTR_MAX == UINT64_MAX
SIZE(vfmig_type1_bitmap, vfio_bitmap);
MEMBER(vfmig_type1_bitmap, vfio_bitmap, pgsize);
MEMBER(vfmig_type1_bitmap, vfio_bitmap, size);
MEMBER(vfmig_type1_bitmap, vfio_bitmap, data);
#endif

/* vfio-user borrows two of type1's flags. */
SAME(VFMIG_DMA_UNMAP_GET_DIRTY_BITMAP, VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP);
SAME(VFMIG_DMA_UNMAP_ALL, VFIO_DMA_UNMAP_FLAG_ALL);

/* What no header of this age can settle, from the text of Linux 7.2. */
SAME(VFMIG_STATE_PRE_COPY, 6);
SAME(VFMIG_STATE_PRE_COPY_P2P, 7);
SAME(VFMIG_MIGRATION_PRE_COPY, 4);
SAME(VFMIG_FEATURE_MIG_DATA_SIZE, 9);
SAME(VFMIG_FEATURE_BUS_MASTER, 10);
SAME(VFMIG_FEATURE_DMA_BUF, 11);
SAME(VFMIG_FEATURE_MIG_PRECOPY_INFO_V2, 12);
SAME(VFMIG_PRECOPY_INFO_REINIT, 1);
SAME(VFMIG_IOCTL_MIG_GET_PRECOPY_INFO, 100 + 21);

/* vfio-user has no header; these are its specification's numbers and sizes. */
SAME(VFMIG_USER_VERSION, 1);
SAME(VFMIG_USER_DMA_WRITE, 12);
SAME(VFMIG_USER_REGION_WRITE_MULTI, 15);
SAME(VFMIG_USER_MIG_DATA_WRITE, 18);
SAME(sizeof(struct vfmig_user_header), 16);
SAME(sizeof(struct vfmig_user_dma_map), 32);
SAME(sizeof(struct vfmig_user_dma_unmap), 24);
SAME(sizeof(struct vfmig_user_write), 24);

int main(void)
{
	return 0;
}
