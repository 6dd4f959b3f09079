/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A device's own logging, and the tracking of its container or iommufd, are independent: REPORT without START is EINVAL
 * and takes nothing, both may run together in any order, and each reports every page once. For a device in this process
 * and for one of a server.
 */
#include "tests/dev-vfio/setup.h"

#define PAGES  32
#define BIT(n) (1ull << (n))
/* Beside the page that is filled, the copier writes a completion. */
#define DONE BIT(1)

static uint8_t *memory, *other_memory;
static int device, other;

/* What tracks beside the device: a container or an iommufd. */
static struct {
	int fd;
	uint32_t hwpt; /* 0: a container */
} iommu;

static long iommu_track(bool on)
{
	struct vfmig_type1_dirty_pages d = {sizeof(d),
					    on ? VFMIG_TYPE1_DIRTY_START : VFMIG_TYPE1_DIRTY_STOP};
	struct abi_iommufd_set_dirty s = {sizeof(s), on, iommu.hwpt, 0};

	return iommu.hwpt ? setup_ioctl(iommu.fd, ABI_IOMMUFD_SET_DIRTY_TRACKING, &s)
			  : setup_ioctl(iommu.fd, VFMIG_IOCTL_IOMMU_DIRTY_PAGES, &d);
}

static uint64_t iommu_pages(void)
{
	uint64_t bitmap = 0;
	struct {
		struct vfmig_type1_dirty_pages head;
		struct vfmig_type1_dirty_get get;
	} d = {{sizeof(d), VFMIG_TYPE1_DIRTY_GET_BITMAP},
	       {SETUP_IOVA, PAGES * 4096, {4096, 8, (uintptr_t)&bitmap}}};
	struct abi_iommufd_get_dirty g = {sizeof(g),  iommu.hwpt,   0,	  0,
					  SETUP_IOVA, PAGES * 4096, 4096, (uintptr_t)&bitmap};

	CHECK_EQ(iommu.hwpt ? setup_ioctl(iommu.fd, ABI_IOMMUFD_GET_DIRTY_BITMAP, &g)
			    : setup_ioctl(iommu.fd, VFMIG_IOCTL_IOMMU_DIRTY_PAGES, &d),
		 0);
	return bitmap;
}

static long log_start(int fd)
{
	struct vfmig_dma_logging_range range = {SETUP_IOVA, PAGES * 4096};
	struct vfmig_feature_dma_logging_control c = {4096, 1, 0, (uintptr_t)&range};

	return setup_feature(fd, VFMIG_FEATURE_SET | VFMIG_FEATURE_DMA_LOGGING_START, &c,
			     sizeof(c));
}

static long log_stop(int fd)
{
	return setup_feature(fd, VFMIG_FEATURE_SET | VFMIG_FEATURE_DMA_LOGGING_STOP, NULL, 0);
}

static long log_report(int fd, uint64_t *bitmap)
{
	struct vfmig_feature_dma_logging_report r = {SETUP_IOVA, PAGES * 4096, 4096,
						     (uintptr_t)bitmap};

	return setup_feature(fd, VFMIG_FEATURE_GET | VFMIG_FEATURE_DMA_LOGGING_REPORT, &r,
			     sizeof(r));
}

static uint64_t log_pages(int fd)
{
	uint64_t bitmap = 0;

	CHECK_EQ(log_report(fd, &bitmap), 0);
	return bitmap;
}

static void fill(unsigned page)
{
	setup_fill(device, memory, SETUP_IOVA, SETUP_IOVA + page * 4096, page);
}

/* Descriptors and completions of this one are in memory of its own, which is not asked about. */
static void fill_other(unsigned page)
{
	setup_fill(other, other_memory, SETUP_IOVA + 0x100000, SETUP_IOVA + page * 4096, page);
}

static void a_report_without_start_takes_nothing(void)
{
	uint64_t bitmap = 0;

	CHECK_EQ(log_report(device, &bitmap), -EINVAL);
	CHECK_EQ(iommu_track(true), 0);
	fill(5);
	CHECK_EQ(log_report(device, &bitmap), -EINVAL);
	CHECK_EQ(bitmap, 0);
	CHECK_EQ(iommu_pages(), BIT(5) | DONE);
	CHECK_EQ(iommu_track(false), 0);
}

static void both_run(bool iommu_first)
{
	CHECK_EQ(iommu_first ? iommu_track(true) : log_start(device), 0);
	fill(6);
	/* What was written before is the first one's alone. */
	CHECK_EQ(iommu_first ? log_start(device) : iommu_track(true), 0);
	CHECK_EQ(log_start(device), -EINVAL);
	fill(7);
	CHECK_EQ(log_pages(device), BIT(7) | DONE | (iommu_first ? 0 : BIT(6)));
	CHECK_EQ(log_pages(device), 0);
	CHECK_EQ(iommu_pages(), BIT(7) | DONE | (iommu_first ? BIT(6) : 0));
	CHECK_EQ(iommu_pages(), 0);
	fill(8);
	CHECK_EQ(iommu_first ? iommu_track(false) : log_stop(device), 0);
	fill(9);
	CHECK_EQ(iommu_first ? log_pages(device) : iommu_pages(), BIT(8) | BIT(9) | DONE);
	CHECK_EQ(iommu_first ? log_stop(device) : iommu_track(false), 0);
}

