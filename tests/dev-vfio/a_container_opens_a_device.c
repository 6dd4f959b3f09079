/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The older way, as a VMM goes it: group, container, IOMMU, maps, device. Two devices share a container; what one writes is
 * told by the container and by its own log; what is out of order is refused.
 */
#include "tests/dev-vfio/setup.h"

static int container, group, device;
static uint8_t *memory;

static void out_of_order(void)
{
	struct abi_group_status status = {sizeof(status), 0};
	char wrong[] = "vfmig1";

	CHECK_EQ(setup_path("/dev/vfio/9002"), -ENOENT);
	CHECK_EQ(setup_path("/dev/vfio/devices/vfio8999"), -ENOENT);
	container = setup_container();
	CHECK_EQ(setup_ioctl(container, VFMIG_IOCTL_SET_IOMMU, (void *)3), -EINVAL);
	CHECK_EQ(setup_map(container, SETUP_IOVA, memory, 4096), -EINVAL);
	CHECK_EQ(setup_ioctl(container, VFMIG_IOCTL_CHECK_EXTENSION, (void *)3), 1);
	CHECK_EQ(setup_ioctl(container, VFMIG_IOCTL_CHECK_EXTENSION, (void *)2), 0);
	group = setup_path("/dev/vfio/9000");
	CHECK(group >= 0);
	CHECK_EQ(setup_path("/dev/vfio/9000"), -EBUSY);
	CHECK_EQ(setup_ioctl(group, ABI_IOCTL_GROUP_GET_STATUS, &status), 0);
	CHECK_EQ(status.flags, ABI_GROUP_VIABLE);
	CHECK_EQ(setup_ioctl(group, ABI_IOCTL_GROUP_GET_DEVICE_FD, "vfmig0"), -EINVAL);
	CHECK_EQ(setup_ioctl(group, ABI_IOCTL_GROUP_SET_CONTAINER, &group), -EINVAL);
	CHECK_EQ(setup_ioctl(group, ABI_IOCTL_GROUP_UNSET_CONTAINER, NULL), -EINVAL);
	CHECK_EQ(setup_ioctl(group, ABI_IOCTL_GROUP_SET_CONTAINER, &container), 0);
	CHECK_EQ(setup_ioctl(group, ABI_IOCTL_GROUP_SET_CONTAINER, &container), -EINVAL);
	CHECK_EQ(setup_ioctl(group, ABI_IOCTL_GROUP_GET_STATUS, &status), 0);
	CHECK_EQ(status.flags, ABI_GROUP_VIABLE | ABI_GROUP_CONTAINER_SET);
	CHECK_EQ(setup_ioctl(group, ABI_IOCTL_GROUP_GET_DEVICE_FD, "vfmig0"), -EINVAL);
	CHECK_EQ(setup_ioctl(container, VFMIG_IOCTL_SET_IOMMU, (void *)7), -ENODEV);
	setup_iommu(container);
	CHECK_EQ(setup_ioctl(container, VFMIG_IOCTL_SET_IOMMU, (void *)3), -EINVAL);
	CHECK_EQ(setup_ioctl(group, ABI_IOCTL_GROUP_GET_DEVICE_FD, wrong), -ENODEV);
	CHECK_EQ(setup_ioctl(group, ABI_IOCTL_GROUP_GET_DEVICE_FD, NULL), -ENODEV);
	CHECK_EQ(setup_ioctl(group, 99, NULL), -ENOTTY);
	CHECK_EQ(setup_ioctl(container, 99, NULL), -ENOTTY);
	/* And what is no ioctl of ours goes on to the real file. */
	CHECK_EQ(dev_vfio_ioctl(view, group, 0x5401, NULL), DEV_VFIO_NOT_OURS);
	CHECK_EQ(dev_vfio_ioctl(view, 0, 0x3b64, NULL), DEV_VFIO_NOT_OURS);
}

