/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The caller's memory. The kernel answers a pointer that leads nowhere with EFAULT, and so does this: the
 * copy is the kernel's own, from this process to itself. Where that is forbidden (a seccomp filter), a pointer is believed.
 */
#include <errno.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "export/dev-vfio/priv.h"

static int copy(void *mine, void *theirs, size_t len, bool in)
{
	struct iovec a = {mine, len}, b = {theirs, len};
	ssize_t n;

	if (!len)
		return 0;
	n = in ? process_vm_readv(getpid(), &a, 1, &b, 1, 0)
	       : process_vm_writev(getpid(), &a, 1, &b, 1, 0);
	if (n == (ssize_t)len)
		return 0;
	if (n >= 0 || errno == EFAULT)
		return -EFAULT;
	if (in)
		memcpy(mine, theirs, len);
	else
		memcpy(theirs, mine, len);
	return 0;
}

int dev_vfio_copy_in(void *to, const void *from, size_t len)
{
	return copy(to, (void *)(uintptr_t)from, len, true);
}

int dev_vfio_copy_out(void *to, const void *from, size_t len)
{
	return copy((void *)(uintptr_t)from, to, len, false);
}

int dev_vfio_copy_bits(void *to, const uint64_t *from, size_t len)
{
	uint64_t theirs[512];

	for (size_t at = 0; at < len; at += sizeof(theirs)) {
		size_t n = len - at < sizeof(theirs) ? len - at : sizeof(theirs);
		void *place = (void *)((uintptr_t)to + at);

		if (dev_vfio_copy_in(theirs, place, n))
			return -EFAULT;
		for (size_t i = 0; i < (n + 7) / 8; i++)
			theirs[i] |= from[at / 8 + i];
		if (dev_vfio_copy_out(place, theirs, n))
			return -EFAULT;
	}
	return 0;
}