static void a_device_reports_its_own_writes(void)
{
	CHECK_EQ(iommu_track(true), 0);
	CHECK_EQ(log_start(other), 0);
	fill(10);
	fill_other(11);
	CHECK_EQ(log_pages(other), BIT(11));
	CHECK_EQ(iommu_pages(), BIT(10) | BIT(11) | DONE);
	CHECK_EQ(log_start(device), 0);
	fill_other(12);
	CHECK_EQ(log_pages(device), 0);
	CHECK_EQ(log_pages(other), BIT(12));
	CHECK_EQ(log_stop(other), 0);
	CHECK_EQ(log_stop(device), 0);
	CHECK_EQ(iommu_pages(), BIT(12));
	CHECK_EQ(iommu_track(false), 0);
}

/* A guest that reboots resets its devices; its writes count all the same. And what a caller did not get stays. */
static void nothing_is_forgotten(void)
{
	CHECK_EQ(log_start(device), 0);
	fill(13);
	CHECK_EQ(log_report(device, (uint64_t *)4096), -EFAULT);
	CHECK_EQ(log_pages(device) & (BIT(13) | DONE), BIT(13) | DONE);
	CHECK_EQ(setup_ioctl(device, VFMIG_IOCTL_DEVICE_RESET, NULL), 0);
	fill(14);
	CHECK_EQ(log_pages(device) & (BIT(14) | DONE), BIT(14) | DONE);
	CHECK_EQ(log_stop(device), 0);
}

static void all(void)
{
	a_report_without_start_takes_nothing();
	both_run(true);
	both_run(false);
	a_device_reports_its_own_writes();
	nothing_is_forgotten();
}

static void by_container(void)
{
	int container = setup_container(), group = setup_group(container, 0), second;

	setup_iommu(container);
	device = setup_device(group, 0);
	second = setup_group(container, 1);
	other = setup_device(second, 1);
	CHECK_EQ(setup_map(container, SETUP_IOVA, memory, PAGES * 4096), 0);
	CHECK_EQ(setup_map(container, SETUP_IOVA + 0x100000, other_memory, 2 * 4096), 0);
	iommu.fd = container;
	iommu.hwpt = 0;
	all();
	setup_close(other);
	setup_close(device);
	setup_close(second);
	setup_close(group);
	setup_close(container);
}

static int bound(const char *path, uint32_t *pt)
{
	struct abi_bind_iommufd b = {sizeof(b), 0, iommu.fd, 0};
	int fd = setup_path(path);
	struct abi_iommufd_hwpt_alloc alloc = {sizeof(alloc), ABI_IOMMUFD_HWPT_DIRTY_TRACKING, 0,
					       *pt};
	struct abi_attach_pt a = {sizeof(a), 0, 0};

	CHECK_EQ(setup_ioctl(fd, ABI_IOCTL_DEVICE_BIND_IOMMUFD, &b), 0);
	alloc.dev_id = b.out_devid;
	CHECK_EQ(setup_ioctl(iommu.fd, ABI_IOMMUFD_HWPT_ALLOC, &alloc), 0);
	a.pt_id = alloc.out_hwpt_id;
	CHECK_EQ(setup_ioctl(fd, ABI_IOCTL_DEVICE_ATTACH_PT, &a), 0);
	*pt = alloc.out_hwpt_id;
	return fd;
}

static long ioas_map(uint32_t ioas, uint64_t iova, void *ptr, uint64_t size)
{
	struct abi_iommufd_map m = {sizeof(m), 7, ioas, 0, (uintptr_t)ptr, size, iova};

	return setup_ioctl(iommu.fd, ABI_IOMMUFD_IOAS_MAP, &m);
}

/* A log that has lost its address space knows nothing, and says so. */
static void moved_elsewhere(void)
{
	struct abi_detach_pt detach = {sizeof(detach), 0};

	CHECK_EQ(log_start(device), 0);
	CHECK_EQ(log_pages(device), 0);
	CHECK_EQ(setup_ioctl(device, ABI_IOCTL_DEVICE_DETACH_PT, &detach), 0);
	CHECK_EQ(log_pages(device), BIT(PAGES) - 1);
	CHECK_EQ(log_stop(device), 0);
}

static void by_iommufd(void)
{
	struct abi_iommufd_ioas_alloc alloc = {sizeof(alloc), 0, 0};
	uint32_t pt;

	iommu.fd = setup_path("/dev/iommu");
	CHECK_EQ(setup_ioctl(iommu.fd, ABI_IOMMUFD_IOAS_ALLOC, &alloc), 0);
	CHECK_EQ(ioas_map(alloc.out_ioas_id, SETUP_IOVA, memory, PAGES * 4096), 0);
	CHECK_EQ(ioas_map(alloc.out_ioas_id, SETUP_IOVA + 0x100000, other_memory, 2 * 4096), 0);
	pt = alloc.out_ioas_id;
	other = bound("/dev/vfio/devices/vfio9001", &pt);
	pt = alloc.out_ioas_id;
	device = bound("/dev/vfio/devices/vfio9000", &pt);
	iommu.hwpt = pt;
	all();
	moved_elsewhere();
	setup_close(device);
	setup_close(other);
	setup_close(iommu.fd);
}

int main(void)
{
	struct setup_server server[2];

	memory = setup_memory(PAGES * 4096);
	other_memory = setup_memory(2 * 4096);
	setup_begin();
	RUN(by_container());
	RUN(by_iommufd());
	for (unsigned n = 0; n < 2; n++)
		setup_serve(&server[n], n, "model:copier,size=1M");
	RUN(by_container());
	RUN(by_iommufd());
	dev_vfio_free(view);
	for (unsigned n = 0; n < 2; n++)
		setup_serve_end(&server[n]);
	munmap(other_memory, 2 * 4096);
	munmap(memory, PAGES * 4096);
	return 0;
}
