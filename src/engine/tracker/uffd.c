/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * userfaultfd, as far as write protection goes.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "engine/tracker/uffd.h"

#ifndef UFFD_USER_MODE_ONLY
#define UFFD_USER_MODE_ONLY 1
#endif
/* /dev/userfaultfd: Linux 6.1 */
#define NEW_UFFD _IO(0xAA, 0x00)

static int open_syscall(int flags)
{
	return (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | flags);
}

/* Opening the device allows handling faults inside the kernel, too. */
static int open_device(void)
{
	int fd = open("/dev/userfaultfd", O_RDWR | O_CLOEXEC), uffd;

	if (fd < 0)
		return -1;
	uffd = ioctl(fd, NEW_UFFD, O_CLOEXEC | O_NONBLOCK);
	close(fd);
	return uffd;
}

int tracker_uffd_open(uint64_t features, bool kernel, struct vfmig_error *err)
{
	struct uffdio_api api = {.api = UFFD_API, .features = features};
	int uffd = open_syscall(0);

	if (uffd < 0 && errno == ENOSYS)
		return vfmig_err(err, -EOPNOTSUPP, "this kernel has no userfaultfd");
	if (uffd < 0)
		uffd = open_device();
	if (uffd < 0 && !kernel)
		uffd = open_syscall(UFFD_USER_MODE_ONLY);
	if (uffd < 0)
		return vfmig_err(
			err, -EPERM,
			"userfaultfd is not allowed: give the process CAP_SYS_PTRACE or "
			"access to /dev/userfaultfd, or set vm.unprivileged_userfaultfd=1");
	if (!ioctl(uffd, UFFDIO_API, &api))
		return uffd;
	close(uffd);
	return vfmig_err(
		err, -EOPNOTSUPP, "this kernel's userfaultfd lacks some of features 0x%llx; %s",
		(unsigned long long)features,
		features & TRACKER_UFFD_WP_ASYNC ? "Linux 6.7 has them" : "Linux 5.19 has them");
}

int tracker_uffd_protect(int uffd, uint64_t start, uint64_t end, bool on)
{
	struct uffdio_writeprotect wp = {
		.range = {.start = start, .len = end - start},
		.mode = on ? UFFDIO_WRITEPROTECT_MODE_WP : 0,
	};

	/* EAGAIN: the mappings are being changed this moment. */
	while (ioctl(uffd, UFFDIO_WRITEPROTECT, &wp) < 0)
		if (errno != EAGAIN && errno != EINTR)
			return -errno;
	return 0;
}

int tracker_uffd_watch(int uffd, const struct tracker_watched *range, struct vfmig_error *err)
{
	struct uffdio_register reg = {.mode = UFFDIO_REGISTER_MODE_WP};
	uint64_t start, end;
	int ret;

	tracker_watched_pages(range, &start, &end);
	reg.range = (struct uffdio_range){.start = start, .len = end - start};
	if (ioctl(uffd, UFFDIO_REGISTER, &reg) < 0)
		return vfmig_err(
			err, -errno,
			"memory at %p (0x%llx bytes, IOVA 0x%llx) cannot be watched for writes: "
			"%s",
			(void *)range->ptr, (unsigned long long)range->size,
			(unsigned long long)range->iova,
			errno == EBUSY	  ? "another userfaultfd watches it"
			: errno == EINVAL ? "it is neither anonymous nor shared memory"
					  : strerror(errno));
	ret = reg.ioctls & 1ull << _UFFDIO_WRITEPROTECT
		      ? tracker_uffd_protect(uffd, start, end, true)
		      : -EOPNOTSUPP;
	if (ret)
		return vfmig_err(err, ret, "memory at %p cannot be write-protected: %s",
				 (void *)range->ptr, strerror(-ret));
	return 0;
}

void tracker_uffd_leave(int uffd, const struct tracker_watched *range)
{
	struct uffdio_range r;
	uint64_t start, end;

	tracker_watched_pages(range, &start, &end);
	r = (struct uffdio_range){.start = start, .len = end - start};
	ioctl(uffd, UFFDIO_UNREGISTER, &r);
}
