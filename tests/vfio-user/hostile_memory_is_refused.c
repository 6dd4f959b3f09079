/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Maps that are none, and descriptors that are no memory, too small or sealed: each is refused with the right errno, none is
 * kept, and the client goes on.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/vfio-user/hostile.h"

/* ---- memory ---- */

static int map(int fd, uint64_t iova, uint64_t size, uint64_t offset, uint32_t flags, int memory)
{
	return raw_map(fd, iova, size, offset, flags, memory);
}

static void maps(void)
{
	uint64_t words[8] = {0};
	int fd = hostile_hello(), mem;
	void *p = shared_memory(0x10000, &mem);

	CHECK_EQ(map(fd, 0x10000, 0x10000, 0, 3, mem), 0);
	CHECK_EQ(hostile_fake->maps, 1);
	/* Over another, in every way. */
	CHECK_EQ(map(fd, 0x10000, 0x10000, 0, 3, mem), -EEXIST);
	CHECK_EQ(map(fd, 0x8000, 0x10000, 0, 3, mem), -EEXIST);
	CHECK_EQ(map(fd, 0x18000, 0x1000, 0, 3, mem), -EEXIST);
	CHECK_EQ(map(fd, 0, 0x80000000, 0, 3, -1), -EEXIST);
	/* Crooked, empty, past the end. */
	CHECK_EQ(map(fd, 0x40000, 0, 0, 3, -1), -EINVAL);
	CHECK_EQ(map(fd, 0x40001, 0x1000, 0, 3, -1), -EINVAL);
	CHECK_EQ(map(fd, 0x40000, 0x1001, 0, 3, -1), -EINVAL);
	CHECK_EQ(map(fd, 0x40000, UINT64_MAX, 0, 3, -1), -EINVAL);
	CHECK_EQ(map(fd, 0xfffffffffffff000, 0x2000, 0, 3, -1), -EINVAL);
	CHECK_EQ(map(fd, 0x40000, 0xfffffffffffff000, 0, 3, -1), -EINVAL);
	CHECK_EQ(map(fd, 0x40000, 0x1000, UINT64_MAX, 3, mem), -EINVAL);
	CHECK_EQ(map(fd, 0x40000, 0x1000, INT64_MAX, 3, mem), -EINVAL);
	CHECK_EQ(map(fd, 0x40000, 0x1000, 0x7ffffffffffff000, 3, mem), -EINVAL);
	/* All but the last page is possible. */
	CHECK_EQ(map(fd, 0xfffffffffffff000, 0x1000, 0, 3, -1), -EINVAL);
	CHECK_EQ(map(fd, 0xffffffffffffe000, 0x1000, 0, 3, -1), 0);
	CHECK_EQ(raw_unmap(fd, 0xffffffffffffe000, 0x1000), 0);
	/* Flags. */
	CHECK_EQ(map(fd, 0x40000, 0x1000, 0, 0, -1), -EINVAL);
	CHECK_EQ(map(fd, 0x40000, 0x1000, 0, 0x13, -1), -EINVAL);
	CHECK_EQ(map(fd, 0x40000, 0x1000, 0, 3 | 4, -1), -EINVAL);
	CHECK_EQ(map(fd, 0x40000, 0x1000, 0, 3 | 8, -1), -EINVAL);
	CHECK_EQ(map(fd, 0x40000, 0x1000, 0, 3 | 12, mem), -EINVAL);
	/* Away, only whole. */
	CHECK_EQ(raw_unmap(fd, 0x10000, 0x8000), -EINVAL);
	CHECK_EQ(raw_unmap(fd, 0x11000, 0x1000), -EINVAL);
	CHECK_EQ(raw_unmap(fd, 0, 0), -EINVAL);
	/* With a bitmap: logging is off; no room; no page size; flags that exclude each other. */
	words[0] = 24 + 16 + 8 + (1ull << 32);
	words[1] = 0x10000;
	words[2] = 0x10000;
	words[3] = 4096;
	words[4] = 8;
	CHECK_EQ(raw_call(fd, VFMIG_USER_DMA_UNMAP, words, 40, NULL, 0, NULL, 0, NULL), -EINVAL);
	words[0] = 24 + 16 + 7 + (1ull << 32);
	CHECK_EQ(raw_call(fd, VFMIG_USER_DMA_UNMAP, words, 40, NULL, 0, NULL, 0, NULL), -EINVAL);
	words[0] = UINT32_MAX + (1ull << 32);
	words[3] = 4097;
	CHECK_EQ(raw_call(fd, VFMIG_USER_DMA_UNMAP, words, 40, NULL, 0, NULL, 0, NULL), -EINVAL);
	words[3] = 4096;
	words[4] = UINT64_MAX;
	CHECK_EQ(raw_call(fd, VFMIG_USER_DMA_UNMAP, words, 40, NULL, 0, NULL, 0, NULL), -EINVAL);
	words[0] = UINT32_MAX + (3ull << 32);
	CHECK_EQ(raw_call(fd, VFMIG_USER_DMA_UNMAP, words, 40, NULL, 0, NULL, 0, NULL), -EINVAL);
	CHECK_EQ(hostile_fake->maps, 1);
	/* Everything at once. */
	CHECK_EQ(map(fd, 0x40000, 0x1000, 0, 1, -1), 0);
	words[0] = 24 + (2ull << 32);
	words[1] = words[2] = 0;
	CHECK_EQ(raw_call(fd, VFMIG_USER_DMA_UNMAP, words, 24, NULL, 0, NULL, 0, NULL), 0);
	CHECK_EQ(hostile_fake->maps, 0);
	CHECK_EQ(map(fd, 0x10000, 0x10000, 0, 3, mem), 0);
	close(fd);
	munmap(p, 0x10000);
	close(mem);
}

