/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The view: which descriptors lead to which objects, and the entry point for each call.
 *
 * A descriptor is looked up by its number first. The process may reuse numbers without calling the
 * view (dup2, close_range), so an entry is valid only while the number's file is the memfd that was
 * made for it. An unknown number in one of our ioctls is looked up by its file, which finds
 * duplicates.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "export/dev-vfio/priv.h"

/* A VMM may repeat a call that is refused without end: so many sentences together, and then one each second. */
#define SENTENCES 32u

static bool may_say(struct dev_vfio *view, unsigned *unsaid)
{
	struct timespec now;
	int64_t passed;
	bool may;

	clock_gettime(CLOCK_MONOTONIC, &now);
	pthread_mutex_lock(&view->lock);
	passed = now.tv_sec - view->reported_at;
	view->reported_at = now.tv_sec;
	view->may_say =
		passed >= SENTENCES - view->may_say ? SENTENCES : view->may_say + (unsigned)passed;
	may = view->may_say;
	view->may_say -= may;
	*unsaid = view->unsaid;
	view->unsaid = may ? 0 : view->unsaid + 1;
	pthread_mutex_unlock(&view->lock);
	return may;
}

void dev_vfio_say(struct dev_vfio *view, const char *fmt, ...)
{
	char text[VFMIG_ERROR_TEXT + 128];
	unsigned unsaid;
	va_list ap;
	int n;

	if (!view->config.say || !may_say(view, &unsaid))
		return;
	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (unsaid && n > 0 && (size_t)n < sizeof(text))
		snprintf(text + n, sizeof(text) - (size_t)n,
			 " (%u earlier messages were suppressed)", unsaid);
	view->config.say(view->config.context, text);
}

int dev_vfio_new(const struct dev_vfio_config *config, struct dev_vfio **view,
		 struct vfmig_error *err)
{
	struct dev_vfio *v;

	if (!config->devices || config->devices > DEV_VFIO_DEVICES || !config->open)
		return vfmig_err(err, -EINVAL,
				 "a view of /dev/vfio can have 1 to %u devices, not %u",
				 DEV_VFIO_DEVICES, config->devices);
	v = calloc(1, sizeof(*v));
	if (!v)
		return vfmig_err(err, -ENOMEM, "no memory for a view of /dev/vfio");
	v->config = *config;
	v->fds = open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (v->fds < 0) {
		free(v);
		return vfmig_err(err, -errno, "/proc/self/fd: %s; is /proc mounted?",
				 strerror(errno));
	}
	pthread_mutex_init(&v->lock, NULL);
	for (unsigned i = 0; i < DEV_VFIO_DEVICES; i++) {
		v->slots[i].view = v;
		v->slots[i].n = i;
		pthread_mutex_init(&v->slots[i].lock, NULL);
	}
	*view = v;
	return 0;
}

void dev_vfio_free(struct dev_vfio *view)
{
	if (!view)
		return;
	/* Data files before their devices, groups before their containers: as often as something is left. */
	for (int fd = DEV_VFIO_FDS - 1; fd >= 0; fd--)
		if (atomic_load(&view->at[fd]))
			dev_vfio_close(view, fd);
	for (unsigned i = 0; i < DEV_VFIO_DEVICES; i++)
		pthread_mutex_destroy(&view->slots[i].lock);
	pthread_mutex_destroy(&view->lock);
	close(view->fds);
	free(view);
}

/* ---- files ---- */

struct dev_vfio_file *dev_vfio_file(struct dev_vfio *view, enum dev_vfio_kind kind)
{
	struct dev_vfio_file *file = calloc(1, sizeof(*file));

	if (file) {
		file->kind = kind;
		file->view = view;
		file->uses = file->fds = 1;
	}
	return file;
}

/*
 * An empty file that no call can read or write. Linux opens a file for neither by the access mode 3, which it keeps for
 * calls like ioctl; of the other descriptors that refuse reading and writing, those of O_PATH refuse fcntl and poll too.
 */
static int open_refusing(const struct dev_vfio *view, const char *name, int flags)
{
	int memfd = memfd_create(name, MFD_CLOEXEC), fd;
	char number[16];

	if (memfd < 0)
		return -1;
	snprintf(number, sizeof(number), "%d", memfd);
	fd = openat(view->fds, number, O_ACCMODE | (flags & (O_CLOEXEC | O_NONBLOCK)));
	close(memfd);
	return fd;
}

int dev_vfio_install(struct dev_vfio_file *file, const char *name, int flags)
{
	struct dev_vfio *view = file->view;
	struct stat st;
	int fd = open_refusing(view, name, flags), ret;

	if (fd < 0 || fd >= DEV_VFIO_FDS || fstatat(fd, "", &st, AT_EMPTY_PATH)) {
		ret = fd < 0 ? -errno : -EMFILE;
		if (fd >= 0)
			close(fd);
		free(file);
		return ret;
	}
	file->dev = st.st_dev;
	file->ino = st.st_ino;
	pthread_mutex_lock(&view->lock);
	file->next = view->files;
	view->files = file;
	atomic_store(&view->at[fd], file);
	pthread_mutex_unlock(&view->lock);
	return fd;
}

