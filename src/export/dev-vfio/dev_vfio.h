/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The dev-vfio export: a process's view of /dev/vfio and /dev/iommu.
 *
 * What the kernel does behind these files, for devices of this library: containers and groups,
 * device files, iommufd, type1, dirty tracking, data files of migrations. It is an object with
 * functions that take the arguments of system calls and return their results, by file descriptor.
 * libvfmig-preload.so binds them to the calls of the process that it is loaded into (preload.c); a
 * test calls them directly.
 *
 * Every descriptor that a function returns is a real one, of an empty memfd, so that fcntl, poll
 * and closing at exec work as usual. It is open for neither reading nor writing: a call that does
 * not come here fails with EBADF instead of finding an empty file. What is behind it is found by
 * its number, and by its file where the number is not known (dup).
 *
 * Any function except dev_vfio_free() may be called from any thread. During a request to a device,
 * no lock is held other than that of the file's own state.
 */
#ifndef EXPORT_DEV_VFIO_H
#define EXPORT_DEV_VFIO_H

#include <sys/stat.h>
#include <sys/types.h>

#include <vfmig/device.h>

struct dev_vfio;

#define DEV_VFIO_DEVICES 16u
/* What the character devices say that they are; nothing looks behind it. */
#define DEV_VFIO_MAJOR 511u

/*
 * @devices: the number of devices. The nth is called "vfmigN"
 * @first: the number of the first one's group and of its own file (/dev/vfio/devices/vfioNUMBER); the others follow
 * @open: make the nth device; called when its file is opened for the first time, and again after that was
 *	closed. vfmig_device_close() is called for it
 * @say: reports a message for the user: something works worse than it could, or an arc failed
 * @context: of both
 * @by_fd: bit n: device n is served better with descriptors of memory than with addresses
 * @memory: replaces the lookup in this process's mappings: find the memory behind @len bytes at
 *	@ptr. Returns 0 and sets *@fd to a descriptor that the caller closes, or to -1 if it
 *	finds no descriptor; or returns -EFAULT
 */
struct dev_vfio_config {
	unsigned devices;
	unsigned first;
	int (*open)(void *context, unsigned n, struct vfmig_device **device,
		    struct vfmig_error *err);
	void (*say)(void *context, const char *sentence);
	void *context;
	uint32_t by_fd;
	int (*memory)(void *context, const void *ptr, size_t len, bool write, int *fd,
		      uint64_t *offset);
};

int dev_vfio_new(const struct dev_vfio_config *config, struct dev_vfio **view,
		 struct vfmig_error *err);
/* All that is open is closed. NULL is fine. */
void dev_vfio_free(struct dev_vfio *view);

/* Whether a path is one of ours: /dev/iommu, /dev/vfio/vfio, our groups and device files. */
bool dev_vfio_path(const struct dev_vfio_config *config, const char *path);
/* The same before there is a view: whether it may be one. */
static inline bool dev_vfio_maybe(const char *path)
{
	return path && path[0] == '/' && path[1] == 'd' && path[2] == 'e' && path[3] == 'v' &&
	       path[4] == '/' && (path[5] == 'v' || path[5] == 'i');
}
int dev_vfio_open(struct dev_vfio *view, const char *path, int flags);

/* A quick look: false for a descriptor that is surely not ours. One that was duplicated is found by _known(). */
bool dev_vfio_has(struct dev_vfio *view, int fd);
bool dev_vfio_known(struct dev_vfio *view, int fd);
/* A thorough look: true for a descriptor that is ours, and not of a file that has taken its place since. */
bool dev_vfio_is(struct dev_vfio *view, int fd);
/* A descriptor has come to be by dup and the like: what it leads to is looked up, and what it led to is let go of. */
void dev_vfio_duplicated(struct dev_vfio *view, int fd);

/*
 * As the system calls of these names, but a failure returns a negative errno. DEV_VFIO_NOT_OURS:
 * the descriptor is not one of the view's, and the caller must make the real call.
 */
#define DEV_VFIO_NOT_OURS (-4096)
long dev_vfio_ioctl(struct dev_vfio *view, int fd, unsigned long cmd, void *arg);
ssize_t dev_vfio_pread(struct dev_vfio *view, int fd, void *buf, size_t len, int64_t offset);
ssize_t dev_vfio_pwrite(struct dev_vfio *view, int fd, const void *buf, size_t len, int64_t offset);
ssize_t dev_vfio_read(struct dev_vfio *view, int fd, void *buf, size_t len);
ssize_t dev_vfio_write(struct dev_vfio *view, int fd, const void *buf, size_t len);
/* Only makes a file into a character device where it is one of a kind that is looked at. */
int dev_vfio_fstat(struct dev_vfio *view, int fd, struct stat *st);
/*
 * KVM_SET_DEVICE_ATTR (KVM_SET_DEVICE_ATTR) that tells KVM of a group or device file of ours, which KVM has no
 * use for: 0. Anything else is not ours.
 */
#define KVM_SET_DEVICE_ATTR 0x4018aee1ul
long dev_vfio_kvm(struct dev_vfio *view, const void *attr);
/* Returns the arguments for the real mmap(); the caller closes *@fd after it. */
int dev_vfio_mmap(struct dev_vfio *view, int fd, size_t len, int64_t offset, int *real,
		  int64_t *real_offset);
/* Also closes the descriptor. */
int dev_vfio_close(struct dev_vfio *view, int fd);

#endif