static void refused_fd(int fd, int memory, uint64_t size, uint32_t flags, int expected)
{
	CHECK_EQ(map(fd, 0x100000, size, 0, flags, memory), expected);
	close(memory);
}

static void descriptors(void)
{
	unsigned before;
	int fd = hostile_hello(), mem, pipes[2], many[RAW_FDS];
	void *p = shared_memory(0x10000, &mem);
	char name[64];

	CHECK(!pipe2(pipes, O_CLOEXEC));
	CHECK_EQ(hostile_info(fd), 0);
	before = count_fds();
	refused_fd(fd, open("/dev/null", O_RDWR | O_CLOEXEC), 0x1000, 3, -EINVAL);
	refused_fd(fd, open("/dev/zero", O_RDWR | O_CLOEXEC), 0x1000, 3, -EINVAL);
	refused_fd(fd, open("/tmp", O_RDONLY | O_CLOEXEC), 0x1000, 1, -EINVAL);
	refused_fd(fd, dup(pipes[0]), 0x1000, 1, -EINVAL);
	refused_fd(fd, eventfd(0, EFD_CLOEXEC), 0x1000, 3, -EINVAL);
	refused_fd(fd, socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), 0x1000, 3, -EINVAL);
	/* Too small. */
	refused_fd(fd, dup(mem), 0x11000, 3, -EINVAL);
	refused_fd(fd, dup(mem), 0x7ffffffffffff000, 3, -EINVAL);
	CHECK_EQ(map(fd, 0x100000, 0x10000, 0x1000, 3, mem), -EINVAL);
	CHECK_EQ(map(fd, 0x100000, 0x1000, 0x10, 3, mem), -EINVAL);
	/* Opened for less. */
	snprintf(name, sizeof(name), "/proc/self/fd/%d", mem);
	refused_fd(fd, open(name, O_RDONLY | O_CLOEXEC), 0x1000, 3, -EACCES);
	refused_fd(fd, open(name, O_WRONLY | O_CLOEXEC), 0x1000, 2, -EACCES);
	refused_fd(fd, open(name, O_PATH | O_CLOEXEC), 0x1000, 1, -EACCES);
	refused_fd(fd, open(name, O_RDONLY | O_CLOEXEC), 0x1000, 1, 0);
	CHECK_EQ(raw_unmap(fd, 0x100000, 0x1000), 0);
	/* Sealed. */
	munmap(p, 0x10000);
	CHECK(!fcntl(mem, F_ADD_SEALS, F_SEAL_WRITE));
	refused_fd(fd, dup(mem), 0x1000, 3, -EACCES);
	/* Of no use; more than one; more than there may ever be. */
	for (unsigned i = 0; i < RAW_FDS; i++)
		many[i] = mem;
	CHECK_EQ(raw_call(fd, VFMIG_USER_DEVICE_RESET, NULL, 0, many, 3, NULL, 0, NULL), 0);
	CHECK_EQ(raw_call(fd, VFMIG_USER_DMA_MAP, name, 32, many, 2, NULL, 0, NULL), -EINVAL);
	CHECK_EQ(raw_call(fd, 999, name, 32, many, RAW_FDS, NULL, 0, NULL), -EINVAL);
	CHECK_EQ(hostile_info(fd), 0);
	CHECK_EQ(count_fds(), before);
	{
		int too_many[RAW_FDS + 1];
		uint32_t words[4] = {16};

		for (unsigned i = 0; i < RAW_FDS + 1; i++)
			too_many[i] = mem;
		raw_send(fd, 1, VFMIG_USER_DEVICE_GET_INFO, 0, 0, words, 16, too_many, RAW_FDS + 1);
		CHECK(raw_gone(fd));
	}
	close(fd);
	/* A few with each byte of a message. */
	fd = hostile_hello();
	for (unsigned i = 0; i < 16; i++) {
		struct vfmig_user_header h = {.msg_size = 16, .cmd = VFMIG_USER_DEVICE_RESET};
		struct iovec iov = {(char *)&h + i, 1};
		union {
			char bytes[CMSG_SPACE(5 * sizeof(int))];
			struct cmsghdr c;
		} control = {.c = {.cmsg_len = CMSG_LEN(5 * sizeof(int)),
				   .cmsg_level = SOL_SOCKET,
				   .cmsg_type = SCM_RIGHTS}};
		struct msghdr msg = {.msg_iov = &iov,
				     .msg_iovlen = 1,
				     .msg_control = &control,
				     .msg_controllen = sizeof(control)};

		memcpy(CMSG_DATA(&control.c), many, 5 * sizeof(int));
		if (sendmsg(fd, &msg, MSG_NOSIGNAL) < 0)
			break;
	}
	CHECK(raw_gone(fd));
	close(fd);
	close(mem);
	close(pipes[0]);
	close(pipes[1]);
}