static void end(struct dev_vfio_file *file)
{
	switch (file->kind) {
	case DEV_VFIO_CONTAINER:
		dev_vfio_container_close(file);
		break;
	case DEV_VFIO_GROUP:
		dev_vfio_group_close(file);
		break;
	case DEV_VFIO_DEVICE:
		dev_vfio_device_close(file);
		break;
	case DEV_VFIO_IOMMUFD:
		dev_vfio_iommufd_put(file->iommufd);
		break;
	case DEV_VFIO_DATA:
		break;
	}
	free(file);
}

/* Under the lock. True: the caller is to end it, without the lock. */
static bool drop(struct dev_vfio_file *file)
{
	struct dev_vfio_file **at = &file->view->files;

	if (--file->uses)
		return false;
	while (*at != file)
		at = &(*at)->next;
	*at = file->next;
	return true;
}

void dev_vfio_put(struct dev_vfio_file *file)
{
	struct dev_vfio *view = file->view;
	bool last;

	pthread_mutex_lock(&view->lock);
	last = drop(file);
	pthread_mutex_unlock(&view->lock);
	if (last)
		end(file);
}

static bool is(int fd, const struct dev_vfio_file *file)
{
	struct stat st;

	return !fstatat(fd, "", &st, AT_EMPTY_PATH) && st.st_dev == file->dev &&
	       st.st_ino == file->ino;
}

struct dev_vfio_file *dev_vfio_get(struct dev_vfio *view, int fd)
{
	struct dev_vfio_file *file, *gone = NULL;

	if (!dev_vfio_has(view, fd))
		return NULL;
	pthread_mutex_lock(&view->lock);
	file = atomic_load(&view->at[fd]);
	if (file && is(fd, file)) {
		file->uses++;
	} else if (file) {
		atomic_store(&view->at[fd], NULL);
		file->fds--;
		if (drop(file))
			gone = file;
		file = NULL;
	}
	pthread_mutex_unlock(&view->lock);
	if (gone)
		end(gone);
	return file;
}

bool dev_vfio_has(struct dev_vfio *view, int fd)
{
	return fd >= 0 && fd < DEV_VFIO_FDS &&
	       atomic_load_explicit(&view->at[fd], memory_order_relaxed);
}

bool dev_vfio_known(struct dev_vfio *view, int fd)
{
	struct dev_vfio_file *file;
	struct stat st;

	if (dev_vfio_has(view, fd))
		return true;
	if (fd < 0 || fd >= DEV_VFIO_FDS || fstatat(fd, "", &st, AT_EMPTY_PATH))
		return false;
	pthread_mutex_lock(&view->lock);
	for (file = view->files; file; file = file->next)
		if (file->dev == st.st_dev && file->ino == st.st_ino)
			break;
	if (file && !atomic_load(&view->at[fd])) {
		atomic_store(&view->at[fd], file);
		file->fds++;
		file->uses++;
	}
	pthread_mutex_unlock(&view->lock);
	return file;
}

bool dev_vfio_is(struct dev_vfio *view, int fd)
{
	struct dev_vfio_file *file = dev_vfio_get(view, fd);

	if (file)
		dev_vfio_put(file);
	return file;
}

void dev_vfio_duplicated(struct dev_vfio *view, int fd)
{
	if (!dev_vfio_is(view, fd))
		dev_vfio_known(view, fd);
}

int dev_vfio_close(struct dev_vfio *view, int fd)
{
	struct dev_vfio_file *file = NULL;
	bool ours = false, last = false;

	if (!dev_vfio_has(view, fd))
		return DEV_VFIO_NOT_OURS;
	pthread_mutex_lock(&view->lock);
	file = atomic_load(&view->at[fd]);
	if (file) {
		ours = is(fd, file);
		atomic_store(&view->at[fd], NULL);
		file->fds--;
		last = drop(file);
	}
	pthread_mutex_unlock(&view->lock);
	if (last)
		end(file);
	if (!ours)
		return DEV_VFIO_NOT_OURS;
	return close(fd) ? -errno : 0;
}

/* ---- open ---- */

enum { NOTHING = -1, CONTAINER = -2, IOMMUFD = -3, CDEV = 0x100 };

static int number(const struct dev_vfio_config *config, const char *text)
{
	char *rest;
	unsigned long n;

	if (*text < '0' || *text > '9')
		return NOTHING;
	n = strtoul(text, &rest, 10);
	if (*rest || n < config->first || n - config->first >= config->devices)
		return NOTHING;
	return (int)(n - config->first);
}

static int which(const struct dev_vfio_config *config, const char *path)
{
	int n;

	if (!strcmp(path, "/dev/iommu"))
		return IOMMUFD;
	if (strncmp(path, "/dev/vfio/", 10))
		return NOTHING;
	path += 10;
	if (!strcmp(path, "vfio"))
		return CONTAINER;
	if (strncmp(path, "devices/vfio", 12))
		return number(config, path);
	n = number(config, path + 12);
	return n == NOTHING ? NOTHING : CDEV + n;
}

