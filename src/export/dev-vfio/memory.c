/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The memory behind an address of this process: whether it is mapped, and whether it is shared
 * memory that another process could map.
 *
 * A VMM passes addresses to VFIO, and a server in another process needs descriptors.
 * /proc/self/maps names the file that an address belongs to, and a VMM keeps that file open: this
 * code looks for it among the process's descriptors.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "abi/range.h"
#include "export/dev-vfio/priv.h"

struct mapping {
	uint64_t first, end, offset, ino;
	dev_t dev;
	bool read, write, shared;
	char range[48]; /* as /proc/self/map_files names it */
};

static bool parse(const char *line, struct mapping *m)
{
	unsigned long long first, end, offset, ino;
	unsigned major, minor;
	char perms[8];

	if (sscanf(line, "%llx-%llx %7s %llx %x:%x %llu", &first, &end, perms, &offset, &major,
		   &minor, &ino) != 7)
		return false;
	*m = (struct mapping){.first = first,
			      .end = end,
			      .offset = offset,
			      .ino = ino,
			      .dev = makedev(major, minor),
			      .read = perms[0] == 'r',
			      .write = perms[1] == 'w',
			      .shared = perms[3] == 's'};
	snprintf(m->range, sizeof(m->range), "%llx-%llx", first, end);
	return true;
}

static int among_ours(const struct mapping *m)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry;
	struct stat st;
	int found = -1;

	while (dir && found < 0 && (entry = readdir(dir))) {
		int fd = atoi(entry->d_name);

		if (entry->d_name[0] == '.' || fstatat(fd, "", &st, AT_EMPTY_PATH) ||
		    st.st_dev != m->dev || st.st_ino != m->ino || !S_ISREG(st.st_mode) ||
		    (fcntl(fd, F_GETFL) & O_ACCMODE) != O_RDWR)
			continue;
		found = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	}
	if (dir)
		closedir(dir);
	return found;
}

/* For a file that was closed after mapping: opening it through map_files needs privilege. */
static int from_mapping(const struct mapping *m)
{
	char path[96];

	snprintf(path, sizeof(path), "/proc/self/map_files/%s", m->range);
	return open(path, O_RDWR | O_CLOEXEC);
}

/*
 * A range may be in several mappings, one behind the other. It has a descriptor if all are of one file and in its
 * order.
 */
int dev_vfio_memory(struct dev_vfio *view, const void *ptr, size_t len, bool write,
		    struct dev_vfio_backing **backing, uint64_t *offset)
{
	uint64_t at = (uintptr_t)ptr, end = abi_sum(at, len);
	struct mapping m, first = {0};
	FILE *maps = fopen("/proc/self/maps", "re");
	char line[512];
	bool one = true, begun = false;
	int fd;

	*backing = NULL;
	if (!maps)
		return 0; /* no /proc: the benefit of the doubt */
	while (at < end && fgets(line, sizeof(line), maps)) {
		if (!parse(line, &m) || m.end <= at)
			continue;
		if (m.first > at || !m.read || (write && !m.write))
			break;
		if (!begun) {
			first = m;
			begun = true;
		}
		one = one && m.shared && m.ino && m.ino == first.ino && m.dev == first.dev &&
		      m.offset - first.offset == m.first - first.first;
		at = m.end;
	}
	fclose(maps);
	if (at < end)
		return -EFAULT;
	if (!one || !begun)
		return 0;
	*offset = first.offset + ((uintptr_t)ptr - first.first);
	*backing = dev_vfio_backing_find(view, first.dev, first.ino);
	if (*backing)
		return 0;
	fd = among_ours(&first);
	if (fd < 0)
		fd = from_mapping(&first);
	if (fd >= 0)
		*backing = dev_vfio_backing_of(view, fd);
	return 0;
}
