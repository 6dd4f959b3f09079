/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Calls that the preloaded library does not answer must not pretend success: each call of the C library that reads,
 * writes, moves or sizes a file, on each kind of file that it hands out. Run by no_call_pretends_success.py under
 * `vfmig exec`; it is not linked to the library. A call may work or fail; in these cases it must fail.
 */
#undef _FILE_OFFSET_BITS
#undef _FORTIFY_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/poll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "abi/ioctl.h"
#include "tests/lib/check.h"

#define NR(nr) ((unsigned long)ABI_IOCTL_TYPE << 8 | (nr))

static int plain, out[2], in[2];
static char bytes[64];
static struct iovec vector = {bytes, sizeof(bytes)};

/* Each returns -1 if it failed, whatever it returns otherwise. */
#define CALL(name, call)                                                                           \
	static long call_##name(int fd)                                                            \
	{                                                                                          \
		return (long)(call);                                                               \
	}

CALL(readv, readv(fd, &vector, 1))
CALL(writev, writev(fd, &vector, 1))
CALL(preadv, preadv(fd, &vector, 1, 0))
CALL(preadv64, preadv64(fd, &vector, 1, 0))
CALL(pwritev, pwritev(fd, &vector, 1, 0))
CALL(pwritev64, pwritev64(fd, &vector, 1, 0))
CALL(preadv2, preadv2(fd, &vector, 1, 0, 0))
CALL(preadv2_here, preadv2(fd, &vector, 1, -1, 0))
CALL(preadv64v2, preadv64v2(fd, &vector, 1, 0, 0))
CALL(pwritev2, pwritev2(fd, &vector, 1, 0, 0))
CALL(pwritev2_here, pwritev2(fd, &vector, 1, -1, 0))
CALL(pwritev64v2, pwritev64v2(fd, &vector, 1, 0, 0))
CALL(sendfile_from, sendfile(plain, fd, NULL, 64))
CALL(sendfile64_from, sendfile64(plain, fd, NULL, 64))
CALL(sendfile_to, sendfile(fd, plain, &(off_t){0}, 64))
CALL(copy_file_range_from, copy_file_range(fd, NULL, plain, NULL, 64, 0))
CALL(copy_file_range_to, copy_file_range(plain, &(off64_t){0}, fd, NULL, 64, 0))
CALL(splice_from, splice(fd, NULL, out[1], NULL, 64, 0))
CALL(splice_to, splice(in[0], NULL, fd, NULL, 64, 0))
CALL(tee_to, tee(in[0], fd, 64, 0))
CALL(vmsplice, vmsplice(fd, &vector, 1, 0))
CALL(lseek, lseek(fd, 0, SEEK_END))
CALL(lseek64, lseek64(fd, 1, SEEK_SET))
CALL(ftruncate, ftruncate(fd, 4096))
CALL(ftruncate64, ftruncate64(fd, 4096))
CALL(fallocate, fallocate(fd, 0, 0, 4096))
CALL(fallocate64, fallocate64(fd, 0, 0, 4096))
CALL(posix_fallocate, -(posix_fallocate(fd, 0, 4096) != 0))
CALL(posix_fallocate64, -(posix_fallocate64(fd, 0, 4096) != 0))
CALL(fsync, fsync(fd))
CALL(fdatasync, fdatasync(fd))
CALL(sync_file_range, sync_file_range(fd, 0, 0, 0))
CALL(readahead, readahead(fd, 0, 4096))
CALL(recv, recv(fd, bytes, sizeof(bytes), 0))
CALL(send, send(fd, bytes, sizeof(bytes), 0))
CALL(fionread, ioctl(fd, FIONREAD, &(int){0}))
CALL(mmap_shared, mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, (off_t)7 << 40))
CALL(mmap_private, mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, (off_t)7 << 40))
CALL(mmap64_write, mmap64(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)7 << 40))

static const struct {
	const char *name;
	long (*call)(int fd);
} calls[] = {
#define ROW(name)                                                                                  \
	{                                                                                          \
#name, call_##name                                                                 \
	}
	ROW(readv),
	ROW(writev),
	ROW(preadv),
	ROW(preadv64),
	ROW(pwritev),
	ROW(pwritev64),
	ROW(preadv2),
	ROW(preadv2_here),
	ROW(preadv64v2),
	ROW(pwritev2),
	ROW(pwritev2_here),
	ROW(pwritev64v2),
	ROW(sendfile_from),
	ROW(sendfile64_from),
	ROW(sendfile_to),
	ROW(copy_file_range_from),
	ROW(copy_file_range_to),
	ROW(splice_from),
	ROW(splice_to),
	ROW(tee_to),
	ROW(vmsplice),
	ROW(lseek),
	ROW(lseek64),
	ROW(ftruncate),
	ROW(ftruncate64),
	ROW(fallocate),
	ROW(fallocate64),
	ROW(posix_fallocate),
	ROW(posix_fallocate64),
	ROW(fsync),
	ROW(fdatasync),
	ROW(sync_file_range),
	ROW(readahead),
	ROW(recv),
	ROW(send),
	ROW(fionread),
	ROW(mmap_shared),
	ROW(mmap_private),
	ROW(mmap64_write),
};

