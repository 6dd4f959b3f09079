/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A small VMM for `vfmig exec`: opens the device, maps memory for it, reads its ID, and leaves. Every failure ends it with
 * exit code 1 and a reason.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "abi/ioctl.h"

#define NR(nr) ((unsigned long)ABI_IOCTL_TYPE << 8 | (nr))
#define CONFIG ((off_t)7 << 40)
#define SIZE   65536

struct map {
	uint32_t argsz, flags;
	uint64_t vaddr, iova, size;
};

static long must(long ret, const char *what)
{
	if (ret >= 0)
		return ret;
	fprintf(stderr, "small_vmm: %s: %s\n", what, strerror(errno));
	exit(1);
}

int main(void)
{
	struct map map = {.argsz = sizeof(map), .flags = 3, .size = SIZE};
	int container, group, device;
	uint32_t id = 0;
	void *memory;

	container = (int)must(open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC), "container");
	group = (int)must(open("/dev/vfio/9000", O_RDWR | O_CLOEXEC), "group");
	must(ioctl(group, NR(ABI_IOCTL_GROUP_SET_CONTAINER), &container), "SET_CONTAINER");
	must(ioctl(container, NR(VFMIG_IOCTL_SET_IOMMU), VFMIG_EXTENSION_TYPE1V2), "SET_IOMMU");
	device = (int)must(ioctl(group, NR(ABI_IOCTL_GROUP_GET_DEVICE_FD), "vfmig0"), "device");
	memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	must(memory == MAP_FAILED ? -1 : 0, "memory");
	map.vaddr = (uintptr_t)memory;
	must(ioctl(container, NR(VFMIG_IOCTL_IOMMU_MAP_DMA), &map), "MAP_DMA");
	if (must(pread(device, &id, sizeof(id), CONFIG), "configuration") != sizeof(id)) {
		fprintf(stderr, "small_vmm: configuration: short\n");
		return 1;
	}
	printf("%08x\n", id);
	close(device);
	close(group);
	close(container);
	return 0;
}
