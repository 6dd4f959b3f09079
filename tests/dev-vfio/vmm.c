/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a VMM's process sees under `vfmig exec`, by each name that the calls go by: large files, fortified headers. Run by
 * a_process_sees_dev_vfio.py; it is not linked to the library.
 *
 *	vmm		the whole way to a device, and children on it
 *	vmm child	may neither have the device nor find anything in its way
 *	vmm wait	open a device, say so, wait for the end of input
 */
#undef _FILE_OFFSET_BITS
#undef _FORTIFY_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "abi/ioctl.h"
#include "models/copier/regs.h"
#include "tests/lib/check.h"

#define NR(nr) ((unsigned long)ABI_IOCTL_TYPE << 8 | (nr))
#define CONFIG ((off_t)7 << 40)
#define BOARD  ((off_t)2 << 40)

/* By its name, as the VMM's own binary would bind it: whichever comes first. */
#define CALL(name, ...) (((__typeof__(&name))dlsym(RTLD_DEFAULT, #name))(__VA_ARGS__))

int __open_2(const char *path, int flags);
int __open64_2(const char *path, int flags);
int __openat_2(int at, const char *path, int flags);
int __openat64_2(int at, const char *path, int flags);
ssize_t __read_chk(int fd, void *buf, size_t len, size_t capacity);
ssize_t __pread_chk(int fd, void *buf, size_t len, off_t offset, size_t capacity);
ssize_t __pread64_chk(int fd, void *buf, size_t len, off64_t offset, size_t capacity);

static void is_container(int fd)
{
	CHECK(fd >= 0);
	CHECK_EQ(ioctl(fd, NR(VFMIG_IOCTL_GET_API_VERSION)), 0);
	CHECK_EQ(ioctl(fd, NR(VFMIG_IOCTL_CHECK_EXTENSION), VFMIG_EXTENSION_TYPE1V2), 1);
	CHECK_EQ(close(fd), 0);
	CHECK_EQ(ioctl(fd, NR(VFMIG_IOCTL_GET_API_VERSION)), -1);
	CHECK_EQ(errno, EBADF);
}

static void opened_by_each_name(void)
{
	static const char path[] = "/dev/vfio/vfio";

	is_container(CALL(open, path, O_RDWR));
	is_container(CALL(open64, path, O_RDWR | O_CLOEXEC));
	is_container(CALL(openat, AT_FDCWD, path, O_RDWR));
	is_container(CALL(openat64, AT_FDCWD, path, O_RDWR));
	is_container(CALL(__open_2, path, O_RDWR));
	is_container(CALL(__open64_2, path, O_RDWR));
	is_container(CALL(__openat_2, AT_FDCWD, path, O_RDWR));
	is_container(CALL(__openat64_2, AT_FDCWD, path, O_RDWR));
	CHECK_EQ(access("/dev/iommu", F_OK), 0);
	CHECK_EQ(access("/dev/vfio/devices/vfio9000", F_OK), 0);
	CHECK_EQ(access("/dev/vfio/9001", F_OK), -1);
	CHECK_EQ(open("/dev/vfio/9001", O_RDWR), -1);
	CHECK_EQ(errno, ENOENT);
}

/* Group, container, device; as every VMM. */
static int device(int *container, int *group)
{
	int fd;

	*container = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);
	*group = open("/dev/vfio/9000", O_RDWR | O_CLOEXEC);
	CHECK(*container >= 0 && *group >= 0);
	CHECK_EQ(ioctl(*group, NR(ABI_IOCTL_GROUP_SET_CONTAINER), container), 0);
	CHECK_EQ(ioctl(*container, NR(VFMIG_IOCTL_SET_IOMMU), VFMIG_EXTENSION_TYPE1V2), 0);
	fd = ioctl(*group, NR(ABI_IOCTL_GROUP_GET_DEVICE_FD), "vfmig0");
	CHECK(fd >= 0);
	return fd;
}