static int pretended;

static void try_all(const char *kind, int fd)
{
	long ret;

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		ret = calls[i].call(fd);
		if (ret == -1)
			continue;
		pretended++;
		printf("%s: %s returned %ld\n", kind, calls[i].name, ret);
	}
}

/* What a descriptor is used for beside reading and writing works as on any other. */
static void is_a_descriptor(int fd)
{
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN | POLLOUT};
	int copy = dup(fd), epoll = epoll_create1(EPOLL_CLOEXEC);

	CHECK_EQ(poll(&poll_fd, 1, 0), 1);
	CHECK_EQ(poll_fd.revents, POLLIN | POLLOUT);
	/* As for VFIO's own files. */
	CHECK_EQ(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &(struct epoll_event){.events = EPOLLIN}), -1);
	CHECK_EQ(errno, EPERM);
	close(epoll);
	CHECK_EQ(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDWR);
	CHECK_EQ(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	CHECK(fcntl(fd, F_GETFL) & O_NONBLOCK);
	CHECK_EQ(fcntl(fd, F_SETFL, 0), 0);
	CHECK_EQ(fcntl(fd, F_SETFD, FD_CLOEXEC), 0);
	CHECK_EQ(fcntl(copy, F_GETFL) & O_ACCMODE, O_RDWR);
	CHECK_EQ(close(copy), 0);
}

/* A file that has taken the place of ours behind the library's back gets the real calls. */
static void its_place_is_taken(void)
{
	int fd = open("/dev/vfio/vfio", O_RDWR);

	CHECK_EQ(lseek(fd, 0, SEEK_SET), -1);
	CHECK_EQ(errno, ESPIPE);
	CHECK_EQ(syscall(SYS_dup2, plain, fd), fd);
	CHECK_EQ(lseek(fd, 7, SEEK_SET), 7);
	CHECK_EQ(fsync(fd), 0);
	CHECK_EQ(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDWR);
	CHECK_EQ(close(fd), 0);
}

static long go(int fd, enum vfmig_state state)
{
	struct {
		struct vfmig_device_feature head;
		struct vfmig_feature_mig_state state;
	} f = {{sizeof(f), VFMIG_FEATURE_SET | VFMIG_FEATURE_MIG_STATE}, {state, -1}};

	CHECK_EQ(ioctl(fd, NR(VFMIG_IOCTL_DEVICE_FEATURE), &f), 0);
	return f.state.data_fd;
}

int main(void)
{
	static char state[4 << 20];
	int container = open("/dev/vfio/vfio", O_RDWR), group = open("/dev/vfio/9000", O_RDWR);
	int iommufd = open("/dev/iommu", O_RDWR), device, data;
	ssize_t n, len = 0;

	plain = memfd_create("plain", 0);
	CHECK_EQ(write(plain, bytes, sizeof(bytes)), sizeof(bytes));
	CHECK(!pipe2(out, O_NONBLOCK) && !pipe2(in, O_NONBLOCK));
	CHECK_EQ(write(in[1], bytes, sizeof(bytes)), sizeof(bytes));
	CHECK_EQ(ioctl(group, NR(ABI_IOCTL_GROUP_SET_CONTAINER), &container), 0);
	CHECK_EQ(ioctl(container, NR(VFMIG_IOCTL_SET_IOMMU), VFMIG_EXTENSION_TYPE1V2), 0);
	device = ioctl(group, NR(ABI_IOCTL_GROUP_GET_DEVICE_FD), "vfmig0");
	CHECK(device >= 0);
	try_all("container", container);
	try_all("group", group);
	try_all("iommufd", iommufd);
	try_all("device", device);
	data = (int)go(device, VFMIG_STATE_STOP_COPY);
	try_all("saved data", data);
	is_a_descriptor(data);
	is_a_descriptor(device);
	while ((n = read(data, state + len, sizeof(state) - (size_t)len)) > 0)
		len += n;
	CHECK_EQ(n, 0);
	CHECK(len > 0);
	close(data);
	/* What did not succeed has not done it all the same: the device takes its own state. */
	data = (int)go(device, VFMIG_STATE_RESUMING);
	try_all("loaded data", data);
	CHECK_EQ(write(data, state, (size_t)len), len);
	close(data);
	go(device, VFMIG_STATE_RUNNING);
	its_place_is_taken();
	if (!pretended)
		puts("none pretended");
	return pretended != 0;
}