static void information(void)
{
	struct vfmig_device_info info = {.argsz = 16};
	struct vfmig_region_info region = {.argsz = sizeof(region), .index = 2};
	struct vfmig_irq_info irq = {.argsz = sizeof(irq), .index = VFMIG_PCI_IRQ_MSIX};

	CHECK_EQ(setup_ioctl(device, VFMIG_IOCTL_DEVICE_GET_INFO, &info), 0);
	CHECK_EQ(info.flags, VFMIG_DEVICE_FLAG_PCI | VFMIG_DEVICE_FLAG_RESET);
	CHECK_EQ(info.num_regions, 9);
	CHECK_EQ(info.num_irqs, 5);
	info.argsz = 15;
	CHECK_EQ(setup_ioctl(device, VFMIG_IOCTL_DEVICE_GET_INFO, &info), -EINVAL);
	CHECK_EQ(setup_ioctl(device, VFMIG_IOCTL_DEVICE_GET_INFO, (void *)4096), -EFAULT);
	CHECK_EQ(setup_ioctl(device, VFMIG_IOCTL_DEVICE_GET_REGION_INFO, &region), 0);
	CHECK_EQ(region.size, 1 << 20);
	CHECK_EQ(region.offset, 2ull << 40);
	region.argsz--;
	CHECK_EQ(setup_ioctl(device, VFMIG_IOCTL_DEVICE_GET_REGION_INFO, &region), -EINVAL);
	CHECK_EQ(setup_ioctl(device, VFMIG_IOCTL_DEVICE_GET_IRQ_INFO, &irq), 0);
	CHECK_EQ(irq.count, 2);
	/* A VMM warns of an error interrupt with a count of 0, and not of one that there is not. */
	irq.index = VFMIG_PCI_IRQ_ERR;
	CHECK_EQ(setup_ioctl(device, VFMIG_IOCTL_DEVICE_GET_IRQ_INFO, &irq), -EINVAL);
	CHECK_EQ(setup_ioctl(device, ABI_IOCTL_DEVICE_HOT_RESET_INFO, &irq), -ENODEV);
	CHECK_EQ(setup_ioctl(device, 99, NULL), -ENOTTY);
	CHECK_EQ(setup_get(device, 7ull << 40, 4), 0x00015646);
	CHECK_EQ(setup_get(device, 0, 4), COPIER_ID);
	CHECK_EQ(dev_vfio_pread(view, device, &info, 4, -1), -EINVAL);
	CHECK_EQ(dev_vfio_pread(view, device, &info, 4, 99ll << 40), -EINVAL);
	CHECK_EQ(dev_vfio_read(view, device, &info, 4), -EINVAL);
	CHECK_EQ(dev_vfio_pread(view, group, &info, 4, 0), -EINVAL);
	CHECK_EQ(setup_ioctl(device, VFMIG_IOCTL_DEVICE_RESET, NULL), 0);
}

