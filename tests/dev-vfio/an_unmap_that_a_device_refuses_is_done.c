/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * In Linux no device can refuse an unmap. If one of ours does, with whatever errno, the map is gone all the same: the
 * VMM is told of success and of the size, and no descriptor stays behind. What is refused for another reason unmaps nothing.
 */
#include "tests/dev-vfio/setup.h"
#include "tests/lib/scripted_device.h"

static int refusal;

static ssize_t answer(struct scripted_device *fake, struct vfmig_request *request)
{
	switch (request->op) {
	case VFMIG_OP_DEVICE_INFO:
		memset(request->info.buf, 0, request->info.size);
		return (ssize_t)request->info.size;
	case VFMIG_OP_SPACE_UNMAP:
		return refusal;
	case VFMIG_OP_ATTACH:
	case VFMIG_OP_DETACH:
	case VFMIG_OP_SPACE_MAP:
		return 0;
	default:
		return -ENOTTY;
	}
}

static int open_fake(void *context, unsigned n, struct vfmig_device **device,
		     struct vfmig_error *err)
{
	*device = &scripted_new(answer)->device;
	return 0;
}

static const int refusals[] = {-EINVAL, -ENOENT, -EBUSY, -EFAULT, -ENOMEM, -EIO};
#define REFUSALS (sizeof(refusals) / sizeof(refusals[0]))

static unsigned descriptors(void)
{
	unsigned n = 0;

	for (int fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void by_container(void *page)
{
	int container = setup_container(), group = setup_group(container, 0), device;
	unsigned before;

	setup_iommu(container);
	device = setup_device(group, 0);
	before = descriptors();
	for (size_t i = 0; i < REFUSALS; i++) {
		struct vfmig_type1_dma_unmap u = {
			.argsz = sizeof(u), .iova = SETUP_IOVA + 4096, .size = 4096};

		refusal = refusals[i];
		CHECK_EQ(setup_map(container, SETUP_IOVA, page, 8192), 0);
		CHECK_EQ(descriptors(), before + 1);
		CHECK_EQ(setup_ioctl(container, VFMIG_IOCTL_IOMMU_UNMAP_DMA, &u), -EINVAL);
		CHECK_EQ(descriptors(), before + 1);
		u.iova = SETUP_IOVA;
		u.size = 8192;
		CHECK_EQ(setup_ioctl(container, VFMIG_IOCTL_IOMMU_UNMAP_DMA, &u), 0);
		CHECK_EQ(u.size, 8192);
		CHECK_EQ(descriptors(), before);
	}
	refusal = 0;
	setup_close(device);
	setup_close(group);
	setup_close(container);
}

static void by_iommufd(void *page)
{
	int iommufd = setup_path("/dev/iommu"), device = setup_path("/dev/vfio/devices/vfio9000");
	struct abi_iommufd_ioas_alloc alloc = {sizeof(alloc), 0, 0};
	struct abi_bind_iommufd bind = {sizeof(bind), 0, iommufd, 0};
	struct abi_attach_pt attach = {sizeof(attach), 0, 0};
	unsigned before;

	CHECK_EQ(setup_ioctl(iommufd, ABI_IOMMUFD_IOAS_ALLOC, &alloc), 0);
	CHECK_EQ(setup_ioctl(device, ABI_IOCTL_DEVICE_BIND_IOMMUFD, &bind), 0);
	attach.pt_id = alloc.out_ioas_id;
	CHECK_EQ(setup_ioctl(device, ABI_IOCTL_DEVICE_ATTACH_PT, &attach), 0);
	before = descriptors();
	for (size_t i = 0; i < REFUSALS; i++) {
		struct abi_iommufd_map m = {sizeof(m),	     7,	   alloc.out_ioas_id, 0,
					    (uintptr_t)page, 8192, SETUP_IOVA};
		struct abi_iommufd_unmap u = {sizeof(u), alloc.out_ioas_id, SETUP_IOVA + 4096,
					      4096};

		refusal = refusals[i];
		CHECK_EQ(setup_ioctl(iommufd, ABI_IOMMUFD_IOAS_MAP, &m), 0);
		CHECK_EQ(setup_ioctl(iommufd, ABI_IOMMUFD_IOAS_UNMAP, &u), -ENOENT);
		CHECK_EQ(descriptors(), before + 1);
		u.iova = SETUP_IOVA;
		u.length = 8192;
		CHECK_EQ(setup_ioctl(iommufd, ABI_IOMMUFD_IOAS_UNMAP, &u), 0);
		CHECK_EQ(u.length, 8192);
		CHECK_EQ(descriptors(), before);
	}
	refusal = 0;
	setup_close(device);
	setup_close(iommufd);
}

int main(void)
{
	const struct dev_vfio_config config = {
		.devices = 1, .first = SETUP_FIRST, .open = open_fake, .say = setup_say};
	int fd = memfd_create("memory", MFD_CLOEXEC);
	void *page;

	CHECK(!dev_vfio_new(&config, &view, NULL));
	CHECK(fd >= 0 && !ftruncate(fd, 8192));
	page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CHECK(page != MAP_FAILED);
	by_container(page);
	by_iommufd(page);
	dev_vfio_free(view);
	munmap(page, 8192);
	close(fd);
	return 0;
}