static void read_by_each_name(int fd)
{
	const uint32_t id = 0x00015646;
	uint32_t value[4] = {0}, ring = 32;

	CHECK_EQ(CALL(pread, fd, &value[0], 4, CONFIG), 4);
	CHECK_EQ(CALL(pread64, fd, &value[1], 4, CONFIG), 4);
	CHECK_EQ(CALL(__pread_chk, fd, &value[2], 4, CONFIG, 4), 4);
	CHECK_EQ(CALL(__pread64_chk, fd, &value[3], 4, CONFIG, 4), 4);
	for (int i = 0; i < 4; i++)
		CHECK_EQ(value[i], id);
	CHECK_EQ(CALL(pwrite, fd, &ring, 4, COPIER_REG_RING_SIZE), 4);
	CHECK_EQ(pread(fd, value, 4, COPIER_REG_RING_SIZE), 4);
	CHECK_EQ(value[0], 32);
	ring = 64;
	CHECK_EQ(CALL(pwrite64, fd, &ring, 4, COPIER_REG_RING_SIZE), 4);
	CHECK_EQ(pread(fd, value, 4, COPIER_REG_RING_SIZE), 4);
	CHECK_EQ(value[0], 64);
}

static void found_by_its_duplicates(int fd)
{
	int null = open("/dev/null", O_RDWR), copies[6];
	uint32_t id = 0;

	CHECK(null >= 0);
	copies[0] = dup(fd);
	copies[1] = dup2(fd, 200);
	copies[2] = dup3(fd, 201, O_CLOEXEC);
	copies[3] = CALL(fcntl, fd, F_DUPFD, 0);
	copies[4] = CALL(fcntl64, fd, F_DUPFD_CLOEXEC, 0);
	/* In the place of a file that is not ours. */
	copies[5] = dup2(fd, null);
	for (int i = 0; i < 6; i++) {
		CHECK(copies[i] >= 0);
		CHECK_EQ(pread(copies[i], &id, 4, CONFIG), 4);
		CHECK_EQ(id, 0x00015646);
	}
	CHECK_EQ(CALL(fcntl, copies[4], F_GETFD), FD_CLOEXEC);
	/* And the other way: what another file has taken the place of is not ours any more. */
	null = open("/dev/null", O_RDWR);
	CHECK_EQ(dup2(null, copies[0]), copies[0]);
	CHECK_EQ(pread(copies[0], &id, 4, CONFIG), 0);
	for (int i = 0; i < 6; i++)
		CHECK_EQ(close(copies[i]), 0);
	close(null);
	CHECK_EQ(pread(fd, &id, 4, CONFIG), 4);
}

static void mapped_by_each_name(int fd)
{
	uint32_t *a = CALL(mmap, NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, BOARD);
	uint32_t *b = CALL(mmap64, NULL, 4096, PROT_READ, MAP_SHARED, fd, BOARD), value = 0;

	CHECK(a != MAP_FAILED && b != MAP_FAILED);
	*a = 0x600dcafe;
	CHECK_EQ(*b, 0x600dcafe);
	CHECK_EQ(pread(fd, &value, 4, BOARD), 4);
	CHECK_EQ(value, 0x600dcafe);
	CHECK(mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, CONFIG) == MAP_FAILED);
	munmap(a, 4096);
	munmap(b, 4096);
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

static void saved_and_loaded(int fd)
{
	static uint8_t state[4 << 20];
	int data = (int)go(fd, VFMIG_STATE_STOP_COPY);
	ssize_t n, len = 0;

	CHECK(data >= 0);
	n = CALL(__read_chk, data, state, 1000, sizeof(state));
	CHECK(n > 0);
	for (len = n; (n = read(data, state + len, sizeof(state) - (size_t)len)) > 0; len += n)
		;
	CHECK_EQ(n, 0);
	close(data);
	data = (int)go(fd, VFMIG_STATE_RESUMING);
	CHECK(data >= 0);
	CHECK_EQ(write(data, state, (size_t)len), len);
	close(data);
	go(fd, VFMIG_STATE_RUNNING);
}

