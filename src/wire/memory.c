/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Checks of a descriptor before it is mapped.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "wire/memory.h"

static int check_access(int fd, bool write, bool keeps, struct vfmig_error *err)
{
	int flags = fcntl(fd, F_GETFL), seals = fcntl(fd, F_GET_SEALS);

	if (flags < 0 || (flags & O_PATH) || (flags & O_ACCMODE) == O_WRONLY ||
	    (write && (flags & O_ACCMODE) != O_RDWR))
		return vfmig_err(err, -EACCES,
				 "the descriptor was opened for %s, and the map needs it %s",
				 flags >= 0 && (flags & O_ACCMODE) == O_RDONLY ? "reading" : "less",
				 write ? "writable" : "readable");
	/* Files without support for seals have none. */
	if (seals < 0)
		seals = 0;
	if (write && (seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)))
		return vfmig_err(
			err, -EACCES,
			"the descriptor is sealed against writing, and the map must be writable");
	if (keeps && !(seals & F_SEAL_SHRINK))
		return vfmig_err(
			err, -EPERM,
			"the descriptor is not sealed against shrinking; this server requires F_SEAL_SHRINK");
	return 0;
}

int wire_memory_check(int fd, uint64_t offset, uint64_t size, bool write, bool keeps,
		      uint64_t *page, struct vfmig_error *err)
{
	struct statfs fs;
	struct stat st;

	if (fstat(fd, &st))
		return vfmig_err(err, -errno, "fstat of the descriptor: %s", strerror(errno));
	if (!S_ISREG(st.st_mode))
		return vfmig_err(err, -EINVAL, "the descriptor is not a memfd or regular file");
	if (st.st_size < 0 || offset > (uint64_t)st.st_size || size > (uint64_t)st.st_size - offset)
		return vfmig_err(
			err, -EINVAL,
			"the file has %lld bytes, which is too small for a map of %llu at offset %llu",
			(long long)st.st_size, (unsigned long long)size,
			(unsigned long long)offset);
	*page = (uint64_t)sysconf(_SC_PAGESIZE);
	if (!fstatfs(fd, &fs) && fs.f_type == HUGETLBFS_MAGIC && fs.f_bsize > 0)
		*page = (uint64_t)fs.f_bsize;
	if (offset % (uint64_t)sysconf(_SC_PAGESIZE))
		return vfmig_err(err, -EINVAL,
				 "file offset %llu is not a multiple of the page size",
				 (unsigned long long)offset);
	return check_access(fd, write, keeps, err);
}