bool dev_vfio_path(const struct dev_vfio_config *config, const char *path)
{
	return which(config, path) != NOTHING;
}

int dev_vfio_open(struct dev_vfio *view, const char *path, int flags)
{
	int n = which(&view->config, path);

	switch (n) {
	case NOTHING:
		return -ENOENT;
	case CONTAINER:
		return dev_vfio_open_container(view, flags);
	case IOMMUFD:
		return dev_vfio_open_iommufd(view, flags);
	default:
		if (n >= CDEV)
			return dev_vfio_open_cdev(&view->slots[n - CDEV], flags);
		return dev_vfio_open_group(&view->slots[n], flags);
	}
}

/* ---- the other calls ---- */

long dev_vfio_ioctl(struct dev_vfio *view, int fd, unsigned long cmd, void *arg)
{
	struct dev_vfio_file *file = dev_vfio_get(view, fd);
	uint32_t nr = ABI_IOCTL_NR(cmd);
	long ret = -ENOTTY;

	if (!file)
		return DEV_VFIO_NOT_OURS;
	if (!ABI_IOCTL_IS_OURS(cmd)) {
		dev_vfio_put(file);
		return DEV_VFIO_NOT_OURS;
	}
	switch (file->kind) {
	case DEV_VFIO_CONTAINER:
		ret = dev_vfio_container_ioctl(file, nr, arg);
		break;
	case DEV_VFIO_GROUP:
		ret = dev_vfio_group_ioctl(file, nr, arg);
		break;
	case DEV_VFIO_DEVICE:
		ret = dev_vfio_device_ioctl(file, nr, arg);
		break;
	case DEV_VFIO_IOMMUFD:
		ret = dev_vfio_iommufd_ioctl(file, nr, arg);
		break;
	case DEV_VFIO_DATA:
		ret = dev_vfio_data_ioctl(file, nr, arg);
		break;
	}
	dev_vfio_put(file);
	return ret;
}

static ssize_t transfer(struct dev_vfio *view, int fd, void *buf, size_t len, int64_t offset,
			bool placed, bool write)
{
	struct dev_vfio_file *file = dev_vfio_get(view, fd);
	ssize_t ret = -EINVAL;

	if (!file)
		return DEV_VFIO_NOT_OURS;
	if (file->kind == DEV_VFIO_DEVICE && placed)
		ret = dev_vfio_region(file, buf, len, offset, write);
	else if (file->kind == DEV_VFIO_DATA)
		ret = placed ? -ESPIPE : dev_vfio_data(file, buf, len, write);
	dev_vfio_put(file);
	return ret;
}

ssize_t dev_vfio_pread(struct dev_vfio *view, int fd, void *buf, size_t len, int64_t offset)
{
	return transfer(view, fd, buf, len, offset, true, false);
}

ssize_t dev_vfio_pwrite(struct dev_vfio *view, int fd, const void *buf, size_t len, int64_t offset)
{
	return transfer(view, fd, (void *)(uintptr_t)buf, len, offset, true, true);
}

ssize_t dev_vfio_read(struct dev_vfio *view, int fd, void *buf, size_t len)
{
	return transfer(view, fd, buf, len, 0, false, false);
}

ssize_t dev_vfio_write(struct dev_vfio *view, int fd, const void *buf, size_t len)
{
	return transfer(view, fd, (void *)(uintptr_t)buf, len, 0, false, true);
}

int dev_vfio_fstat(struct dev_vfio *view, int fd, struct stat *st)
{
	struct dev_vfio_file *file = dev_vfio_get(view, fd);

	if (!file)
		return DEV_VFIO_NOT_OURS;
	if (file->kind == DEV_VFIO_DEVICE && file->cdev) {
		st->st_mode = (st->st_mode & ~(mode_t)S_IFMT) | S_IFCHR;
		st->st_rdev = makedev(DEV_VFIO_MAJOR, file->view->config.first + file->slot->n);
		st->st_size = 0;
	}
	dev_vfio_put(file);
	return 0;
}

/* struct kvm_device_attr: the kernel's text, level of Linux 6.1. */
struct kvm_attr {
	uint32_t flags;
	uint32_t group;
	uint64_t attr;
	uint64_t addr;
};
#define KVM_VFIO_FILE	  1u
#define KVM_VFIO_FILE_ADD 1u
#define KVM_VFIO_FILE_DEL 2u

long dev_vfio_kvm(struct dev_vfio *view, const void *attr)
{
	struct kvm_attr a;
	int32_t fd;

	if (dev_vfio_copy_in(&a, attr, sizeof(a)) || a.flags || a.group != KVM_VFIO_FILE ||
	    (a.attr != KVM_VFIO_FILE_ADD && a.attr != KVM_VFIO_FILE_DEL) ||
	    dev_vfio_copy_in(&fd, (const void *)(uintptr_t)a.addr, sizeof(fd)) ||
	    !dev_vfio_known(view, fd))
		return DEV_VFIO_NOT_OURS;
	return 0;
}