/* By its own file, which says that it is a character device. */
static void by_its_own_file(void)
{
	struct stat64 large;
	struct stat st;
	int fd = open("/dev/vfio/devices/vfio9000", O_RDWR);

	CHECK(fd >= 0);
	CHECK_EQ(CALL(fstat, fd, &st), 0);
	CHECK(S_ISCHR(st.st_mode));
	CHECK_EQ(CALL(fstat64, fd, &large), 0);
	CHECK(S_ISCHR(large.st_mode));
	CHECK_EQ(st.st_rdev, large.st_rdev);
	close(fd);
}

static unsigned long long mask_of(const char *status, const char *name)
{
	unsigned long long mask = 1;
	char line[256];
	FILE *file = fopen(status, "r");

	CHECK(file);
	while (fgets(line, sizeof(line), file))
		if (!strncmp(line, name, strlen(name)))
			sscanf(line + strlen(name), ": %llx", &mask);
	fclose(file);
	return mask;
}

/* The VMM's signals are the VMM's: threads of ours have all blocked that can be, and none has a handler. */
static void signals_are_the_vmm_s(void)
{
	/* And SIGBUS: a thread that touches memory which has gone gets it at once, and ends the process if it is blocked. */
	const unsigned long long cannot =
		1ull << (SIGKILL - 1) | 1ull << (SIGSTOP - 1) | 1ull << (SIGBUS - 1);
	/* Those that the C library keeps for itself. */
	const unsigned long long library = 1ull << 31 | 1ull << 32;
	DIR *dir = opendir("/proc/self/task");
	struct dirent *entry;
	char path[300];
	int threads = 0;

	CHECK(dir);
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.' || atoi(entry->d_name) == getpid())
			continue;
		threads++;
		snprintf(path, sizeof(path), "/proc/self/task/%s/status", entry->d_name);
		CHECK_EQ(mask_of(path, "SigBlk") | cannot | library, ~0ull);
	}
	closedir(dir);
	CHECK(threads > 0);
	CHECK_EQ(mask_of("/proc/self/status", "SigBlk") & ~library, 0);
	CHECK_EQ(mask_of("/proc/self/status", "SigCgt") & ~library, 0);
}

static int end_of(pid_t pid)
{
	int status = -1;

	CHECK_EQ(waitpid(pid, &status, 0), pid);
	return status;
}

static void children(const char *self, int fd)
{
	uint32_t id = 0;
	pid_t pid = fork();

	/* A fork has the real calls, and a file that there is nothing behind. */
	if (!pid)
		_exit(open("/dev/vfio/9000", O_RDWR) != -1 || pread(fd, &id, 4, CONFIG) != -1);
	CHECK_EQ(end_of(pid), 0);
	pid = fork();
	if (!pid) {
		execl(self, self, "child", NULL);
		_exit(99);
	}
	CHECK_EQ(end_of(pid), 0);
	CHECK_EQ(pread(fd, &id, 4, CONFIG), 4);
}

static void be_a_child(void)
{
	char byte = 1;
	int null = open("/dev/zero", O_RDONLY);

	CHECK(open("/dev/vfio/vfio", O_RDWR) == -1);
	CHECK_EQ(errno, EBUSY);
	CHECK_EQ(pread(null, &byte, 1, 0), 1);
	CHECK_EQ(byte, 0);
	CHECK_EQ(ioctl(null, NR(VFMIG_IOCTL_GET_API_VERSION)), -1);
	close(null);
}

int main(int argc, char **argv)
{
	int container, group, fd;

	CHECK(getenv("VFMIG_EXEC"));
	if (argc > 1 && !strcmp(argv[1], "child")) {
		be_a_child();
		return 0;
	}
	opened_by_each_name();
	by_its_own_file();
	fd = device(&container, &group);
	if (argc > 1 && !strcmp(argv[1], "wait")) {
		puts("ready");
		fflush(stdout);
		while (getchar() != EOF)
			;
		return 0;
	}
	signals_are_the_vmm_s();
	read_by_each_name(fd);
	found_by_its_duplicates(fd);
	mapped_by_each_name(fd);
	saved_and_loaded(fd);
	children(argv[0], fd);
	close(fd);
	close(group);
	close(container);
	puts("all of it");
	return 0;
}
