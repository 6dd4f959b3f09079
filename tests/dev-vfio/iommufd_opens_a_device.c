/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The newer way: the device's own file, bound to an iommufd, attached to an IOAS or to a page table over it. Sizes, flags and
 * numbers of objects are refused as the kernel does.
 */
#include "tests/dev-vfio/setup.h"

static int iommufd, device;
static uint32_t devid;
static uint8_t *memory;

static uint32_t new_ioas(void)
{
	struct abi_iommufd_ioas_alloc alloc = {sizeof(alloc), 0, 0};

	CHECK_EQ(setup_ioctl(iommufd, ABI_IOMMUFD_IOAS_ALLOC, &alloc), 0);
	CHECK(alloc.out_ioas_id);
	return alloc.out_ioas_id;
}

static long map(uint32_t ioas, uint32_t flags, void *ptr, uint64_t iova)
{
	struct abi_iommufd_map m = {sizeof(m), flags, ioas, 0, (uintptr_t)ptr, 32 * 4096, iova};

	return setup_ioctl(iommufd, ABI_IOMMUFD_IOAS_MAP, &m);
}

static long unmap(uint32_t ioas, uint64_t iova, uint64_t length, uint64_t *unmapped)
{
	struct abi_iommufd_unmap u = {sizeof(u), ioas, iova, length};
	long ret = setup_ioctl(iommufd, ABI_IOMMUFD_IOAS_UNMAP, &u);

	*unmapped = u.length;
	return ret;
}

static long attach(uint32_t pt, uint32_t *got)
{
	struct abi_attach_pt a = {sizeof(a), 0, pt};
	long ret = setup_ioctl(device, ABI_IOCTL_DEVICE_ATTACH_PT, &a);

	*got = a.pt_id;
	return ret;
}

static long destroy(uint32_t id)
{
	struct abi_iommufd_destroy d = {sizeof(d), id};

	return setup_ioctl(iommufd, ABI_IOMMUFD_DESTROY, &d);
}

static void sizes(void)
{
	struct {
		struct abi_iommufd_ioas_alloc known;
		uint32_t more[9];
	} alloc = {{sizeof(alloc), 0, 0}, {0}};

	CHECK_EQ(setup_ioctl(iommufd, ABI_IOMMUFD_IOAS_ALLOC, &alloc), 0);
	CHECK_EQ(destroy(alloc.known.out_ioas_id), 0);
	CHECK_EQ(destroy(alloc.known.out_ioas_id), -ENOENT);
	alloc.more[8] = 1;
	CHECK_EQ(setup_ioctl(iommufd, ABI_IOMMUFD_IOAS_ALLOC, &alloc), -E2BIG);
	alloc.known.size = 11;
	CHECK_EQ(setup_ioctl(iommufd, ABI_IOMMUFD_IOAS_ALLOC, &alloc), -EINVAL);
	alloc.known.size = 12;
	alloc.known.flags = 1;
	CHECK_EQ(setup_ioctl(iommufd, ABI_IOMMUFD_IOAS_ALLOC, &alloc), -EOPNOTSUPP);
	CHECK_EQ(setup_ioctl(iommufd, ABI_IOMMUFD_IOAS_ALLOC, (void *)8), -EFAULT);
	/* What a newer VMM tries, and does without. */
	CHECK_EQ(setup_ioctl(iommufd, 0x92, &alloc), -ENOTTY);
	CHECK_EQ(setup_ioctl(iommufd, 0x7f, &alloc), -ENOTTY);
}

static void bind(void)
{
	struct abi_bind_iommufd b = {sizeof(b), 0, iommufd, 0};
	struct vfmig_device_info info = {.argsz = sizeof(info)};
	struct stat st = {0};

	device = setup_path("/dev/vfio/devices/vfio9000");
	CHECK(device >= 0);
	CHECK_EQ(setup_path("/dev/vfio/devices/vfio9000"), -EBUSY);
	CHECK_EQ(setup_path("/dev/vfio/9000"), -EBUSY);
	CHECK_EQ(dev_vfio_fstat(view, device, &st), 0);
	CHECK(S_ISCHR(st.st_mode));
	CHECK_EQ(dev_vfio_fstat(view, 0, &st), DEV_VFIO_NOT_OURS);
	/* Not before it is bound. */
	CHECK_EQ(setup_ioctl(device, VFMIG_IOCTL_DEVICE_GET_INFO, &info), -EINVAL);
	CHECK_EQ(dev_vfio_pread(view, device, &info, 4, 0), -EINVAL);
	b.iommufd = device;
	CHECK_EQ(setup_ioctl(device, ABI_IOCTL_DEVICE_BIND_IOMMUFD, &b), -EBADF);
	b.iommufd = 0;
	CHECK_EQ(setup_ioctl(device, ABI_IOCTL_DEVICE_BIND_IOMMUFD, &b), -EBADF);
	b.iommufd = iommufd;
	b.flags = 1;
	CHECK_EQ(setup_ioctl(device, ABI_IOCTL_DEVICE_BIND_IOMMUFD, &b), -EINVAL);
	b.flags = 0;
	CHECK_EQ(setup_ioctl(device, ABI_IOCTL_DEVICE_BIND_IOMMUFD, &b), 0);
	CHECK_EQ(setup_ioctl(device, ABI_IOCTL_DEVICE_BIND_IOMMUFD, &b), -EINVAL);
	CHECK_EQ(setup_ioctl(device, VFMIG_IOCTL_DEVICE_GET_INFO, &info), 0);
	devid = b.out_devid;
	CHECK_EQ(destroy(devid), -EBUSY);
}