static void irq_descriptors(void)
{
	struct vfmig_irq_set s = {.argsz = sizeof(s),
				  .flags =
					  VFMIG_IRQ_SET_DATA_EVENTFD | VFMIG_IRQ_SET_ACTION_TRIGGER,
				  .index = VFMIG_PCI_IRQ_MSIX,
				  .count = 1};
	int fd = hostile_hello(), pipes[2], two[2];

	CHECK(!pipe2(pipes, O_CLOEXEC));
	two[0] = two[1] = eventfd(0, EFD_CLOEXEC);
	/* A full pipe would hold the device for ever. */
	CHECK_EQ(raw_call(fd, VFMIG_USER_DEVICE_SET_IRQS, &s, sizeof(s), &pipes[1], 1, NULL, 0,
			  NULL),
		 -EINVAL);
	CHECK_EQ(raw_call(fd, VFMIG_USER_DEVICE_SET_IRQS, &s, sizeof(s), two, 2, NULL, 0, NULL), 0);
	s.count = 2;
	CHECK_EQ(raw_call(fd, VFMIG_USER_DEVICE_SET_IRQS, &s, sizeof(s), two, 1, NULL, 0, NULL),
		 -EINVAL);
	s.count = 1;
	s.start = UINT32_MAX;
	CHECK_EQ(raw_call(fd, VFMIG_USER_DEVICE_SET_IRQS, &s, sizeof(s), two, 1, NULL, 0, NULL),
		 -EINVAL);
	s.start = 0;
	s.index = UINT32_MAX;
	CHECK_EQ(raw_call(fd, VFMIG_USER_DEVICE_SET_IRQS, &s, sizeof(s), two, 1, NULL, 0, NULL),
		 -EINVAL);
	s.index = VFMIG_PCI_IRQ_MSIX;
	s.flags = VFMIG_IRQ_SET_DATA_BOOL | VFMIG_IRQ_SET_ACTION_TRIGGER;
	s.count = 2048;
	CHECK_EQ(raw_call(fd, VFMIG_USER_DEVICE_SET_IRQS, &s, sizeof(s), NULL, 0, NULL, 0, NULL),
		 -EINVAL);
	s.flags = 0x3f;
	CHECK_EQ(raw_call(fd, VFMIG_USER_DEVICE_SET_IRQS, &s, sizeof(s), NULL, 0, NULL, 0, NULL),
		 -EINVAL);
	close(fd);
	close(pipes[0]);
	close(pipes[1]);
	close(two[0]);
}

int main(void)
{
	static void (*const tests[])(void) = {maps, descriptors, irq_descriptors};

	hostile_run(tests, sizeof(tests) / sizeof(tests[0]));
	return 0;
}
