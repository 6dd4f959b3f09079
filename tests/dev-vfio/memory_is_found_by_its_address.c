/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A VMM hands addresses, a server needs descriptors. Shared memory is found by its mapping, wherever in its file and in how
 * many pieces; private memory has no descriptor, which is said once; what is not there is refused. And KVM, which is told
 * of our files, has nothing to do with them.
 */
#include "export/dev-vfio/priv.h"
#include "tests/dev-vfio/setup.h"

#define SIZE (32u << 20)

static unsigned sentences;

static void count(void *context, const char *sentence)
{
	setup_say(context, sentence);
	sentences++;
}

static void *map_shared(int fd, uint64_t offset, size_t size)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)offset);

	CHECK(at != MAP_FAILED);
	return at;
}

static void shared(void)
{
	int fd = memfd_create("ram", MFD_CLOEXEC);
	struct dev_vfio_backing *found, *again;
	uint64_t offset = 0;
	uint8_t *at;

	CHECK(fd >= 0 && !ftruncate(fd, SIZE));
	at = map_shared(fd, 4096, SIZE - 4096);
	CHECK_EQ(dev_vfio_memory(view, at + 8192, 4096, true, &found, &offset), 0);
	CHECK(found && found->fd != fd);
	CHECK_EQ(offset, 12288);
	CHECK_EQ(dev_vfio_memory(view, at, 4096, true, &again, &offset), 0);
	CHECK(again == found);
	dev_vfio_backing_put(again);
	dev_vfio_backing_put(found);
	/* In two mappings, one behind the other in file and memory, as it is after an mprotect. */
	CHECK(!mprotect(at + 4096, 4096, PROT_READ));
	CHECK_EQ(dev_vfio_memory(view, at, 16384, false, &found, &offset), 0);
	CHECK(found);
	CHECK_EQ(offset, 4096);
	dev_vfio_backing_put(found);
	CHECK_EQ(dev_vfio_memory(view, at, 16384, true, &found, &offset), -EFAULT);
	/* Behind each other in memory only. */
	CHECK(mmap(at + 4096, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) ==
	      at + 4096);
	CHECK_EQ(dev_vfio_memory(view, at, 16384, true, &found, &offset), 0);
	CHECK(!found);
	CHECK(!munmap(at + 4096, 4096));
	CHECK_EQ(dev_vfio_memory(view, at, 16384, true, &found, &offset), -EFAULT);
	munmap(at, SIZE - 4096);
	close(fd);
}

static void private_memory_is_told_of_once(void)
{
	uint8_t *memory = setup_memory(SIZE), *small = setup_memory(4096);
	int fd = memfd_create("ram", MFD_CLOEXEC), container, group;
	void *good;

	CHECK(fd >= 0 && !ftruncate(fd, SIZE));
	good = map_shared(fd, 0, SIZE);
	container = setup_container();
	group = setup_group(container, 0);
	setup_iommu(container);
	CHECK_EQ(setup_map(container, 0, good, SIZE), 0);
	CHECK_EQ(setup_map(container, 1ull << 32, small, 4096), 0);
	CHECK_EQ(sentences, 0);
	CHECK_EQ(setup_map(container, 2ull << 32, memory, SIZE / 2), 0);
	CHECK_EQ(sentences, 1);
	CHECK(strstr(setup_said, "share=on"));
	CHECK_EQ(setup_map(container, 3ull << 32, memory + SIZE / 2, SIZE / 2), 0);
	CHECK_EQ(sentences, 1);
	setup_close(group);
	setup_close(container);
	munmap(good, SIZE);
	munmap(memory, SIZE);
	munmap(small, 4096);
	close(fd);
}

/* struct kvm_device_attr of the kernel's; group 1 is KVM_DEV_VFIO_FILE, whose first two attributes add and remove. */
static void kvm_is_answered(void)
{
	int group = setup_path("/dev/vfio/9000"), null = open("/dev/null", O_RDONLY);
	struct {
		uint32_t flags, group;
		uint64_t attr, addr;
	} a = {0, 1, 1, (uintptr_t)&group};

	CHECK_EQ(dev_vfio_kvm(view, &a), 0);
	a.attr = 2;
	CHECK_EQ(dev_vfio_kvm(view, &a), 0);
	/* Anything else is for the kernel's KVM to say. */
	a.attr = 3;
	CHECK_EQ(dev_vfio_kvm(view, &a), DEV_VFIO_NOT_OURS);
	a.attr = 1;
	a.group = 2;
	CHECK_EQ(dev_vfio_kvm(view, &a), DEV_VFIO_NOT_OURS);
	a.group = 1;
	a.addr = (uintptr_t)&null;
	CHECK_EQ(dev_vfio_kvm(view, &a), DEV_VFIO_NOT_OURS);
	a.addr = 8;
	CHECK_EQ(dev_vfio_kvm(view, &a), DEV_VFIO_NOT_OURS);
	CHECK_EQ(dev_vfio_kvm(view, NULL), DEV_VFIO_NOT_OURS);
	setup_close(group);
	close(null);
}

int main(void)
{
	const struct dev_vfio_config config = {
		.devices = 2, .first = SETUP_FIRST, .open = setup_open, .say = count, .by_fd = 3};

	CHECK(!dev_vfio_new(&config, &view, NULL));
	RUN(shared());
	RUN(private_memory_is_told_of_once());
	RUN(kvm_is_answered());
	dev_vfio_free(view);
	return 0;
}