static void ranges(uint32_t ioas)
{
	uint64_t range[8][2] = {{0}};
	struct abi_iommufd_iova_ranges r = {sizeof(r), ioas, 0, 0, (uintptr_t)range, 0};

	CHECK_EQ(setup_ioctl(iommufd, ABI_IOMMUFD_IOAS_IOVA_RANGES, &r), -EMSGSIZE);
	CHECK(r.num_iovas && r.num_iovas <= 8);
	CHECK_EQ(setup_ioctl(iommufd, ABI_IOMMUFD_IOAS_IOVA_RANGES, &r), 0);
	CHECK_EQ(r.out_iova_alignment, 4096);
	CHECK_EQ(range[0][0], 0);
}

/* In pages larger than those that are written, without clearing: what was not written does not become so. */
static void look_at_large_pages(uint32_t hwpt)
{
	uint64_t bitmap = 0;
	struct abi_iommufd_get_dirty g = {
		sizeof(g), hwpt,    ABI_IOMMUFD_DIRTY_NO_CLEAR, 0, SETUP_IOVA,
		1 << 20,   1 << 20, (uintptr_t)&bitmap};

	CHECK_EQ(setup_ioctl(iommufd, ABI_IOMMUFD_GET_DIRTY_BITMAP, &g), 0);
	CHECK_EQ(bitmap, 1);
}

static long get_dirty(uint32_t hwpt, uint32_t flags, uint64_t *bitmap)
{
	struct abi_iommufd_get_dirty g = {sizeof(g),  hwpt,	 flags, 0,
					  SETUP_IOVA, 32 * 4096, 4096,	(uintptr_t)bitmap};

	*bitmap = 0;
	return setup_ioctl(iommufd, ABI_IOMMUFD_GET_DIRTY_BITMAP, &g);
}

static void track(uint32_t hwpt)
{
	struct abi_iommufd_set_dirty on = {sizeof(on), 1, hwpt, 0};
	uint64_t bitmap;

	CHECK_EQ(get_dirty(hwpt, 0, &bitmap), -EINVAL);
	CHECK_EQ(setup_ioctl(iommufd, ABI_IOMMUFD_SET_DIRTY_TRACKING, &on), 0);
	setup_fill(device, memory, SETUP_IOVA, SETUP_IOVA + 3 * 4096, 0x2222222222222222);
	CHECK_EQ(memory[3 * 4096], 0x22);
	CHECK_EQ(get_dirty(hwpt, ABI_IOMMUFD_DIRTY_NO_CLEAR, &bitmap), 0);
	CHECK_EQ(bitmap, 1 << 3 | 1 << 1);
	look_at_large_pages(hwpt);
	CHECK_EQ(get_dirty(hwpt, 0, &bitmap), 0);
	CHECK_EQ(bitmap, 1 << 3 | 1 << 1);
	CHECK_EQ(get_dirty(hwpt, 0, &bitmap), 0);
	CHECK_EQ(bitmap, 0);
	on.flags = 0;
	CHECK_EQ(setup_ioctl(iommufd, ABI_IOMMUFD_SET_DIRTY_TRACKING, &on), 0);
	CHECK_EQ(get_dirty(0, 0, &bitmap), -ENOENT);
}