static unsigned descriptors(void)
{
	unsigned n = 0;

	for (int fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* What is refused leaves a map's descriptor where it is. */
static void a_refused_unmap(void)
{
	struct vfmig_type1_dma_unmap u = {.argsz = sizeof(u),
					  .flags = VFMIG_DMA_UNMAP_VADDR,
					  .iova = 2 * SETUP_IOVA,
					  .size = 4096};
	int fd = memfd_create("memory", MFD_CLOEXEC);
	unsigned before;
	void *page;

	CHECK(fd >= 0 && !ftruncate(fd, 4096));
	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CHECK(page != MAP_FAILED);
	before = descriptors();
	CHECK_EQ(setup_map(container, u.iova, page, 4096), 0);
	CHECK_EQ(descriptors(), before + 1);
	CHECK_EQ(setup_ioctl(container, VFMIG_IOCTL_IOMMU_UNMAP_DMA, &u), -EBUSY);
	CHECK_EQ(descriptors(), before + 1);
	u.flags = 0;
	CHECK_EQ(setup_ioctl(container, VFMIG_IOCTL_IOMMU_UNMAP_DMA, &u), 0);
	CHECK_EQ(descriptors(), before);
	munmap(page, 4096);
	close(fd);
}

static long dirty(uint32_t flags, uint64_t size, uint64_t *bitmap, size_t bytes)
{
	struct {
		struct vfmig_type1_dirty_pages head;
		struct vfmig_type1_dirty_get get;
	} d = {{sizeof(d), flags}, {SETUP_IOVA, size, {4096, bytes, (uintptr_t)bitmap}}};

	return setup_ioctl(container, VFMIG_IOCTL_IOMMU_DIRTY_PAGES, &d);
}

static void pages(void)
{
	uint64_t bitmap = 0;

	CHECK_EQ(dirty(VFMIG_TYPE1_DIRTY_GET_BITMAP, 32 * 4096, &bitmap, 8), -EINVAL);
	CHECK_EQ(dirty(VFMIG_TYPE1_DIRTY_START, 0, NULL, 0), 0);
	setup_fill(device, memory, SETUP_IOVA, SETUP_IOVA + 5 * 4096, 7);
	CHECK_EQ(dirty(VFMIG_TYPE1_DIRTY_GET_BITMAP, 32 * 4096, &bitmap, 8), 0);
	CHECK_EQ(bitmap, 1 << 5 | 1 << 1);
	bitmap = 0;
	CHECK_EQ(dirty(VFMIG_TYPE1_DIRTY_GET_BITMAP, 32 * 4096, &bitmap, 8), 0);
	CHECK_EQ(bitmap, 0);
	CHECK_EQ(dirty(VFMIG_TYPE1_DIRTY_GET_BITMAP, 32 * 4096, (uint64_t *)4096, 8), -EFAULT);
	CHECK_EQ(dirty(VFMIG_TYPE1_DIRTY_GET_BITMAP, 31 * 4096, &bitmap, 8), -EINVAL);
	CHECK_EQ(dirty(VFMIG_TYPE1_DIRTY_STOP, 0, NULL, 0), 0);
}

/* The same by the device's own log. */
static void log_pages(void)
{
	struct vfmig_dma_logging_range range = {SETUP_IOVA, 32 * 4096};
	struct vfmig_feature_dma_logging_control start = {4096, 1, 0, (uintptr_t)&range};
	uint64_t bitmap = 0;
	struct vfmig_feature_dma_logging_report report = {SETUP_IOVA, 32 * 4096, 4096,
							  (uintptr_t)&bitmap};
	const uint32_t set = VFMIG_FEATURE_SET | VFMIG_FEATURE_DMA_LOGGING_START;
	const uint32_t get = VFMIG_FEATURE_GET | VFMIG_FEATURE_DMA_LOGGING_REPORT;

	CHECK_EQ(setup_feature(device, VFMIG_FEATURE_PROBE | set, NULL, 0), 0);
	CHECK_EQ(setup_feature(device, get, &report, sizeof(report)), -EINVAL);
	start.num_ranges = 0;
	CHECK_EQ(setup_feature(device, set, &start, sizeof(start)), -EINVAL);
	start.num_ranges = 257;
	CHECK_EQ(setup_feature(device, set, &start, sizeof(start)), -E2BIG);
	start.num_ranges = 1;
	start.ranges = 4096;
	CHECK_EQ(setup_feature(device, set, &start, sizeof(start)), -EFAULT);
	start.ranges = (uintptr_t)&range;
	CHECK_EQ(setup_feature(device, set, &start, 8), -EINVAL);
	CHECK_EQ(setup_feature(device, set, &start, sizeof(start)), 0);
	CHECK_EQ(setup_feature(device, set, &start, sizeof(start)), -EINVAL);
	setup_fill(device, memory, SETUP_IOVA, SETUP_IOVA + 9 * 4096, 7);
	CHECK_EQ(setup_feature(device, get, &report, sizeof(report)), 0);
	CHECK_EQ(bitmap, 1 << 9 | 1 << 1);
	report.bitmap = 4096;
	CHECK_EQ(setup_feature(device, get, &report, sizeof(report)), -EFAULT);
	CHECK_EQ(setup_feature(device, VFMIG_FEATURE_SET | VFMIG_FEATURE_DMA_LOGGING_STOP, NULL, 0),
		 0);
}

static void second(void)
{
	int other = setup_group(container, 1), fd = setup_device(other, 1);
	uint8_t *ring = setup_memory(8 * 4096);

	CHECK_EQ(setup_map(container, SETUP_IOVA + 0x100000, ring, 8 * 4096), 0);
	CHECK_EQ(setup_map(container, SETUP_IOVA + 0x101000, ring, 4096), -EEXIST);
	setup_fill(fd, ring, SETUP_IOVA + 0x100000, SETUP_IOVA + 7 * 4096, 0x1111111111111111);
	CHECK_EQ(memory[7 * 4096 + 99], 0x11);
	setup_close(fd);
	CHECK_EQ(setup_ioctl(other, ABI_IOCTL_GROUP_UNSET_CONTAINER, NULL), 0);
	setup_close(other);
	munmap(ring, 8 * 4096);
}

int main(void)
{
	struct vfmig_type1_dma_unmap unmap = {sizeof(unmap), 0, SETUP_IOVA, 32 * 4096};

	setup_begin();
	memory = setup_memory(32 * 4096);
	RUN(out_of_order());
	device = setup_device(group, 0);
	CHECK_EQ(setup_ioctl(group, ABI_IOCTL_GROUP_UNSET_CONTAINER, NULL), -EBUSY);
	RUN(information());
	RUN(a_refused_unmap());
	CHECK_EQ(setup_map(container, SETUP_IOVA, memory, 32 * 4096), 0);
	RUN(pages());
	RUN(log_pages());
	RUN(second());
	CHECK_EQ(setup_ioctl(container, VFMIG_IOCTL_IOMMU_UNMAP_DMA, &unmap), 0);
	CHECK_EQ(unmap.size, 32 * 4096);
	setup_close(device);
	setup_close(group);
	setup_close(container);
	CHECK_EQ(dev_vfio_close(view, container), DEV_VFIO_NOT_OURS);
	dev_vfio_free(view);
	munmap(memory, 32 * 4096);
	return 0;
}
