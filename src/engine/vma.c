/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reading /proc/self/smaps. The kernel prints a line as in /proc/self/maps for each mapping, then lines of one
 * field each, the last of which is VmFlags.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/vma.h"

/*
 * Whether the line begins a mapping: the file's name is at the end of the line, and may be any
 * text.
 */
static bool begins(const char *line, struct engine_vma *vma)
{
	unsigned long long start, end, offset, inode;
	unsigned major, minor;
	char how[5];
	int name;

	if (sscanf(line, "%llx-%llx %4s %llx %x:%x %llu %n", &start, &end, how, &offset, &major,
		   &minor, &inode, &name) != 7)
		return false;
	*vma = (struct engine_vma){.start = start,
				   .end = end,
				   .offset = offset,
				   .inode = inode,
				   .major = major,
				   .minor = minor,
				   .page = 4096,
				   .shared = how[3] == 's'};
	/* Of hugetlbfs the kernel gives private memory a file of its own, and it stays empty. */
	vma->anonymous =
		!vma->shared && (!inode || !strcmp(line + name, "/anon_hugepage (deleted)\n"));
	return true;
}

/* Flags of two letters. A file on disk may be called like the kernel's own, but is not of hugetlbfs. */
static void flags(const char *line, struct engine_vma *vma)
{
	bool huge = strstr(line, " ht") != NULL;

	vma->served = strstr(line, " um") != NULL;
	vma->anonymous = vma->anonymous && huge == (vma->inode != 0);
}

int engine_vmas_each(engine_vma_fn fn, void *context, struct vfmig_error *err)
{
	FILE *smaps = fopen("/proc/self/smaps", "re");
	struct engine_vma vma = {0};
	unsigned long long kilobytes;
	char *line = NULL;
	size_t capacity = 0;
	int ret = 0;

	if (!smaps)
		return vfmig_err(err, -errno, "/proc/self/smaps cannot be opened: %s",
				 strerror(errno));
	while (!ret && getline(&line, &capacity, smaps) > 0) {
		if (begins(line, &vma))
			continue;
		if (sscanf(line, "KernelPageSize: %llu kB", &kilobytes) == 1)
			vma.page = kilobytes << 10;
		if (strncmp(line, "VmFlags:", 8))
			continue;
		flags(line, &vma);
		ret = fn(context, &vma);
	}
	if (!ret && ferror(smaps))
		ret = vfmig_err(err, -EIO, "/proc/self/smaps cannot be read");
	free(line);
	fclose(smaps);
	return ret;
}