static uint32_t page_table(uint32_t ioas)
{
	struct abi_iommufd_hw_info info = {sizeof(info), .dev_id = devid};
	struct abi_iommufd_hwpt_alloc alloc = {sizeof(alloc), ABI_IOMMUFD_HWPT_DIRTY_TRACKING,
					       devid, ioas};

	CHECK_EQ(setup_ioctl(iommufd, ABI_IOMMUFD_GET_HW_INFO, &info), 0);
	CHECK_EQ(info.out_capabilities, ABI_IOMMUFD_CAP_DIRTY_TRACKING);
	CHECK_EQ(setup_ioctl(iommufd, ABI_IOMMUFD_HWPT_ALLOC, &alloc), 0);
	CHECK_EQ(destroy(ioas), -EBUSY);
	alloc.dev_id = ioas;
	CHECK_EQ(setup_ioctl(iommufd, ABI_IOMMUFD_HWPT_ALLOC, &alloc), -ENOENT);
	return alloc.out_hwpt_id;
}

/* A VMM whose memory is a file hands over the file. */
static void by_file(uint32_t ioas)
{
	struct abi_iommufd_map_file m = {sizeof(m), 7, ioas, -1, 4096, 8 * 4096, 0x40000000};
	uint64_t n;
	int fd = memfd_create("memory", MFD_CLOEXEC);
	uint8_t byte = 0;

	CHECK_EQ(setup_ioctl(iommufd, ABI_IOMMUFD_IOAS_MAP_FILE, &m), -EBADF);
	m.fd = fd;
	CHECK(setup_ioctl(iommufd, ABI_IOMMUFD_IOAS_MAP_FILE, &m) < 0);
	CHECK(!ftruncate(fd, 16 * 4096));
	CHECK_EQ(setup_ioctl(iommufd, ABI_IOMMUFD_IOAS_MAP_FILE, &m), 0);
	CHECK_EQ(setup_ioctl(iommufd, ABI_IOMMUFD_IOAS_MAP_FILE, &m), -EEXIST);
	setup_fill(device, memory, SETUP_IOVA, 0x40002000, 0x3333333333333333);
	CHECK_EQ(pread(fd, &byte, 1, 3 * 4096 + 77), 1);
	CHECK_EQ(byte, 0x33);
	CHECK_EQ(unmap(ioas, 0x40000000, 8 * 4096, &n), 0);
	close(fd);
}

int main(void)
{
	const uint32_t fixed =
		ABI_IOMMUFD_MAP_FIXED_IOVA | ABI_IOMMUFD_MAP_READABLE | ABI_IOMMUFD_MAP_WRITEABLE;
	struct abi_detach_pt detach = {sizeof(detach), 0};
	uint32_t ioas, other, hwpt, got;
	uint64_t n;

	setup_begin();
	memory = setup_memory(32 * 4096);
	iommufd = setup_path("/dev/iommu");
	CHECK(iommufd >= 0);
	sizes();
	bind();
	ioas = new_ioas();
	ranges(ioas);
	CHECK_EQ(map(ioas, fixed, memory, SETUP_IOVA), 0);
	CHECK_EQ(map(ioas, fixed, memory, SETUP_IOVA), -EEXIST);
	CHECK_EQ(map(ioas, fixed, (void *)4096, 0), -EFAULT);
	CHECK_EQ(map(ioas, fixed & ~1u, memory, 0), -EOPNOTSUPP);
	CHECK_EQ(map(ioas, fixed | 8, memory, 0), -EOPNOTSUPP);
	CHECK_EQ(map(devid, fixed, memory, 0), -ENOENT);
	hwpt = page_table(ioas);
	CHECK_EQ(attach(99, &got), -ENOENT);
	CHECK_EQ(attach(hwpt, &got), 0);
	CHECK_EQ(got, hwpt);
	CHECK_EQ(destroy(hwpt), -EBUSY);
	track(hwpt);
	by_file(ioas);
	/* To an IOAS: it gets a page table of its own, which goes with the attachment. */
	other = new_ioas();
	CHECK_EQ(attach(other, &got), 0);
	CHECK(got != other && got != hwpt);
	CHECK_EQ(destroy(hwpt), 0);
	CHECK_EQ(destroy(other), -EBUSY);
	CHECK_EQ(setup_ioctl(device, ABI_IOCTL_DEVICE_DETACH_PT, &detach), 0);
	CHECK_EQ(destroy(got), -ENOENT);
	CHECK_EQ(destroy(other), 0);
	CHECK_EQ(unmap(ioas, SETUP_IOVA, 4096, &n), -ENOENT);
	CHECK_EQ(unmap(ioas, 0, UINT64_MAX, &n), 0);
	CHECK_EQ(n, 32 * 4096);
	CHECK_EQ(unmap(ioas, 0, UINT64_MAX, &n), 0);
	CHECK_EQ(n, 0);
	CHECK_EQ(unmap(ioas, 0, UINT64_MAX - 1, &n), -ENOENT);
	/* The device holds on to its iommufd. */
	setup_close(iommufd);
	setup_close(device);
	dev_vfio_free(view);
	munmap(memory, 32 * 4096);
	return 0;
}
